#!/usr/bin/env node
// deconv-wasm: finds and repairs checkerboard patterns of model files. Results go to stdout, all else to stderr.

import { run } from './run.js';
import { processTerminal } from './terminal.js';

// A reader that has seen enough (`| head`) is no error, and the exit code stays what the work says.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
}
process.exitCode = await run(process.argv.slice(2), processTerminal());
