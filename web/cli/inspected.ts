import type { Analysis, Pass } from 'deconv-wasm/checkerboard';
import type { Model } from 'deconv-wasm/models';
import type { Attributed } from './attributed.js';
import { type Finding, layerPass } from './findings.js';
import type { Nodes } from './nodes.js';
import { printable } from './terminal.js';
import { counted } from './words.js';

/** One file of the command line; `error` says why there is nothing else. */
export interface Inspected {
  /** As it was given, which is a place on somebody's machine: for messages, not for reports. */
  readonly file: string;
  /** The file's name, with as much of its folder as tells it from the others. */
  readonly title: string;
  readonly format: string | null;
  readonly producer: string;
  /** What shows in the output first. */
  readonly findings: readonly Finding[];
  /** Layers that --pass left out. */
  readonly leftOut: number;
  /** Tensors that could be weights, of a file that does not say which are. */
  readonly candidates: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  /** Tensors whose values are of no type that is read. */
  readonly unread: Model['unread'];
  /** With --all: those of its network; null where the file has none. */
  readonly nodes?: Nodes | null;
  /** With --run: what running it tells. */
  readonly attributed?: Attributed;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What is left out of a file; '' for nothing. */
export function unreadSentence({ unread }: Inspected): string {
  if (unread.length === 0) return '';
  const shown = unread.slice(0, 8).map(({ name, dtype }) => `${printable(name)} (${printable(dtype)})`);
  const more = unread.length > shown.length ? ', …' : '';
  return `${counted(unread.length, 'tensor')} of types that are not read: ${shown.join(', ')}${more}`;
}

/** Whether a layer's pattern is above the limit of --fail-above. */
export function isAbove({ judged }: Finding, limit: number | null): boolean {
  return limit !== null && judged !== null && judged.analysis.levelDbc > limit;
}

/** The analyzer's sentence with the file's name for the layer in the place of its description. */
export function plainSentence({ layer, judged }: Finding): string {
  if (judged === null) return '';
  const { analysis } = judged;
  return analysis.sentence.split(describedName(analysis)).join(printable(layer.name));
}

/** The same without what follows on every layer alike. */
export function firstSentence({ layer, judged }: Finding): string {
  if (judged === null) return '';
  const { sentence } = judged.analysis;
  const [first = sentence] = /^.*?\.(?= [A-Z]|$)/.exec(sentence) ?? [];
  return first.split(describedName(judged.analysis)).join(printable(layer.name));
}

/** The analyzer's words for the layer; that a pattern is its bias's stands behind them, and stays. */
function describedName({ name }: Analysis): string {
  return name.replace(/ and its bias$/, '');
}

/** The layers of a file that are about the same thing. */
export interface Section {
  readonly pass: Pass;
  readonly title: string;
  readonly findings: readonly Finding[];
}

const TITLES = {
  forward: 'In the output',
  backward: 'In gradients only, of strided convolutions',
} as const satisfies Record<Pass, string>;

/** What shows in the output, then what does in gradients; without those that have no layers. */
export function sectionsOf(findings: readonly Finding[]): Section[] {
  return (['forward', 'backward'] as const)
    .map((pass) => ({
      pass,
      title: TITLES[pass],
      findings: findings.filter(({ layer }) => layerPass(layer) === pass),
    }))
    .filter((section) => section.findings.length > 0);
}

/** How many layers there are of each kind. */
export function countsOf(findings: readonly Finding[], limit: number | null) {
  const judged = findings.filter((finding) => finding.judged !== null);
  const free = judged.filter((finding) => finding.judged?.analysis.verdict === 'free').length;
  return {
    layers: findings.length,
    free,
    withPattern: judged.length - free,
    notJudged: findings.length - judged.length,
    aboveLimit: limit === null ? null : findings.filter((finding) => isAbove(finding, limit)).length,
  };
}

/** `4 layers: 1 free, 3 with a pattern; 3 above -40 dBc`. */
export function summary(findings: readonly Finding[], limit: number | null): string {
  const { layers, free, withPattern, notJudged, aboveLimit } = countsOf(findings, limit);
  const parts = [`${free} free`, `${withPattern} with a pattern`];
  if (notJudged > 0) parts.push(`${notJudged} not judged`);
  return `${counted(layers, 'layer')}: ${parts.join(', ')}${aboveLimit === null ? '' : `; ${aboveLimit} above ${limit} dBc`}`;
}

/** What a file without a layer to show has instead. */
export function emptySentence({ leftOut }: Inspected, pass: Pass | 'both'): string {
  if (leftOut === 0 || pass === 'both') return 'No transposed or strided convolutions.';
  return pass === 'forward'
    ? `Nothing that shows in the output; ${counted(leftOut, 'strided convolution')} with what shows in gradients (--pass backward).`
    : `No strided convolutions; ${counted(leftOut, 'layer')} with what shows in the output (--pass forward).`;
}

/** Names of files, with as many of their folders as tell them apart. */
export function titlesOf(files: readonly string[]): string[] {
  const parts = files.map((file) => file.split(/[\\/]/).filter((part) => part !== ''));
  const named = (index: number, count: number) => parts[index]?.slice(-count).join('/') ?? '';
  return files.map((file, index) => {
    let count = 1;
    const others = [...parts.keys()].filter((other) => files[other] !== file);
    while (
      count < (parts[index]?.length ?? 0) &&
      others.some((other) => named(other, count) === named(index, count))
    ) {
      count += 1;
    }
    return named(index, count) || file;
  });
}
