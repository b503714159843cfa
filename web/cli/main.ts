#!/usr/bin/env node
// deconv-wasm: finds and repairs checkerboard patterns of model files, and runs them. Results go to stdout, all else to stderr.

import { run } from './run.js';
import { processTerminal } from './terminal.js';
import { EXIT } from './usage.js';

// A reader that has seen enough (`| head`) is no error, and the exit code stays what the work says.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') fail(error);
  });
}
run(process.argv.slice(2), processTerminal()).then((code) => {
  process.exitCode = code;
}, fail);

/** A disk that is full, or a mistake of ours. Node's own code for these is 1, which says that a pattern was found. */
function fail(error: unknown): void {
  process.stderr.write(
    `deconv-wasm: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(EXIT.failed);
}
