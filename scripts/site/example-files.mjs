// What the examples of the documentation open by name: models, and modules that stand beside those that start them.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { examplesOf } from '../docstrings.mjs';
import { blocksOf, pagesOf } from '../documents.mjs';
import { fileNameOf } from './runs-in-a-page.mjs';

const MODELS = ['enlarge.onnx', 'fsrcnn-x2.onnx', 'generator.onnx', 'unet.onnx'];

/** From the name of each file to what is in it, for README.md, docs/ and the examples of docstrings together. */
export function exampleFiles(root, examples = examplesOf(root)) {
  const files = new Map(
    MODELS.map((name) => [name, readFileSync(path.join(root, 'tests', 'fixtures', 'models', name))]),
  );
  const blocks = pagesOf(root).flatMap((page) => blocksOf(readFileSync(path.join(root, page), 'utf8')));
  for (const program of [...blocks, ...examples.map((example) => example.program)]) {
    const name = fileNameOf(program);
    if (name === undefined) continue;
    if (files.has(name) && files.get(name) !== program)
      throw new Error(`examples: two programs are called ${name}`);
    files.set(name, program);
  }
  return files;
}
