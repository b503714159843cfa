import type { AttributedLayer, Attribution } from './attribute.js';
import type { PatternChange } from './trace.js';

type Told = Omit<Attribution, 'sentence'>;

/** What was found, for people. */
export function sentenceOfAttribution(found: Told): string {
  return [headOf(found), ...resizesOf(found), ...obstaclesOf(found)].join(' ');
}

function headOf(found: Told): string {
  const { output, stride, before, culprit, all, layers } = found;
  if (before === null) {
    return layers.length === 0
      ? `Nothing on the way to ${output} raises the resolution, so nothing in it makes a pattern.`
      : `No pattern can show in ${output}: the resolution that comes of ${listed(layers.map(({ name }) => name))} is lost again on the way.`;
  }
  const period = stride.join(' x ');
  if (before.power === 0) {
    return `${output} has no pattern of period ${period}: what its phases differ by is not above what rounding may make.`;
  }
  const tone = stride.length === 1 ? toneOf(before.harmonics, stride[0] as number) : '';
  const pattern = `${output} has a pattern of period ${period}, ${levelOf(-before.levelDb)} below the output itself${tone}.`;
  const worst = layers.find(({ name }) => name === culprit);
  // What cannot be repaired is told of by itself, and may draw all that is left.
  const isJudged = layers.every(({ problem }) => problem === null);
  if (all === null) {
    return isJudged
      ? `No layer on the way to ${output} has a pattern of its own: what its phases differ by at period ${period}, ${levelOf(-before.levelDb)} below it, is of the inputs and the borders.`
      : pattern;
  }
  // 3 dB are half of a power.
  const stays =
    isJudged && all.fallDb < 3
      ? ' Most of it is of what the inputs repeat and the network draws, and no repair of these layers takes it.'
      : '';
  const rest = `With all layers repaired it ${fallenBy(all.fallDb)}, and the outputs are ${likenessOf(all)}.${stays}`;
  if (worst?.repaired == null) return `${pattern} Repairing any one layer alone does not lower it. ${rest}`;
  const part = worst.share < 0.5 ? 'more of it than any other layer' : 'most of it';
  return `${pattern} ${worst.name} brings ${part}, ${percent(worst.share)} of its power: repaired alone, the pattern ${fallenBy(worst.repaired.fallDb)}. ${rest}`;
}

/** In one dimension the pattern is a sum of tones. */
function toneOf(harmonics: readonly number[], stride: number): string {
  const half = harmonics.slice(1, Math.floor(stride / 2) + 1);
  const loudest = 1 + half.indexOf(Math.max(...half));
  return `: tones at multiples of 1/${stride} of the sampling rate, the loudest at ${loudest}/${stride}`;
}

function resizesOf({ layers }: Told): string[] {
  const names = layers.filter(({ kind }) => kind === 'resize').map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    `${listed(names)}: ${names.length === 1 ? 'a resize has no pattern of its own' : 'resizes have no pattern of their own'}.`,
  ];
}

function listed(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ');
}

function likenessOf({ psnr, ssim }: PatternChange): string {
  return psnr >= 320 ? 'equal' : `alike to ${levelOf(psnr)} (PSNR), ${ssim.toFixed(3)} (SSIM)`;
}

function obstaclesOf({ layers }: Told): string[] {
  return layers
    .filter(({ problem }) => problem !== null)
    .map(({ name, verdict, problem }: AttributedLayer) =>
      verdict === 'holes'
        ? `${name} leaves holes, which no weights can mend.`
        : `${name} is not repaired: ${problem}`,
    );
}

function fallenBy(decibels: number): string {
  if (decibels >= 320) return 'is gone';
  return decibels < 0 ? `grows by ${levelOf(-decibels)}` : `falls by ${levelOf(decibels)}`;
}

function levelOf(decibels: number): string {
  return decibels >= 320 ? '320 dB' : `${decibels.toFixed(1)} dB`;
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)} %`;
}
