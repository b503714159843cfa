// The tables of pads, resizes and pools: pure arithmetic of one axis each.

import { at } from '../../core/lists.js';
import { type AxisTaps, clamped, type Take } from './maps.js';
import type { Of } from './step.js';

export function padTaps({ pads, mode }: Of<'pad'>, axis: number, extent: number): AxisTaps {
  const [before, behind] = pads[axis] as readonly [number, number];
  if (before === 0 && behind === 0) return null;
  // What is cropped is gone before the rest is padded.
  const first = Math.max(0, -before);
  const length = extent - first - Math.max(0, -behind);
  const eachTap = (target: number, take: Take): void => {
    const place = target - Math.max(0, before);
    const own = (inside: number): void => take(first + inside, 1);
    if (place >= 0 && place < length) own(place);
    else if (mode === 'edge') own(clamped(place, length));
    else if (mode === 'reflect') own(place < 0 ? -place : 2 * (length - 1) - place);
    else if (mode === 'wrap') own(((place % length) + length) % length);
  };
  return { length: extent + before + behind, eachTap };
}

/** An average divides by the product of what its axes count; a maximum has no weights. */
export function poolTaps(operation: Of<'pool'>, index: number, extent: number, targets: number): AxisTaps {
  const { kernel, stride, dilation, pads, countPadding, overhang } = operation;
  const [before, behind] = pads[index] as readonly [number, number];
  const counted = countPadding ? extent + behind - at(overhang, index) : extent;
  const [size, step] = [at(kernel, index), at(dilation, index)];
  const eachTap = (target: number, take: Take): void => {
    const start = target * at(stride, index) - before;
    // Not tap by tap: a kernel may be as large as a file likes.
    const tapsBefore = (place: number): number =>
      Math.min(size, Math.max(0, Math.ceil((place - start) / step)));
    const first = tapsBefore(0);
    const count = tapsBefore(counted) - (countPadding ? 0 : first);
    const end = tapsBefore(extent);
    for (let tap = first; tap < end; tap += 1) take(start + tap * step, 1 / count);
  };
  return { length: targets, eachTap };
}

export function resizeTaps(operation: Of<'resize'>, axis: number, extent: number): AxisTaps {
  const { interpolation, coordinates } = operation;
  const size = at(operation.size, axis);
  const crops = coordinates === 'crop-and-resize';
  if (size === extent && !crops && (coordinates === 'align-corners' || operation.scale[axis] === 1))
    return null;
  const placeOf = placeFunction(operation, axis, extent);
  const eachTap = (target: number, take: Take): void => {
    const place = placeOf(target);
    if (crops && !(place >= 0 && place <= extent - 1)) return;
    if (interpolation === 'nearest') take(clamped(rounded(place, operation), extent), 1);
    else if (interpolation === 'linear') linearTaps(place, extent, take);
    else cubicTaps(place, extent, operation, take);
  };
  return { length: size, eachTap };
}

/**
 * Where a target lies among the sources. With floats, as runtimes compute it: where a place lies between two sources, the
 * last bit decides which is the nearest.
 */
function placeFunction(
  { coordinates, multiplies, size, scale, region }: Of<'resize'>,
  axis: number,
  extent: number,
): (target: number) => number {
  const { fround } = Math;
  const targets = at(size, axis);
  const factor = fround(at(scale, axis));
  const aligned = coordinates === 'align-corners' && targets > 1 ? 1 : 0;
  const ratio = fround((extent - aligned) / (targets - aligned));
  const placed = multiplies
    ? (target: number): number => fround(target * ratio)
    : (target: number): number => fround(target / factor);
  const fromHalf = (target: number): number => fround(placed(target + 0.5) - 0.5);
  switch (coordinates) {
    case 'asymmetric':
      return placed;
    case 'half-pixel':
      return fromHalf;
    case 'pytorch-half-pixel':
      return targets > 1 ? fromHalf : () => 0;
    case 'half-pixel-symmetric': {
      const adjustment = fround(targets / fround(factor * extent));
      const offset = fround((extent / 2) * fround(1 - adjustment));
      return (target) => fround(fround(offset + fround((target + 0.5) / factor)) - 0.5);
    }
    case 'align-corners':
      if (multiplies) return placed;
      return (target) => (targets === 1 ? 0 : fround((target * (extent - 1)) / (targets - 1)));
    case 'crop-and-resize': {
      const [begin, end] = region[axis] as readonly [number, number];
      const last = extent - 1;
      if (targets === 1) return () => fround(0.5 * (begin + end) * last);
      return (target) => fround(begin * last + (target * (end - begin) * last) / (targets - 1));
    }
  }
}

/** So far beside the middle ONNX Runtime (1.30) has a place in the middle, which floats may have moved. */
const MIDDLE = 1e-6;

function rounded(place: number, { rounding }: Of<'resize'>): number {
  switch (rounding) {
    case 'round-prefer-floor':
      return Math.ceil(place - 0.5 - MIDDLE);
    case 'round-prefer-ceil':
      return Math.floor(place + 0.5 + MIDDLE);
    case 'half-up':
      return Math.floor(place + 0.5);
    case 'floor':
      return Math.floor(place);
    case 'ceil':
      return Math.ceil(place);
  }
}

function linearTaps(place: number, extent: number, take: Take): void {
  const inside = clamped(place, extent);
  const before = Math.floor(inside);
  const share = inside - before;
  take(before, 1 - share);
  if (share !== 0) take(before + 1, share);
}

/** Of a source so far away: Keys (1981). */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return a * (((d - 5) * d + 8) * d - 4);
}

function cubicTaps(
  place: number,
  extent: number,
  { cubicA, excludeOutside }: Of<'resize'>,
  take: Take,
): void {
  const before = Math.floor(place);
  // Four sources; without those outside, a part of them.
  let first = -1;
  let last = 2;
  let sum = 1;
  if (excludeOutside) {
    first = Math.max(first, -before);
    last = Math.min(last, extent - 1 - before);
    sum = 0;
    for (let step = first; step <= last; step += 1) sum += cubicWeight(place - before - step, cubicA);
  }
  for (let step = first; step <= last; step += 1) {
    take(clamped(before + step, extent), cubicWeight(place - before - step, cubicA) / sum);
  }
}
