// Every ```js block of README.md and docs/ runs in a project that installed the tarball, and prints
// what the comment behind a console.log says; a block that begins with the name of a file is written
// under it for the others. Every ```console block prints what stands below its commands.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blocksOf, pagesOf } from '../../scripts/documents.mjs';
import { exampleFiles } from '../../scripts/site/example-files.mjs';
import { fileNameOf } from '../../scripts/site/runs-in-a-page.mjs';
import { promisedBy } from '../support/promised.js';
import {
  findNode20,
  makeProject,
  type Outcome,
  root,
  run,
  runPrograms,
  temporaryFolder,
  versionOf,
  writeFiles,
} from './support.js';

const PAGES = pagesOf(root);
/** Named here for what decides whether this file is run again: `tests/support/passed-files.ts` reads no calls. */
const DOCS = path.join(root, 'docs');

const OUR_NODE = path.join(root, 'node_modules', '.bin', 'node');

const { folder, remove } = temporaryFolder();
beforeAll(() => {
  makeProject(folder, inject('tarball'), {});
  for (const [name, content] of exampleFiles(root)) writeFileSync(path.join(folder, name), content);
});
afterAll(() => {
  // The oldest line that package.json's engines promises has no syntax of the newest.
  console.log(`docs ran on ${versionOf(OUR_NODE)} and ${versionOf(findNode20())}`);
  remove();
});

function expectPromised(code: string, printed: readonly string[]): void {
  let from = 0;
  for (const promise of promisedBy(code)) {
    const at = printed.indexOf(promise, from);
    expect(at, `a line "${promise}" in:\n${printed.join('\n')}`).toBeGreaterThanOrEqual(from);
    from = at + 1;
  }
}

/** GitHub's anchor of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

it('every line of the "I come from" table is in the program below it', () => {
  const text = readFileSync(path.join(DOCS, 'README.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith('I come from')) ?? '';
  const lines = [...section.matchAll(/^\| [^|]+ \| `([^`]+)`/gm)].map((match) => match[1] ?? '');
  expect(lines.length).toBeGreaterThanOrEqual(10);
  const [program = ''] = blocksOf(text);
  for (const line of lines) expect(program).toContain(line);
});

it.each([...PAGES, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])('%s links to what exists', (page) => {
  const text = readFileSync(path.join(root, page), 'utf8');
  for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
    const [file = '', fragment] = target.split('#');
    const linked = path.join(root, file === '' ? page : path.join(path.dirname(page), file));
    const headings = readFileSync(linked, 'utf8').matchAll(/^#+ (.+)$/gm);
    const anchors = [...headings].map((match) => anchor(match[1] ?? ''));
    if (fragment !== undefined) expect(anchors, `${page}: ${target}`).toContain(fragment);
  }
});

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(path.join(root, page), 'utf8');
  const blocks = blocksOf(text);
  const programs = blocks.flatMap((code, index) =>
    fileNameOf(code) === undefined
      ? [{ number: index + 1, name: `${page.replaceAll('/', '-')}-${index + 1}.mjs`, code }]
      : [],
  );
  beforeAll(() => {
    writeFiles(folder, Object.fromEntries(programs.map(({ name, code }) => [name, code])));
  });
  const sessions = blocksOf(text, 'console');

  it('has code', () => {
    expect(blocks.length + sessions.length).toBeGreaterThan(0);
  });

  // A program of its own ends by itself, too.
  it.each(programs)("block $number with this project's Node", ({ name, code }) => {
    expectPromised(code, run(OUR_NODE, [name], folder).split('\n'));
  });
  if (programs.length > 0)
    it('all blocks with Node 20', () => {
      const outcomes = runPrograms(
        findNode20(),
        programs.map(({ name }) => name),
        folder,
      );
      for (const [index, { code }] of programs.entries()) {
        const { printed, failure } = outcomes[index] as Outcome;
        expect(failure, code).toBeNull();
        expectPromised(code, printed.join('\n').split('\n'));
      }
    });

  it.each(sessions.map((text, index) => [index + 1, text] as const))('session %i', (_, text) => {
    const [, ...commands] = text.split(/^\$ /m);
    expect(commands.length).toBeGreaterThan(0);
    for (const session of commands) {
      const [command = '', ...printed] = session.split('\n');
      expect(run('sh', ['-c', command], folder), command).toBe(printed.join('\n'));
    }
  });
});
