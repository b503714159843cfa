// Damaged TFLite networks, and such as nobody meant: run or refused, soon and in little memory.

import { init } from 'deconv-wasm';
import { beforeAll, it } from 'vitest';
import { expectRunOrRefused } from '../support/network-garbage.js';
import { mulberry32 } from '../support/random.js';
import { seed } from '../support/seed.js';
import { TFLITE_CASES } from '../support/tflite-cases.js';
import { float, integers, type OperatorPart, type TensorPart, tflite } from '../support/tflite-writer.js';

beforeAll(async () => {
  await init();
});

const seeds = TFLITE_CASES.map(({ name, bytes }) => ({ name: `${name}.tflite`, bytes }));
/** Operators that are run, and some others. */
const CODES = [
  0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 28, 34, 36, 37, 38, 39, 40, 41, 42, 43, 45, 47, 49, 50,
  53, 54, 55, 56, 57, 59, 60, 65, 66, 67, 69, 70, 73, 74, 75, 76, 77, 78, 81, 82, 83, 88, 89, 90, 92, 93, 94, 95, 96, 97, 98, 99, 100,
  101, 102, 104, 105, 106, 108, 110, 111, 114, 116, 117, 118, 126, 130, 132, 141, 150, 152, 158, 500,
  'Convolution2DTransposeBias', 'Somebody',
]; // biome-ignore format: a list

/** A graph of some operators with options and inputs of any others. */
function made(index: number): Uint8Array<ArrayBuffer> {
  const random = mulberry32(seed + index);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <Entry>(list: readonly Entry[]) => list[below(list.length)] as Entry;
  const whole = () => pick([0, 0, 1, 1, 1, 2, 2, 3, -1, -2, 4, 7, 2 ** 31 - 1, -(2 ** 31), 100_000]);
  const list = (most: number) => Array.from({ length: below(most) }, whole);
  const field = () =>
    pick([
      () => ({ byte: pick([0, 0, 1, 1, 2, 3, 9, 255]) }),
      () => ({ integer: whole() }),
      () => float(random()),
      () => null,
      () => integers(list(5)),
    ])();
  const shape = () => Array.from({ length: below(6) }, () => pick([1, 2, 2, 3, 4, 6, 0]));
  const constant = (name: string): TensorPart => {
    const extents = shape();
    const count = extents.reduce((all, extent) => all * extent, 1);
    const values = Array.from({ length: count }, () => 2 * random() - 1);
    return pick<() => TensorPart>([
      () => ({ name, shape: extents, values: Float32Array.from(values) }),
      () => ({
        name,
        shape: extents,
        values: Int8Array.from(values, (value) => 100 * value),
        quantization: { scale: [0.01], zeroPoint: [pick([0, 3])] },
      }),
      () => ({ name, shape: extents, values: Int32Array.from(values, () => whole()) }),
    ])();
  };
  const numbers = list(6);
  const tensors: TensorPart[] = [
    { name: 'x', shape: shape() },
    { name: 'i', shape: [numbers.length], values: Int32Array.from(numbers) },
    constant('w'),
    constant('v'),
  ];
  const known = ['x', 'x', 'i', 'w', 'v', ''];
  const operators = Array.from({ length: 1 + below(5) }, (_, at): OperatorPart => {
    const inputs = Array.from({ length: 1 + below(4) }, () => pick(known));
    const quantization = pick([undefined, undefined, { scale: [0.1], zeroPoint: [1] }]);
    const type = quantization === undefined ? pick([0, 0, 0, 2, 4, 7]) : pick([9, 3]);
    tensors.push({ name: `t${at}`, shape: shape(), type, ...(quantization && { quantization }) });
    known.push(`t${at}`, `t${at}`);
    const options = Array.from({ length: below(8) }, field);
    return {
      code: pick(CODES),
      inputs,
      outputs: [`t${at}`],
      options,
      ...(below(3) === 0 && { custom: list(4) }),
    };
  });
  return tflite(tensors, operators, { inputs: ['x'], outputs: [`t${operators.length - 1}`] });
}

it('mutated files', () => expectRunOrRefused('mutated networks', { count: 20_000, seeds, run: 500 }));

it('graphs of any operators with any options', () =>
  expectRunOrRefused('networks of any operators', {
    count: 20_000,
    seeds,
    make: made,
    name: 'made.tflite',
    run: 100,
  }));
