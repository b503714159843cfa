// Resize in all its versions, and Upsample, which it was before.

import { notFoldable } from '../../models/folding/folded.js';
import { axesOf } from '../../models/folding/shapes.js';
import type { Numbers } from '../../models/onnx/operands.js';
import type { Coordinates, Operation, Rounding } from '../operations.js';
import type { LoadedNode, NodeRule } from './node.js';

const COORDINATES: Readonly<Record<string, Coordinates>> = {
  asymmetric: 'asymmetric',
  half_pixel: 'half-pixel',
  half_pixel_symmetric: 'half-pixel-symmetric',
  pytorch_half_pixel: 'pytorch-half-pixel',
  align_corners: 'align-corners',
  tf_crop_and_resize: 'crop-and-resize',
};

const ROUNDINGS: Readonly<Record<string, Rounding>> = {
  round_prefer_floor: 'round-prefer-floor',
  round_prefer_ceil: 'round-prefer-ceil',
  floor: 'floor',
  ceil: 'ceil',
};

const POLICIES = ['stretch', 'not_larger', 'not_smaller'] as const;

/** Where the inputs are that say by how much; -1 for none. */
interface Places {
  readonly region: number;
  readonly scales: number;
  readonly sizes: number;
}

/** Output size and the scale of the coordinates' formula along every axis. */
interface Extents {
  readonly size: readonly number[];
  readonly scale: readonly number[];
}

const resize: NodeRule = (loaded) => {
  const { node, opset } = loaded;
  const upsample = node.type === 'Upsample';
  const modern = !upsample && opset >= 11;
  if (node.integer('antialias') === 1) notFoldable('it smooths before it shrinks (antialias)');
  const words = ['nearest', 'linear', 'bilinear', 'trilinear', 'cubic'] as const;
  const word = loaded.choice('mode', words, 'nearest');
  const interpolation = word === 'bilinear' || word === 'trilinear' ? 'linear' : word;
  const { coordinates, rounding } = modern
    ? ruleOfCoordinates(loaded, interpolation)
    : { coordinates: 'asymmetric' as const, rounding: null };
  const policy = loaded.choice('keep_aspect_ratio_policy', POLICIES, 'stretch');
  const cubicA = node.float('cubic_coeff_a') ?? -0.75;
  const excludeOutside = node.integer('exclude_outside') === 1;
  const outside = node.float('extrapolation_value') ?? 0;
  const places: Places = modern
    ? { region: 1, scales: 2, sizes: 3 }
    : { region: -1, scales: upsample && opset < 9 ? -1 : 1, sizes: -1 };
  const named = node.integers('axes');
  const amounts = (count: number | undefined, list: (place: number) => Numbers) =>
    amountsOf(list, places, loaded.scales, count, coordinates === 'crop-and-resize');
  amounts(named?.length, (place) => (loaded.has(place) ? loaded.numbers(place, '') : null));
  return (call) => {
    const shape = call.shape(0);
    const axes = axesOf(named ?? shape.map((_, axis) => axis), shape.length);
    const given = amounts(axes.length, (place) =>
      call.has(place) ? call.operands.numbers(place, '') : null,
    );
    const region = shape.map((_, axis): readonly [number, number] => {
      const at = axes.indexOf(axis);
      return [given.roi?.[at] ?? 0, given.roi?.slice(axes.length)[at] ?? 1];
    });
    const { size, scale } = extentsOf(shape, given, axes, policy, region);
    const still = size.every((extent, axis) => extent === shape[axis] && scale[axis] === 1);
    if (still && coordinates !== 'crop-and-resize') return call.pass();
    const operation = (rule: Rounding, of: Extents): Operation => ({
      kind: 'resize',
      ...of,
      interpolation,
      coordinates,
      multiplies: false,
      rounding: rule,
      cubicA,
      excludeOutside,
      region,
      outside,
    });
    if (rounding !== null) return call.result(operation(rounding, { size, scale }), [call.value(0)]);
    // Before opset 11 an axis that shrinks took the value behind its place, and one that grows the value before.
    const part = (grows: boolean): Extents => ({
      size: size.map((extent, axis) =>
        (scale[axis] as number) >= 1 === grows ? extent : (shape[axis] as number),
      ),
      scale: scale.map((factor) => (factor >= 1 === grows ? factor : 1)),
    });
    const [grown, shrunk] = [part(true), part(false)];
    if (interpolation !== 'nearest' || shrunk.scale.every((factor) => factor === 1)) {
      return call.result(operation('floor', { size, scale }), [call.value(0)]);
    }
    const small = operation('ceil', shrunk);
    if (grown.scale.every((factor) => factor === 1)) return call.result(small, [call.value(0)]);
    const between = call.step(small, [call.value(0)]);
    call.result(operation('floor', { size, scale: grown.scale }), [between]);
  };
};

function ruleOfCoordinates(
  loaded: LoadedNode,
  interpolation: string,
): { readonly coordinates: Coordinates; readonly rounding: Rounding } {
  const { node } = loaded;
  const given = node.text('coordinate_transformation_mode') || 'half_pixel';
  const rounding = ROUNDINGS[
    loaded.choice('nearest_mode', Object.keys(ROUNDINGS), 'round_prefer_floor')
  ] as Rounding;
  if (given === 'tf_half_pixel_for_nn' && interpolation === 'nearest') {
    // (x + 0.5) / scale, half a pixel further on than half-pixel: the same with another rounding.
    const other = { floor: 'half-up', 'round-prefer-floor': 'ceil' } as const;
    const exact = other[rounding as keyof typeof other] ?? notFoldable(`it rounds ${given} by ${rounding}`);
    return { coordinates: 'half-pixel', rounding: exact };
  }
  const coordinates =
    COORDINATES[given] ?? notFoldable(`its coordinate_transformation_mode is ${given.slice(0, 40)}`);
  return { coordinates, rounding };
}

/** By how much, and of its `count` axes which part, in lengths of them: checked as far as that is known. */
function amountsOf(
  list: (place: number) => Numbers,
  { region, scales, sizes }: Places,
  attribute: readonly number[] | null,
  count: number | undefined,
  crops: boolean,
) {
  const wanted = list(sizes);
  if (wanted?.every((extent) => Number.isSafeInteger(extent) && extent > 0) === false) {
    notFoldable('its sizes are not all above 0');
  }
  const listed = wanted === null ? list(scales) : undefined;
  const factors = listed === null ? (attribute ?? notFoldable('it has neither scales nor sizes')) : listed;
  if (factors?.every((factor) => factor > 0 && factor < 2 ** 31) === false) {
    notFoldable('its scales are not all above 0');
  }
  const amounts = wanted ?? factors;
  const axes = count ?? amounts?.length;
  if (amounts && amounts.length !== axes) {
    notFoldable(`it has ${amounts.length} numbers for ${axes} axes`);
  }
  const roi = crops ? list(region) : undefined;
  const backwards = roi?.some((begin, at) => begin >= (roi[at + roi.length / 2] as number));
  if (roi === null || (roi && axes && roi.length !== 2 * axes) || (factors && backwards)) {
    notFoldable('its roi does not fit its axes');
  }
  return { wanted, factors, roi };
}

function extentsOf(
  shape: readonly number[],
  { wanted, factors }: ReturnType<typeof amountsOf>,
  axes: readonly number[],
  policy: (typeof POLICIES)[number],
  region: readonly (readonly [number, number])[],
): Extents {
  const spread = (values: Numbers, others: readonly number[]) =>
    others.map((other, axis) => values?.[axes.indexOf(axis)] ?? other);
  if (!wanted) {
    const scale = spread(
      factors,
      shape.map(() => 1),
    );
    return {
      scale,
      // As whoever wrote the file counted: in float32.
      size: shape.map((extent, axis) => {
        const [begin, end] = region[axis] as readonly [number, number];
        return Math.floor(Math.fround(Math.fround(extent * (end - begin)) * (scale[axis] as number)));
      }),
    };
  }
  const given = spread(wanted, shape);
  const ratios = given.map((extent, axis) => extent / (shape[axis] as number));
  if (policy === 'stretch') return { size: given, scale: ratios };
  const kept = axes.map((axis) => ratios[axis] as number);
  const ratio = policy === 'not_larger' ? Math.min(...kept) : Math.max(...kept);
  return {
    scale: shape.map((_, axis) => (axes.includes(axis) ? ratio : 1)),
    size: shape.map((extent, axis) => (axes.includes(axis) ? Math.floor(ratio * extent + 0.5) : extent)),
  };
}

export const RESIZES: Readonly<Record<string, NodeRule>> = { Resize: resize, Upsample: resize };
