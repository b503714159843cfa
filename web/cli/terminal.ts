import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text in a style, or the text alone where there are no colours. */
export type Paint = (style: Style, text: string) => string;

/** What the commands know of where they print. */
export interface Terminal {
  /** Columns of the screen; null where results go to a file or a pipe. */
  readonly width: number | null;
  readonly paint: Paint;
  /** For what goes to stderr. */
  readonly paintError: Paint;
  /** Results. */
  print(text: string): void;
  /** Errors and notes. */
  warn(text: string): void;
  /** Replaces the line of progress; an empty text takes it away. Nothing where stderr is no screen. */
  progress(text: string): void;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Milliseconds before the first line of progress. */
const QUIET = 400;

export function processTerminal(
  stdout: Stream = process.stdout,
  stderr: Stream = process.stderr,
  env: NodeJS.ProcessEnv = process.env,
): Terminal {
  const live = stderr.isTTY === true && env.TERM !== 'dumb';
  const started = performance.now();
  let shown = false;
  const clear = () => {
    if (shown) stderr.write('\r\x1b[K');
    shown = false;
  };
  return {
    width: stdout.isTTY === true ? stdout.columns || 80 : null,
    paint: painter(stdout, env),
    paintError: painter(stderr, env),
    print(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    warn(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      // What is soon done needs no sign of life.
      if (!live || performance.now() - started < QUIET) return;
      clear();
      if (text === '') return;
      stderr.write(shorten(text, (stderr.columns || 80) - 1));
      shown = true;
    },
  };
}

/** Colours on screens, as no-color.org and force-color.org have it. */
function painter(stream: Stream, env: NodeJS.ProcessEnv): Paint {
  const { FORCE_COLOR: force, NO_COLOR: no } = env;
  const wanted =
    force !== undefined && force !== ''
      ? force !== '0' && force !== 'false'
      : (no === undefined || no === '') && stream.isTTY === true && env.TERM !== 'dumb';
  // Whether to paint is decided here: newer Nodes would ask stdout, whichever stream the text is for.
  return (style, text) => (wanted ? styleText(style, text, { validateStream: false }) : text);
}

/** Longest name that is shown. A file may call its layers anything. */
const LONGEST = 300;

/** A text out of a file on one line, with no character that could steer a terminal or turn the line around. */
export function printable(text: string, longest = LONGEST): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return shown.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** What an option was given, for an error: an empty text would not be seen. */
export function givenText(text: string | null): string {
  return printable(text ?? '') || 'none';
}

/** Columns that a text takes on a screen. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += wide.test(segment) ? 2 : 1;
  return columns;
}

/** The text, or its two ends around an ellipsis: names differ at either. */
export function shorten(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment);
  const tail: string[] = [];
  const head: string[] = [];
  let left = columns - 1;
  for (let taken = 0; parts.length > 0; taken += 1) {
    const part = (taken % 2 === 0 ? parts.pop() : parts.shift()) as string;
    left -= columnsOf(part);
    if (left < 0) break;
    if (taken % 2 === 0) tail.unshift(part);
    else head.push(part);
  }
  return `${head.join('')}…${tail.join('')}`;
}

const graphemes = new Intl.Segmenter();
const wide =
  /\p{Emoji_Presentation}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
