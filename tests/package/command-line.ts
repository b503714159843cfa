// The command line of the packed package, in the process of the tests and as a process of its own.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, inject, vi } from 'vitest';
import { makeProject, root, temporaryFolder } from './support.js';

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;
type Program = typeof import('../../web/cli/run.js') &
  typeof import('../../web/cli/terminal.js') &
  Pick<typeof import('deconv-wasm'), 'init' | 'shutdown'>;

export const node = path.join(root, 'node_modules', '.bin', 'node');
export const fixture = (name: string): string => path.join(root, 'tests', 'fixtures', 'models', name);

// What the tests run in may have its own wishes about colours.
const { NO_COLOR: _no, FORCE_COLOR: _force, ...rest } = process.env;
export const environment = rest;

/** An empty project with the package, which is the working directory of the file's tests. */
export function commandLine() {
  const { folder, remove } = temporaryFolder();
  const inFolder = (name: string) => path.join(folder, name);
  const installed = (file: string) => inFolder(`node_modules/deconv-wasm/dist/${file}`);
  const script = installed('cli/main.js');
  const before = process.cwd();
  let program: Program;

  beforeAll(async () => {
    makeProject(folder, inject('tarball'), {});
    process.chdir(folder);
    const modules = ['cli/run.js', 'cli/terminal.js', 'index.js'].map(
      (file) => import(pathToFileURL(installed(file)).href),
    );
    program = Object.assign({}, ...(await Promise.all(modules)));
  });
  afterAll(() => {
    process.chdir(before);
    remove();
  });

  /** One command line in this process, which leaves no runtime for the next; on a screen if that has a width. */
  async function cli(args: readonly string[], env: Environment = {}, columns?: number): Promise<Ended> {
    const said = { stdout: '', stderr: '' };
    const streamOf = (name: keyof typeof said) => {
      const write = (text: string | Uint8Array) => {
        said[name] += text;
        return true;
      };
      // A process shows also what is written past the terminal.
      vi.spyOn(process[name], 'write').mockImplementation(write);
      return { write, ...(columns !== undefined && name === 'stdout' && { isTTY: true, columns }) };
    };
    const [stdout, stderr] = [streamOf('stdout'), streamOf('stderr')];
    let status: number;
    try {
      status = await program.run(args, program.processTerminal(stdout, stderr, { ...environment, ...env }));
    } catch (error) {
      // As main.js has it.
      status = 2;
      stderr.write(`deconv-wasm: ${(error as Error).stack}\n`);
    } finally {
      vi.restoreAllMocks();
      await program.shutdown();
    }
    return { status, ...said };
  }

  /** What goes right and says nothing beside. */
  async function fine(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await cli(args);
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  }

  /** One command line as a process of its own. */
  function spawned(args: readonly string[], by = node): Ended {
    const { status, stdout, stderr } = spawnSync(by, [script, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: environment,
      maxBuffer: 2 ** 26,
    });
    return { status, stdout, stderr };
  }

  /** The package started before a command line starts it. */
  const startedWith = (options: Parameters<Program['init']>[0]) => program.init(options);

  return { folder, inFolder, script, cli, fine, spawned, startedWith };
}
