// What the examples of the documentation open by name: models, and modules that stand beside those that start them.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { examplesOf } from '../docstrings.mjs';
import { fileNameOf } from './runs-in-a-page.mjs';

const MODELS = ['enlarge.onnx', 'fsrcnn-x2.onnx', 'generator.onnx', 'unet.onnx'];

/** From the name of each file to what is in it, for README.md, docs/ and the docstrings together. */
export function exampleFiles(root) {
  const files = new Map(
    MODELS.map((name) => [name, readFileSync(path.join(root, 'tests', 'fixtures', 'models', name))]),
  );
  for (const program of programsOf(root)) {
    const name = fileNameOf(program);
    if (name === undefined) continue;
    if (files.has(name) && files.get(name) !== program)
      throw new Error(`examples: two programs are called ${name}`);
    files.set(name, program);
  }
  return files;
}

function programsOf(root) {
  const documents = readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name));
  const blocks = ['README.md', ...documents].flatMap((name) =>
    [...readFileSync(path.join(root, name), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(
      ([, code]) => code,
    ),
  );
  return [...blocks, ...examplesOf(root).map(({ program }) => program)];
}
