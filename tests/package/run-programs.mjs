// Runs programs one after the other, each as if it were alone, and prints as JSON what each of them printed.
//
//   node run-programs.mjs FILE...

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { Worker } from 'node:worker_threads';
import { shutdown } from 'deconv-wasm';

// Pages have it without asking.
globalThis.Worker ??= Worker;
const outcomes = [];
for (const file of process.argv.slice(2)) {
  const printed = [];
  console.log = (...values) => printed.push(format(...values));
  let failure = null;
  try {
    await import(pathToFileURL(path.resolve(file)));
  } catch (error) {
    failure = error.stack;
  }
  outcomes.push({ printed, failure });
  await shutdown();
}
process.stdout.write(JSON.stringify(outcomes));
