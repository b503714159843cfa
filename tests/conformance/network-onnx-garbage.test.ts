// Damaged networks, and such as nobody meant: run or refused, soon and in little memory.

import { init } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, expect, it } from 'vitest';
import { expectError, rejection } from '../support/errors.js';
import { expectRunOrRefused } from '../support/network-garbage.js';
import { bytesOf, NETWORK_CASES, ONNX_OPERATORS } from '../support/network-onnx-cases/index.js';
import { type Attribute, floats, input, int64s, node, onnx, output } from '../support/onnx-writer.js';
import { mulberry32 } from '../support/random.js';
import { seed } from '../support/seed.js';

beforeAll(async () => {
  await init();
});

const seeds = Object.entries(NETWORK_CASES).map(([name, one]) => ({ name, bytes: bytesOf(one) }));

const TYPES = [...ONNX_OPERATORS, 'If', 'LSTM', 'Loop', 'Size', 'Tile', 'Not', 'Equal'];
const WORDS =
  `alpha beta axis axes perm mode pads value strides dilations kernel_shape group output_padding auto_pad
  ceil_mode count_include_pad keepdims noop_with_empty_axes allowzero blocksize num_groups epsilon spatial transA transB
  to split num_outputs starts ends scales coordinate_transformation_mode nearest_mode antialias block_size
  keep_aspect_ratio_policy training_mode output_shape`.split(/\s+/);
const TEXTS = [
  'constant',
  'reflect',
  'wrap',
  'edge',
  'nearest',
  'linear',
  'cubic',
  'CRD',
  'SAME_UPPER',
  'align_corners',
  'tf_crop_and_resize',
  'floor',
  'x',
];

/** A graph of some nodes of any operators, with attributes and inputs of any others. */
function made(index: number): Uint8Array<ArrayBuffer> {
  const random = mulberry32(seed + index);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <Entry>(list: readonly Entry[]) => list[below(list.length)] as Entry;
  const integer = () =>
    pick([0, 1, 1, 2, 2, 3, -1, -2, 4, 7, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, 100_000]);
  const attribute = (): Attribute => {
    const kinds: readonly (() => Attribute)[] = [
      integer,
      () => Array.from({ length: below(6) }, integer),
      () => pick(TEXTS),
      () => ({ float: pick([0, 1, -1, 0.5, 1e-5, 1e30, Number.NaN, Number.POSITIVE_INFINITY]) }),
      () => ({ floats: Array.from({ length: below(5) }, () => pick([1, 2, 0.5, 0, -1, 1e9])) }),
      () => ({ omitted: 1 + below(8) }),
    ];
    return pick(kinds)();
  };
  const names = ['x', 'x', 'x', 'k', 'w', 's', 'i', 'e', ''];
  const nodes = Array.from({ length: 1 + below(5) }, (_, at) => {
    const inputs = Array.from({ length: 1 + below(4) }, () => pick(names));
    names.push(`v${at}`, `v${at}`);
    const attributes = Array.from({ length: below(4) }, () => [pick(WORDS), attribute()] as const);
    return node(
      pick(TYPES),
      inputs,
      [`v${at}`, ...(below(4) === 0 ? ['u'] : [])],
      Object.fromEntries(attributes),
    );
  });
  const extents = Array.from({ length: below(5) }, () => pick([1, 2, 3, 4, 6, 9]));
  const shape = Array.from({ length: 1 + below(5) }, () => pick([1, 2, 2, 3, 4, 6, 0]));
  const count = extents.reduce((all, extent) => all * extent, 1);
  return onnx(
    [
      input('x', shape),
      floats('k', [], [pick([0, 1, -2, 0.5])]),
      floats('w', extents, Array.from({ length: count }, random)),
      floats(
        's',
        [4],
        Array.from({ length: 4 }, () => pick([1, 1, 2, 0.5, 0, 1e9])),
      ),
      int64s('i', Array.from({ length: below(6) }, integer)),
      floats('e', [0], []),
      ...nodes,
      output(`v${nodes.length - 1}`),
    ],
    { opset: pick([1, 7, 9, 10, 11, 12, 13, 17, 18, 19, 21, 25]) },
  );
}

it('mutated files', () => expectRunOrRefused('mutated networks', { count: 20_000, seeds, run: 500 }));

it('graphs of any operators with any attributes', () =>
  expectRunOrRefused('networks of any nodes', { count: 5000, seeds, make: made, run: 500 }));

it('deep and wide', async () => {
  const chain = (type: string, first: string, last: string, count: number) =>
    Array.from({ length: count }, (_, at) =>
      node(type, [at === 0 ? first : `${last}${at}`], [at + 1 === count ? last : `${last}${at + 1}`]),
    );
  const x = { data: Float32Array.of(-1, 2), shape: [1, 2] };
  const run = async (...parts: Parameters<typeof onnx>[0]) => {
    using net = await loadNetwork(onnx([input('x', [1, 2]), ...parts, output('y')]));
    return [...(net.run({ x }).y?.data ?? [])];
  };
  expect(
    await run(floats('k', [1], [3]), ...chain('Neg', 'k', 'n', 20_000), node('Add', ['x', 'n'], ['y'])),
  ).toEqual([2, 5]);
  expect(await run(...chain('Relu', 'x', 'y', 200))).toEqual([0, 2]);
  expect(await run(...chain('Identity', 'x', 'y', 20_000))).toEqual([-1, 2]);
  expect(await run(node('Sum', Array<string>(100).fill('x'), ['y']))).toEqual([-100, 200]);
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`a${at}`, at]));
  const error = await rejection(() => run(node('Clip', ['x'], ['y'], wide)));
  expectError(error, 'BAD_MODEL', 'loadNetwork');
});
