// Convolutions of networks: packed once for all programs, with what stands behind them.

import { at, product } from '../core/lists.js';
import { channelsOfWeight, multiplyAdds, type OperatorSpec } from '../core/spec.js';
import { sameList } from '../core/tensor.js';
import { foldAffine } from '../graph/fold-affine.js';
import type { Fused } from '../graph/fuse.js';
import type { Execution } from '../runtime/execution.js';
import { FloatOperators } from '../runtime/float-operators.js';
import { Operation } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Constant, NetworkNode, Of } from './operations.js';
import { summandsOf } from './passes/affines.js';
import { sameValues } from './same-values.js';
import { type Shape, spatialAxes } from './shapes.js';
import { epilogueOf } from './steps/elementwise.js';

/** What a convolution computes of a network, beside its residual sum. */
interface Parts {
  readonly own: Of<'convolution'>;
  readonly norm: Pick<Of<'affine'>, 'scale' | 'shift'> | null;
  readonly relu: boolean;
  readonly activation: Of<'unary'> | null;
}

interface Packed {
  readonly parts: Parts;
  readonly operators: FloatOperators;
}

/** A convolution for one input shape. */
export interface PlannedConvolution {
  readonly operation: Operation;
  readonly operators: FloatOperators;
  readonly multiplyAdds: number;
}

/** All convolutions of one network; those of one weight are packed once, whatever the sizes. */
export class Convolutions {
  readonly #execution: Execution;
  readonly #packed = new Map<Constant, Packed[]>();

  constructor(execution: Execution) {
    this.#execution = execution;
  }

  plan(
    where: string,
    runtime: Runtime,
    unit: NetworkNode & Fused<NetworkNode>,
    [input, output]: readonly [Shape, Shape],
  ): PlannedConvolution {
    const parts = partsOf(unit);
    const { own, relu, activation } = parts;
    const spec = specOf(own, relu);
    const { operators } = this.#packedFor(parts);
    const counts = { inputCount: product(input), outputCount: product(output) };
    return {
      operators,
      multiplyAdds: multiplyAdds(spec, counts.inputCount, counts.outputCount),
      operation: new Operation({
        where,
        spec,
        batch: at(input, 0),
        extents: spatialAxes(own.layout, input.length).map((axis) => at(input, axis)),
        layout: own.layout,
        execution: { ...this.#execution, runtime },
        ...counts,
        compact: true,
        parameters: () => parametersOf(parts),
        epilogue: activation === null ? undefined : () => epilogueOf(where, activation),
      }),
    };
  }

  /** Frees and forgets what none of these uses: sizes may make factors, and weights, of their own. */
  keep(used: ReadonlySet<FloatOperators>): void {
    for (const [weight, packed] of this.#packed) {
      for (const { operators } of packed) if (!used.has(operators)) operators.dispose();
      const kept = packed.filter(({ operators }) => used.has(operators));
      if (kept.length > 0) this.#packed.set(weight, kept);
      else this.#packed.delete(weight);
    }
  }

  dispose(): void {
    this.keep(new Set());
  }

  #packedFor(parts: Parts): Packed {
    const { weight } = parts.own;
    const packed = this.#packed.get(weight) ?? [];
    this.#packed.set(weight, packed);
    const known = packed.find((other) => sameParts(other.parts, parts));
    if (known !== undefined) return known;
    const made = { parts, operators: new FloatOperators() };
    packed.push(made);
    return made;
  }
}

function partsOf({ operation, norm, relu, activation }: NetworkNode & Fused<NetworkNode>): Parts {
  const affine = norm?.operation as Of<'affine'> | undefined;
  return {
    own: operation as Of<'convolution'>,
    norm: affine ? { scale: affine.scale, shift: summandsOf(affine) } : null,
    relu: relu !== null,
    activation: (activation?.operation ?? null) as Of<'unary'> | null,
  };
}

/** Whether one native operator serves both: pads and a ReLU it tells apart by itself. */
function sameParts(one: Parts, other: Parts): boolean {
  const [a, b] = [one.own, other.own];
  return (
    a.weight === b.weight &&
    a.bias === b.bias &&
    a.transposed === b.transposed &&
    a.groups === b.groups &&
    sameList(a.stride, b.stride) &&
    sameList(a.dilation, b.dilation) &&
    sameValues(one.norm?.scale, other.norm?.scale) &&
    sameValues(one.norm?.shift, other.norm?.shift) &&
    one.activation?.function === other.activation?.function &&
    one.activation?.a === other.activation?.a &&
    one.activation?.b === other.activation?.b &&
    sameValues(one.activation?.channelA, other.activation?.channelA)
  );
}

function specOf(operation: Of<'convolution'>, relu: boolean): OperatorSpec {
  const { weight, transposed, groups, stride, dilation, pads, outputPadding } = operation;
  return {
    ...channelsOfWeight(weight.shape, transposed, groups),
    stride,
    dilation,
    inputDilation: stride.map(() => 1),
    padBefore: pads.map(([before]) => before),
    padAfter: pads.map(([, behind], axis) => behind - (transposed ? at(outputPadding, axis) : 0)),
    relu,
  };
}

function parametersOf({ own: { weight, bias }, norm }: Parts) {
  const own = { weight: weight.data, bias: bias?.data ?? null };
  return norm === null ? own : foldAffine(own, norm);
}
