// Every example of a docstring runs in a project that installed the tarball, and prints what the comments behind its
// console.log calls say, and nothing else. One that begins with the name of a file is that file, for the others.

import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { examplesOf } from '../../scripts/docstrings.mjs';
import { bytesOf } from '../support/network-onnx-cases/index.js';
import { floats, node } from '../support/onnx-writer.js';
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
const fileNameOf = (code: string): string | undefined => /^\/\/ ([\w-]+\.js)\n/.exec(code)?.[1];
const files = examples.filter(({ code }) => fileNameOf(code) !== undefined);
const programs = examples.filter((example) => !files.includes(example));

const { folder, remove } = temporaryFolder();
beforeAll(() => {
  const texts = files.map(({ code, program }) => [fileNameOf(code), program]);
  const numbered = programs.map(({ program }, index) => [`${index}.mjs`, program]);
  makeProject(folder, inject('tarball'), Object.fromEntries([...texts, ...numbered]));
  // The models of the examples; the last one takes pictures of any size.
  for (const name of ['unet.onnx', 'generator.onnx', 'fsrcnn-x2.onnx']) {
    copyFileSync(path.join(root, 'tests/fixtures/models', name), path.join(folder, name));
  }
  const enlarge = {
    parts: [
      floats('w', [1, 1, 2, 2], [1, 1, 1, 1]),
      node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] }),
    ],
    inputs: { x: [1, 1, 8, 8] },
    declared: { x: [1, 1, 'height', 'width'] },
  };
  writeFileSync(path.join(folder, 'enlarge.onnx'), bytesOf(enlarge));
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
