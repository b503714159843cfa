import { spawn } from 'node:child_process';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');

/** Brings a preset's C++ program up to date; what does not compile says why. */
export function buildProgram(preset: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['scripts/build.mjs', '--program', preset], { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`build/${preset} does not build:\n${output}`));
      console.log(output.trim());
      resolve();
    });
  });
}
