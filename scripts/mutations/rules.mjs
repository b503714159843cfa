// One-line faults that people make, as rules over tokens. A rule looks at one token and gives what may stand
// there instead: `[{ from, to, text }]`, positions in the source and the new text.

import { closing, isFloat, tokensOf } from './tokens.mjs';

const SIGNS = {
  '<': ['<='],
  '<=': ['<'],
  '>': ['>='],
  '>=': ['>'],
  '==': ['!='],
  '!=': ['=='],
  '&&': ['||'],
  '||': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '*': ['+'],
  '/': ['*'],
  '%': ['/'],
  '&': ['|'],
  '|': ['&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['+='],
  '|=': ['&='],
};

/** Names of which one stands easily where the other belongs. */
const NAMES = [
  ['min', 'max'],
  ['true', 'false'],
  ['ceil', 'floor'],
  ['ceil_divide', 'floor_divide'],
  ['break', 'continue'],
  ['first', 'last'],
  ['first', 'count'],
  ['begin', 'end'],
  ['before', 'after'],
  ['left', 'right'],
  ['low', 'high'],
  ['rows', 'columns'],
  ['row', 'column'],
  ['height', 'width'],
  ['input', 'output'],
  ['in', 'out'],
  ['in_channels', 'out_channels'],
  ['group_in', 'group_out'],
  ['group_in_channels', 'group_out_channels'],
  ['input_points', 'output_points'],
  ['input_elements', 'output_elements'],
  ['pad_before', 'pad_after'],
  ['stride', 'dilation'],
  ['stride', 'input_dilation'],
  ['step', 'count'],
  ['source_stride', 'target_stride'],
  ['channel_step', 'column_step'],
  ['kChannelsFirst', 'kChannelsLast'],
  ['interleave_two', 'interleave_three'],
  ['wasm_f32x4_add', 'wasm_f32x4_sub'],
  ['wasm_f32x4_mul', 'wasm_f32x4_add'],
  ['wasm_f32x4_le', 'wasm_f32x4_lt'],
  ['wasm_f32x4_le', 'wasm_f32x4_ge'],
  ['wasm_f32x4_nearest', 'wasm_f32x4_trunc'],
  ['wasm_v128_and', 'wasm_v128_andnot'],
  ['wasm_i32x4_eq', 'wasm_i32x4_ne'],
];

/** Characters within which the other name must be used, or the mutant would hardly compile. */
const NEAR = 700;

/** Calls of one argument that may be forgotten. */
const FORGOTTEN = new Set(['relu', 'whole_vectors', 'whole_panels', 'flushed', 'abs']);
/** Values that a fault sets for good. */
const FLAGS = new Set(['relu', 'clamps', 'transposed', 'exact']);

/** Functions whose answers are a matter of degree: a fixture of measured layers guards them, not these. */
const ESTIMATES = /cost|nanoseconds|phase_runs/;

/** Every mutation of a source that the rules know: `{ line, from, to, text, original, mutant, above, estimate }`. */
export function mutationsOf(source) {
  const tokens = tokensOf(source);
  const estimates = estimatesIn(tokens);
  const lines = lineStarts(source);
  const found = [];
  tokens.forEach((token, index) => {
    for (const { from, to, text } of changesAt(tokens, index, source)) {
      const line = lines.findLastIndex((start) => start <= token.at);
      const start = lines[line];
      const end = source.indexOf('\n', start);
      if (to > end) continue;
      found.push({
        line: line + 1,
        from,
        to,
        text,
        above: source.slice(lines[line - 1] ?? start, start).trim(),
        original: source.slice(start, end).trim(),
        mutant: `${source.slice(start, from)}${text}${source.slice(to, end)}`.trim(),
        estimate: estimates.some(([first, last]) => index >= first && index <= last),
      });
    }
  });
  return found;
}

function* changesAt(tokens, index, source) {
  const token = tokens[index];
  const end = token.at + token.text.length;
  const change = (text) => ({ from: token.at, to: end, text });
  if (token.kind === 'number') yield* numbers(token.text).map(change);
  if (token.kind === 'sign') {
    yield* signs(tokens, index).map(change);
    yield* choices(token, end);
    if (token.text === ';') yield* forgottenStatement(tokens, index, source);
  }
  if (token.kind === 'word') {
    if (isUse(tokens, index)) yield* names(tokens, index).map(change);
    yield* conditions(tokens, index, source);
    yield* forgottenCall(tokens, index);
    if (isFlag(tokens, index)) yield { from: flagStart(tokens, index), to: end, text: 'false' };
    yield* forgottenBias(tokens, index);
  }
}

function numbers(text) {
  if (isFloat(text)) return text === '0.0f' ? ['1.0f'] : [];
  const digits = /^\d+$/.exec(text);
  if (digits === null) return [];
  const value = Number(text);
  return value === 0 ? ['1'] : [String(value + 1), String(value - 1)];
}

function signs(tokens, index) {
  const { text, spaced } = tokens[index];
  if (!spaced) {
    // A sign of its own, not one between two values.
    const before = tokens[index - 1]?.text ?? '';
    if (text === '-' && /^([([,=?:]|return)$/.test(before)) return [' '];
    if (text === '!' && tokens[index + 1]?.text !== '=') return [' '];
    return [];
  }
  if (tokens[index - 1]?.text === 'template') return [];
  // A loop that runs backwards never ends.
  if (text === '+=' || text === '-=') return isInLoopHeader(tokens, index) ? [] : SIGNS[text];
  return SIGNS[text] ?? [];
}

/** `condition ? a : b` always takes one side. */
function choices(token, end) {
  if (token.text !== '?') return [];
  return ['|| true ?', '&& false ?'].map((text) => ({ from: token.at, to: end, text }));
}

function names(tokens, index) {
  const { text, at } = tokens[index];
  const bare = text.replace(/_$/, '');
  const tail = text.slice(bare.length);
  const candidates = NAMES.flatMap(([one, other]) => (bare === one ? [other] : bare === other ? [one] : []));
  const near = (token) => Math.abs(token.at - at) < NEAR;
  return candidates
    .map((name) => name + tail)
    .filter(
      (name) =>
        /^(wasm|min|max|true|false|break|continue)/.test(name) ||
        tokens.some((token) => token.text === name && near(token)),
    );
}

/** Not the declaration of a name, whose uses would all be wrong at once. */
function isUse(tokens, index) {
  const before = tokens[index - 1];
  const after = tokens[index + 1]?.text;
  if (before === undefined) return false;
  if (/^(break|continue|true|false)$/.test(tokens[index].text)) return true;
  if (before.kind === 'word') return /^(return|else|case)$/.test(before.text);
  if (/^[*&>]$/.test(before.text) && !before.spaced) return false;
  // Of a designated initializer.
  return !(before.text === '.' && after === '=');
}

/** `if (x)` the other way round. */
function conditions(tokens, index, source) {
  if (tokens[index].text !== 'if' || tokens[index + 1].text !== '(') return [];
  const open = tokens[index + 1];
  const close = closing(tokens, index + 1);
  // A declaration in it cannot be negated; nor is its null check worth more than the tests of what it finds.
  if (tokens.slice(index, close).some(({ text }) => text === ';' || text === '=')) return [];
  const from = open.at + 1;
  const to = tokens[close].at;
  return [{ from, to, text: `!(${source.slice(from, to)})` }];
}

function forgottenCall(tokens, index) {
  if (!FORGOTTEN.has(tokens[index].text) || tokens[index + 1]?.text !== '(') return [];
  const before = tokens[index - 1];
  // Its own definition, and calls of a class or a namespace.
  if (before.kind === 'word' && before.text !== 'return') return [];
  const from = before.text === '::' ? tokens[index - 2].at : tokens[index].at;
  return [{ from, to: tokens[index].at + tokens[index].text.length, text: '' }];
}

function isFlag(tokens, index) {
  const after = tokens[index + 1]?.text;
  if (!FLAGS.has(tokens[index].text) || after === '(' || after === '=') return false;
  return /^[.,(?&|=!]+$|^return$/.test(tokens[index - 1].text);
}

/** `problem.spec.relu`, from its beginning. */
function flagStart(tokens, index) {
  let first = index;
  while (tokens[first - 1].text === '.' || tokens[first - 1].text === '->') first -= 2;
  return tokens[first].at;
}

function forgottenBias(tokens, index) {
  if (!/^bias_?$/.test(tokens[index].text) || tokens[index + 1]?.text !== '[') return [];
  const close = closing(tokens, index + 1);
  if (tokens[close + 1]?.text === '=') return [];
  let first = index;
  while (tokens[first - 1].text === '.' || tokens[first - 1].text === '->') first -= 2;
  return [{ from: tokens[first].at, to: tokens[close].at + 1, text: '0.0f' }];
}

/** A call or an assignment of one line that is left out. */
function forgottenStatement(tokens, index, source) {
  let first = index;
  while (first > 0 && !/^[;{}]$/.test(tokens[first - 1].text)) first -= 1;
  const statement = tokens.slice(first, index);
  if (statement.length === 0 || isInLoopHeader(tokens, index)) return [];
  const begin = headerLength(tokens, first, index);
  const body = statement.slice(begin);
  if (body.length === 0) return [];
  const text = source.slice(body[0].at, tokens[index].at);
  if (
    text.includes('\n') ||
    !/^(continue|break|[\w.:>[\]()-]+(\[.*\])? [-+*|]?= |[\w.:>-]+\(|(\+\+|--))/.test(text)
  )
    return [];
  if (/^(return|case|using|const|delete|auto|int|float|static)\b/.test(text)) return [];
  return [{ from: body[0].at, to: tokens[index].at, text: '' }];
}

/** Tokens of `else`, `if (...)`, or of what is left of `for (...; ...; ...)`, before a statement's own. */
function headerLength(tokens, first, end) {
  if (tokens[first].text === 'else') return 1;
  if (/^(if|while)$/.test(tokens[first].text)) {
    const open = tokens[first + 1].text === 'constexpr' ? first + 2 : first + 1;
    return closing(tokens, open) - first + 1;
  }
  let depth = 0;
  for (let index = first; index < end; index += 1) {
    if (tokens[index].text === '(') depth += 1;
    if (tokens[index].text === ')') depth -= 1;
    if (depth < 0) return index + 1 - first;
  }
  return 0;
}

function isInLoopHeader(tokens, index) {
  let depth = 0;
  for (let at = index - 1; at >= 0 && !/^[{}]$/.test(tokens[at].text); at -= 1) {
    if (tokens[at].text === ')') depth += 1;
    if (tokens[at].text === '(') {
      depth -= 1;
      if (depth < 0) return /^(for|while)$/.test(tokens[at - 1]?.text);
    }
  }
  return false;
}

/** Ranges of tokens that are bodies of functions of the cost model. */
function estimatesIn(tokens) {
  const ranges = [];
  tokens.forEach(({ kind, text }, index) => {
    if (kind !== 'word' || !ESTIMATES.test(text) || tokens[index + 1]?.text !== '(') return;
    let open = closing(tokens, index + 1) + 1;
    if (tokens[open]?.text === 'const') open += 1;
    if (tokens[open]?.text === '{') ranges.push([open, closing(tokens, open)]);
  });
  return ranges;
}

function lineStarts(source) {
  const starts = [0];
  for (const { index } of source.matchAll(/\n/g)) starts.push(index + 1);
  return starts;
}
