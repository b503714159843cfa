import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { givenText, printable } from './terminal.js';

/** What went wrong is the caller's: the message is all there is to say. */
export class UsageError extends Error {}

export const EXIT = { fine: 0, found: 1, failed: 2, unjudged: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Version of the package; what --version prints and the results name. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Version of the form of both commands' --json. Fields are added without a new one, never taken away or changed. */
export const SCHEMA_VERSION = 1;

export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  readonly multiple?: boolean;
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | null;
  texts(name: string): readonly string[];
}

/**
 * Options in any place, `--name value` or `--name=value`, a letter for a name alike, and all behind `--` as they are. A
 * value may be a negative number: `--fail-above -40` are no two options.
 *
 * @param optional options whose value may be left out: it is the next word if that looks like one
 */
export function parse(
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
  optional: Readonly<Record<string, RegExp>> = {},
): ParsedArguments {
  let values: Record<string, unknown>;
  let positionals: string[];
  try {
    const parsed = parseArgs({ args: joinValues(args, options, optional), options, allowPositionals: true });
    ({ values, positionals } = parsed as { values: Record<string, unknown>; positionals: string[] });
  } catch (error) {
    throw new UsageError(explain(error as NodeJS.ErrnoException, args, options));
  }
  return {
    positionals,
    flag: (name) => values[name] === true,
    text: (name) => (values[name] as string | undefined) ?? null,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
  };
}

const parseNumbers = (text: string): number[] =>
  text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));

/** The numbers of an option, which commas separate. */
export function readNumbers(name: string, text: string | null, otherwise: number): readonly number[] {
  const numbers = text === null ? [otherwise] : parseNumbers(text);
  if (numbers.every(Number.isFinite)) return numbers;
  throw new UsageError(`expected --${name} to be numbers, got ${givenText(text)}`);
}

/** What pictures are divided by: a number or one for each channel. */
export function readStd(name: string, text: string | null): readonly number[] {
  const numbers = readNumbers(name, text, 1);
  if (!numbers.includes(0)) return numbers;
  throw new UsageError(`expected --${name} to be numbers other than 0, got ${givenText(text)}`);
}

/** The one number of an option, from `least` to `most`. */
export function readNumber(
  name: string,
  text: string | null,
  otherwise: number,
  { least, most = Number.MAX_VALUE, whole }: { least: number; most?: number; whole: boolean },
): number {
  const [value = otherwise, ...others] = text === null ? [] : parseNumbers(text);
  if (others.length === 0 && value >= least && value <= most && (!whole || Number.isInteger(value)))
    return value;
  const range = `from ${least}${most < Number.MAX_VALUE ? ` to ${most}` : ' on'}`;
  throw new UsageError(
    `expected --${name} to be ${whole ? 'an integer' : 'a number'} ${range}, got ${givenText(text)}`,
  );
}

/** Values that would not be taken for such, joined to their options. */
function joinValues(
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
  optional: Readonly<Record<string, RegExp>>,
): string[] {
  const joined: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = longForm(args[index] as string, options);
    if (arg === '--') return [...joined, ...args.slice(index)];
    const next = args[index + 1] ?? '';
    const name = arg.startsWith('--') ? arg.slice(2) : '';
    const own = Object.hasOwn(optional, name) ? optional[name] : undefined;
    const takesValue = Object.hasOwn(options, name) && options[name]?.type === 'string';
    if ((takesValue && own === undefined && /^-[\d.]/.test(next)) || own?.test(next) === true) {
      joined.push(`${arg}=${next}`);
      index += 1;
    } else {
      joined.push(own === undefined ? arg : `${arg}=`);
    }
  }
  return joined;
}

/** `-o` and `-o=FILE` by the option's name: what follows a letter is its value to Node, an equals sign too. */
function longForm(arg: string, options: Readonly<Record<string, OptionSpec>>): string {
  const [, letter, value = ''] = /^-(\w)(=.*)?$/s.exec(arg) ?? [];
  const [name] =
    Object.entries(options).find(([, { short }]) => short !== undefined && short === letter) ?? [];
  return name === undefined ? arg : `--${name}${value}`;
}

/** What Node found, in words of ours. */
function explain(
  error: NodeJS.ErrnoException,
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
): string {
  const [, option = ''] = /'(-[^' ,]*)/.exec(error.message) ?? [];
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const guess = option.startsWith('--') ? nearest(option.slice(2), Object.keys(options)) : null;
      return `unknown option ${option}${guess === null ? '' : `. Did you mean --${guess}?`}`;
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      // Node names the short form first where there is one, whichever was given.
      const [name, spec] = Object.entries(options).find(
        ([long, { short }]) => option === `--${long}` || option === `-${short}`,
      ) ?? [option, undefined];
      if (spec?.type === 'boolean') return `expected --${name} without a value, got one`;
      // It may have been given before, with a value.
      const next = args
        .map((arg, at) => (arg === `--${name}` || arg === `-${spec?.short}` ? args[at + 1] : undefined))
        .find((value) => value?.startsWith('-'));
      return `expected a value behind --${name}, got ${printable(next ?? 'none')}`;
    }
  }
  throw error;
}

/** The known word that a typing slip leads away from; null if none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance =
      candidate.startsWith(word) && word.length > 1
        ? 1
        : editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Characters to insert, remove or replace (Levenshtein), of texts short enough to be names. */
function editDistance(one: string, other: string): number {
  if (one.length > 200 || other.length > 200) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}
