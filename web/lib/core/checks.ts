import { DeconvError, type DeconvErrorCode } from './errors.js';
import { isError, isList, isRecord, messageOf, tagOf } from './realms.js';

/** Largest value of any parameter or axis: the core counts in 32-bit integers. */
export const MAX_INTEGER = 2 ** 31 - 1;

/** A value as an error message shows it, short whatever it is. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (isList(value)) {
    const shown = value.slice(0, 8).map((entry) => (isList(entry) ? '[…]' : describe(entry)));
    return `[${shown.join(', ')}${value.length > 8 ? `, … ${value.length} entries` : ''}]`;
  }
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'bigint') return `the bigint ${String(value).slice(0, 40)}n`;
  const tag = tagOf(value);
  return tag === undefined ? String(value) : `a value of type ${tag}`;
}

/** `[1, 3, 8, 8]` */
export const shapeText = (shape: readonly number[]): string => describe([...shape]);

/** `where: expected …, got …. advice`, with `got` in words; programs read `where` and `detail`. */
export function fault(
  code: DeconvErrorCode,
  where: string,
  expected: string,
  got: string,
  advice = '',
  detail: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): DeconvError {
  // What an engine says is a sentence of its own.
  const text = `${where}: expected ${expected}, got ${got.replace(/\.$/, '')}.${advice && ` ${advice}`}`;
  return new DeconvError(code, text, { where, ...detail }, cause);
}

/** Throws `where: expected …, got …. advice`, with the value that came. */
export function refuse(
  code: DeconvErrorCode,
  where: string,
  expected: string,
  got: unknown,
  advice?: string,
): never {
  throw fault(code, where, expected, describe(got), advice, { expected, got });
}

/** An options object with no key but `known`; a wrong key is more often a typo than a wish. */
export function checkOptions<Options extends object>(
  where: string,
  options: unknown,
  known: readonly (keyof Options & string)[],
): Options {
  if (!isRecord(options)) {
    refuse('BAD_TYPE', where, 'an options object', options);
  }
  // No list of names is made: loops that allocate nothing come here too.
  for (const key in options) {
    if (!(known as readonly string[]).includes(key) && Object.hasOwn(options, key)) {
      refuse(
        'BAD_OPTION',
        where,
        `options among ${known.join(', ')}`,
        key,
        'Remove it or mend its spelling.',
      );
    }
  }
  return options as Options;
}

export function checkInteger(
  where: string,
  name: string,
  value: unknown,
  minimum: number,
  maximum: number = MAX_INTEGER,
): number {
  if (typeof value !== 'number') {
    refuse('BAD_TYPE', where, `${name} to be an integer`, value);
  }
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    refuse('BAD_OPTION', where, `${name} to be an integer from ${minimum} to ${maximum}`, value);
  }
  return value + 0; // -0 would be shown, and be no equal of 0 to Object.is.
}

/** `byDefault` stands for what was left out, and not for null, which is Python's None: false to whoever writes it. */
export function checkBoolean(where: string, name: string, value: unknown, byDefault?: boolean): boolean {
  const given = value === undefined ? byDefault : value;
  if (typeof given !== 'boolean') refuse('BAD_TYPE', where, `${name} to be true or false`, given);
  return given;
}

/** One of a few words. */
export function checkChoice<Choice extends string>(
  where: string,
  name: string,
  value: unknown,
  choices: readonly Choice[],
): Choice {
  if (typeof value !== 'string') refuse('BAD_TYPE', where, `${name} to be a string`, value);
  if (!(choices as readonly string[]).includes(value)) {
    refuse(
      'BAD_OPTION',
      where,
      `${name} to be ${choices.map((choice) => `'${choice}'`).join(' or ')}`,
      value,
    );
  }
  return value as Choice;
}

/** A number for every axis, or a sequence with one entry or one per axis. */
export function checkAxes(
  where: string,
  name: string,
  value: unknown,
  rank: number,
  minimum: number,
): number[] {
  if (typeof value === 'number') {
    return new Array<number>(rank).fill(checkInteger(where, name, value, minimum));
  }
  if (!isList(value)) {
    refuse('BAD_TYPE', where, `${name} to be an integer or a list of ${rank} integers`, value);
  }
  if (value.length !== rank && value.length !== 1) {
    refuse('BAD_OPTION', where, `${name} to have ${rank} entries (or 1 for all axes)`, value);
  }
  const entries = Array.from(value, (entry, axis) => checkInteger(where, `${name}[${axis}]`, entry, minimum));
  return entries.length === rank ? entries : new Array<number>(rank).fill(entries[0] as number);
}

/** Groups divide the channels of both sides. */
export function checkGroups(where: string, name: string, channels: number, groups: number): void {
  if (channels % groups === 0) return;
  refuse(
    'BAD_OPTION',
    where,
    `${name} to be a multiple of groups (${groups})`,
    channels,
    'Choose groups that divide both channel counts.',
  );
}

/** Whether the JavaScript engine made no array: of a call's own accord no failure of what it calls. */
export function isNoRoom(cause: unknown): boolean {
  return isError(cause) && cause.name === 'RangeError' && /alloc|array|memory/i.test(cause.message);
}

/** What is said of that. */
export function noRoom(where: string, cause: unknown, what = 'an array', detail = {}): DeconvError {
  return fault(
    'OUT_OF_MEMORY',
    where,
    `room for ${what}`,
    `none from the JavaScript engine (${messageOf(cause)})`,
    'Use smaller tensors or a smaller batch.',
    detail,
    cause,
  );
}
