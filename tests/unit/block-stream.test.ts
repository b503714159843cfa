// Blocks one after the other, and the work on the next one spread over the reads of this one.

import { BlockStream } from 'deconv-wasm/sound';
import { describe, expect, it } from 'vitest';
import { caught, expectError } from '../support/errors.js';

/** Block n holds n * 100 and on in channel 0, their negatives in channel 1; made in `parts` steps. */
function counting({ channels = 1, length = 5, parts = 1 } = {}) {
  const block = { data: new Float32Array(channels * length), shape: [1, channels, length] };
  let number = 0;
  let done = 0;
  const steps = Array.from({ length: parts }, (_, part) => ({
    cost: 1,
    run: () => {
      done += 1;
      if (part < parts - 1) return;
      number += 1;
      for (const [index] of block.data.entries()) {
        const sample = number * 100 + (index % length);
        block.data[index] = index < length ? sample : -sample;
      }
    },
  }));
  return { options: { steps, block }, done: () => done };
}

function read(stream: BlockStream, samples: number, channels = 1): number[][] {
  const output = Array.from({ length: channels }, () => new Float32Array(samples));
  stream.read(output);
  return output.map((values) => [...values]);
}

describe('BlockStream', () => {
  it('gives blocks without a seam, whatever the reads are', () => {
    const stream = new BlockStream(counting({ length: 5 }).options);
    const heard = [3, 3, 1, 8, 0, 5].flatMap((samples) => read(stream, samples)[0] ?? []);
    const wanted = [1, 2, 3, 4].flatMap((block) => [0, 1, 2, 3, 4].map((index) => block * 100 + index));
    expect(heard).toEqual(wanted);
  });

  it('fills every channel, those that a block lacks with its last', () => {
    const stream = new BlockStream(counting({ channels: 2 }).options);
    expect(read(stream, 2, 3)).toEqual([
      [100, 101],
      [-100, -101],
      [-100, -101],
    ]);
    expect(read(stream, 1, 1)).toEqual([[102]]);
  });

  it('does its share of the next block in every read', () => {
    const { options, done } = counting({ length: 8, parts: 4 });
    const stream = new BlockStream(options);
    expect(done()).toBe(4);
    const after = Array.from({ length: 9 }, () => {
      read(stream, 1);
      return done() - 4;
    });
    // By costs: a step is begun as soon as a part of it is due.
    expect(after).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5]);
  });

  it('plays what the block stands for: 16 bits, and other kinds of numbers', () => {
    for (const block of [
      { data: Uint16Array.of(0x3c00, 0x4000, 0x3800, 0), dtype: 'float16', shape: [1, 4] },
      { data: [1, 2, 0.5, 0], dims: [1, 1, 4] },
    ]) {
      expect(read(new BlockStream({ steps: [], block: block as never }), 4)).toEqual([[1, 2, 0.5, 0]]);
    }
  });

  it('runs a step that threw again', () => {
    const { options } = counting({ length: 2, parts: 2 });
    let runs = 0;
    const failing = {
      cost: 1,
      run: () => {
        runs += 1;
        if (runs === 2) throw new Error('once');
      },
    };
    const stream = new BlockStream({ ...options, steps: [failing, ...options.steps] });
    expect(() => read(stream, 1)).toThrow('once');
    expect(read(stream, 1)).toEqual([[101]]);
    expect(runs).toBe(3);
    expect(read(stream, 2)).toEqual([[200, 201]]);
  });

  it('refuses outputs that are none, and blocks that are no longer what they were', () => {
    const { options } = counting({ length: 4 });
    const stream = new BlockStream(options);
    for (const [output, code] of [
      [undefined, 'BAD_TYPE'],
      [null, 'BAD_TYPE'],
      [[null], 'BAD_TYPE'],
      [[[0, 0]], 'BAD_TYPE'],
      [new Float32Array(2), 'BAD_TYPE'],
      [[new Float32Array(4), new Float32Array(2)], 'BAD_SHAPE'],
      [[new Float32Array(4), new Int16Array(4)], 'BAD_TYPE'],
    ] as const) {
      expectError(
        caught(() => stream.read(output as never)),
        code,
        'BlockStream.read',
      );
    }
    stream.read([]);
    expect(read(stream, 4)).toEqual([[100, 101, 102, 103]]);
    options.block.data = new Float32Array(8);
    expectError(
      caught(() => new BlockStream(options)),
      'BAD_SHAPE',
      'BlockStream',
    );
    expectError(
      caught(() => read(new BlockStream({ ...options, steps: [] }), 1)),
      'BAD_SHAPE',
      'BlockStream',
    );
    expectError(
      caught(() => read(stream, 1)),
      'BAD_SHAPE',
      'BlockStream.read',
    );
  });

  it('refuses what it cannot play', () => {
    const { options } = counting();
    const proxy = new Proxy(new BlockStream(options), {});
    expectError(
      caught(() => read(proxy, 1)),
      'BAD_TYPE',
      'BlockStream.read',
    );
    const refused = (change: object) => caught(() => new BlockStream({ ...options, ...change }));
    expectError(refused({ steps: 1 }), 'BAD_TYPE', 'BlockStream');
    expectError(refused({ steps: [{ cost: 1 }] }), 'BAD_TYPE', 'BlockStream');
    expectError(refused({ steps: [{ cost: NaN, run() {} }] }), 'BAD_OPTION', 'BlockStream');
    expectError(refused({ steps: [{ cost: Infinity, run() {} }] }), 'BAD_OPTION', 'BlockStream');
    for (const cost of ['5', [], null, 3n, undefined]) {
      expectError(refused({ steps: [{ cost, run() {} }] }), 'BAD_TYPE', 'BlockStream');
    }
    for (const shape of [[1, 1, 1, 4], [4]]) {
      expectError(refused({ block: { data: new Float32Array(4), shape } }), 'BAD_SHAPE', 'BlockStream');
    }
    expectError(refused({ block: { data: new Float32Array(0), shape: [1, 0] } }), 'BAD_SHAPE', 'BlockStream');
    expectError(
      refused({ block: { data: new Float32Array(4), shape: [2, 1, 2] } }),
      'BAD_SHAPE',
      'BlockStream',
    );
    expectError(refused({ hop: 1 }), 'BAD_OPTION', 'BlockStream');
  });
});
