import type { Field, FieldKind, Slice } from './slice';
import { opening, type State, slices } from './state';

export { share } from './share';

/** Links of another version mean something else: they open the page as it begins. */
const VERSION = 'v1';
const LONGEST_LINK = 16_000;

export interface Opened {
  readonly state: State;
  /** What to say when a link could not be read. */
  readonly notice: string | null;
}

/**
 * The state as the part of an address behind `#`: the version, then `key=value` for all that differs from
 * what would stand there anyway.
 */
export function encodeState(state: State): string {
  const parts = slices.flatMap(({ slice, read }) => encodeSlice(slice, read(state)));
  return [VERSION, ...parts].join('&');
}

/** The state a link means. A link that is broken, hostile or of another version gives the opening and a notice. */
export function decodeState(hash: string): Opened {
  // What passes a link on may write its commas and stars as %2C and %2A. Nothing in a state has a % of its own.
  const text = hash
    .replace(/^#/, '')
    .replace(/%(2[abc])/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  // Nothing, or the name of a station.
  if (/^[a-z]*$/.test(text)) return { state: opening, notice: null };
  const [version, ...parts] = text.slice(0, LONGEST_LINK + 1).split('&');
  if (version !== VERSION) {
    return refused(/^v\d+$/.test(version ?? '') ? 'This link is of another version of the page' : UNREADABLE);
  }
  if (text.length > LONGEST_LINK) return refused(UNREADABLE);
  const given = new Map<string, string>();
  for (const part of parts) {
    const at = part.indexOf('=');
    const key = part.slice(0, Math.max(at, 0));
    if (at < 1 || given.has(key)) return refused(UNREADABLE);
    given.set(key, part.slice(at + 1));
  }
  let state = opening;
  for (const { slice, write } of slices) {
    const part = decodeSlice(slice, given);
    if (part === null) return refused(UNREADABLE);
    state = write(state, part);
  }
  // What is left over is of no field of this version.
  return given.size > 0 ? refused(UNREADABLE) : { state, notice: null };
}

const UNREADABLE = 'This link is damaged or from another version of the page';

const refused = (why: string): Opened => ({
  state: opening,
  notice: `${why}. The page shows its beginning instead.`,
});

type Values = Record<string, unknown>;

function encodeSlice(slice: Slice<object>, part: object): string[] {
  const values = part as Values;
  const parts: string[] = [];
  for (const field of fieldsOf(slice)) {
    const value = values[field.name];
    if (!sameValue(value, fallback(slice, field, values))) {
      parts.push(`${slice.key}${field.key}=${encodeValue(value)}`);
    }
  }
  return parts;
}

function decodeSlice(slice: Slice<object>, given: Map<string, string>): object | null {
  const values: Values = {};
  for (const field of fieldsOf(slice)) {
    const key = slice.key + field.key;
    const text = given.get(key);
    const value = text === undefined ? fallback(slice, field, values) : decodeValue(field, text);
    if (value === null) return null;
    given.delete(key);
    values[field.name] = value;
  }
  return slice.sound?.(values) === false ? null : values;
}

const fieldsOf = (slice: Slice<object>) => slice.fields as readonly Field<Values>[];

function fallback(slice: Slice<object>, field: Field<Values>, before: Values): unknown {
  return field.otherwise ? field.otherwise(before) : (slice.defaults as Values)[field.name];
}

function sameValue(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other);
  return one.length === other.length && one.every((value, index) => Object.is(value, other[index]));
}

function encodeValue(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (!Array.isArray(value)) return encodeItem(value);
  // Runs of one value are written once, with their length.
  const runs: { text: string; length: number }[] = [];
  for (const item of value) {
    const text = encodeItem(item);
    const last = runs.at(-1);
    if (last?.text === text) last.length++;
    else runs.push({ text, length: 1 });
  }
  return runs.map(({ text, length }) => (length > 1 ? `${text}*${length}` : text)).join(',');
}

/** A number in the fewest digits that give it back, with -0 apart and no zero before the point. */
function encodeItem(item: unknown): string {
  if (typeof item !== 'number') return String(item);
  return Object.is(item, -0) ? '-0' : String(item).replace(/^(-?)0\./, '$1.');
}

const NUMBER = /^-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?$/;

function readNumber(text: string, { min, max }: { min: number; max: number }): number | null {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : null;
}

function decodeValue(field: FieldKind, text: string): unknown {
  switch (field.kind) {
    case 'integer': {
      const value = readNumber(text, field);
      return Number.isInteger(value) ? value : null;
    }
    case 'number':
      return readNumber(text, field);
    case 'flag':
      return text === '1' ? true : text === '0' ? false : null;
    case 'choice':
      return chosen(text, field.of);
    case 'choices':
      return items(text, field.longest, (item) => chosen(item, field.of));
    case 'numbers':
      return items(text, field.longest, (item) => readNumber(item, field));
  }
}

const chosen = (text: string, of: readonly (string | number)[]) =>
  of.find((option) => encodeItem(option) === text) ?? null;

function items<T>(text: string, longest: number, read: (item: string) => T | null): T[] | null {
  const all: T[] = [];
  if (text === '') return all;
  for (const run of text.split(',')) {
    const [item = '', times = '1', ...more] = run.split('*');
    const value = read(item);
    const amount = /^[1-9]\d{0,3}$/.test(times) ? Number(times) : 0;
    if (value === null || amount === 0 || more.length > 0 || all.length + amount > longest) return null;
    for (let i = 0; i < amount; i++) all.push(value);
  }
  return all;
}
