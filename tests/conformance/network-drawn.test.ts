// Drawn networks of branches: in whatever order their steps run, and wherever their values lie, they compute what plain
// loops do.

import { loadNetwork } from 'deconv-wasm/network';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { bytesSource, ModelFile } from '../../web/lib/models/source.js';
import { readOnnxNetwork } from '../../web/lib/network/onnx/read.js';
import { describeEachBuild } from '../support/builds.js';
import { compareWith, within } from '../support/compare.js';
import { bytesOf, type NetworkCase, valuesFor } from '../support/network-onnx-cases/index.js';
import { evaluate } from '../support/network-reference.js';
import { Writer } from '../support/networks.js';
import { runsOf } from '../support/seed.js';

interface Step {
  readonly what: number;
  readonly from: number;
  readonly other: number;
}

interface Value {
  readonly name: string;
  readonly channels: number;
  /** Of [6, 5]. */
  readonly scale: number;
}

const NEAREST = {
  mode: 'nearest',
  coordinate_transformation_mode: 'asymmetric',
  nearest_mode: 'floor',
} as const;

/** A network of these steps, each on values before it; all that nobody reads is summed by channel at the end. */
function drawn(steps: readonly Step[]): NetworkCase {
  const net = new Writer();
  const values: Value[] = [{ name: 'x', channels: 4, scale: 1 }];
  const read = new Set<Value>();
  const scales = { half: net.floats([1, 1, 0.5, 0.5]), twice: net.floats([1, 1, 2, 2]) };
  const take = (index: number, fits: (value: Value) => boolean = () => true): Value => {
    const fitting = values.filter(fits);
    const value = fitting[index % fitting.length] as Value;
    read.add(value);
    return value;
  };
  const alike = (one: Value) => (other: Value) =>
    other.channels === one.channels && other.scale === one.scale;
  for (const { what, from, other } of steps) {
    const one = take(from);
    const { name, channels, scale } = one;
    const same = { channels, scale };
    const kind = what % 8;
    if (kind === 0) {
      const to = channels === 4 ? 8 : 4;
      values.push({ name: net.conv(name, channels, to, [3, 3]), channels: to, scale });
    } else if (kind === 1) {
      values.push({ name: net.node('Relu', [net.conv(name, channels, channels, [1, 1])]), ...same });
    } else if (kind === 2) {
      values.push({ name: net.node('Add', [name, take(other, alike(one)).name]), ...same });
    } else if (kind === 3) {
      values.push({ name: net.node('Mul', [take(other, alike(one)).name, name]), ...same });
    } else if (kind === 4) {
      values.push({ name: net.node('LeakyRelu', [name]), ...same });
    } else if (kind === 5 && scale < 4) {
      values.push({
        name: net.node('Resize', [name, '', scales.twice], NEAREST),
        channels,
        scale: 2 * scale,
      });
    } else if (kind === 6 && scale > 1) {
      values.push({ name: net.node('Resize', [name, '', scales.half], NEAREST), channels, scale: scale / 2 });
    } else if (channels === 8) {
      const [first, last] = net.nodes('Split', [name, net.list(4, 4)], 2, { axis: 1 });
      values.push(
        { name: first as string, channels: 4, scale },
        { name: last as string, channels: 4, scale },
      );
    } else {
      const joined = net.node('Concat', [name, take(other, alike(one)).name], { axis: 1 });
      values.push({ name: joined, channels: 8, scale });
    }
  }
  const means = values
    .filter((value) => !read.has(value))
    .map(({ name }) => net.node('ReduceMean', [name, net.list(1)], { keepdims: 1 }));
  const last = means.reduce((sum, mean) => net.node('Add', [net.node('GlobalAveragePool', [sum]), mean]));
  return net.done(last, { x: [1, 4, 6, 5] });
}

describeEachBuild(() => {
  describe('drawn networks', () => {
    it('compute what plain loops do', async () => {
      const step = fc.record({ what: fc.nat(7), from: fc.nat(40), other: fc.nat(40) });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 24 }), async (steps) => {
          const one = drawn(steps);
          const inputs = Object.fromEntries(valuesFor(one, 5).map(({ name, ...tensor }) => [name, tensor]));
          const file = new ModelFile(bytesSource(bytesOf(one)), null);
          const read = await readOnnxNetwork(file, () => Promise.reject(new Error('no external data')));
          const shapes = new Map(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
          const [expected] = evaluate(
            read.lower(shapes, ['y']),
            read.inputs.map(({ name }) => inputs[name]?.data ?? []),
          );
          const net = await loadNetwork(bytesOf(one));
          try {
            for (let call = 0; call < 2; call += 1) {
              const { y } = net.run(inputs);
              const { shape, data } = expected as NonNullable<typeof expected>;
              const rms = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
              const wrong = compareWith(y as never, shape, data, within(1e-4, 1e-6 + rms, data));
              if (wrong !== undefined) throw new Error(wrong);
            }
          } finally {
            net.dispose();
          }
        }),
        runsOf(60, 'drawn networks'),
      );
    });
  });
});
