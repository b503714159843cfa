// Every name that the package's entries export, as dist/ has them: tests/public-names.txt is the list that was
// agreed on, so that none comes, goes or changes its meaning unseen.
//
//   node scripts/public-names.mjs            writes the list
//   node scripts/public-names.mjs --check    fails where it is not what the entries export, and where two entries
//                                            give one name to two things

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.dirname(import.meta.dirname);
const LIST = path.join(root, 'tests', 'public-names.txt');

// Layers keep the names that their systems gave them: brainstate's Conv2d is not PyTorch's.
const SHARED = /^Conv(?:Transpose)?[123]d$/;

const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const entries = Object.entries(exports).filter(([, target]) => target.types !== undefined);
const faults = [];
const sources = new Map();
const sections = [];
for (const [entry, target] of entries) {
  const title = path.posix.join('deconv-wasm', entry);
  const names = namesOf(path.join(root, target.types));
  const values = Object.keys(await import(pathToFileURL(path.join(root, target.default)))).sort();
  const declared = [...names].filter(([, { kind }]) => kind !== 'type').map(([name]) => name);
  if (declared.sort().join() !== values.join()) {
    faults.push(`${title} exports ${values.join(', ')}, its declarations ${declared.join(', ')}`);
  }
  for (const [name, { kind, from }] of names) {
    // The single file has an entry's names under the entry's own.
    if (kind === 'namespace') continue;
    const known = sources.get(name) ?? { title, from };
    sources.set(name, known);
    if (known.from !== from && !SHARED.test(name)) {
      faults.push(`${name} means one thing in ${known.title} and another in ${title}`);
    }
  }
  const lines = [...names].map(([name, { kind }]) => `  ${kind} ${name}`);
  sections.push(`${title}\n${lines.sort().join('\n')}\n`);
}

const list = sections.join('\n');
if (!process.argv.includes('--check')) {
  writeFileSync(LIST, list);
} else {
  const [agreed, found] = [readFileSync(LIST, 'utf8'), list].map(
    (text) => new Set(text.split('\n\n').flatMap((section) => qualified(section.trim().split('\n')))),
  );
  for (const name of found) if (!agreed.has(name)) faults.push(`not listed: ${name}`);
  for (const name of agreed) if (!found.has(name)) faults.push(`listed, but gone: ${name}`);
}
for (const fault of faults) console.error(`public names: ${fault}`);
if (faults.length > 0) {
  console.error('Meant so? node scripts/public-names.mjs writes the list anew; tell it in CHANGELOG.md.');
  process.exitCode = 1;
}

function qualified([title, ...lines]) {
  return lines.map((line) => `${title}:${line.slice(1)}`);
}

/** From a declaration file's own lists, which is all that the entries consist of. */
function namesOf(file) {
  const names = new Map();
  // Comments hold examples.
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const from = (specifier) => path.resolve(path.dirname(file), specifier);
  const rest = text.replace(
    /export (type )?(?:\{([^}]*)\}|\*(?: as (\w+))?) from '([^']+)';/g,
    (_, onlyTypes, list, namespace, specifier) => {
      if (namespace !== undefined) names.set(namespace, { kind: 'namespace', from: from(specifier) });
      else if (list === undefined) {
        for (const [name, source] of namesOf(from(specifier).replace(/\.js$/, '.d.ts')))
          names.set(name, source);
      } else {
        for (const item of list.split(',').map((part) => part.trim())) {
          if (item === '') continue;
          const [, isType, name] = /^(type )?(?:\w+ as )?(\w+)$/.exec(item);
          names.set(name, { kind: onlyTypes || isType ? 'type' : 'value', from: from(specifier) });
        }
      }
      return '';
    },
  );
  if (rest.trim() !== '') faults.push(`${file} has more than lists of exports: ${rest.trim().slice(0, 80)}`);
  return names;
}
