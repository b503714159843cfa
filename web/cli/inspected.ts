import type { Finding } from './findings.js';
import { printable } from './terminal.js';
import { counted } from './words.js';

/** One file of the command line; `error` says why there is nothing else. */
export interface Inspected {
  readonly file: string;
  readonly format: string | null;
  readonly producer: string;
  readonly findings: readonly Finding[];
  /** Tensors that could be weights, of a file that does not say which are. */
  readonly candidates: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Whether a layer's pattern is above the limit of --fail-above. */
export function isAbove({ judged }: Finding, limit: number | null): boolean {
  return limit !== null && judged !== null && judged.analysis.levelDbc > limit;
}

/** The analyzer's sentence with the file's name for the layer in the place of its description. */
export function plainSentence({ layer, judged }: Finding): string {
  if (judged === null) return '';
  const { analysis } = judged;
  return analysis.sentence.split(analysis.name).join(printable(layer.name));
}

/** The same without what follows on every layer alike. */
export function firstSentence({ layer, judged }: Finding): string {
  if (judged === null) return '';
  const { sentence, name } = judged.analysis;
  const [first = sentence] = /^.*?\.(?= [A-Z]|$)/.exec(sentence) ?? [];
  return first.split(name).join(printable(layer.name));
}

/** `4 layers: 1 free, 3 with a pattern; 3 above -40 dBc`. */
export function summary(findings: readonly Finding[], limit: number | null): string {
  const judged = findings.filter((finding) => finding.judged !== null);
  const free = judged.filter((finding) => finding.judged?.analysis.verdict === 'free').length;
  const parts = [`${free} free`, `${judged.length - free} with a pattern`];
  if (judged.length < findings.length) parts.push(`${findings.length - judged.length} not judged`);
  const above = findings.filter((finding) => isAbove(finding, limit)).length;
  return `${counted(findings.length, 'layer')}: ${parts.join(', ')}${limit === null ? '' : `; ${above} above ${limit} dBc`}`;
}
