// What looks at many values for each: normalizations and softmax; and channels times numbers, which are a normalization
// by moments that are given.

import { at, product } from '../../core/lists.js';
import { normalizationBlock, SET } from '../../modules/normalization-block.js';
import { stageParameters, withBlock } from '../../runtime/staging.js';
import { aroundChannels, type Shape } from '../shapes.js';
import { binaryStep, unaryStep } from './elementwise.js';
import { reduceStep } from './reduce.js';
import { type Compute, type Of, oneToOne, type StepCall, shapesOf } from './step.js';

export function affineStep(call: StepCall, { mean, scale, shift, layout }: Of<'affine'>): Compute {
  const channels = scale.length;
  const block = normalizationBlock({
    set: SET.channel,
    layout,
    channels,
    groups: 1,
    eps: 0,
    weight: Float32Array.from(scale),
    bias: Float32Array.from(shift),
    mean: Float32Array.from(mean),
    variance: new Float32Array(channels).fill(1),
  });
  return normalize(call, block, ...batchAndPoints(call, layout));
}

export function normalizationStep(call: StepCall, operation: Of<'normalization'>): Compute {
  const { over, axis, scale, shift, epsilon } = operation;
  const [shape] = shapesOf(call);
  const layer = over === 'layer';
  const layout = layer ? 'channels-last' : operation.layout;
  const channels = layer ? product(shape.slice(axis)) : aroundChannels(layout, shape)[1];
  const block = normalizationBlock({
    set: layer ? SET.point : SET.group,
    layout,
    channels,
    groups: layer ? 1 : operation.groups,
    eps: epsilon,
    weight: scale,
    bias: shift,
    mean: null,
    variance: null,
  });
  const sizes = layer ? ([1, product(shape.slice(0, axis))] as const) : batchAndPoints(call, layout);
  return normalize(call, block, ...sizes);
}

export function softmaxStep(call: StepCall, { axis, logarithm }: Of<'softmax'>): Compute {
  if (logarithm) return logSoftmaxStep(call, axis);
  const [shape] = shapesOf(call);
  const outer = product(shape.slice(0, axis));
  const count = at(shape, axis);
  const inner = product(shape.slice(axis + 1));
  return oneToOne((source, target) => call.runtime.module.softmax(outer, count, inner, source, 0, target));
}

/** What is left of a value by the largest of its line and the logarithm of its line's sum of powers. */
function logSoftmaxStep(call: StepCall, axis: number): Compute {
  const [shape] = shapesOf(call);
  const lines = shape.with(axis, 1);
  const count = product(shape);
  const reduceBy = (name: 'maximum' | 'sum'): Compute =>
    reduceStep(
      { ...call, outputShapes: [lines] },
      { kind: 'reduce', function: name, axes: [axis], keepAxes: true },
    );
  const apply = (name: 'exp' | 'log', own: Shape): Compute =>
    unaryStep(
      { ...call, inputShapes: [own], outputShapes: [own] },
      { kind: 'unary', function: name, a: 0, b: 0, channelA: null, layout: 'channels-first' },
    );
  const [most, sum, exp, log] = [
    reduceBy('maximum'),
    reduceBy('sum'),
    apply('exp', shape),
    apply('log', lines),
  ];
  const subtract = binaryStep(
    { ...call, inputShapes: [shape, lines] },
    { kind: 'binary', function: 'subtract' },
  );
  return ([source = 0], outputs) => {
    const [target = 0] = outputs;
    withBlock(call.runtime, call.where, count + product(lines), (powers) => {
      const line = powers + 4 * count;
      most([source], [line]);
      subtract([source, line], outputs);
      exp([target], [powers]);
      sum([powers], [line]);
      log([line], [line]);
      subtract([target, line], outputs);
    });
  };
}

function batchAndPoints(call: StepCall, layout: Of<'affine'>['layout']): readonly [number, number] {
  const [shape] = shapesOf(call);
  const [outer, , inner] = aroundChannels(layout, shape);
  return [at(shape, 0), (outer / at(shape, 0)) * inner];
}

function normalize(
  { where, runtime }: StepCall,
  block: Float32Array,
  batch: number,
  points: number,
): Compute {
  return oneToOne((source, target) => {
    const address = stageParameters(runtime, where, block);
    runtime.check(where, runtime.module.normalize(address, batch, points, source, 0, target));
  });
}
