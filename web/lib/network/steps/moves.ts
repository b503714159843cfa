// What only moves values: slices, permutations, repetitions, squares of pixels, parts of wholes.

import { repeatedStrides, stridesOf } from '../../core/broadcasting.js';
import { at, product } from '../../core/lists.js';
import { type Join, sectionsOf } from '../../graph/joins.js';
import { codeOf } from '../../runtime/operation.js';
import { stageParameters } from '../../runtime/staging.js';
import { aroundChannels, type Shape, spatialAxes } from '../shapes.js';
import { type Compute, type Of, oneToOne, type StepCall, shapesOf, structOf } from './step.js';
import { axesStruct, collapsed, type Strided } from './strides.js';

export function transposeStep(call: StepCall, { permutation }: Of<'transpose'>): Compute {
  return permuted(call, shapesOf(call)[0], permutation);
}

export function sliceStep(call: StepCall, { start, step, count }: Of<'slice'>): Compute {
  const strides = stridesOf(shapesOf(call)[0]);
  const first = strides.reduce((sum, stride, axis) => sum + stride * at(start, axis), 0);
  return stridedCopy(
    call,
    count,
    strides.map((stride, axis) => stride * at(step, axis)),
    first,
  );
}

export function expandStep(call: StepCall): Compute {
  const [shape, whole] = shapesOf(call);
  return stridedCopy(call, whole, repeatedStrides(shape, whole));
}

/** A permutation of the axes among which those of the block, i and j, stand by themselves. */
export function blockStep(
  call: StepCall,
  { kind, block, order, layout }: Of<'depth-to-space' | 'space-to-depth'>,
): Compute {
  const widens = kind === 'depth-to-space';
  const [deepShape, wideShape] = widens ? shapesOf(call) : shapesOf(call).toReversed();
  const [height = 0, width = 0] = spatialAxes(layout, 4).map((axis) => at(deepShape as Shape, axis));
  const [, channels] = aroundChannels(layout, wideShape as Shape);
  const batch = at(wideShape as Shape, 0);
  // PyTorch's order has loops of its own.
  if (order === 'column-row-depth') {
    const { runtime, where } = call;
    return oneToOne((source, target) =>
      runtime.check(
        where,
        runtime.module.pixelShuffle(
          widens,
          batch,
          channels,
          height,
          width,
          block,
          codeOf(layout),
          source,
          target,
        ),
      ),
    );
  }
  const extents: Readonly<Record<string, number>> = {
    n: batch,
    c: channels,
    h: height,
    w: width,
    i: block,
    j: block,
  };
  const first = layout === 'channels-first';
  const deep = first ? 'nijchw' : 'nhwijc';
  const wide = first ? 'nchiwj' : 'nhiwjc';
  const [from, to] = widens ? [deep, wide] : [wide, deep];
  return permuted(
    call,
    [...from].map((axis) => extents[axis] as number),
    [...to].map((axis) => from.indexOf(axis)),
  );
}

export function joinStep(call: StepCall, operation: Of<'concat' | 'split'>): Compute {
  const gathers = operation.kind === 'concat';
  const join: Exclude<Join, { kind: 'add' }> = operation;
  const { rows, stride, lengths } = sectionsOf(join, gathers ? call.inputShapes : call.outputShapes);
  return (inputs, outputs) => {
    const { module } = call.runtime;
    let begin = at(gathers ? outputs : inputs, 0);
    for (const [index, length] of lengths.entries()) {
      const part = at(gathers ? inputs : outputs, index);
      if (gathers) module.copyRows(rows, length, part, length, begin, stride);
      else module.copyRows(rows, length, begin, stride, part, length);
      begin += 4 * length;
    }
  };
}

/** The values as they are, elsewhere. */
export function copyStep({ runtime, inputShapes }: Pick<StepCall, 'runtime' | 'inputShapes'>): Compute {
  const count = product(inputShapes[0] as Shape);
  return oneToOne((source, target) => {
    if (source !== target) runtime.module.copyRows(1, count, source, count, target, count);
  });
}

function permuted(call: StepCall, shape: Shape, permutation: readonly number[]): Compute {
  const strides = stridesOf(shape);
  return stridedCopy(
    call,
    permutation.map((axis) => at(shape, axis)),
    permutation.map((axis) => at(strides, axis)),
  );
}

/** To a contiguous tensor of `extents`, from value `first` on. */
function stridedCopy({ where, runtime }: StepCall, extents: Shape, strides: Shape, first = 0): Compute {
  const struct = structOf(
    axesStruct(transposed(collapsed({ extents, strides: [strides, stridesOf(extents)] }))),
  );
  return oneToOne((source, target) => {
    const address = stageParameters(runtime, where, struct);
    runtime.module.copyStrided(address, source + 4 * first, target);
  });
}

/** With the axis along which the source lies together last, or before the last one, which lies together in the target. */
function transposed({ extents, strides }: Strided): Strided {
  const [source = []] = strides;
  const own = source.lastIndexOf(1);
  if (own < 0 || own >= extents.length - 2) return { extents, strides };
  const moved = (values: readonly number[]): number[] =>
    values.toSpliced(own, 1).toSpliced(-1, 0, at(values, own));
  return { extents: moved(extents), strides: strides.map(moved) };
}
