import { product } from './lists.js';
import type { OperatorSpec } from './spec.js';
import type { WeightLayout } from './weight-layout.js';

/** The axes of a kernel: its taps in order, the group, and the channels of one group. */
export type WeightAxis = 'taps' | 'group' | 'in' | 'out';

/**
 * A layout given by the order of its axes, slowest first. Where `group` stands directly before `in`
 * or `out`, the system's shape has the two as one axis; a layout without `group` is for one group.
 * `flip` reverses the taps along every spatial axis.
 */
export function weightLayout(spec: OperatorSpec, order: readonly WeightAxis[], flip = false): WeightLayout {
  const canonical: readonly WeightAxis[] = spec.transposed
    ? ['group', 'in', 'out', 'taps']
    : ['group', 'out', 'in', 'taps'];
  const wanted: readonly WeightAxis[] = order.includes('group') ? order : ['group', ...order];
  const taps = product(spec.kernel);
  const extents: Readonly<Record<WeightAxis, number>> = {
    taps,
    group: spec.groups,
    in: spec.inChannels / spec.groups,
    out: spec.outChannels / spec.groups,
  };
  const strides = stridesOf(wanted, extents);
  // Reversing every spatial axis reverses the row-major order of the taps.
  const tapOf = flip ? (tap: number) => taps - 1 - tap : (tap: number) => tap;

  /** Calls back with the canonical index and the system's index of every value. */
  const walk = (visit: (canonicalIndex: number, index: number) => void): void => {
    const [first, second, third, last] = canonical as readonly [
      WeightAxis,
      WeightAxis,
      WeightAxis,
      WeightAxis,
    ];
    let canonicalIndex = 0;
    for (let a = 0; a < extents[first]; a += 1) {
      for (let b = 0; b < extents[second]; b += 1) {
        for (let c = 0; c < extents[third]; c += 1) {
          const base = a * strides[first] + b * strides[second] + c * strides[third];
          for (let tap = 0; tap < taps; tap += 1) {
            visit(canonicalIndex, base + tapOf(tap) * strides[last]);
            canonicalIndex += 1;
          }
        }
      }
    }
  };
  return {
    shape: shapeOf(wanted, extents, spec.kernel),
    toCanonical(values) {
      const result = new Float32Array(values.length);
      walk((canonicalIndex, index) => {
        result[canonicalIndex] = values[index] as number;
      });
      return result;
    },
    fromCanonical(values) {
      const result = new Float32Array(values.length);
      walk((canonicalIndex, index) => {
        result[index] = values[canonicalIndex] as number;
      });
      return result;
    },
  };
}

function stridesOf(
  order: readonly WeightAxis[],
  extents: Readonly<Record<WeightAxis, number>>,
): Record<WeightAxis, number> {
  const strides: Record<WeightAxis, number> = { taps: 0, group: 0, in: 0, out: 0 };
  let stride = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = stride;
    stride *= extents[axis];
  }
  return strides;
}

function shapeOf(
  order: readonly WeightAxis[],
  extents: Readonly<Record<WeightAxis, number>>,
  kernel: readonly number[],
): number[] {
  const shape: number[] = [];
  for (const [index, axis] of order.entries()) {
    if (axis === 'taps') shape.push(...kernel);
    // The group joins the channel axis behind it.
    else if (axis !== 'group') shape.push(extents[axis] * (order[index - 1] === 'group' ? extents.group : 1));
  }
  return shape;
}
