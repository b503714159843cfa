// A public type needs no program of its own where a function or a class takes it or gives it and has one: the type's
// page shows that program, says whose it is, and leads to others.

import { Comment, CommentTag, makeRecursiveVisitor, ReflectionKind } from 'typedoc/models';
import { blocksOf } from '../documents.mjs';
import { runsInAPage } from './runs-in-a-page.mjs';

const TYPES = ReflectionKind.Interface | ReflectionKind.TypeAlias;
/** What a page leads to beside the program that it shows. */
const MORE = 4;

/**
 * Gives each type without an example one that uses it; a page can open `files`. `names` counts all names, `own` those with an example of their
 * own, `lent` has the text of each type that got one as it was before, and `unseen` names what no example uses.
 */
export function lendExamples(project, files) {
  const pages = project.getReflectionsByKind(ReflectionKind.All).filter(isPage);
  for (const page of pages) keepTexts(page);
  const own = pages.flatMap((page) => examplesOn(page, files));
  const withOwn = new Set(own.map(({ page }) => page));
  const sources = [...own, ...programsOf(project, pages, files)];
  const lent = new Map();
  const unseen = [];
  for (const page of pages.filter((each) => !withOwn.has(each))) {
    const words = vocabularyOf(page);
    const found = page.kindOf(TYPES) ? usesOf(page, words, sources) : [];
    if (found.length === 0) {
      unseen.push(page.getFriendlyFullName());
      continue;
    }
    lent.set(page, (page.comment?.summary ?? []).map(({ text }) => text).join(''));
    page.comment ??= new Comment();
    page.comment.blockTags.push(exampleFrom(found));
  }
  return { names: pages.length, own: withOwn.size, lent, unseen };
}

/** What has a page, in the order of how well it shows the type. */
function usesOf(page, words, sources) {
  const seen = new Set();
  return sources
    .flatMap((source) => {
      const way = source.ways.get(page);
      if (way === undefined) return [];
      const said = words.filter((word) => word.test(source.code)).length;
      // A type without words of its own is shown by what takes it.
      return said > 0 || words.length === 0 ? [{ ...source, way, said }] : [];
    })
    .sort(
      (one, other) =>
        Number(one.isDocument) - Number(other.isDocument) ||
        one.way.length - other.way.length ||
        Number(other.runs) - Number(one.runs) ||
        other.said - one.said ||
        Number(other.isNamed) - Number(one.isNamed) ||
        one.code.length - other.code.length,
    )
    .filter(({ code }) => !seen.has(code) && seen.add(code));
}

function exampleFrom([{ owner, code, way }, ...others]) {
  const text = (words) => ({ kind: 'text', text: words });
  const by = way.flatMap((each, index) => [text(index === 0 ? ', by way of ' : ' and '), linkTo(each)]);
  const more = others
    .map((other) => other.owner)
    .filter((each, index, all) => each !== owner && all.indexOf(each) === index)
    .slice(0, MORE)
    .flatMap((each, index) => [text(index === 0 ? 'Also in the examples of ' : ', '), linkTo(each)]);
  return new CommentTag('@example', [
    text('Of '),
    linkTo(owner),
    ...by,
    text(':\n\n'),
    { kind: 'code', text: fenced(code) },
    ...(more.length > 0 ? [text('\n\n'), ...more, text('.')] : []),
  ]);
}

function linkTo(reflection) {
  const isText = reflection.isProject() || reflection.isDocument();
  const name =
    isText || isPage(reflection) ? reflection.name : `${reflection.parent.name}.${reflection.name}`;
  return { kind: 'inline-tag', tag: isText ? '@link' : '@linkcode', text: name, target: reflection };
}

const fenced = (code) => `\`\`\`js\n${code}\n\`\`\``;

function isPage(reflection) {
  const { parent } = reflection;
  return (
    !reflection.isReference() &&
    reflection.isDeclaration() &&
    !reflection.kindOf(ReflectionKind.Module) &&
    (parent?.kindOf(ReflectionKind.Module) ?? false)
  );
}

function pageOf(reflection) {
  let at = reflection?.isReference() ? reflection.tryGetTargetReflectionDeep() : reflection;
  while (at !== undefined && !isPage(at)) at = at.parent;
  return at;
}

/** Every example that stands on a page: its program, and whose it is. */
function examplesOn(page, files) {
  const sources = [];
  eachIn(page, (reflection) => {
    for (const { tag, content } of reflection.comment?.blockTags ?? []) {
      const [code] = programsIn(content);
      if (tag !== '@example' || code === undefined) continue;
      const declared = reflection.isSignature() ? reflection.parent : reflection;
      const owner = declared.kindOf(ReflectionKind.Constructor) ? page : declared;
      sources.push({ ...sourceOf(code, owner, waysFrom([owner]), files), page, isDocument: false });
    }
  });
  return sources;
}

/** Every program of README.md and docs/, as an example of all names that it imports. */
function programsOf(project, pages, files) {
  const texts = [[project, project.readme], ...(project.documents ?? []).map((each) => [each, each.content])];
  return texts.flatMap(([owner, content]) =>
    programsIn(content).map((code) => {
      const names = [...code.matchAll(/^import \{([^}]+)\} from 'deconv-wasm([^']*)'/gm)].flatMap(
        ([, list, entry]) =>
          list.split(',').map((name) => `deconv-wasm${entry}.${name.trim().split(' as ')[0]}`),
      );
      const imported = pages.filter((page) => names.includes(page.getFriendlyFullName()));
      return { ...sourceOf(code, owner, waysFrom(imported), files), isDocument: true };
    }),
  );
}

function programsIn(content) {
  const text = content.map((part) => part.text).join('');
  return blocksOf(text).map((code) => code.slice(0, -1));
}

function sourceOf(code, owner, ways, files) {
  const isNamed = new RegExp(`\\b${escaped(owner.name)}\\b`).test(code);
  return { code, owner, ways, runs: runsInAPage(code, files), isNamed };
}

/** From each page that these lead to, the types between the two, by the shortest way. */
function waysFrom(owners) {
  const ways = new Map();
  let edge = owners.map((owner) => [owner, []]);
  while (edge.length > 0) {
    const next = [];
    for (const [from, way] of edge) {
      for (const page of pagesIn(from)) {
        if (ways.has(page)) continue;
        ways.set(page, way);
        next.push([page, [...way, page]]);
      }
    }
    edge = next;
  }
  return ways;
}

/** From each alias of texts to these: where it is made of a list, TypeDoc shows the texts in its place. */
const textsOf = new Map();

function keepTexts(page) {
  const values = literalsIn(page.type);
  if (page.kindOf(ReflectionKind.TypeAlias) && values.length > 1) textsOf.set(page, values);
}

const literalsIn = (type) =>
  type?.type === 'union'
    ? type.types.map(({ value }) => value).filter((value) => typeof value === 'string')
    : [];

const known = new Map();

/** The pages of all that a reflection names: its parameters, its result, its members, what it extends. */
function pagesIn(reflection) {
  const before = known.get(reflection);
  if (before !== undefined) return before;
  const pages = new Set();
  const visitor = makeRecursiveVisitor({
    reference: (type) => {
      const page = pageOf(type.reflection);
      if (page !== undefined && page !== reflection) pages.add(page);
    },
    reflection: ({ declaration }) => eachIn(declaration, look),
    union: (type) => {
      const values = literalsIn(type);
      for (const [page, texts] of textsOf)
        if (page !== reflection && texts.every((text) => values.includes(text))) pages.add(page);
    },
  });
  const look = (each) => {
    for (const type of [each.type, each.default, ...(each.extendedTypes ?? [])]) type?.visit(visitor);
  };
  eachIn(reflection, look);
  known.set(reflection, pages);
  return pages;
}

function eachIn(reflection, use) {
  use(reflection);
  reflection.traverse((child) => eachIn(child, use));
}

/** What an example says when it uses a type: its members, or the strings that it may be. */
function vocabularyOf(page, above = new Set()) {
  above.add(page);
  const words = (page.children ?? []).map(({ name }) => memberNamed(name));
  const visitor = makeRecursiveVisitor({
    literal: ({ value }) => typeof value === 'string' && words.push(textOf(value)),
    reference: ({ reflection }) => {
      const other = pageOf(reflection);
      if (other?.kindOf(TYPES) && !above.has(other)) words.push(...vocabularyOf(other, above));
    },
    reflection: ({ declaration }) =>
      words.push(...(declaration.children ?? []).map(({ name }) => memberNamed(name))),
  });
  if (page.kindOf(ReflectionKind.TypeAlias)) page.type?.visit(visitor);
  return words;
}

/** A member that is read, written, taken apart, or chosen by its name. */
function memberNamed(name) {
  const word = escaped(name);
  return new RegExp(`\\.${word}\\b|\\b${word}\\??:|[{,]\\s*${word}\\s*(?=[,}])|'${word}'`);
}

/** A text in the program, or in what it says that it prints. */
function textOf(value) {
  const word = escaped(value);
  return new RegExp(`'${word}'|//.*(?<![\\w-])${word}(?![\\w-])`);
}

const escaped = (text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
