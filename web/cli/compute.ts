import { existsSync } from 'node:fs';
import path from 'node:path';
import { DeconvError, init, type Tensor } from 'deconv-wasm';
import { loadNetwork, type Network, type ProfiledStep, type TileOptions } from 'deconv-wasm/network';
import { type Comparison, compare } from './comparison.js';
import { fileProblem, isFileError, reasonOf } from './findings.js';
import { refusedNodes } from './nodes.js';
import { MAX_RATE } from './sound-file.js';
import { type Column, type Row, table } from './table.js';
import { encodeTensor, kindOf, type Meaning, type PictureSize, readTensor } from './tensor-files.js';
import { givenText, printable, type Terminal } from './terminal.js';
import {
  EXIT,
  type ExitCode,
  type ParsedArguments,
  packageVersion,
  parse,
  readNumber,
  readNumbers,
  readStd,
  SCHEMA_VERSION,
  UsageError,
} from './usage.js';
import { short } from './words.js';
import { checkDistinct, checkFree, type FileToWrite, writeWhole } from './written-files.js';

const OPTIONS = {
  input: { type: 'string', short: 'i', multiple: true },
  output: { type: 'string', short: 'o', multiple: true },
  shape: { type: 'string', multiple: true },
  compare: { type: 'string', multiple: true },
  tolerance: { type: 'string' },
  profile: { type: 'boolean' },
  mean: { type: 'string' },
  std: { type: 'string' },
  'output-mean': { type: 'string' },
  'output-std': { type: 'string' },
  rate: { type: 'string' },
  tiled: { type: 'boolean' },
  tile: { type: 'string' },
  overlap: { type: 'string' },
  exact: { type: 'boolean' },
  threads: { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** A file with the input or output that it stands for; null for the only one. */
interface Named {
  readonly name: string | null;
  readonly text: string;
}

/** Runs a network once: `deconv-wasm run`. */
export async function compute(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const given = parse(args, OPTIONS);
  const [file, ...others] = given.positionals;
  if (file === undefined || others.length > 0) throw new UsageError('expected one model file');
  const list = (name: string, otherwise: number) => readNumbers(name, given.text(name), otherwise);
  const rate = readNumber('rate', given.text('rate'), 44_100, { least: 1, most: MAX_RATE, whole: true });
  const taken: Meaning = { mean: list('mean', 0), std: readStd('std', given.text('std')), rate };
  const outputStd = readStd('output-std', given.text('output-std'));
  const made: Meaning = { mean: list('output-mean', 0), std: outputStd, rate };
  const tolerance = readNumber('tolerance', given.text('tolerance'), 1e-4, { least: 0, whole: false });
  const threads = readNumber('threads', given.text('threads'), 1, { least: 1, most: 64, whole: true });
  const tiles = readTiles(given);
  const inputs = given.texts('input');
  for (const text of [...inputs, ...given.texts('output'), ...given.texts('compare')]) kindOf(text);
  checkMeant(given);
  const load = (wanted: readonly string[]) =>
    loadNetwork(file, {
      ...(given.flag('exact') ? { precision: 'exact' as const } : {}),
      ...(wanted.length > 0 && { outputs: wanted }),
    });
  try {
    const hasValue = (name: string) => isGiven(() => load([name]));
    const outputs = await readAll(given.texts('output'), hasValue);
    const compared = await readAll(given.texts('compare'), hasValue);
    const targets = outputs.map(({ text }) => text);
    await checkDistinct('--output', targets);
    await checkFree('--output', targets, given.flag('force'));
    const { notes } = await init({ threads });
    for (const note of notes) terminal.warn(note);
    const files = [...outputs, ...compared];
    const named = files.flatMap(({ name }) => name ?? []);
    // Files without a name stand for outputs of the network's own.
    using whole = await load(named.length < files.length ? [] : [...new Set(named)]);
    const own = whole.outputs.map(({ name }) => name);
    const names = [...new Set([...own, ...named])];
    const nameOf = ({ name }: Named) => name ?? onlyOne(own, 'output');
    files.forEach(nameOf);
    const pictureSize = tiles === null ? 'fitted' : 'own';
    const inputNames = whole.inputs.map(({ name }) => name);
    const tensors = await inputsOf(
      whole,
      await readAll(inputs, (name) => inputNames.includes(name)),
      given.texts('shape').map(readShapeOf),
      { ...taken, pictureSize },
      terminal,
    );
    using more = gives(whole, names, tensors, tiles) ? null : await load(names);
    const network = more ?? whole;
    const started = performance.now();
    const results = await (tiles === null
      ? network.run(tensors, names.length === 0 ? {} : { outputs: names })
      : runTiled(network, tensors, tiles));
    const milliseconds = performance.now() - started;
    const comparisons: Comparison[] = [];
    for (const one of compared) {
      const name = nameOf(one);
      const values = results[name] as Tensor;
      comparisons.push(await compare(one.text, name, values, network.format, made, tolerance));
    }
    const written: FileToWrite[] = [];
    for (const one of outputs) {
      const values = results[nameOf(one)] as Tensor;
      written.push({ file: one.text, bytes: await encodeTensor(one.text, values, network.format, made) });
    }
    await writeWhole('--output', written);
    const steps = given.flag('profile') ? network.profile(tensors, {}) : null;
    const report = { network, file, results, milliseconds, comparisons, steps };
    if (given.flag('json')) terminal.print(JSON.stringify(asJson(report), numberOrName, 2));
    else
      print(
        report,
        outputs.map((one) => ({ name: nameOf(one), text: one.text })),
        terminal,
      );
    return comparisons.every(({ within }) => within) ? EXIT.fine : EXIT.found;
  } catch (error) {
    if (!isFileError(error)) throw error;
    terminal.warn(`${terminal.paintError('red', 'deconv-wasm:')} ${fileProblem(file, error)}`);
    for (const node of refusedNodes(error)) terminal.warn(`  ${node}`);
    return EXIT.failed;
  }
}

/** Refuses what would mean nothing, because no file is of the kind that it is about. */
function checkMeant(given: ParsedArguments): void {
  const are = (kind: '.png' | '.wav', ...places: readonly ('input' | 'output' | 'compare')[]): boolean =>
    places.some((place) => given.texts(place).some((text) => kindOf(text) === kind));
  const needs = (options: readonly string[], there: boolean, meant: string): void => {
    if (there || options.every((name) => given.text(name) === null)) return;
    throw new UsageError(`${options.map((name) => `--${name}`).join(' and ')} ${meant}: none is given`);
  };
  needs(['mean', 'std'], are('.png', 'input'), 'are for pictures of --input');
  needs(
    ['output-mean', 'output-std'],
    are('.png', 'output', 'compare'),
    'are for pictures of --output and --compare',
  );
  needs(['rate'], are('.wav', 'output'), 'is for sounds of --output');
  needs(['tolerance'], given.texts('compare').length > 0, 'is for files of --compare');
}

/** What `--tiled` and its numbers ask for; null where the network runs on the whole. */
function readTiles(given: ParsedArguments): TileOptions | null {
  const number = (name: 'tile' | 'overlap', least: number) => {
    const text = given.text(name);
    return text === null
      ? {}
      : { [name]: readNumber(name, text, 0, { least, most: 2 ** 31 - 1, whole: true }) };
  };
  const options = { ...number('tile', 1), ...number('overlap', 0) };
  if (!given.flag('tiled') && Object.keys(options).length === 0) return null;
  if (given.flag('profile')) throw new UsageError('expected --profile without --tiled: it times the whole');
  return options;
}

async function runTiled(
  network: Network,
  tensors: Readonly<Record<string, Tensor>>,
  options: TileOptions,
): Promise<Record<string, Tensor>> {
  const [x] = Object.values(tensors);
  const [output] = network.outputs;
  try {
    return { [output?.name ?? '']: await network.tiled(x as Tensor, options) };
  } catch (error) {
    if (!(error instanceof DeconvError) || error.detail.where !== 'Network.tiled') throw error;
    throw new UsageError(`--tiled: ${reasonOf(error)}`);
  }
}

type Has = (name: string) => boolean | Promise<boolean>;

async function readAll(texts: readonly string[], has: Has): Promise<Named[]> {
  const all: Named[] = [];
  for (const text of texts) all.push(await readNamed(text, has));
  return all;
}

/**
 * `NAME=FILE`, or a file alone, whose name may have such a sign, too. What looks like a path is one where the network has
 * nothing of that name; any other name that it has nothing of is a slip.
 */
async function readNamed(text: string, has: Has): Promise<Named> {
  const first = text.indexOf('=');
  if (first < 0) return { name: null, text };
  checkNamed(text, first);
  const split = (at: number): Named => ({ name: text.slice(0, at), text: text.slice(at + 1) });
  const isPath = looksLikePath(text, text.slice(0, first));
  if (!isPath && text.indexOf('=', first + 1) < 0) return split(first);
  for (let at = first; at >= 0; at = text.indexOf('=', at + 1)) {
    if (await has(text.slice(0, at))) return split(at);
  }
  return isPath ? { name: null, text } : split(first);
}

/**
 * It is there, or its folder, or has a folder before the sign. Values may be called as paths from a root that has nothing of
 * the name.
 */
function looksLikePath(text: string, before: string): boolean {
  const [first = '', second = '', ...more] = before.split(/[/\\]/);
  const folder = path.dirname(text);
  if (existsSync(text) || (folder.includes('=') && existsSync(folder))) return true;
  return first === '' ? more.length > 0 && existsSync(`/${second}`) : before !== first;
}

/** `NAME=1,3,64,64`, or a shape alone, which has no such sign. */
function readShapeOf(text: string): Named {
  const at = text.lastIndexOf('=');
  checkNamed(text, at);
  return at < 0 ? { name: null, text } : { name: text.slice(0, at), text: text.slice(at + 1) };
}

function checkNamed(text: string, sign: number): void {
  if (sign === 0) throw new UsageError(`expected a name before =, got none: ${printable(text)}`);
}

/** Whether a network has a value, be it one that runs or not. */
async function isGiven(load: () => Promise<Network>): Promise<boolean> {
  try {
    (await load()).dispose();
    return true;
  } catch (error) {
    if (error instanceof DeconvError) return error.code !== 'BAD_OPTION';
    throw error;
  }
}

/** Whether a network computes the named values on the way to its outputs. */
function gives(
  network: Network,
  names: readonly string[],
  tensors: Readonly<Record<string, Tensor>>,
  tiles: TileOptions | null,
): boolean {
  if (names.length === network.outputs.length) return true;
  if (tiles !== null) return false;
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
  try {
    network.prepare(Object.fromEntries(shapes), { outputs: names });
    return true;
  } catch (error) {
    if (error instanceof DeconvError && error.code === 'BAD_OPTION') return false;
    throw error;
  }
}

function onlyOne(names: readonly string[], what: 'input' | 'output', form = 'FILE'): string {
  if (names.length === 1) return names[0] as string;
  throw new UsageError(
    `expected the name of an ${what}, as in ${printable(names[0] ?? 'y')}=${form}: there are ${names.map((name) => printable(name)).join(', ')}`,
  );
}

/** A tensor for every input: from its file, or of random values from 0 to 1. */
async function inputsOf(
  network: Network,
  files: readonly Named[],
  shapes: readonly Named[],
  { pictureSize, ...meaning }: Meaning & { readonly pictureSize: PictureSize },
  terminal: Terminal,
): Promise<Record<string, Tensor>> {
  const names = network.inputs.map(({ name }) => name);
  for (const { name } of [...files, ...shapes]) {
    if (name !== null && !names.includes(name)) {
      throw new UsageError(
        `no input is called ${printable(name)}; there are ${names.map((one) => printable(one)).join(', ')}`,
      );
    }
  }
  const named = (list: readonly Named[], form: string, before?: ReadonlyMap<string, string>) => {
    const byName = new Map<string, string>();
    for (const { name, text } of list) {
      const key = name ?? onlyOne(names, 'input', form);
      const other = byName.get(key) ?? before?.get(key);
      if (other !== undefined) {
        throw new UsageError(
          `expected one --input or --shape for ${printable(key)}, got ${printable(other)} and ${printable(text)}`,
        );
      }
      byName.set(key, text);
    }
    return byName;
  };
  const byFile = named(files, 'FILE');
  const byShape = named(shapes, '1,3,64,64', byFile);
  const tensors: [name: string, tensor: Tensor][] = [];
  for (const port of network.inputs) {
    const file = byFile.get(port.name);
    if (file === undefined) {
      tensors.push([port.name, randomTensor(port, byShape.get(port.name))]);
      continue;
    }
    const { tensor, note } = await readTensor('--input', file, port, network.format, meaning, pictureSize);
    if (note !== null) terminal.warn(`${printable(file)}: ${note}`);
    tensors.push([port.name, tensor]);
  }
  return Object.fromEntries(tensors);
}

type Port = Network['inputs'][number];

/** Values that a tensor has at most. */
const MOST_VALUES = 2 ** 29;

const isExtent = (extent: unknown): extent is number => Number.isInteger(extent) && (extent as number) > 0;

function randomTensor({ name, shape: declared }: Port, text: string | undefined): Tensor {
  const shape = text === undefined ? declared : readShape(text);
  if (!shape.every(isExtent)) {
    const example = declared.map((extent) => (isExtent(extent) ? extent : 64)).join(',');
    const where = `--input ${printable(name)}=FILE or --shape ${printable(name)}=${example}`;
    throw new UsageError(
      `${printable(name)} has the shape [${declared.join(', ')}]: say with ${where} what it is`,
    );
  }
  const extents: readonly number[] = shape;
  const count = extents.reduce((product, extent) => product * extent, 1);
  if (count > MOST_VALUES) {
    throw new UsageError(
      `--shape ${printable(name)}=${extents.join(',')}: expected at most ${MOST_VALUES} values, got ${count}`,
    );
  }
  // Multiples of the golden ratio: spread evenly, the same every time.
  const data = Float32Array.from({ length: count }, (_, index) => (index * 0.618033988749895) % 1);
  return { data, shape: extents };
}

function readShape(text: string): readonly number[] {
  const shape = text.split(/[,x]/).map(Number);
  if (shape.every(isExtent)) return shape;
  throw new UsageError(`expected --shape to be integers from 1 on, as in 1,3,64,64, got ${givenText(text)}`);
}

interface Report {
  readonly network: Network;
  readonly file: string;
  readonly results: Readonly<Record<string, Tensor>>;
  readonly milliseconds: number;
  readonly comparisons: readonly Comparison[];
  readonly steps: readonly ProfiledStep[] | null;
}

function rangeOf({ data }: Tensor) {
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, most, mean: sum / data.length };
}

/** JSON has no infinities and no NaN, and null stands for what is unknown. */
function numberOrName(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function asJson({ network, file, results, milliseconds, comparisons, steps }: Report): object {
  return {
    version: SCHEMA_VERSION,
    tool: `deconv-wasm ${packageVersion()}`,
    file,
    format: network.format,
    inputs: network.inputs,
    milliseconds,
    outputs: Object.entries(results).map(([name, tensor]) => ({
      name,
      shape: tensor.shape,
      ...rangeOf(tensor),
    })),
    comparisons,
    steps,
  };
}

function print(
  { network, file, results, milliseconds, comparisons, steps }: Report,
  written: readonly { readonly name: string; readonly text: string }[],
  terminal: Terminal,
): void {
  const { paint } = terminal;
  terminal.print(
    `${paint('bold', printable(file))} (${network.format}): first run ${milliseconds.toFixed(1)} ms`,
  );
  for (const [name, tensor] of Object.entries(results)) {
    const { least, most, mean } = rangeOf(tensor);
    const to = written.filter((one) => one.name === name).map(({ text }) => `; ${printable(text)}`);
    terminal.print(
      `${printable(name)} [${tensor.shape.join(', ')}]: ${short(least)} to ${short(most)}, mean ${short(mean)}${to.join('')}`,
    );
  }
  for (const { name, file: other, difference, within } of comparisons) {
    const text = `${printable(name)} differs from ${printable(other)} by at most ${difference.toExponential(1)} of its rms`;
    terminal.print(within ? text : paint('red', text));
  }
  if (steps === null) return;
  for (const line of table(COLUMNS, profileRows(steps), terminal.width)) terminal.print(line);
  const total = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  terminal.print(paint('bold', `${steps.length} steps: ${total.toFixed(2)} ms`));
}

const COLUMNS: readonly Column[] = [
  { title: 'NODE', shrinksTo: 12 },
  { title: 'OPERATORS', shrinksTo: 12 },
  { title: 'OUTPUT', shrinksTo: 8, drops: true },
  { title: 'ROUTE', drops: true },
  { title: 'MMAC', right: true, drops: true },
  { title: 'ms', right: true },
  { title: '%', right: true },
];

function profileRows(steps: readonly ProfiledStep[]): Row[] {
  const total = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  return steps.map((step) => ({
    cells: [
      { text: printable(step.names[0] ?? '') || '(no name)' },
      { text: printable(step.types.join(' + ')) },
      { text: step.outputShapes.map((shape) => shape.join('x')).join(' ') },
      { text: step.route ?? '' },
      { text: step.multiplyAdds === 0 ? '' : short(step.multiplyAdds / 1e6) },
      { text: step.milliseconds.toFixed(3) },
      { text: ((100 * step.milliseconds) / total).toFixed(1) },
    ],
  }));
}
