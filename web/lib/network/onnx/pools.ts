// Pools and reductions.

import { convolutionSamePads } from '../../core/same-padding.js';
import { kernelReach } from '../../core/spec.js';
import { notFoldable } from '../../models/folding/folded.js';
import { axesOf } from '../../models/folding/shapes.js';
import { LIMITS } from '../../models/limits.js';
import type { Numbers } from '../../models/onnx/operands.js';
import { reducesNothing } from '../../models/onnx/value-rules.js';
import type { Operation } from '../operations.js';
import type { LoadedNode, NodeRule } from './node.js';

const AUTO_PADS = ['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'] as const;

/** Windows of a pool along every axis, as far as they do not depend on sizes. */
function windowsOf(loaded: LoadedNode) {
  const { node } = loaded;
  const kernel = node.integers('kernel_shape') ?? notFoldable('it has no kernel_shape');
  const rank = kernel.length;
  const list = (name: string, other: number, least: number, length = rank) => {
    const values = node.integers(name) ?? new Array<number>(Math.min(length, 16)).fill(other);
    const fits = values.length === length && values.every((value) => value >= least && value < 2 ** 31);
    return fits ? values : notFoldable(`its ${name} are [${values.slice(0, 8).join(', ')}]`);
  };
  if (rank > 3) notFoldable(`it has ${rank} axes`);
  list('kernel_shape', 1, 1);
  return {
    kernel,
    stride: list('strides', 1, 1),
    dilation: list('dilations', 1, 1),
    pads: list('pads', 0, 0, 2 * rank),
    autoPad: loaded.choice('auto_pad', AUTO_PADS, 'NOTSET'),
    ceil: node.integer('ceil_mode') === 1,
  };
}

const pool =
  (name: 'maximum' | 'average'): NodeRule =>
  (loaded) => {
    const { node } = loaded;
    const { kernel, stride, dilation, pads, autoPad, ceil } = windowsOf(loaded);
    const rank = kernel.length;
    const reaches = kernel.map((_, index) => kernelReach({ kernel, dilation }, index));
    for (const [index, pad] of pads.entries()) {
      const reach = reaches[index % rank] as number;
      if (pad >= reach) notFoldable(`it has pads of ${pad}, and windows of ${reach} would see nothing else`);
    }
    return (call) => {
      const shape = call.shape(0);
      if (shape.length !== rank + 2) notFoldable(`its input has ${shape.length} axes`);
      const axes = kernel.map((_, index) => {
        const [extent, step] = [shape[index + 2] as number, stride[index] as number];
        const reach = reaches[index] as number;
        if (autoPad === 'VALID') return { pair: [0, 0] as const, overhang: 0 };
        if (autoPad !== 'NOTSET') {
          const larger = autoPad === 'SAME_LOWER' ? 'head' : 'tail';
          return { pair: convolutionSamePads(extent, reach, step, larger), overhang: 0 };
        }
        const [before, after] = [pads[index] as number, pads[index + rank] as number];
        if (!ceil) return { pair: [before, after] as const, overhang: 0 };
        const rest = extent + before + after - reach;
        let count = Math.ceil(rest / step) + 1;
        // A last window that would lie in the padding alone is none, as PyTorch has it, and ONNX since opset 19.
        if ((count - 1) * step >= extent + before) count -= 1;
        const overhang = Math.max(0, (count - 1) * step - rest);
        return { pair: [before, after + overhang] as const, overhang };
      });
      const operation: Operation = {
        kind: 'pool',
        function: name,
        kernel,
        stride,
        dilation,
        pads: axes.map(({ pair }) => pair),
        countPadding: node.integer('count_include_pad') === 1,
        overhang: axes.map(({ overhang }) => overhang),
        layout: 'channels-first',
      };
      call.result(operation, [call.value(0)]);
    };
  };

type ReduceFunction = Extract<Operation, { kind: 'reduce' }>['function'];

const globalPool =
  (name: ReduceFunction): NodeRule =>
  () =>
  (call) => {
    const rank = call.shape(0).length;
    if (rank < 3) notFoldable(`its input has ${rank} axes`);
    const axes = Array.from({ length: rank - 2 }, (_, index) => index + 2);
    call.result({ kind: 'reduce', function: name, axes, keepAxes: true }, [call.value(0)]);
  };

/** Axes are an attribute, since opset 18 (13 of the sum) an input; without them all axes count, or none. */
const reduction =
  (name: ReduceFunction): NodeRule =>
  (loaded) => {
    const { node } = loaded;
    const keepAxes = node.integer('keepdims') !== 0;
    const passes = (given: Numbers) => given !== undefined && !given?.length && reducesNothing(node);
    passes(loaded.numbers(1, 'axes'));
    return (call) => {
      const rank = call.shape(0).length;
      const given = call.operands.numbers(1, 'axes') ?? [];
      if (given.length > LIMITS.rank) notFoldable(`it has ${given.length} axes`);
      if (passes(given)) return call.pass();
      const axes = given.length === 0 ? call.shape(0).map((_, axis) => axis) : axesOf(given, rank);
      axes.sort((one, other) => one - other);
      call.result({ kind: 'reduce', function: name, axes, keepAxes }, [call.value(0)]);
    };
  };

export const POOLS: Readonly<Record<string, NodeRule>> = {
  MaxPool: pool('maximum'),
  AveragePool: pool('average'),
  GlobalAveragePool: globalPool('mean'),
  GlobalMaxPool: globalPool('maximum'),
  ReduceMean: reduction('mean'),
  ReduceSum: reduction('sum'),
  ReduceMax: reduction('maximum'),
  ReduceMin: reduction('minimum'),
  ReduceProd: reduction('product'),
  ReduceL1: reduction('l1'),
  ReduceL2: reduction('l2'),
  ReduceSumSquare: reduction('sum-square'),
};
