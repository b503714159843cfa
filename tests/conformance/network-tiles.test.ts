// Networks in parts: what comes of it is what the whole gives.

import { DeconvError, HeapTensor, type Tensor } from 'deconv-wasm';
import { loadNetwork, type Network } from 'deconv-wasm/network';
import { describe, expect, it } from 'vitest';
import { BUILDS_HERE, describeEachBuild } from '../support/builds.js';
import { expectError, rejection } from '../support/errors.js';
import { growHeap } from '../support/grow-heap.js';
import { bytesOf, type NetworkCase } from '../support/network-onnx-cases/index.js';
import { NETWORKS, Writer } from '../support/networks.js';
import { floats } from '../support/onnx-writer.js';
import { resizable } from '../support/resizable.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';
import { tflite } from '../support/tflite-writer.js';

type Layers = (net: Writer, x: string) => string;

/** A network of these layers on pictures of three channels, of any size. */
function networkOf(layers: Layers, shape: readonly number[] = [1, 3, 32, 32], free = [2, 3]): NetworkCase {
  const net = new Writer();
  const y = layers(net, 'x');
  const declared = shape.map((extent, axis) => (free.includes(axis) ? `axis ${axis}` : extent));
  return net.done(y, { x: shape }, { x: declared });
}

const resized =
  (mode: string, coordinates: string): Layers =>
  (net, x) => {
    net.parts.push(floats('scales', [4], [1, 1, 2, 2]));
    const wide = net.node('Resize', [net.conv(x, 3, 8, [3, 3]), '', 'scales'], {
      mode,
      coordinate_transformation_mode: coordinates,
      nearest_mode: 'floor',
    });
    return net.conv(wide, 8, 3, [5, 3]);
  };

/** Rows and columns from a place to before another, as ONNX counts them. */
const cut = (net: Writer, x: string, [top = 0, left = 0]: number[], [bottom = 0, right = 0]: number[]) =>
  net.node('Slice', [x, net.list(top, left), net.list(bottom, right), net.list(2, 3)]);

const LAYERS: Readonly<Record<string, Layers>> = {
  'convolutions that see far': (net, x) => {
    const own = net.node('Relu', [net.conv(x, 3, 16, [7, 5])]);
    return net.conv(own, 16, 2, [3, 3], { dilations: [3, 2], pads: [3, 2, 3, 2] });
  },
  'pixel shuffle and the picture beside it': (net, x) => {
    net.parts.push(floats('scales', [4], [1, 1, 2, 2]));
    const deep = net.conv(net.node('Relu', [net.conv(x, 3, 16, [3, 3])]), 16, 12, [3, 3]);
    const flat = net.node('DepthToSpace', [deep], { blocksize: 2, mode: 'CRD' });
    const near = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return net.node('Add', [flat, net.node('Resize', [x, '', 'scales'], near)]);
  },
  'down and up again with a skip': (net, x) => {
    const high = net.node('Relu', [net.conv(x, 3, 8, [3, 3])]);
    const low = net.node('MaxPool', [high], { kernel_shape: [2, 2], strides: [2, 2] });
    const wide = { strides: [2, 2], pads: [1, 1, 1, 1] };
    const up = net.node('ConvTranspose', [net.conv(low, 8, 8, [3, 3]), net.weights([8, 8, 4, 4], 0.2)], wide);
    return net.conv(net.node('Concat', [high, up], { axis: 1 }), 16, 1, [3, 3]);
  },
  'reflected pads': (net, x) => {
    const padded = net.node('Pad', [x, net.list(0, 0, 2, 3, 0, 0, 1, 2)], { mode: 'reflect' });
    return net.conv(padded, 3, 4, [4, 6], { pads: [0, 0, 0, 0] });
  },
  'edges that are repeated, and cut off': (net, x) => {
    const padded = net.node('Pad', [x, net.list(0, 0, 4, 4, 0, 0, 4, 4)], { mode: 'edge' });
    const own = net.conv(padded, 3, 4, [3, 3]);
    return net.node('Pad', [own, net.list(0, 0, -4, -4, 0, 0, -4, -4)]);
  },
  'nearest neighbours': resized('nearest', 'asymmetric'),
  'linear between neighbours': resized('linear', 'half_pixel'),
  'cubic between neighbours': resized('cubic', 'half_pixel'),
  'PyTorch’s pixels': resized('linear', 'pytorch_half_pixel'),
  'rows cut off at one end': (net, x) => cut(net, cut(net, x, [0, 2], [-1, 100]), [1, 0], [100, -3]),
  'what a convolution pads, cut off again': (net, x) => {
    const wide = net.conv(x, 3, 4, [3, 3], { pads: [2, 2, 2, 2] });
    const chomped = cut(net, wide, [0, 0], [-2, -2]);
    const more = { pads: [4, 0, 4, 0], dilations: [2, 1] };
    return cut(net, net.conv(chomped, 4, 3, [3, 1], more), [0, 0], [-4, 100]);
  },
  'a picture enlarged and cropped': (net, x) => {
    const deep = net.node('DepthToSpace', [net.conv(x, 3, 12, [3, 3])], { blocksize: 2 });
    return cut(net, deep, [6, 5], [-7, -6]);
  },
  'every second row from the second on': (net, x) => {
    const own = net.node('Slice', [x, net.list(1, 0), net.list(100, 100), net.list(2, 3), net.list(2, 1)]);
    return net.node('Pad', [own, net.list(0, 0, 0, -1, 0, 0, -1, -2)]);
  },
  'stamps with gaps between them': (net, x) => {
    const up = net.node('ConvTranspose', [x, net.weights([3, 2, 2, 1], 0.5)], { strides: [3, 2] });
    return net.node('Tanh', [up]);
  },
  'down by strides that leave a rest, and cropped': (net, x) => {
    const low = net.conv(x, 3, 4, [3, 3], { strides: [2, 2], pads: [0, 1, 0, 1] });
    const up = net.node('ConvTranspose', [low, net.weights([4, 3, 2, 2], 0.5)], { strides: [2, 2] });
    return cut(net, up, [3, 1], [-2, -4]);
  },
  'down by strides, as long as these say': (net, x) => {
    const own = { auto_pad: 'SAME_UPPER', strides: [2, 2] };
    const low = net.node('Relu', [net.node('Conv', [x, net.weights([4, 3, 3, 3], 0.5)], own)]);
    return net.node('Conv', [low, net.weights([2, 4, 2, 3], 0.5)], {
      auto_pad: 'SAME_LOWER',
      strides: [1, 1],
    });
  },
  'ends that only pads make': (net, x) => {
    const up = { strides: [2, 2], output_padding: [1, 1] };
    const wide = net.node('ConvTranspose', [x, net.weights([3, 4, 2, 2], 0.5)], up);
    const padded = net.node('Pad', [wide, net.list(0, 0, 30, 1, 0, 0, 2, 41)]);
    return net.conv(padded, 4, 3, [3, 3], { pads: [1, 28, 33, 1] });
  },
  'cropped before, and repeated behind': (net, x) => {
    const edge = net.node('Pad', [x, net.list(0, 0, -1, -3, 0, 0, 2, 1)], { mode: 'edge' });
    return net.node('Pad', [edge, net.list(0, 0, 3, -2, 0, 0, -1, 3)], { mode: 'reflect' });
  },
  'averages that count their pads': (net, x) => {
    const own = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
    return net.node('AveragePool', [net.node('AveragePool', [x], { ...own, count_include_pad: 1 })], own);
  },
};

/** The largest difference, in parts of the rms. */
function difference(one: Tensor, other: Tensor): number {
  expect(one.shape).toEqual(other.shape);
  const rms = Math.sqrt(other.data.reduce((sum, value) => sum + value ** 2, 0) / other.data.length);
  return (
    other.data.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - (one.data[index] as number))),
      0,
    ) / rms
  );
}

describeEachBuild(
  () => {
    describe.each(Object.entries(LAYERS))('%s', (_, layers) => {
      it.each([
        [[1, 3, 40, 36], 16],
        [
          [2, 3, 33, 50],
          [7, 20],
        ],
        [
          [1, 3, 20, 61],
          [64, 9],
        ],
      ] as const)('%j in tiles of %j', async (shape, tile) => {
        const net = await loadNetwork(bytesOf(networkOf(layers)), { precision: 'exact' });
        const x = randomTensor(shape, seed);
        const whole = wholeOf(net, x);
        if (whole === null) return;
        const told: number[] = [];
        const out = { data: new Float32Array(whole.data.length), shape: whole.shape };
        const result = await net.tiled(x, {
          tile,
          out,
          onProgress: ({ loaded, total }) => {
            told.push(loaded);
            expect(total).toBeGreaterThan(1);
          },
        });
        expect(result).toBe(out);
        expect(told).toEqual(told.map((_, index) => index + 1));
        expect(difference(result, whole)).toBeLessThan(5e-6);
        net.dispose();
      });
    });
  },
  BUILDS_HERE.slice(0, 1),
);

// What an exporter makes without dynamic axes: the picture is larger than the input that the file says.
describeEachBuild(
  () => {
    const fixed = [1, 3, 24, 28] as const;

    it.each(Object.entries(LAYERS))('%s, in parts of the size that the file fixes', async (_, layers) => {
      const [small, any] = await Promise.all([
        loadNetwork(bytesOf(networkOf(layers, fixed, [])), { precision: 'exact' }),
        loadNetwork(bytesOf(networkOf(layers, fixed)), { precision: 'exact' }),
      ]);
      for (const shape of [fixed, [1, 3, 24, 30], [1, 3, 62, 50]] as const) {
        const x = randomTensor(shape, seed);
        const out = any.forward(x);
        const parts: number[] = [];
        const result = await small.tiled(x, { onProgress: ({ total }) => parts.push(total) });
        expect(difference(result, out)).toBeLessThan(5e-6);
        expect(parts[0]).toBe(parts.length);
        expect(parts.length === 1).toBe(shape === fixed);
        await small.tiled(x, { tile: [24, 28], out: { data: out.data.fill(0), shape: out.shape } });
        expect(out.data).toEqual(result.data);
      }
      small.dispose();
      any.dispose();
    });

    it.each(Object.entries(LAYERS))('%s, of which the file fixes one axis', async (_, layers) => {
      const [half, any] = await Promise.all([
        loadNetwork(bytesOf(networkOf(layers, fixed, [3])), { precision: 'exact' }),
        loadNetwork(bytesOf(networkOf(layers, fixed)), { precision: 'exact' }),
      ]);
      const x = randomTensor([1, 3, 62, 50], seed);
      expect(difference(await half.tiled(x, { tile: [24, 16] }), any.forward(x))).toBeLessThan(5e-6);
      half.dispose();
      any.dispose();
    });

    it('refuses what such parts cannot make', async () => {
      const net = await loadNetwork(
        bytesOf(networkOf(LAYERS['down and up again with a skip'] as Layers, fixed, [])),
      );
      for (const [shape, reason] of [
        [[1, 3, 22, 28], /24 and a multiple of 2 more along axis 2, got 22/],
        [[1, 3, 24, 31], /28 and a multiple of 2 more along axis 3, got 31/],
        [[2, 3, 24, 28], /of shape \[1, 3, 24, 28\], got \[2, 3, 24, 28\]/],
        [[1, 4, 48, 28], /of shape \[1, 3, 24, 28\], got \[1, 4, 48, 28\]/],
      ] as const) {
        const error = await rejection(() => net.tiled(randomTensor(shape, seed)));
        expectError(error, 'BAD_SHAPE', 'Network.tiled');
        expect(error.message).toMatch(reason);
      }
      const x = randomTensor([1, 3, 48, 56], seed);
      const error = await rejection(() => net.tiled(x, { tile: 16 }));
      expectError(error, 'BAD_OPTION', 'Network.tiled');
      expect(error.message).toMatch(/left out, or 24 along axis 2, which the file fixes, got 16/);
      // An overlap of ones own is as large as one says, until nothing of a part is left.
      expect((await net.tiled(x, { overlap: 4 })).shape).toEqual([1, 1, 48, 56]);
      const nothing = await rejection(() => net.tiled(x, { overlap: 12 }));
      expectError(nothing, 'UNSUPPORTED', 'Network.tiled');
      expect(nothing.message).toMatch(/less than the 24 values/);
      net.dispose();
    });
  },
  BUILDS_HERE.slice(0, 1),
);

/** Null where the network has no output for the size: a skip of an odd one. */
function wholeOf(net: Network, x: Tensor): Tensor | null {
  try {
    return net.forward(x);
  } catch (error) {
    if (error instanceof DeconvError && error.code === 'BAD_SHAPE') return null;
    throw error;
  }
}

describeEachBuild(
  () => {
    it('sounds and pictures with channels last go in parts as well', async () => {
      const sound = NETWORKS['a vocoder'].net;
      const vocoder = await loadNetwork(bytesOf({ ...sound, declared: { x: [1, 4, 'frames'] } }));
      const mel = randomTensor([1, 4, 100], seed);
      expect(difference(await vocoder.tiled(mel, { tile: 17 }), vocoder.forward(mel))).toBeLessThan(1e-5);
      vocoder.dispose();
      const one = networkOf(
        (net, x) => {
          const first = net.node('Transpose', [x], { perm: [0, 3, 1, 2] });
          return net.node('Transpose', [net.conv(first, 3, 4, [3, 3])], { perm: [0, 2, 3, 1] });
        },
        [1, 32, 32, 3],
        [1, 2],
      );
      const net = await loadNetwork(bytesOf(one));
      const picture = randomTensor([1, 30, 41, 3], seed);
      expect(difference(await net.tiled(picture, { tile: 16 }), net.forward(picture))).toBeLessThan(1e-5);
      net.dispose();
    });

    it('what looks at the whole is refused with the node, or taken for its parts', async () => {
      const one = networkOf((net, x) => {
        const own = net.conv(x, 3, 8, [3, 3]);
        const norm = [own, net.weights([8], 0.2, 1), net.weights([8], 0.2)];
        return net.conv(net.node('InstanceNormalization', norm), 8, 3, [3, 3]);
      });
      const net = await loadNetwork(bytesOf(one));
      const x = randomTensor([1, 3, 40, 40], seed);
      const error = await rejection(() => net.tiled(x, { tile: 20 }));
      expectError(error, 'UNSUPPORTED', 'Network.tiled');
      expect(error.message).toMatch(/InstanceNormalization.*statistics of all places/);
      expect(error.detail.node).toMatch(/^InstanceNormalization/);
      const parts = await net.tiled(x, { tile: 20, overlap: 4 });
      expect(difference(parts, net.forward(x))).toBeLessThan(1);
      net.dispose();
    });

    it.each<readonly [string, Layers, RegExp]>([
      [
        'a mean over all places',
        (net, x) => net.node('Mul', [x, net.node('GlobalAveragePool', [x])]),
        /reduces all/,
      ],
      ['a softmax over places', (net, x) => net.node('Softmax', [x], { axis: 3 }), /weighs all places/],
      [
        'a map of places',
        (net, x) => net.node('Add', [x, net.weights([1, 1, 32, 1], 1)]),
        /differ from place/,
      ],
      ['corners that lie on each other', resized('linear', 'align_corners'), /depend on the whole length/],
      [
        'as many values of others, by a factor',
        (net, x) => {
          net.parts.push(floats('scales', [4], [1, 1, 1.02, 1]));
          return net.node('Resize', [x, '', 'scales'], { mode: 'linear' });
        },
        /by no fixed factor/,
      ],
      [
        'a transposition of places',
        (net, x) => net.node('Add', [x, net.node('Transpose', [x], { perm: [0, 1, 3, 2] })]),
        /differ from place/,
      ],
    ])('refused: %s', async (_, layers, reason) => {
      const net = await loadNetwork(bytesOf(networkOf(layers)));
      const error = await rejection(() => net.tiled(randomTensor([1, 3, 32, 32], seed), { tile: 16 }));
      expectError(error, 'UNSUPPORTED', 'Network.tiled');
      expect(error.message).toMatch(reason);
      // The advice is one that helps.
      const again = net.tiled(randomTensor([1, 3, 32, 32], seed), { tile: 16, overlap: 4 });
      if (error.message.endsWith('Run it whole.')) await expect(again).rejects.toThrow(error.message);
      else expect((await again).shape).toEqual([1, 3, 32, 32]);
      net.dispose();
    });

    it.each<readonly [string, Layers]>([
      ['a convolution', (net, x) => net.conv(cut(net, x, [0, 0], [20, 100]), 3, 2, [3, 3])],
      [
        'a pool that pads',
        (net, x) => {
          const pool = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
          return net.node('MaxPool', [net.node('Relu', [cut(net, x, [4, 0], [26, 100])])], pool);
        },
      ],
      [
        'neighbours',
        (net, x) => {
          net.parts.push(floats('scales', [4], [1, 1, 2, 2]));
          return net.node('Resize', [cut(net, x, [0, 0], [20, 100]), '', 'scales'], { mode: 'linear' });
        },
      ],
      ['a crop', (net, x) => net.conv(cut(net, net.conv(x, 3, 4, [3, 3]), [2, 0], [22, 100]), 4, 2, [3, 3])],
    ])('refused: what pads behind a slice to a fixed place, %s', async (_, layers) => {
      const net = await loadNetwork(bytesOf(networkOf(layers, [1, 3, 40, 32])));
      const x = randomTensor([1, 3, 40, 32], seed);
      for (const tile of [8, 16]) {
        for (const overlap of ['auto', 4] as const) {
          const error = await rejection(() => net.tiled(x, { tile, overlap }));
          expectError(error, 'UNSUPPORTED', 'Network.tiled');
          // A part that is no longer than the slice has none.
          expect(error.message).toMatch(/the value "(Slice|Relu)|depend on the size/);
        }
      }
      expect(difference(await net.tiled(x, { tile: 64 }), net.forward(x))).toBeLessThan(1e-5);
      net.dispose();
    });

    it('slices to a fixed place go in parts where nothing pads behind them', async () => {
      const layers: Layers = (net, x) => cut(net, net.conv(x, 3, 2, [3, 3]), [1, 0], [20, 7]);
      const net = await loadNetwork(bytesOf(networkOf(layers)));
      const x = randomTensor([1, 3, 40, 32], seed);
      const result = await net.tiled(x, { tile: 8 });
      expect(difference(result, net.forward(x))).toBeLessThan(1e-5);
      net.dispose();
    });

    it.each<readonly [string, Layers, number]>([
      ['to a fixed place', (net, x) => cut(net, net.conv(x, 3, 2, [3, 3]), [0, 0], [20, 100]), 2],
      ['of the last ones', (net, x) => cut(net, x, [0, -20], [100, 100]), 3],
      ['of all that there are', (net, x) => net.conv(cut(net, x, [0, 0], [32, 100]), 3, 2, [3, 3]), 2],
    ])('where the file fixes the size nobody knows what a slice %s means', async (_, layers, axis) => {
      const net = await loadNetwork(bytesOf(networkOf(layers, [1, 3, 32, 32], [])));
      const x = randomTensor([1, 3, 80, 80], seed);
      for (const overlap of ['auto', 4] as const) {
        const error = await rejection(() => net.tiled(x, { overlap }));
        expectError(error, 'UNSUPPORTED', 'Network.tiled');
        expect(error.message).toMatch(/the node "Slice.* fixed place/);
        expect(error.message).toContain(`Give it 32 values along axis ${axis}, as its file says.`);
        expect(error.detail.node).toMatch(/^Slice/);
      }
      // Along the other axis there is no doubt.
      const other = randomTensor([1, 3, 32, 32].with(5 - axis, 80), seed);
      expect((await net.tiled(other)).shape[5 - axis]).toBe(80);
      net.dispose();
    });

    it('a crop that fits no other size along one axis says nothing of a slice along the other', async () => {
      const layers: Layers = (net, x) => {
        const short = cut(net, x, [0, 0], [20, 100]);
        const wide = net.node('Pad', [short, net.list(0, 0, 0, 0, 0, 0, 0, 2)]);
        return net.conv(net.node('Add', [cut(net, wide, [0, 0], [100, 32]), short]), 3, 2, [3, 3]);
      };
      const net = await loadNetwork(bytesOf(networkOf(layers, [1, 3, 32, 32], [])));
      for (const width of [32, 48]) {
        const error = await rejection(() => net.tiled(randomTensor([1, 3, 48, width], seed)));
        expectError(error, 'UNSUPPORTED', 'Network.tiled');
        expect(error.message).toContain('Give it 32 values along axis 2, as its file says.');
      }
      net.dispose();
    });

    // Padded and cropped again, which meets the picture in a sum.
    const framed = (net: Writer, x: string, end: number) => {
      const wide = net.node('Pad', [x, net.list(0, 0, 0, 0, 0, 0, 2, 0)]);
      return net.node('Add', [cut(net, wide, [0, 0], [end, 100]), x]);
    };

    it.each<readonly [string, Layers]>([
      ['a cut behind it', (net, x) => cut(net, framed(net, x, 32), [0, 0], [20, 100])],
      ['a cut in front of it', (net, x) => framed(net, cut(net, x, [0, 0], [32, 100]), 32)],
      [
        'cuts of one length behind it',
        (net, x) => {
          const own = framed(net, x, 32);
          return net.node('Add', [cut(net, own, [0, 0], [20, 100]), cut(net, own, [5, 0], [25, 100])]);
        },
      ],
    ])('a crop that fits no other size says nothing of %s', async (_, layers) => {
      const net = await loadNetwork(bytesOf(networkOf(layers, [1, 3, 32, 32], [])));
      for (const overlap of ['auto', 4] as const) {
        const error = await rejection(() => net.tiled(randomTensor([1, 3, 48, 32], seed), { overlap }));
        expectError(error, 'UNSUPPORTED', 'Network.tiled');
        expect(error.message).toMatch(/the node "Slice.* fixed place/);
      }
      net.dispose();
    });

    it('nor of cuts to what is left of the size, which go in parts beside it', async () => {
      const layers =
        (end: number): Layers =>
        (net, x) =>
          cut(net, framed(net, framed(net, net.conv(x, 3, 3, [3, 3]), end), end), [2, 0], [-3, 100]);
      const [small, any] = await Promise.all([
        loadNetwork(bytesOf(networkOf(layers(32), [1, 3, 32, 32], [])), { precision: 'exact' }),
        loadNetwork(bytesOf(networkOf(layers(-2))), { precision: 'exact' }),
      ]);
      const x = randomTensor([1, 3, 80, 50], seed);
      expect(difference(await small.tiled(x), any.forward(x))).toBeLessThan(5e-6);
      small.dispose();
      any.dispose();
    });

    it("TFLite's crops that fit no other size leave what they leave in any", async () => {
      const tensors = [
        { name: 'x', shape: [1, 32, 32, 3] },
        { name: 'pads', shape: [4, 2], values: Int32Array.of(0, 0, 0, 2, 0, 0, 0, 0) },
        { name: 'wide', shape: [1, 34, 32, 3] },
        ...[
          [0, 0, 0, 0],
          [1, 32, 32, 3],
          [1, 1, 1, 1],
        ].map((values, place) => ({ name: `part ${place}`, shape: [4], values: Int32Array.from(values) })),
        { name: 'cut', shape: [1, 32, 32, 3] },
        { name: 'y', shape: [1, 32, 32, 3] },
      ];
      const parts = ['wide', 'part 0', 'part 1', 'part 2'];
      const file = tflite(
        tensors,
        [
          { code: 34, kind: 22, options: [], inputs: ['x', 'pads'], outputs: ['wide'] },
          { code: 45, kind: 32, options: [{ integer: 0 }, { integer: 13 }], inputs: parts, outputs: ['cut'] },
          { code: 0, kind: 11, options: [], inputs: ['cut', 'x'], outputs: ['y'] },
        ],
        { inputs: ['x'], outputs: ['y'] },
      );
      const net = await loadNetwork(file);
      const x = randomTensor([1, 80, 32, 3], seed);
      const y = await net.tiled(x);
      expect(y).toEqual({ shape: x.shape, data: x.data.map((value) => 2 * value) });
      net.dispose();
    });

    it('a slice to nothing has no parts', async () => {
      const part = (name: string, ...values: number[]) => ({
        name,
        shape: [4],
        values: Int32Array.from(values),
      });
      const tensors = [
        { name: 'x', shape: [1, 3, 32, 2], signature: [1, 3, -1, -1] },
        ...[part('begin', 0, 0, 0, 0), part('end', 0, 0, 0, -3), part('step', 1, 1, 1, 1)],
        { name: 'y', shape: [1, 3, 32, 0] },
      ];
      const slice = {
        code: 45,
        kind: 32,
        options: [{ integer: 15 }, { integer: 7 }],
        inputs: ['x', 'begin', 'end', 'step'],
        outputs: ['y'],
      };
      const net = await loadNetwork(tflite(tensors, [slice], { inputs: ['x'], outputs: ['y'] }));
      const y = await net.tiled(randomTensor([1, 3, 80, 2], seed), { tile: 16 });
      expect(y).toEqual({ shape: [1, 3, 80, 0], data: new Float32Array(0) });
      net.dispose();
    });

    it('a slice that fits a fixed size alone is one to what that leaves', async () => {
      const cropped =
        (end: number): Layers =>
        (net, x) => {
          const own = net.conv(x, 3, 4, [3, 3], { pads: [0, 0, 0, 0] });
          return net.conv(
            net.node('Concat', [own, cut(net, x, [1, 1], [end, end])], { axis: 1 }),
            7,
            2,
            [3, 3],
          );
        };
      const [small, any] = await Promise.all([
        loadNetwork(bytesOf(networkOf(cropped(31), [1, 3, 32, 32], [])), { precision: 'exact' }),
        loadNetwork(bytesOf(networkOf(cropped(-1))), { precision: 'exact' }),
      ]);
      const x = randomTensor([1, 3, 80, 50], seed);
      expect(difference(await small.tiled(x), any.forward(x))).toBeLessThan(5e-6);
      small.dispose();
      any.dispose();
    });

    it('a sound of which no heap holds all channels at once goes in parts of the length that the file fixes', async () => {
      const net = new Writer();
      const [one, other] = [net.conv('x', 1, 64, [3]), net.conv('x', 1, 64, [1])];
      const both = net.node('Concat', [one, other], { axis: 1 });
      const short = net.node('Slice', [both, net.list(0), net.list(-2), net.list(2)]);
      const own = await loadNetwork(bytesOf(net.done(net.conv(short, 128, 1, [1]), { x: [1, 1, 16384] })));
      const x = { data: new Float32Array(2 ** 23 + 16384), shape: [1, 1, 2 ** 23 + 16384] };
      const laidOut = own.tiled(x, { signal: AbortSignal.abort(new Error('laid out')) });
      await expect(laidOut).rejects.toThrow('laid out');
      own.dispose();
    });

    it('reflected pads are no reason to look at the whole', async () => {
      const net = await loadNetwork(bytesOf(networkOf(LAYERS['reflected pads'] as Layers)));
      await net.tiled(randomTensor([1, 3, 80, 300], seed), { tile: 16 });
      expect(net.steps[0]?.inputShapes[0]?.[3]).toBeLessThan(40);
      net.dispose();
    });

    it('tensors on a heap that grows, and that are disposed meanwhile', async () => {
      const net = await loadNetwork(bytesOf(networkOf((own, x) => own.conv(x, 3, 3, [3, 3]))));
      const plain = randomTensor([1, 3, 40, 30], seed);
      const whole = net.forward(plain);
      using out = new HeapTensor(plain.shape);
      const x = new HeapTensor(plain.shape);
      x.data.set(plain.data);
      const once =
        (act: () => void) =>
        ({ loaded }: { loaded: number }) => {
          if (loaded === 1) act();
        };
      expect(await net.tiled(x, { tile: 16, out, onProgress: once(growHeap) })).toBe(out);
      expect(difference(out, whole)).toBeLessThan(1e-5);
      let other: HeapTensor | undefined;
      const replace = (tensor: HeapTensor) =>
        once(() => {
          tensor.dispose();
          other = new HeapTensor(plain.shape);
          other.data.fill(9);
        });
      expect(difference(await net.tiled(x, { tile: 16, onProgress: replace(x) }), whole)).toBeLessThan(1e-5);
      other?.dispose();
      const gone = new HeapTensor(plain.shape);
      const error = await rejection(() =>
        net.tiled(plain, { tile: 16, out: gone, onProgress: replace(gone) }),
      );
      expect(error.code).toBe('DISPOSED');
      expect(other?.data.every((value) => value === 9)).toBe(true);
      other?.dispose();
      net.dispose();
    });

    it('says so when an array is transferred between two parts', async () => {
      const net = await loadNetwork(bytesOf(networkOf((own, x) => own.conv(x, 3, 3, [3, 3]))));
      for (const name of ['x', 'out'] as const) {
        const own = { x: randomTensor([1, 3, 40, 30], seed), out: randomTensor([1, 3, 40, 30], seed) };
        const onProgress = () => {
          structuredClone(0, { transfer: [own[name].data.buffer as ArrayBuffer] });
        };
        const error = await rejection(() => net.tiled(own.x, { tile: 16, out: own.out, onProgress }));
        expectError(error, 'BAD_BUFFER', 'Network.tiled');
      }
      net.dispose();
    });

    it('a resizable array that shrinks between two parts is refused unwritten, and one that grows back is whole', async () => {
      const net = await loadNetwork(bytesOf(networkOf((own, x) => own.conv(x, 3, 3, [3, 3]))));
      const x = randomTensor([1, 3, 40, 30], seed);
      const whole = net.forward(x);
      const bytes = 4 * x.data.length;
      for (const back of [false, true]) {
        const buffer = resizable(bytes);
        const out = { data: new Float32Array(buffer, 0, x.data.length), shape: x.shape };
        const onProgress = ({ loaded }: { loaded: number }) => {
          if (loaded !== 2) return;
          buffer.resize(64);
          if (back) buffer.resize(bytes);
        };
        const tiled = () => net.tiled(x, { tile: 16, out, onProgress });
        if (back) {
          expect(difference(await tiled(), whole)).toBeLessThan(1e-5);
        } else {
          expectError(await rejection(tiled), 'BAD_BUFFER', 'Network.tiled');
          expect([...new Float32Array(buffer)]).toEqual(new Array(16).fill(0));
        }
        expect(difference(await net.tiled(x, { tile: 16 }), whole)).toBeLessThan(1e-5);
      }
      net.dispose();
    });

    it('out may be the input, and overlap it', async () => {
      const net = await loadNetwork(bytesOf(networkOf((own, x) => own.conv(x, 3, 3, [3, 3]))));
      const x = randomTensor([1, 3, 40, 30], seed);
      const whole = net.forward(x);
      const data = new Float32Array(x.data.length + 50);
      const part = (from: number) => ({ data: data.subarray(from, from + x.data.length), shape: x.shape });
      for (const [from, to] of [
        [0, 0],
        [0, 50],
        [50, 0],
      ] as const) {
        part(from).data.set(x.data);
        const result = await net.tiled(part(from), { tile: 16, out: part(to) });
        expect(difference(result, whole)).toBeLessThan(1e-5);
      }
      net.dispose();
    });

    it('in place, what is given up and what the heap grows away from leaves the input as it was', async () => {
      const net = await loadNetwork(bytesOf(networkOf((own, x) => own.conv(x, 3, 3, [3, 3]))));
      const x = randomTensor([1, 3, 40, 30], seed);
      using held = new HeapTensor(x.shape);
      held.data.set(x.data);
      const controller = new AbortController();
      for (const act of [growHeap, () => controller.abort(new Error('enough'))]) {
        const part = { data: held.data.subarray(0), shape: x.shape };
        const onProgress = ({ loaded }: { loaded: number }) => {
          if (loaded === 1) act();
        };
        const { signal } = controller;
        const tiled = () => net.tiled(part, { tile: 16, out: part, signal, onProgress });
        if (act === growHeap) expectError(await rejection(tiled), 'BAD_BUFFER', 'Network.tiled');
        else await expect(tiled()).rejects.toThrow('enough');
        expect(held.data).toEqual(x.data);
      }
      net.dispose();
    });

    it('places that become channels are as many in a part as divide', async () => {
      const net = await loadNetwork(
        bytesOf(
          networkOf(
            (own, x) => {
              const even = own.conv(x, 3, 4, [2, 3], { pads: [0, 1, 0, 1] });
              return own.conv(own.node('SpaceToDepth', [even], { blocksize: 2 }), 16, 3, [3, 3]);
            },
            [1, 3, 33, 32],
          ),
        ),
        { precision: 'exact' },
      );
      const x = randomTensor([1, 3, 33, 50], seed);
      expect(difference(await net.tiled(x, { tile: 6 }), net.forward(x))).toBeLessThan(5e-6);
      net.dispose();
    });

    it('no overlap at all reads nothing beyond a part', async () => {
      const valid = networkOf((own, x) => own.conv(x, 3, 3, [3, 3], { pads: [0, 0, 0, 0] }));
      const net = await loadNetwork(bytesOf(valid));
      const x = randomTensor([1, 3, 40, 30], seed);
      expect(difference(await net.tiled(x, { tile: 16, overlap: 0 }), net.forward(x))).toBeLessThan(1e-5);
      net.dispose();
    });

    it('is given up between two parts', async () => {
      const net = await loadNetwork(bytesOf(networkOf(LAYERS['reflected pads'] as Layers)));
      const controller = new AbortController();
      let done = 0;
      const onProgress = (): void => {
        done += 1;
        controller.abort(new Error('enough'));
      };
      const tiled = net.tiled(randomTensor([1, 3, 64, 64], seed), {
        tile: 16,
        signal: controller.signal,
        onProgress,
      });
      await expect(tiled).rejects.toThrow('enough');
      expect(done).toBe(1);
      net.dispose();
    });

    it('refuses options that make no sense', async () => {
      const net = await loadNetwork(bytesOf(networkOf(LAYERS['reflected pads'] as Layers)));
      const x = randomTensor([1, 3, 32, 32], seed);
      const sparse = await rejection(() => net.tiled(x, { tile: new Array(2).fill(8, 1) }));
      expectError(sparse, 'BAD_TYPE', 'Network.tiled');
      expect(sparse.message).toMatch(/tile\[0\]/);
      const flat = await rejection(() => net.tiled({ data: x.data, shape: [3, 32, 32] }));
      expectError(flat, 'BAD_SHAPE', 'Network.tiled');
      expect(flat.message).toMatch(/got \[3, 32, 32\]/);
      for (const tile of [0, 1.5, [4], [4, 4, 4]]) {
        expectError(await rejection(() => net.tiled(x, { tile })), 'BAD_OPTION', 'Network.tiled');
      }
      expectError(await rejection(() => net.tiled(x, { overlap: -1 })), 'BAD_OPTION', 'Network.tiled');
      const word = await rejection(() => net.tiled(x, { overlap: 'automatic' as never }));
      expectError(word, 'BAD_TYPE', 'Network.tiled');
      expect(word.message).toContain("expected overlap, unless 'auto', to be an integer, got");
      for (const wrong of [{ onProgress: 5 }, { signal: {} }] as never[]) {
        expectError(await rejection(() => net.tiled(x, wrong)), 'BAD_TYPE', 'Network.tiled');
      }
      net.dispose();
    });
  },
  BUILDS_HERE.slice(0, 1),
);
