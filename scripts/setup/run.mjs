import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { SetupError } from './report.mjs';

const children = new Set();

/** Ends what this process has started; for signal handlers. */
export function stopChildren(signal) {
  for (const child of children) child.kill(signal);
}

/** `spawn` that stopChildren knows about. */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.once('close', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/** Resolves with exit code, stdout, and both streams interleaved; rejects only if it cannot start. */
export function attempt(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = start(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.once('error', (error) => {
      reject(new SetupError(`${command} could not be started: ${error.message}.`));
    });
    child.once('close', (code, signal) => resolve({ code: code ?? signal, stdout, output }));
  });
}

export const tail = (text, lines = 15) => text.trimEnd().split('\n').slice(-lines).join('\n');

/** `attempt` that turns a non-zero exit into an error with the tool's last lines. */
export async function run(command, args, { failure, advice, ...options } = {}) {
  const result = await attempt(command, args, options);
  if (result.code !== 0) {
    const message = failure ?? `${[command, ...args].join(' ')} failed (${result.code}).`;
    throw new SetupError(message, { advice, output: tail(result.output) });
  }
  return result;
}

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** Full path of the first of `commands` (names on PATH or absolute paths) that exists. */
export function which(...commands) {
  for (const command of commands) {
    if (isAbsolute(command)) {
      if (isExecutable(command)) return command;
      continue;
    }
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder || '.', command);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}
