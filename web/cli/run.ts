import { existsSync } from 'node:fs';
import { HELP } from './help.js';
import { printable, type Terminal } from './terminal.js';
import { EXIT, type ExitCode, nearest, packageVersion, UsageError } from './usage.js';

type Command = (args: readonly string[], terminal: Terminal) => Promise<ExitCode>;

/** Each loads what it needs, and nothing is loaded for help. */
const COMMANDS = {
  inspect: async (): Promise<Command> => (await import('./inspect.js')).inspect,
  repair: async (): Promise<Command> => (await import('./repair.js')).repairCommand,
  run: async (): Promise<Command> => (await import('./compute.js')).compute,
};
type CommandName = keyof typeof COMMANDS;

/** Runs one command line, without the names of Node and the script, and gives its exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [word, ...rest] = args;
  try {
    switch (word) {
      case undefined:
        terminal.warn(HELP.general);
        return EXIT.failed;
      case '-h':
      case '--help':
        terminal.print(HELP.general);
        return EXIT.fine;
      case '-v':
      case '--version':
        terminal.print(packageVersion());
        return EXIT.fine;
      case 'help':
        terminal.print(rest[0] === undefined ? HELP.general : HELP[commandNamed(rest[0])]);
        return EXIT.fine;
    }
    const name = commandNamed(word);
    const beforeFiles = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    if (beforeFiles.includes('--help') || beforeFiles.includes('-h')) {
      terminal.print(HELP[name]);
      return EXIT.fine;
    }
    const command = await COMMANDS[name]();
    return await command(rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.warn(`${terminal.paintError('red', 'deconv-wasm:')} ${error.message}`);
    const command = word !== undefined && Object.hasOwn(COMMANDS, word) ? `${word} ` : '';
    terminal.warn(terminal.paintError('dim', `Try: deconv-wasm ${command}--help`));
    return EXIT.failed;
  }
}

function commandNamed(word: string): CommandName {
  if (Object.hasOwn(COMMANDS, word)) return word as CommandName;
  if (word.startsWith('-')) throw new UsageError(`expected a command, got the option ${printable(word)}`);
  if (existsSync(word)) {
    throw new UsageError(
      `expected a command, got a file. Did you mean: deconv-wasm inspect ${printable(word)}`,
    );
  }
  const guess = nearest(word, [...Object.keys(COMMANDS), 'help']);
  throw new UsageError(
    `unknown command ${printable(word)}. ${guess === null ? 'There are inspect, repair and run.' : `Did you mean ${guess}?`}`,
  );
}
