// Every example of a docstring runs in a project that installed the tarball, and prints what the comments behind its
// console.log calls say, and nothing else. One that begins with the name of a file is that file, for the others.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { examplesOf } from '../../scripts/docstrings.mjs';
import { exampleFiles } from '../../scripts/site/example-files.mjs';
import { fileNameOf } from '../../scripts/site/runs-in-a-page.mjs';
import { promisedBy } from '../support/promised.js';
import {
  findNode20,
  makeProject,
  type Outcome,
  root,
  runPrograms,
  temporaryFolder,
  writeFiles,
} from './support.js';

const examples = examplesOf(root);
const programs = examples.filter(({ code }) => fileNameOf(code) === undefined);

const { folder, remove } = temporaryFolder();
beforeAll(() => {
  const numbered = programs.map(({ program }, index) => [`${index}.mjs`, program]);
  makeProject(folder, inject('tarball'), Object.fromEntries(numbered));
  for (const [name, content] of exampleFiles(root, examples)) writeFileSync(path.join(folder, name), content);
});
afterAll(remove);

describe.each([
  { name: "this project's Node", find: () => path.join(root, 'node_modules', '.bin', 'node') },
  { name: 'Node 20', find: findNode20 },
])('with $name', ({ find }) => {
  let outcomes: readonly Outcome[];
  beforeAll(() => {
    outcomes = runPrograms(
      find(),
      programs.map((_, index) => `${index}.mjs`),
      folder,
    );
  });

  it.each(programs.map(({ place }, index) => [place, index] as const))('%s', (_, index) => {
    const { program } = programs[index] as (typeof programs)[number];
    const { printed, failure } = outcomes[index] as Outcome;
    const promised = promisedBy(program);
    expect(failure, program).toBeNull();
    expect(printed, program).toEqual(promised);
    expect(promised, `a console.log with what it prints behind it, in:\n${program}`).not.toEqual([]);
  });
});

it('says which example fails, and of which the result is another one', () => {
  writeFiles(folder, {
    'right.mjs': 'console.log([1, 2], 3); // [ 1, 2 ] 3\n',
    'fails.mjs': "import { Conv2d } from 'deconv-wasm';\nnew Conv2d({});\n",
  });
  const [right, fails] = runPrograms(process.execPath, ['right.mjs', 'fails.mjs'], folder);
  expect(right).toEqual({ printed: ['[ 1, 2 ] 3'], failure: null });
  expect(fails?.failure).toMatch(/DeconvError.*inChannels/);
});
