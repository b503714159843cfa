import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeconvError } from 'deconv-wasm';
import {
  type Analysis,
  analyze,
  compareNetworks,
  type Kernels,
  type NetworkComparison,
  type RepairPrecision,
  repairKernels,
} from 'deconv-wasm/checkerboard';
import {
  type Model,
  type ModelLayer,
  patchModel,
  type SharedWeight,
  type WeightChange,
  writeModel,
} from 'deconv-wasm/models';
import type { Network } from 'deconv-wasm/network';
import {
  fallText,
  inputOf,
  problemOf,
  RUN_INPUT,
  RUN_OPTIONS,
  type RunInput,
  runInputOf,
  warnNotDone,
} from './attributed.js';
import {
  fileProblem,
  hasGeometry,
  isFileError,
  layerPass,
  openModel,
  readGeometries,
  reasonOf,
  stampingKernels,
  subjectOf,
} from './findings.js';
import { networkOf } from './nodes.js';
import { prose, type Row, table } from './table.js';
import { printable, type Style, type Terminal } from './terminal.js';
import { EXIT, type ExitCode, nearest, packageVersion, parse, SCHEMA_VERSION, UsageError } from './usage.js';
import { counted, levelText, NONE, shareText, short } from './words.js';
import { checkEnding, checkFree, checkRegular, inOption, whileInterruptible } from './written-files.js';

const OPTIONS = {
  output: { type: 'string', short: 'o' },
  layer: { type: 'string', multiple: true },
  layers: { type: 'string', multiple: true },
  ...RUN_OPTIONS,
  'dry-run': { type: 'boolean' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  geometry: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const ADVICE =
  'A repaired layer gives other images, with less detail at first: train the model on for a while.';

/** What became of a layer that was to be repaired. */
interface Outcome {
  readonly layer: ModelLayer;
  readonly action: 'repaired' | 'unchanged' | 'refused';
  /** Why it was refused or needs no repair, a sentence. */
  readonly reason: string | null;
  readonly numbers: Numbers | null;
}

interface Numbers {
  readonly unevenness: { readonly before: number; readonly after: number };
  readonly levelDbc: { readonly before: number; readonly after: number };
  readonly largestChange: number;
  readonly relativeChange: number;
  /** Mean gain of the phases: norm over the pairs of channels, and the largest change of one. */
  readonly dcGain: { readonly before: number; readonly after: number; readonly largestChange: number };
}

export async function repairCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const given = parse(args, OPTIONS, { run: RUN_INPUT });
  const input = runInputOf(given);
  const [file, ...others] = given.positionals;
  const output = given.text('output');
  const dryRun = given.flag('dry-run');
  if (file === undefined) throw new UsageError('expected a model file');
  if (others.length > 0) {
    throw new UsageError(
      `expected one model file, got ${1 + others.length}${output === null ? '. The file to write is named by -o' : ''}`,
    );
  }
  if (output === null && !dryRun) throw new UsageError('expected -o FIXED, the file to write, or --dry-run');
  if (output === '') throw new UsageError('expected --output to be the name of a file, got none');
  if (output !== null) {
    await checkRegular('--output', output);
    await checkFree('--output', [output], given.flag('force'));
  }
  const geometries = await readGeometries(given.text('geometry'));
  try {
    await using model = await openModel(file, 'resampling', geometries);
    if (output !== null) checkEnding('--output', output, `.${model.format}`);
    if (geometries !== null && hasGeometry(model)) {
      throw new UsageError(`--geometry is for safetensors, .npy and .npz: ${printable(file)} has its own`);
    }
    if (model.layers.length === 0 && model.candidates.length > 0) {
      throw new UsageError(`${printable(file)} does not say what its tensors are: use --geometry`);
    }
    const chosen = choose(model, [
      ...given.texts('layer'),
      ...given.texts('layers').flatMap((names) => names.split(',')),
    ]);
    const changes: WeightChange[] = [];
    const outcomes: Outcome[] = [];
    for (const [index, layer] of chosen.entries()) {
      terminal.progress(`layer ${index + 1} of ${chosen.length}, ${printable(layer.name)}`);
      outcomes.push(await repairLayer(layer, changes));
    }
    // Whatever keeps the file from being made is found before a line says that it is.
    terminal.progress('checking');
    const { shared } = await patchModel(model, changes);
    const sharing = new Map(changes.map(({ layer }, index) => [layer, shared[index] as SharedWeight]));
    // What cannot be run is told before anything is written.
    const ran = input === null ? null : await runBoth(model, changes, input, terminal);
    let written: readonly string[] = [];
    if (changes.length > 0 && !dryRun && output !== null) {
      terminal.progress('writing');
      written = await write(model, changes, output);
    }
    terminal.progress('');
    if (given.flag('json')) {
      const told = asJson(file, output, dryRun, written, outcomes, sharing);
      terminal.print(JSON.stringify({ ...told, ...ran }, null, 2));
    } else {
      print(outcomes, sharing, terminal);
      const say = (text: string) => {
        for (const line of prose(text, terminal.width)) terminal.print(line);
      };
      if (ran !== null) say(sentenceOf(ran));
      if (chosen.length === 0) terminal.print('No transposed or sub-pixel convolutions to repair.');
      if (written.length > 0) {
        say(`Wrote ${written.map((name) => printable(name)).join(', ')}. ${ADVICE}`);
      } else {
        terminal.print(dryRun && changes.length > 0 ? 'Nothing written (--dry-run).' : 'Nothing to write.');
      }
    }
    if (ran !== null && ran.outputProblem !== null) {
      warnNotDone('--run', printable(file), ran.outputProblem, terminal);
      return EXIT.failed;
    }
    return outcomes.some(({ action }) => action === 'refused') ? EXIT.found : EXIT.fine;
  } catch (error) {
    if (error instanceof UsageError || !isFileError(error)) throw error;
    terminal.progress('');
    terminal.warn(`${terminal.paintError('red', 'deconv-wasm:')} ${fileProblem(file, error)}`);
    return EXIT.failed;
  }
}

/** The named layers, or all whose output has a pattern that repair is about. */
function choose({ layers }: Model, names: readonly string[]): readonly ModelLayer[] {
  if (names.length === 0) return layers.filter((layer) => layer.upsamples && !isAlwaysEven(layer));
  return [...new Set(names)].flatMap((name) => {
    if (name === '') throw new UsageError('expected names of layers, separated by commas, got an empty one');
    const found = layers.filter((layer) => layer.name === name);
    if (found.length > 0) return found;
    const guess = nearest(
      name,
      layers.map((layer) => layer.name),
    );
    const known = guess === null ? '' : ` Did you mean ${printable(guess)}?`;
    throw new UsageError(
      `no layer with a pattern to judge is called ${printable(name)}.${known} inspect lists them`,
    );
  });
}

/** A transposed convolution of stride 1, which has no grid, and a convolution of what is resized. */
function isAlwaysEven({ geometry }: ModelLayer): boolean {
  if (geometry === null) return false;
  const { stride, pixelShuffle, upsample } = geometry;
  return upsample !== null || (pixelShuffle?.upscaleFactor ?? stride).every((step) => step === 1);
}

async function repairLayer(layer: ModelLayer, changes: WeightChange[]): Promise<Outcome> {
  const { geometry, weightTensor } = layer;
  const outcome = { layer, numbers: null };
  if (layer.problem !== null || geometry === null || weightTensor === null) {
    return { ...outcome, action: 'refused', reason: layer.problem ?? 'it has no weight' };
  }
  try {
    const subject = await subjectOf(layer, geometry);
    const options = { pass: layerPass(layer), gains: false };
    const before = analyze(subject, options);
    if (before.verdict === 'free') return { ...outcome, action: 'unchanged', reason: 'it leaves no pattern' };
    if (layer.patchObstacle !== null) {
      return { ...outcome, action: 'refused', reason: layer.patchObstacle };
    }
    const fixed = repairKernels(subject, { precision: precisionOf(weightTensor.dtype) });
    const repaired = Float32Array.from(fixed.weight.data);
    const bias = fixed.bias === null ? null : Float32Array.from(fixed.bias);
    const biasChanges =
      bias?.some((value, index) => value !== Math.fround(subject.bias?.[index] ?? 0)) === true;
    const obstacle = biasChanges ? (layer.biasTensor?.patchObstacle ?? null) : null;
    if (obstacle !== null) return { ...outcome, action: 'refused', reason: `of its bias: ${obstacle}` };
    const even = { ...subject, weight: { data: repaired, shape: subject.weight.shape }, bias };
    const after = analyze(even, options);
    const [oldGains, newGains] = [subject, even].map((kernels) => dcGains(kernels, after));
    changes.push({ layer, weight: repaired, ...(bias !== null && biasChanges && { bias }) });
    return {
      ...outcome,
      action: 'repaired',
      reason: null,
      numbers: {
        unevenness: { before: before.unevenness, after: after.unevenness },
        levelDbc: { before: before.levelDbc, after: after.levelDbc },
        largestChange: fixed.report.largestChange,
        relativeChange: fixed.report.relativeChange,
        dcGain: compareGains(oldGains as Float64Array, newGains as Float64Array),
      },
    };
  } catch (error) {
    if (error instanceof DeconvError && error.code !== 'INTERNAL') {
      return { ...outcome, action: 'refused', reason: refusalOf(error) };
    }
    throw error;
  }
}

function refusalOf(error: DeconvError): string {
  return error.detail.verdict === 'holes'
    ? 'holes: some output positions get no tap, which no weights can mend. Take a kernel of at least the stride, and no factor in common between stride and dilation'
    : reasonOf(error);
}

/** The type that repaired values must survive; doubles of a file are read as floats, which doubles hold. */
function precisionOf(dtype: string): RepairPrecision {
  return dtype === 'float16' || dtype === 'bfloat16' ? dtype : 'float32';
}

/** Mean gain of the phases of every pair of channels: the sum of its taps over the phases. */
function dcGains(kernels: Kernels, { kernelSize, stride }: Analysis): Float64Array {
  const { data } = stampingKernels(kernels);
  const taps = kernelSize.reduce((product, size) => product * size, 1);
  const phases = stride.reduce((product, step) => product * step, 1);
  const gains = new Float64Array(data.length / taps);
  for (let index = 0; index < data.length; index += 1) {
    const pair = Math.floor(index / taps);
    gains[pair] = (gains[pair] as number) + (data[index] as number) / phases;
  }
  return gains;
}

function compareGains(before: Float64Array, after: Float64Array): Numbers['dcGain'] {
  const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return {
    before: norm(before),
    after: norm(after),
    largestChange: before.reduce(
      (most, value, pair) => Math.max(most, Math.abs((after[pair] as number) - value)),
      0,
    ),
  };
}

/** What the repair does to the output, by running the network before and after. */
interface Ran {
  readonly outputChange: NetworkComparison | null;
  /** Why it could not be run, a sentence; else null. */
  readonly outputProblem: string | null;
}

async function runBoth(
  model: Model,
  changes: readonly WeightChange[],
  input: RunInput,
  terminal: Terminal,
): Promise<Ran> {
  try {
    using before = await networkOf(model);
    using after = await repairedNetwork(model, changes);
    const onProgress = ({ loaded, total }: { readonly loaded: number; readonly total: number }) =>
      terminal.progress(`run ${loaded} of ${total}`);
    const given = await inputOf(before, input, terminal);
    return { outputChange: await compareNetworks(before, after, given, { onProgress }), outputProblem: null };
  } catch (error) {
    if (!(error instanceof DeconvError) || error.code === 'INTERNAL') throw error;
    return { outputChange: null, outputProblem: problemOf(error) };
  }
}

/** Of the file that is written, whether it stays or not: what is told is what it does. */
async function repairedNetwork(model: Model, changes: readonly WeightChange[]): Promise<Network> {
  return whileInterruptible(async (signal) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'deconv-wasm-'));
    try {
      const repaired = path.join(folder, `repaired.${model.format}`);
      await writeModel(model, changes, repaired, { signal });
      return await networkOf(repaired);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

function sentenceOf({ outputChange: change, outputProblem: problem }: Ran): string {
  if (problem !== null) return `Not run: ${printable(problem, 2000)}`;
  if (change === null)
    return 'In the output: no pattern could show, as nothing on the way there raises its resolution.';
  const { output, stride, inputs, before, after, fallDb, psnr, ssim } = change;
  const given = inputs.map((name) => printable(name)).join(', ');
  const period = `period ${stride.join(' x ')}`;
  const fall = fallDb < 0 ? `grows by ${levelText(-fallDb)} dB` : `falls by ${fallText(fallDb)}`;
  const [was, is] = [before, after].map(({ power, levelDb }) =>
    power === 0 ? null : `${levelText(levelDb)} dB`,
  );
  const pattern =
    was === null
      ? `there was no pattern of ${period}, and there is ${is === null ? 'none' : `one, ${is} over the output`}.`
      : `the pattern of ${period} was ${was} ${is === null ? 'over the output and is gone' : `and is ${is} over the output; it ${fall}`}.`;
  const alike = psnr >= -NONE ? 'equal' : `alike to ${fallText(psnr)} (PSNR), ${ssim.toFixed(3)} (SSIM)`;
  return `In the output ${printable(output)}, given ${given}: ${pattern} The outputs are ${alike}.`;
}

/** Writes, and leaves no half-written file when it is interrupted. */
async function write(
  model: Model,
  changes: readonly WeightChange[],
  output: string,
): Promise<readonly string[]> {
  try {
    const { files } = await whileInterruptible((signal) => writeModel(model, changes, output, { signal }));
    // External data are named by where they are beside the model.
    const beside = files.flatMap(({ location }) => location ?? []);
    return [output, ...beside.map((location) => path.join(path.dirname(output), location))];
  } catch (error) {
    throw inOption('--output', output, error);
  }
}

function asJson(
  file: string,
  output: string | null,
  dryRun: boolean,
  written: readonly string[],
  outcomes: readonly Outcome[],
  sharing: ReadonlyMap<ModelLayer, SharedWeight>,
): object {
  return {
    version: SCHEMA_VERSION,
    tool: `deconv-wasm ${packageVersion()}`,
    file,
    output,
    dryRun,
    written,
    layers: outcomes.map(({ layer, action, reason, numbers }) => ({
      name: layer.name,
      operator: layer.operator,
      geometry: layer.geometry,
      pass: layer.geometry && layerPass(layer),
      action,
      reason,
      unevenness: numbers?.unevenness ?? null,
      levelDbc: numbers?.levelDbc ?? null,
      largestChange: numbers?.largestChange ?? null,
      relativeChange: numbers?.relativeChange ?? null,
      dcGain: numbers?.dcGain ?? null,
      sharedWith: sharing.get(layer)?.users ?? [],
      changesWith: sharing.get(layer)?.changed ?? [],
    })),
    advice: written.length > 0 ? ADVICE : null,
  };
}

/** What else takes a repaired weight, and whether it changes too. */
function sharingNotes({ users, changed }: SharedWeight = { users: [], changed: [] }): string[] {
  const listed = (names: readonly string[]) => names.map((name) => printable(name)).join(', ');
  const others = users.filter((name) => !changed.includes(name));
  return [
    ...(others.length === 0
      ? []
      : [`it gets a weight of its own, as the old one is also that of ${listed(others)}`]),
    ...(changed.length === 0 ? [] : [`the same weight is that of ${listed(changed)}, and changes there too`]),
  ];
}

const COLUMNS = [
  { title: 'LAYER', shrinksTo: 16 },
  { title: 'ACTION' },
  { title: 'U BEFORE', right: true },
  { title: 'AFTER', right: true },
  { title: 'dBc BEFORE', right: true },
  { title: 'AFTER', right: true },
  { title: 'LARGEST CHANGE', right: true },
  { title: 'RELATIVE', right: true },
  { title: 'DC GAIN BEFORE', right: true },
  { title: 'AFTER', right: true },
];

const STYLES = { repaired: 'green', unchanged: 'dim', refused: 'red' } as const satisfies Record<
  Outcome['action'],
  Style
>;

function print(
  outcomes: readonly Outcome[],
  sharing: ReadonlyMap<ModelLayer, SharedWeight>,
  { paint, width, print: line }: Terminal,
): void {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ layer, action, reason, numbers }): Row => {
    const cells = [
      { text: printable(layer.name) || '(no name)', paint: (text: string) => paint('bold', text) },
      { text: action, paint: (text: string) => paint(STYLES[action], text) },
      ...(numbers === null
        ? []
        : [
            shareText(numbers.unevenness.before),
            shareText(numbers.unevenness.after),
            levelText(numbers.levelDbc.before),
            levelText(numbers.levelDbc.after),
            short(numbers.largestChange),
            `${short(100 * numbers.relativeChange)} %`,
            numbers.dcGain.before.toPrecision(6),
            numbers.dcGain.after.toPrecision(6),
          ].map((text) => ({ text }))),
    ];
    const note = [reason === null ? null : printable(reason, 2000), ...sharingNotes(sharing.get(layer))]
      .filter((text) => text !== null)
      .join('; ');
    return {
      cells,
      ...(note !== '' && { note: { text: note, paint: (text: string) => paint('dim', text) } }),
    };
  });
  for (const text of table(COLUMNS, rows, width)) line(text);
  const repaired = outcomes.filter(({ action }) => action === 'repaired').length;
  line(`${counted(repaired, 'layer')} repaired of ${outcomes.length}.`);
}
