#!/usr/bin/env node
// deconv-wasm: finds and repairs checkerboard patterns of model files, and runs them. Results go to stdout, all else to stderr.

import { run } from './run.js';
import { systemReason } from './system-reasons.js';
import { processTerminal } from './terminal.js';
import { EXIT } from './usage.js';

// A reader that has seen enough (`| head`) is no error, and the exit code stays what the work says.
for (const name of ['stdout', 'stderr'] as const) {
  process[name].on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return;
    end(`what goes to ${name} could not be written: ${systemReason(error)}`);
  });
}
run(process.argv.slice(2), processTerminal()).then(
  (code) => {
    process.exitCode = code;
  },
  // A mistake of ours.
  (error: unknown) => end(error instanceof Error ? (error.stack ?? error.message) : String(error)),
);

/** Node's own code for an end by an error is 1, which says that a pattern was found. */
function end(reason: string): void {
  process.stderr.write(`deconv-wasm: ${reason}\n`);
  process.exit(EXIT.failed);
}
