import type { ComparisonResult, TracedLayer, TraceResult } from '../../engine/protocol';
import { short } from '../../model/curve';
import { skippedTo } from '../../model/lanes';
import { count, milliseconds, percent, plain } from '../../model/numbers';
import type { Excerpt } from '../../model/picture';

/** Below this, a pattern is what the picture itself brings, or rounding. */
const GONE = -60;

export function levelText(level: number | null): string {
  if (level === null) return 'not measured';
  return level < GONE ? `below \u2212${-GONE} dB` : `${plain(level, 1)} dB`;
}

/** Which layer draws the pattern, and how much of it. */
export function culpritText({ culprit, layers, level }: TraceResult): string {
  if (layers.length === 0)
    return 'Nothing in this network raises the resolution: there is no pattern to draw.';
  const layer = layers.find(({ name }) => name === culprit);
  if (!layer) return 'No layer of this network leaves a pattern that a repair would take away.';
  const drawn = { all: 'the grid', most: 'more of the grid than any other layer', part: 'part of the grid' };
  return `${layer.name} draws ${drawn[partOf(layer, layers)]}: ${percent(Math.min(layer.share, 1))} of the output's pattern, ${levelText(level)} against the output itself.`;
}

/** How much of the pattern is the culprit's: more than all else's together, or than any other layer's, if there are others. */
export function partOf({ share }: TracedLayer, { length }: readonly unknown[]): 'all' | 'most' | 'part' {
  if (share >= 0.5) return 'all';
  return length > 1 ? 'most' : 'part';
}

/** What the repair did to the output. */
export function repairText({ level, repair }: TraceResult): string {
  if (!repair) return 'Nothing is repaired yet.';
  const alike = `Before and after are alike to ${plain(repair.psnr, 1)} dB (PSNR), ${plain(repair.ssim, 3)} (SSIM).`;
  if (repair.level === null || level === null) return alike;
  if (repair.level < GONE)
    return `The pattern is gone: from ${levelText(level)} to ${levelText(repair.level)}. ${alike}`;
  const [from, to] = [levelText(level), levelText(repair.level)];
  if (from === to) return `The pattern stays at ${from}. ${alike}`;
  return `The pattern ${repair.level < level ? 'falls' : 'grows'} from ${from} to ${to}. ${alike}`;
}

/** What a step takes beside what the one before it gives, or in its place; the place is in the list of inputs and steps. */
export function skipText({ inputs, steps }: TraceResult, place: number): string {
  const takes = steps[place - inputs.length]?.takes ?? [];
  const skipped = skippedTo(takes, place).map((from) => {
    const input = inputs[from];
    return input ? `the input ${input.name}` : `${steps[from - inputs.length]?.names[0]}\u2019s output`;
  });
  if (skipped.length === 0) return '';
  return `${skipped.length < takes.length ? 'Also takes' : 'Takes'} ${skipped.join(' and ')}`;
}

/** Which part of a value its picture shows, rows first as in its shape; nothing of one that is shown whole. */
export function excerptText({ width, height, cutFrom }: Excerpt): string {
  if (cutFrom === null) return '';
  const all = cutFrom.height > 1 ? `${cutFrom.height} \u00d7 ${cutFrom.width}` : String(cutFrom.width);
  return cutFrom.part === 'beginning'
    ? `Shown: the first ${width} of ${all}`
    : `Shown: the middle ${height} \u00d7 ${width} of ${all}`;
}

/** How fast and how alike the network runs in onnxruntime-web. */
export function comparisonText(result: ComparisonResult): string {
  if (result.refusal !== null) return `onnxruntime-web does not run it: ${result.refusal}`;
  const { ours, theirs, threads, difference, largest } = result;
  const times = `deconv-wasm ${milliseconds(ours)}, onnxruntime-web ${milliseconds(theirs)}, on ${count(threads, 'thread')} each.`;
  if (difference === Number.POSITIVE_INFINITY)
    return `${times} One gives numbers where the other gives none.`;
  return `${times} Their outputs differ by ${short(difference)} at most, of values up to ${short(largest)}.`;
}
