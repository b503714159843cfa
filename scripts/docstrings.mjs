// The docstrings of the package's sources: which public name has an example, and each example as a program.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const NAME = 'deconv-wasm';
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:async )?(class|function|const|interface|type|enum) (\w+)/;

/**
 * From each entry of the package, as it is imported, to its own names: what each is, where it is declared, and its
 * docstring. The single file, which has the names of others, is no entry of its own here.
 */
export function publicDocstrings(root) {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const entries = Object.entries(exports).filter(
    ([entry, target]) => target.types !== undefined && entry !== './standalone',
  );
  return new Map(
    entries.map(([entry, { types }]) => {
      const file = path.join(root, types.replace(/^\.\/dist\//, 'web/lib/').replace(/\.d\.ts$/, '.ts'));
      return [path.posix.join(NAME, entry), new Map(namesOf(file))];
    }),
  );
}

/** Every `@example` of web/lib, those of members too, and the entry whose names it uses before those of others. */
export function examplesOf(root) {
  const entries = publicDocstrings(root);
  const folder = path.join(root, 'web', 'lib');
  const homes = new Map();
  for (const [entry, names] of entries) {
    for (const { file } of names.values()) if (!homes.has(file)) homes.set(file, entry);
  }
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => {
      const file = path.join(folder, name);
      const entry = homes.get(file) ?? NAME;
      return docstringsOf(readFileSync(file, 'utf8')).flatMap(({ text, subject }) =>
        examplesIn(text).map((code) => ({
          place: `${name}: ${subject}`,
          code,
          program: withImports(code, entry, entries),
        })),
      );
    });
}

/** The programs of a docstring. */
export function examplesIn(docstring) {
  return docstring
    .split(/^@example\b.*$/m)
    .slice(1)
    .map((part) => part.split(/^@\w/m)[0].trim());
}

/** An example with imports of the public names that it uses: of its own entry, else of the first that has the name. */
export function withImports(code, entry, entries) {
  const bare = code.replaceAll(/\/\/.*$/gm, '').replaceAll(/'[^'\n]*'/g, "''");
  const own = new Set(
    [...bare.matchAll(/\b(?:const|let|class|function)\s+(?:(\w+)|[{[]([^=]*)[}\]])/g)].flatMap(
      ([, name, several = '']) => [name, ...several.split(',').map((part) => part.split(':').at(-1).trim())],
    ),
  );
  const used = new Set(
    [...bare.matchAll(/(?<![\w$]|(?<!\.\.)\.)([A-Za-z]\w*)(?!\w|\s*:)/g)].map(([, name]) => name),
  );
  const wanted = new Map();
  for (const name of [...used].filter((each) => !own.has(each)).sort()) {
    const home = [entry, ...entries.keys()].find((each) => entries.get(each).get(name)?.isValue);
    if (home !== undefined) wanted.set(home, [...(wanted.get(home) ?? []), name]);
  }
  const lines = [...wanted]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([home, names]) => `import { ${names.join(', ')} } from '${home}';`);
  if (lines.length === 0) return code;
  // A file's name stays its first line.
  const [head] = /^(?:\/\/ [\w-]+\.js\n)?/.exec(code);
  return `${head}${lines.join('\n')}\n\n${code.slice(head.length)}`;
}

/** What an entry's lists of exports lead to. */
function namesOf(file) {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const names = [];
  for (const [, allTypes, list, specifier] of text.matchAll(
    /export (type )?(?:\{([^}]*)\}|\*) from '([^']+)';/g,
  )) {
    const source = path.resolve(path.dirname(file), specifier.replace(/\.js$/, '.ts'));
    if (list === undefined) {
      names.push(...namesOf(source));
      continue;
    }
    for (const item of list.split(',').map((part) => part.trim())) {
      if (item === '') continue;
      const [, isType, local, name = local] = /^(type )?(\w+)(?: as (\w+))?$/.exec(item);
      names.push([name, declaration(source, local, allTypes === undefined && isType === undefined)]);
    }
  }
  return names;
}

/** A name that a module declares, or passes on from another one. */
function declaration(file, name, isValue) {
  const text = readFileSync(file, 'utf8');
  const found = docstringsOf(text).find(
    ({ subject, kind, depth }) => subject === name && kind !== undefined && depth === 0,
  );
  const kind =
    found?.kind ??
    new RegExp(`^export .*?\\b(class|function|const|interface|type) ${name}\\b`, 'm').exec(text)?.[1];
  if (kind === undefined) {
    const passed = namesOf(file).find(([each]) => each === name);
    if (passed === undefined) throw new Error(`docstrings: ${file} has no ${name}`);
    return { ...passed[1], isValue };
  }
  return { kind, file, isValue, docstring: found?.text ?? '' };
}

/** The docstrings of a source text, each with the name and kind of what it stands before. */
function docstringsOf(text) {
  return [...text.matchAll(/^( *)\/\*\*([\s\S]*?)\*\/\n(?: *\/\/.*\n)*( *.*)$/gm)].map(
    ([, indent, comment, line]) => {
      const [, kind, declared] = DECLARED.exec(line) ?? [];
      return {
        text: comment.replaceAll(/^ *\* ?/gm, '').trim(),
        subject:
          declared ??
          line.trim().replace(/^(?:override |readonly |static |async |get )*([\w[\].]+).*$/, '$1'),
        kind,
        depth: indent.length,
      };
    },
  );
}
