// Which layer of a file's network draws the pattern in its output, by running it.

import { DeconvError, type Tensor } from 'deconv-wasm';
import { type Attribution, attribute } from 'deconv-wasm/checkerboard';
import type { Model } from 'deconv-wasm/models';
import type { Network } from 'deconv-wasm/network';
import { reasonOf } from './findings.js';
import { networkOf, refusedNodes } from './nodes.js';
import { type Column, prose, type Row, table } from './table.js';
import { KINDS, kindOf, type Meaning, readTensor } from './tensor-files.js';
import { printable, type Terminal } from './terminal.js';
import { type ParsedArguments, readNumbers, readStd, UsageError } from './usage.js';
import { levelText, NONE, shareText } from './words.js';

/** What the value of --run looks like. */
export const RUN_INPUT = new RegExp(`(${KINDS.map((kind) => `\\${kind}`).join('|')})$`, 'i');
/** Beside --run itself: what the picture becomes on its way in. */
export const RUN_OPTIONS = {
  run: { type: 'string' },
  mean: { type: 'string' },
  std: { type: 'string' },
} as const;

/** What a network is given by --run: an input's file, empty for flats and a picture that are made. */
export interface RunInput extends Pick<Meaning, 'mean' | 'std'> {
  readonly file: string;
}

/** Null without --run. */
export function runInputOf(given: ParsedArguments): RunInput | null {
  const file = given.text('run');
  const [mean, std] = [given.text('mean'), given.text('std')];
  if ((mean !== null || std !== null) && (!file || kindOf(file) !== '.png')) {
    throw new UsageError('--mean and --std are for the picture of --run PICTURE.png');
  }
  return file === null ? null : { file, mean: readNumbers('mean', mean, 0), std: readStd('std', std) };
}

export interface Attributed {
  readonly attribution: Attribution | null;
  /** Why there is none, a sentence; else null. */
  readonly problem: string | null;
}

export async function attributionOf(
  model: Model,
  title: string,
  given: RunInput,
  terminal: Terminal,
): Promise<Attributed> {
  try {
    using network = await networkOf(model);
    const input = await inputOf(network, given, terminal);
    const onProgress = ({ loaded, total }: { readonly loaded: number; readonly total: number }) =>
      terminal.progress(`${title}: run ${loaded} of ${total}`);
    return { attribution: await attribute(network, input, { onProgress }), problem: null };
  } catch (error) {
    if (!(error instanceof DeconvError) || error.code === 'INTERNAL') throw error;
    warnNotDone('--run', title, problemOf(error), terminal);
    return { attribution: null, problem: problemOf(error) };
  } finally {
    terminal.progress('');
  }
}

/** The values of the file of --run; null without one. */
export async function inputOf(
  network: Network,
  { file, mean, std }: RunInput,
  terminal: Terminal,
): Promise<Tensor | null> {
  if (file === '') return null;
  const [port, ...others] = network.inputs;
  if (port === undefined || others.length > 0) {
    const names = network.inputs.map(({ name }) => printable(name)).join(', ');
    throw new UsageError(`--run ${printable(file)}: the network takes ${names}; leave the file out`);
  }
  const { tensor, note } = await readTensor('--run', file, port, network.format, {
    mean,
    std,
    rate: 44_100,
  });
  if (note !== null) terminal.warn(`${printable(file)}: ${note}`);
  return tensor;
}

/** What an option asks for and is not done is a failure, whatever the results say of it. */
export function warnNotDone(option: string, file: string, problem: string, terminal: Terminal): void {
  terminal.warn(
    `${terminal.paintError('red', 'deconv-wasm:')} ${option}: ${file}: ${printable(problem, 2000)}`,
  );
}

/** What keeps a network from being run, in a sentence. */
export function problemOf(error: DeconvError): string {
  const nodes = refusedNodes(error);
  return nodes.length === 0 ? reasonOf(error) : `nodes that are not run: ${nodes.join('; ')}`;
}

/** As the JSON has it: without the pictures. */
export function attributionJson({ attribution, problem }: Attributed): object {
  if (attribution === null) return { attribution: null, attributionProblem: problem };
  const { pictures: _, steps, ...told } = attribution;
  return {
    attribution: { ...told, steps: steps.map(({ picture: __, ...step }) => step) },
    attributionProblem: null,
  };
}

const STEPS: readonly Column[] = [
  { title: 'VALUE', shrinksTo: 16 },
  { title: 'OPERATORS', shrinksTo: 12, drops: true },
  { title: 'PERIOD' },
  { title: 'POWER', right: true },
  { title: 'dB', right: true },
];

const LAYERS: readonly Column[] = [
  { title: 'LAYER', shrinksTo: 16 },
  { title: 'KIND' },
  { title: 'U', right: true },
  { title: 'REPAIRED ALONE', right: true },
  { title: 'SHARE', right: true },
  { title: 'LINEAR', right: true, drops: true },
  { title: 'PSNR', right: true, drops: true },
  { title: 'SSIM', right: true, drops: true },
];

export function printAttribution(
  { attribution, problem }: Attributed,
  { paint, print, width }: Terminal,
): void {
  if (attribution === null) {
    for (const line of prose(`Not run: ${printable(problem ?? '', 2000)}`, width)) print(paint('dim', line));
    return;
  }
  const { output, inputs, steps, layers, culprit, sentence } = attribution;
  const name = (text: string) => ({ text: printable(text) || '(no name)' });
  if (steps.length > 0) {
    const given = inputs.map((one) => printable(one)).join(', ');
    const title = `The pattern on its way to ${printable(output)}, for ${given}:`;
    for (const line of prose(title, width)) print(paint('bold', line));
    const rows = steps.map(
      (step): Row => ({
        cells: [
          name(step.name),
          { text: printable(step.types.join(' + ')) },
          { text: step.stride.join('x') },
          ...(step.strength === null
            ? [{ text: 'too small' }]
            : [{ text: step.strength.power.toExponential(1) }, { text: levelText(step.strength.levelDb) }]),
        ],
      }),
    );
    for (const line of table(STEPS, rows, width)) print(line);
  }
  if (layers.length > 0) {
    print(paint('bold', 'What each layer brings to it:'));
    const rows = layers.map((layer): Row => {
      const { repaired, response } = layer;
      return {
        cells: [
          {
            ...name(layer.name),
            ...(layer.name === culprit && { paint: (text: string) => paint('red', text) }),
          },
          { text: layer.kind },
          { text: shareText(layer.unevenness) },
          ...(repaired === null
            ? []
            : [
                { text: fallText(repaired.fallDb) },
                { text: percentText(layer.share) },
                { text: response === null ? '' : percentText(response) },
                { text: psnrText(repaired.psnr) },
                { text: repaired.ssim.toFixed(3) },
              ]),
        ],
        ...(layer.problem !== null && {
          note: { text: printable(layer.problem, 2000), paint: (text: string) => paint('dim', text) },
        }),
      };
    });
    for (const line of table(LAYERS, rows, width)) print(line);
  }
  for (const line of prose(printable(sentence, 4000), width)) print(line);
}

/** Decibels; all there is where nothing is left. */
export function fallText(decibels: number): string {
  return decibels >= -NONE ? 'all' : `${levelText(decibels)} dB`;
}

/** The same of how alike two outputs are. */
export function psnrText(decibels: number): string {
  return decibels >= -NONE ? 'equal' : `${levelText(decibels)} dB`;
}

export function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
