import { at, product } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { Constant, NetworkGraph, Of, Pads } from '../operations.js';
import { spatialAxes } from '../shapes.js';
import { resizeTaps } from '../steps/tables.js';
import { merged, rewrite } from './rewrite.js';

type Ends = Pads[number];

/** Points of an input: with fewer a layer waits for its weights, and there would be more of them. */
const LEAST_POINTS = 256;

/**
 * A convolution of repeated values is a transposed one of the values by a kernel of sums of taps: of 3 taps and values that
 * stand there twice, two products for an output along an axis instead of three, and nothing is enlarged. Where the repeated
 * values are continued beyond their edge by less than there are of one, the values are by one.
 */
export function convolveUnrepeated(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    const { operation } = node;
    if (operation.kind !== 'convolution' || operation.transposed) return null;
    const source = at(node.inputs, 0);
    const around = view.producer(source, 'pad');
    const repeated = at((around ?? node).inputs, 0);
    const before = view.producer(repeated, 'resize');
    if (before === null || !view.isReadOnce(source) || !view.isReadOnce(repeated)) return null;
    const { weight, groups, pads } = operation;
    const shape = view.shapeOf(at(before.inputs, 0));
    const spatial = spatialAxes(operation.layout, shape.length);
    const times = shape.map((extent, axis) => timesRepeated(before.operation, axis, extent));
    const stride = spatial.map((axis) => at(times, axis));
    const laid: Pads = around?.operation.pads ?? shape.map(() => [0, 0]);
    const ends: Pads = spatial.map((axis, index) => {
      const reach = at(weight.shape, index + 2) - 1;
      const [[first, last], [ahead, behind]] = [pads[index], laid[axis]] as [Ends, Ends];
      // Of the one that continues the values, all but what continues those that are repeated is cropped.
      const cropped = (end: number): number => (end > 0 ? at(times, axis) - end : 0);
      return [reach - first + cropped(ahead), reach - last + cropped(behind)];
    });
    const fits =
      [...operation.stride, ...operation.dilation].every((step) => step === 1) &&
      product(stride) > 1 &&
      product(stride) === product(times) &&
      product(spatial.map((axis) => at(shape, axis))) >= LEAST_POINTS &&
      ends.flat().every((end) => end >= 0) &&
      (around === null || (continuesEdge(around.operation, times) && pads.flat().every((pad) => pad === 0)));
    if (!fits) return null;
    const made: Of<'convolution'> = {
      ...operation,
      transposed: true,
      weight: summed(weight, groups, stride),
      stride,
      pads: ends,
    };
    const nodes = [before, node];
    if (around === null) return [merged(nodes, made, before.inputs)];
    const continued: Pads = laid.map(([first, last]) => [Math.sign(first), Math.sign(last)]);
    const larger = continued.map(([first, last], axis) => first + at(shape, axis) + last);
    const outputs = [view.value(`${around.names[0]} before ${before.names[0]}`, larger)];
    const edge: Of<'pad'> = { ...around.operation, mode: 'edge', pads: continued };
    return [{ ...around, operation: edge, inputs: before.inputs, outputs }, merged(nodes, made, outputs)];
  });
}

/** How often each value of an axis stands behind itself; 0 where a resize does anything else. */
function timesRepeated(resize: Of<'resize'>, axis: number, extent: number): number {
  const times = at(resize.size, axis) / extent;
  const table = resizeTaps(resize, axis, extent);
  let fits = times % 1 === 0;
  for (let target = 0; fits && target < (table?.length ?? 0); target += 1) {
    let found = -1;
    table?.eachTap(target, (source, weight) => {
      found = found === -1 && weight === 1 ? source : Number.NaN;
    });
    fits = found === Math.floor(target / times);
  }
  return fits ? times : 0;
}

function continuesEdge({ mode, pads }: Of<'pad'>, times: readonly number[]): boolean {
  const within = pads.every((ends, axis) => ends.every((end) => end >= 0 && end < at(times, axis)));
  return within && (mode === 'edge' || mode === 'reflect');
}

/** What weights have become, so that those of other sizes are the same ones. */
const kernels = new WeakMap<Constant, Constant>();

/** The kernels of a transposed convolution, whose taps are those that the copies of one value meet. */
function summed(weight: Constant, groups: number, times: readonly number[]): Constant {
  const [outputs = 0, inputs = 0, ...kernel] = weight.shape;
  const extents = kernel.map((extent, axis) => extent + at(times, axis) - 1);
  const own = outputs / groups;
  const shape = [inputs * groups, own, ...extents];
  const known = kernels.get(weight);
  if (known !== undefined && sameList(known.shape, shape)) return known;
  // Every tap with every tap of the result that it is a part of, as places in their kernels.
  const parts = kernel.reduce<readonly (readonly [number, number])[]>(
    (places, extent, axis) =>
      places.flatMap(([from, to]) =>
        Array.from({ length: extent * at(times, axis) }, (_, index) => {
          const tap = index % extent;
          const target = extent - 1 - tap + Math.floor(index / extent);
          return [from * extent + tap, to * at(extents, axis) + target] as const;
        }),
      ),
    [[0, 0]],
  );
  const sums = new Float64Array(product(shape));
  for (let place = 0; place < outputs * inputs; place += 1) {
    const output = Math.floor(place / inputs);
    const input = Math.floor(output / own) * inputs + (place % inputs);
    const [first, target] = [place * product(kernel), (input * own + (output % own)) * product(extents)];
    for (const [from, to] of parts) {
      sums[target + to] = (sums[target + to] as number) + (weight.data[first + from] as number);
    }
  }
  const result = { name: weight.name, shape, data: Float32Array.from(sums) };
  kernels.set(weight, result);
  return result;
}
