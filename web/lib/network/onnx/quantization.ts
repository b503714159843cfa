// Quantization of values of the network, computed on floats: they are rounded to the grid and stay on it. Constants
// never come here.

import { bitsOf, isFloat } from '../../models/dtypes.js';
import { notFoldable } from '../../models/folding/folded.js';
import { axisOf } from '../../models/folding/shapes.js';
import { DTYPES } from '../../models/onnx/schema.js';
import type { BinaryFunction, Constant } from '../operations.js';
import { floatsOf, type LoadedNode, type NodeCall, type NodeRule, unary } from './node.js';

/** Scale and zero point as values that broadcast to an input of so many axes. */
function gridOf(loaded: LoadedNode) {
  const { node } = loaded;
  if ((node.integer('block_size') ?? 0) !== 0) notFoldable('it has scales for every block of values');
  const scale = floatsOf(loaded.required(1, 'scale'));
  const zeroTensor = loaded.constant(2, 'zero point');
  const zeros = zeroTensor && floatsOf(zeroTensor);
  if (zeros && zeros.length !== scale.length) notFoldable('it has other zero points than scales');
  const axis = node.integer('axis') ?? 1;
  const known = new Map<number, Readonly<Record<'scale' | 'zero', Constant>>>();
  const arranged = (name: string, list: Float32Array, rank: number): Constant => {
    const shape = new Array<number>(list.length === 1 ? 0 : rank).fill(1);
    if (list.length > 1) shape[axisOf(axis, rank)] = list.length;
    return { name, shape, data: list };
  };
  return {
    /** Whether there is a zero point to add. */
    shifted: zeros?.some((zero) => zero !== 0),
    of(shape: readonly number[]) {
      const rank = shape.length;
      const { length } = scale;
      if (length > 1 && shape[axisOf(axis, rank)] !== length) {
        notFoldable(`its ${length} scales do not fit its shape [${shape.slice(0, 8).join(', ')}]`);
      }
      let grid = known.get(rank);
      if (grid === undefined) {
        grid = {
          scale: arranged(loaded.node.inputs[1] ?? '', scale, rank),
          zero: arranged(loaded.node.inputs[2] ?? '', zeros ?? Float32Array.of(0), rank),
        };
        known.set(rank, grid);
      }
      return grid;
    },
  };
}

function apply(call: NodeCall, name: BinaryFunction, x: number, other: Constant): number {
  return call.step({ kind: 'binary', function: name }, [x, call.constant(other)]);
}

const quantize: NodeRule = (loaded) => {
  const wanted = loaded.node.integer('output_dtype') ?? 0;
  const zero = loaded.inputs[2]?.tensor;
  const dtype = zero?.dtype ?? (wanted === 0 ? 'uint8' : DTYPES[wanted]);
  if (dtype === undefined || isFloat(dtype))
    return notFoldable(`it rounds to ${dtype ?? 'a type that is not known'}`);
  const steps = 2 ** bitsOf(dtype);
  const low = dtype.startsWith('int') ? -steps / 2 : 0;
  const grid = gridOf(loaded);
  loaded.dtype = dtype;
  return (call) => {
    const numbers = grid.of(call.shape(0));
    let x = apply(call, 'divide', call.value(0), numbers.scale);
    x = call.step(unary('round'), [x]);
    if (grid.shifted) x = apply(call, 'add', x, numbers.zero);
    call.result(unary('clamp', low, low + steps - 1), [x]);
  };
};

const dequantize: NodeRule = (loaded) => {
  const grid = gridOf(loaded);
  loaded.dtype = 'float32';
  return (call) => {
    const numbers = grid.of(call.shape(0));
    const x = grid.shifted ? apply(call, 'subtract', call.value(0), numbers.zero) : call.value(0);
    call.result({ kind: 'binary', function: 'multiply' }, [x, call.constant(numbers.scale)]);
  };
};

export const QUANTIZATION: Readonly<Record<string, NodeRule>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
};
