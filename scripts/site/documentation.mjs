// README.md, docs/ and the docstrings as pages: TypeDoc renders, searches and links them all.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  Application,
  Comment,
  Converter,
  DefaultTheme,
  DefaultThemeRenderContext,
  IndexEvent,
  JSX,
  KindRouter,
  OptionDefaults,
  ReflectionKind,
  Renderer,
  Slugger,
} from 'typedoc';
import { DocumentReflection } from 'typedoc/models';
import { examplesOf } from '../docstrings.mjs';
import { pagesOf } from '../documents.mjs';
import { accessible, searchedLate, seenAtOnce } from './accessible.mjs';
import { exampleFiles } from './example-files.mjs';
import { sectionsOf } from './sections.mjs';
import { lendExamples } from './type-examples.mjs';

const TITLE = 'deconv-wasm';
const DOCUMENTATION = 'Documentation';
const PAGE = 'page/index.html';
/** In the search, against its whole document: its words are fewer, and would count for more. */
const SECTION_BOOST = 0.4;
/** What README.md and docs/ link to beside each other. */
const MORE = [
  'examples/README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'THIRD_PARTY_NOTICES.md',
];

export async function writeDocumentation(root, site) {
  // TypeScript looks for the types of Node from here.
  process.chdir(root);
  const entries = entriesOf(root);
  const documents = documentsOf(root);
  const docstrings = examplesOf(root);
  const app = await Application.bootstrap({
    name: TITLE,
    basePath: root,
    entryPoints: [...entries.keys()],
    tsconfig: path.join(root, 'tsconfig.lib.json'),
    // npm run check has looked at the types, with our own compiler.
    skipErrorChecking: true,
    readme: path.join(root, 'README.md'),
    projectDocuments: documents,
    router: 'places',
    theme: 'plain',
    includeHierarchySummary: false,
    // Where the sources can be read is for the owner to say (scripts/release.mjs).
    disableSources: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    sort: ['documents-first', 'kind', 'alphabetical'],
    sortEntryPoints: false,
    groupOrder: [DOCUMENTATION, 'Modules', '*'],
    searchInDocuments: true,
    searchInComments: true,
    searchGroupBoosts: { [DOCUMENTATION]: 8 },
    validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true },
    treatValidationWarningsAsErrors: true,
    highlightLanguages: [...OptionDefaults.highlightLanguages, 'jsx', 'markdown', 'python'],
    customCss: path.join(import.meta.dirname, 'site.css'),
    customJs: path.join(import.meta.dirname, 'run-examples.js'),
    favicon: path.join(root, 'web/demo/src/style/icon.svg'),
    githubPages: false,
    hideGenerator: true,
    logLevel: 'Warn',
  });
  app.renderer.defineRouter('places', Places);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const rank = (document) => documents.indexOf(project.files.getReflectionPath(document));
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const file = project.files.getReflectionPath(module);
      if (entries.has(file)) module.name = entries.get(file);
    }
    for (const document of project.documents ?? []) {
      const file = project.files.getReflectionPath(document);
      document.name = titleOf(file);
      document.frontmatter.group = DOCUMENTATION;
      document.place = path.relative(root, file).replace(/\.md$/, '');
    }
    project.documents?.sort((one, other) => rank(one) - rank(other));
    completeExamples(project, docstrings);
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, showMembers);
  app.renderer.defineTheme('plain', Plain);
  let lent = new Map();
  app.renderer.on(IndexEvent.PREPARE_INDEX, (index) =>
    prepareSearch(index, app.renderer.router.introductions, lent),
  );
  app.renderer.on(Renderer.EVENT_END_PAGE, (page) => {
    page.contents = searchedLate(seenAtOnce(accessible(page.contents)));
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('site: TypeDoc could not read the package');
  const files = exampleFiles(root, docstrings);
  const examples = lendExamples(project, [...files.keys()]);
  if (examples.unseen.length > 0) throw new Error(`site: no example shows ${examples.unseen.join(', ')}`);
  ({ lent } = examples);
  app.validate(project);
  await app.generateDocs(project, site);
  writeExamples(site, files);
  if (app.logger.hasErrors() || app.logger.hasWarnings())
    throw new Error('site: TypeDoc has complaints, above');
}

/** What the buttons of the examples need: the files beside them, and their names in the script; and what opens the search. */
function writeExamples(site, files) {
  mkdirSync(path.join(site, 'files'));
  for (const [name, content] of files) writeFileSync(path.join(site, 'files', name), content);
  const script = path.join(site, 'assets', 'custom.js');
  const rules = readFileSync(path.join(import.meta.dirname, 'runs-in-a-page.mjs'), 'utf8');
  const search = readFileSync(path.join(import.meta.dirname, 'open-search.js'), 'utf8');
  writeFileSync(
    script,
    `const FILES = ${JSON.stringify([...files.keys()])};
${rules.replaceAll('export function', 'function')}
${readFileSync(script, 'utf8')}
${search}`,
  );
}

/** From the source file of each entry of the package to the name by which it is imported. */
function entriesOf(root) {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return new Map(
    Object.entries(exports)
      .filter(([, target]) => target.types !== undefined)
      .map(([entry, { types }]) => [
        path.join(root, types.replace(/^\.\/dist\//, 'web/lib/').replace(/\.d\.ts$/, '.ts')),
        path.posix.join(TITLE, entry),
      ]),
  );
}

/** The pages of docs/ in the order in which docs/README.md has them, and what else is linked to. */
function documentsOf(root) {
  const index = readFileSync(path.join(root, 'docs', 'README.md'), 'utf8');
  const listed = [...index.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => `docs/${name}`);
  // README.md is the first page, and no document beside the others.
  const [, ...pages] = pagesOf(root);
  return [...new Set(['docs/README.md', ...listed, ...pages, ...MORE])].map((name) => path.join(root, name));
}

/** Examples become the programs that tests run: a reader copies them with their imports. */
function completeExamples(project, examples) {
  const programs = new Map(examples.map(({ code, program }) => [code, program]));
  for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) {
    for (const { tag, content } of reflection.comment?.blockTags ?? []) {
      if (tag !== '@example') continue;
      for (const part of content) {
        // What is inherited stands in several places.
        const program = programs.get(/^```ts\n([\s\S]*)\n```$/.exec(part.text)?.[1]);
        if (program !== undefined) part.text = `\`\`\`js\n${program}\n\`\`\``;
      }
    }
  }
}

/** Of `(typeof NAMES)[number]` and `keyof typeof NAMES` a reader wants the names. */
function showMembers(context, reflection) {
  if (reflection.kind !== ReflectionKind.TypeAlias) return;
  const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? [];
  if (!/^(?:\(typeof \w+\)\[number\]|keyof typeof \w+)$/.test(declaration?.type?.getText() ?? '')) return;
  reflection.comment ??= new Comment();
  reflection.comment.modifierTags.add('@useDeclaredType');
}

function titleOf(file) {
  return /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? path.basename(file, '.md');
}

/**
 * The search finds each thing once, where it is declared, what a document says in the section that says it, and what an
 * example says where it is at home.
 */
function prepareSearch(index, introductions, lent) {
  for (let at = index.searchResults.length - 1; at >= 0; at -= 1) {
    const { [at]: result } = index.searchResults;
    if (result.isReference() || result.inheritedFrom !== undefined) index.removeResult(at);
  }
  for (const [at, result] of index.searchResults.entries()) {
    if (introductions.has(result)) index.searchFields[at].document = introductions.get(result);
    if (introductions.has(result.parent)) index.searchFields[at].name = withPairs(result.name);
    if (lent.has(result)) index.searchFields[at].comment = lent.get(result);
  }
}

/**
 * The search looks for parts of words, each for itself: a title is also found by two of its words in one, as the names
 * of the API are. Short words join nothing.
 */
function withPairs(title) {
  const pairs = [...title.matchAll(/(?=\b(\w{4,}) (\w{4,})\b)/g)].map(([, one, other]) => one + other);
  return [title, ...pairs].join(' ');
}

/** Documents keep their places; all that is of the API lies below api/. Sections of documents have places, too. */
class Places extends KindRouter {
  /** From a document to what stands before its first section. */
  introductions = new Map();

  buildPages(project) {
    const pages = super.buildPages(project);
    for (const document of project.documents ?? []) {
      const file = project.files.getReflectionPath(document);
      // What has changed, and how to work on it, is found as a whole.
      if (path.basename(path.dirname(file)) !== 'docs') continue;
      this.#addSections(document, this.getFullUrl(document), readFileSync(file, 'utf8'));
    }
    this.#addSections(project, 'index.html', project.readme.map(({ text }) => text).join(''));
    return pages;
  }

  /** What has a place is what the search can find. */
  #addSections(page, url, markdown) {
    const slugger = new Slugger(this.application.options.getValue('sluggerConfiguration'));
    const introduction = [];
    for (const { title, anchor, level, text } of sectionsOf(markdown, (words) => slugger.slug(words))) {
      if (level < 2) {
        introduction.push(text);
        continue;
      }
      const section = new DocumentReflection(title, page, [{ kind: 'text', text }], { group: DOCUMENTATION });
      section.relevanceBoost = SECTION_BOOST;
      this.fullUrls.set(section, `${url}#${anchor}`);
    }
    this.introductions.set(page, introduction.join('\n'));
  }

  getIdealBaseName(reflection) {
    if (reflection.isDocument() && reflection.place !== undefined) return reflection.place;
    return path.posix.join('api', super.getIdealBaseName(reflection));
  }
}

/** TypeDoc's own theme, with the list of all pages as plain links. */
class Plain extends DefaultTheme {
  getRenderContext(page) {
    return new PlainContext(this.router, this, page, this.application.options);
  }
}

class PlainContext extends DefaultThemeRenderContext {
  #headerOf = this.header;

  // README.md begins with the title.
  header = (page) => (page.url === 'index.html' ? element(JSX.Fragment, null) : this.#headerOf(page));

  // A folding tree of all names would have links inside of what folds it; a page of the API lists its own.
  navigation = ({ project, model }) => {
    const link = (reflection) =>
      element(
        'li',
        null,
        element(
          'a',
          { href: this.urlTo(reflection), 'aria-current': reflection === model ? 'page' : undefined },
          reflection.name,
        ),
      );
    const part = (title, reflections) => [
      element('h2', null, title),
      element('ul', null, ...reflections.map(link)),
    ];
    const modules = project.children ?? [];
    return element(
      'nav',
      { class: 'site-pages', 'aria-label': 'Pages' },
      element('a', { class: 'page-link', href: this.relativeURL(PAGE) }, 'The page: stamp, sum, see'),
      ...part(DOCUMENTATION, project.documents ?? []),
      ...part('API', modules),
    );
  };
}

const element = JSX.createElement;
