// Where a network raises the resolution, and of which periods its values may have a pattern.

import type { PatternedValue, Upsampling, UpsamplingLayer } from '../checkerboard/pattern-network.js';
import type { Kernels } from '../checkerboard/stamps.js';
import { at, greatestCommonDivisor, leastCommonMultiple, product } from '../core/lists.js';
import { nodesOf, unitsOf } from './compile.js';
import type { Constant, NetworkGraph, NetworkNode, Of } from './operations.js';
import { type Shape, spatialAxes } from './shapes.js';
import { valueNames } from './value-names.js';

export interface FoundUpsampling extends Upsampling {
  /** What a change of a layer's weight is a change of. */
  readonly weights: ReadonlyMap<UpsamplingLayer, Constant>;
}

interface Told {
  readonly format: 'onnx' | 'tflite';
  readonly exact: boolean;
  readonly outputNames: readonly string[];
  readonly has: (name: string) => boolean;
}

/**
 * @param format says where channels lie of an input that no layer takes directly
 * @param has whether a value can be asked for by its name
 */
export function upsamplingOf(
  graph: NetworkGraph,
  { format, exact, outputNames, has }: Told,
): FoundUpsampling {
  const shapeOf = (value: number): Shape => (graph.values[value] as NetworkGraph['values'][number]).shape;
  const weights = new Map<UpsamplingLayer, Constant>();
  /** By the name of the node that ends it. */
  const layers = new Map<string, UpsamplingLayer>();
  const producers = new Map<number, NetworkNode>();
  const periods = new Periods(shapeOf);
  for (const node of graph.nodes) {
    const found = layerOf(node, producers, shapeOf);
    if (found !== null) {
      layers.set(lastNameOf(node), found.layer);
      if (found.weight !== null) weights.set(found.layer, found.weight);
    }
    periods.follow(node);
    for (const output of node.outputs) producers.set(output, node);
  }
  const patterned = (value: number, name: string, nodes: readonly NetworkNode[]): PatternedValue => {
    const { axes, period } = periods.of(value);
    return {
      name,
      types: nodes.flatMap(({ types }) => types),
      shape: shapeOf(value),
      spatialAxes: axes,
      stride: axes.map((axis) => at(period, axis)),
      layers: nodes.flatMap((node) => layers.get(lastNameOf(node))?.name ?? []),
    };
  };
  const units = unitsOf(graph, exact);
  const names = valueNames(graph, units, outputNames, has);
  return {
    weights,
    layers: [...layers.values()],
    inputs: graph.inputs.map((value) => {
      const { name, shape } = graph.values[value] as NetworkGraph['values'][number];
      const taker = graph.nodes.find(
        ({ inputs, operation }) => inputs.includes(value) && 'layout' in operation,
      );
      const layout =
        (taker?.operation as Partial<Of<'convolution'>> | undefined)?.layout ??
        (format === 'tflite' ? 'channels-last' : 'channels-first');
      return { name, shape, spatialAxes: shape.length < 3 ? [] : spatialAxes(layout, shape.length) };
    }),
    outputs: graph.outputs.map((value, index) => patterned(value, outputNames[index] as string, [])),
    values: units.flatMap((unit) =>
      unit.outputs
        .flatMap((value) => {
          const name = names.get(value);
          return name === undefined ? [] : patterned(value, name, nodesOf(unit));
        })
        .filter(({ stride }) => stride.some((step) => step > 1)),
    ),
  };
}

/** Of the node itself: what is computed with it, as a pad, stands in front. */
function lastNameOf({ names }: NetworkNode): string {
  return names.at(-1) ?? '';
}

/** The layer that a node is, or is the end of. */
function layerOf(
  node: NetworkNode,
  producers: ReadonlyMap<number, NetworkNode>,
  shapeOf: (value: number) => Shape,
): { readonly layer: UpsamplingLayer; readonly weight: Constant | null } | null {
  const { operation } = node;
  const input = at(node.inputs, 0);
  if (operation.kind === 'convolution') {
    if (!operation.transposed || operation.stride.every((step) => step === 1)) return null;
    return {
      weight: operation.weight,
      layer: {
        name: lastNameOf(node),
        kind: 'transposed',
        stride: operation.stride,
        kernels: kernelsOf(operation),
      },
    };
  }
  if (operation.kind === 'resize') {
    const shape = shapeOf(input);
    const scale = shape.map((extent, axis) => at(operation.size, axis) / extent);
    if (scale.every((factor) => factor <= 1)) return null;
    const stride = scale.filter((factor) => factor !== 1);
    return { weight: null, layer: { name: lastNameOf(node), kind: 'resize', stride, kernels: null } };
  }
  if (operation.kind !== 'depth-to-space') return null;
  const convolution = convolutionBefore(input, producers);
  if (convolution === null) return null;
  const own = convolution.operation;
  const upscaleFactor = own.stride.map(() => operation.block);
  const mode = operation.order === 'column-row-depth' ? 'CRD' : 'DCR';
  return {
    weight: own.weight,
    layer: {
      name: lastNameOf(convolution),
      kind: 'sub-pixel',
      stride: upscaleFactor,
      kernels: kernelsOf(own, { pixelShuffle: { upscaleFactor, mode } }),
    },
  };
}

/** The convolution without a stride whose channels become positions, perhaps behind a function of each value. */
function convolutionBefore(
  value: number,
  producers: ReadonlyMap<number, NetworkNode>,
): (NetworkNode & { readonly operation: Of<'convolution'> }) | null {
  const node = producers.get(value);
  if (node === undefined) return null;
  const { operation } = node;
  if (operation.kind === 'unary' && operation.channelA === null) {
    return convolutionBefore(at(node.inputs, 0), producers);
  }
  const plain = operation.kind === 'convolution' && !operation.transposed;
  return plain && operation.stride.every((step) => step === 1) ? { ...node, operation } : null;
}

/** With copies of the weights, since the network goes on computing with its own. */
function kernelsOf(
  { transposed, stride, dilation, groups, pads, weight, bias }: Of<'convolution'>,
  shuffle?: Pick<Kernels['geometry'], 'pixelShuffle'>,
): Kernels {
  const before = pads.map(([first]) => first);
  return {
    geometry: {
      transposed,
      stride,
      dilation,
      groups,
      ...(before.every((pad) => pad >= 0) && { padding: before }),
      ...shuffle,
    },
    weight: { ...weight, data: weight.data.slice() },
    bias: bias?.data.slice() ?? null,
  };
}

interface Period {
  readonly axes: readonly number[];
  /** For every axis of the value. */
  readonly period: readonly number[];
}

/** The periods of values, from the first to the last. */
class Periods {
  readonly #shapeOf: (value: number) => Shape;
  readonly #known = new Map<number, Period>();

  constructor(shapeOf: (value: number) => Shape) {
    this.#shapeOf = shapeOf;
  }

  of(value: number): Period {
    return this.#known.get(value) ?? { axes: [], period: this.#shapeOf(value).map(() => 1) };
  }

  follow(node: NetworkNode): void {
    for (const output of node.outputs) this.#known.set(output, this.#made(node, this.#shapeOf(output)));
  }

  #made({ operation, inputs }: NetworkNode, shape: Shape): Period {
    const source = at(inputs, 0);
    const from = this.#shapeOf(source);
    const { axes, period } = this.of(source);
    const every = (change: (own: number, axis: number) => number, own = axes): Period => ({
      axes: own,
      period: period.map(change),
    });
    switch (operation.kind) {
      case 'convolution':
      case 'pool': {
        const spatial = spatialAxes(operation.layout, from.length);
        const up = operation.kind === 'convolution' && operation.transposed;
        return every((own, axis) => {
          const place = spatial.indexOf(axis);
          if (place < 0) return 1;
          const step = at(operation.stride, place);
          return up ? own * step : resampled(own, 1, step);
        }, spatial);
      }
      case 'depth-to-space':
      case 'space-to-depth': {
        const spatial = spatialAxes(operation.layout, from.length);
        const { block } = operation;
        const up = operation.kind === 'depth-to-space';
        return every(
          (own, axis) => (!spatial.includes(axis) ? 1 : up ? own * block : resampled(own, 1, block)),
          spatial,
        );
      }
      case 'resize':
        return every(
          (own, axis) => resampled(own, at(operation.size, axis), at(from, axis)),
          axes.length > 0
            ? axes
            : from.flatMap((extent, axis) => (at(operation.size, axis) === extent ? [] : axis)),
        );
      case 'slice':
        return every((own, axis) => resampled(own, 1, Math.abs(at(operation.step, axis))));
      case 'transpose':
        return {
          axes: operation.permutation.flatMap((axis, place) => (axes.includes(axis) ? place : [])),
          period: operation.permutation.map((axis) => at(period, axis)),
        };
      case 'reshape':
        return moved(this.of(source), shape, (axis) => {
          const before = product(from.slice(0, axis));
          return shape.findIndex(
            (extent, place) => extent === from[axis] && product(shape.slice(0, place)) === before,
          );
        });
      case 'reduce': {
        const kept = from.flatMap((_, axis) => (operation.axes.includes(axis) ? [] : axis));
        return operation.keepAxes
          ? every((own, axis) => (operation.axes.includes(axis) ? 1 : own))
          : moved(this.of(source), shape, (axis) => kept.indexOf(axis));
      }
      case 'matmul':
        return { axes: [], period: shape.map(() => 1) };
      default:
        // Axes that broadcast are counted from the last.
        return inputs
          .map((input) => {
            const shift = shape.length - this.#shapeOf(input).length;
            return moved(this.of(input), shape, (axis) => axis + shift);
          })
          .reduce((one, other) => ({
            axes: one.axes.length >= other.axes.length ? one.axes : other.axes,
            period: one.period.map((own, axis) => leastCommonMultiple(own, at(other.period, axis))),
          }));
    }
  }
}

/** The period of what has the period `own`, of `to` values for every `from`. */
function resampled(own: number, to: number, from: number): number {
  const common = greatestCommonDivisor(to, from);
  const [by, over] = [to / common, from / common];
  return (own * by) / greatestCommonDivisor(own * by, over);
}

/** A period whose axes lie elsewhere, or nowhere. */
function moved({ axes, period }: Period, shape: Shape, placeOf: (axis: number) => number): Period {
  const made = shape.map(() => 1);
  for (const [axis, own] of period.entries()) if (placeOf(axis) >= 0) made[placeOf(axis)] = own;
  return { axes: axes.map(placeOf).filter((place) => place >= 0), period: made };
}
