// Numbers and geometry as the tables, the report and the messages show them.

import { unevenness } from 'deconv-wasm/checkerboard';
import type { LayerGeometry } from 'deconv-wasm/models';

/** `12>10 k4x4 s2 p1/0`: one number where all axes have it; what is at its default is left out. */
export function geometryText(geometry: LayerGeometry): string {
  const { inChannels, outChannels, groups, kernelSize, stride, dilation, padBefore, padAfter } = geometry;
  const { pixelShuffle, upsample } = geometry;
  const parts = [`${inChannels}>${outChannels}`, `k${kernelSize.join('x')}`, `s${axes(stride)}`];
  if (dilation.some((spread) => spread !== 1)) parts.push(`d${axes(dilation)}`);
  if (padBefore === null || padAfter === null) parts.push('p?');
  else if ([...padBefore, ...padAfter].some((pad) => pad !== 0)) {
    const same = padBefore.every((pad, axis) => pad === padAfter[axis]);
    parts.push(`p${axes(padBefore)}${same ? '' : `/${axes(padAfter)}`}`);
  }
  if (groups !== 1) parts.push(`g${groups}`);
  if (pixelShuffle !== null) parts.push(`shuffle ${axes(pixelShuffle.upscaleFactor)}`);
  if (upsample !== null) parts.push(`after ${upsample.mode} ${axes(upsample.scaleFactor)}`);
  return parts.join(' ');
}

function axes(values: readonly number[]): string {
  return values.every((value) => value === values[0]) ? String(values[0]) : values.join('x');
}

/** `4 even`, `1 to 4`. */
export function overlapText({ least, most }: { readonly least: number; readonly most: number }): string {
  return least === most ? `${most} even` : `${least} to ${most}`;
}

/** U with three digits. */
export function shareText(share: number): string {
  if (share === 0) return '0';
  return share < 1e-3 ? share.toExponential(1) : share.toFixed(3);
}

/** A level with one decimal; the analyzer's stand-in for none is said as such. */
export function levelText(levelDbc: number): string {
  if (levelDbc <= NONE) return 'none';
  return levelDbc.toFixed(1).replace('-0.0', '0.0');
}

/** What the analyzer gives for no pattern at all. */
export const NONE = unevenness([1, 1], 2).levelDbc;

/** A number with three digits, without trailing noise. */
export function short(value: number): string {
  return value === 0 ? '0' : String(Number(value.toPrecision(3)));
}

export function counted(count: number, word: string, plural = `${word}s`): string {
  return `${count} ${count === 1 ? word : plural}`;
}
