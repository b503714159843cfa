// AudioBuffers to tensors and back: the engine's own, and in Node those of another implementation.

import { host } from '@host';
import { ConvTranspose1d, type DeconvErrorCode, HeapTensor, init, shutdown, type Tensor } from 'deconv-wasm';
import {
  type AudioSamples,
  type FromAudioBufferOptions,
  fromAudioBuffer,
  type ToAudioBufferOptions,
  toAudioBuffer,
} from 'deconv-wasm/sound';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { caught, expectError } from '../support/errors.js';

const RATE = 22050;

/** What Web Audio has, as a library for Node would write it. */
function otherBuffer(numberOfChannels: number, length: number, sampleRate: number): AudioSamples {
  if (sampleRate < 3000) throw new Error('NotSupportedError');
  const channels = Array.from({ length: numberOfChannels }, () => new Float32Array(length));
  const getChannelData = (channel: number) => channels[channel] as Float32Array;
  return { numberOfChannels, length, sampleRate, getChannelData };
}

const context = {
  sampleRate: RATE,
  createBuffer: (numberOfChannels: number, length: number, sampleRate: number): AudioSamples =>
    host.name === 'Node'
      ? otherBuffer(numberOfChannels, length, sampleRate)
      : new AudioBuffer({ numberOfChannels, length, sampleRate }),
};

/** Sample `index` of channel `channel`; multiples of 1/64, whose sums are exact. */
const sample = (channel: number, index: number): number => ((index * 7 + channel * 29) % 129) / 64 - 1;

function sound(channels: number, length: number): AudioSamples {
  const buffer = context.createBuffer(channels, length, RATE);
  for (let channel = 0; channel < channels; channel += 1) {
    buffer.getChannelData(channel).set(Float32Array.from({ length }, (_, index) => sample(channel, index)));
  }
  return buffer;
}

beforeAll(() => init({ build: 'simd' }));
afterAll(shutdown);

it.each([
  [1, 1],
  [1, 100],
  [2, 37],
  [6, 5],
])('%i channels of %i samples there and back', (channels, length) => {
  const buffer = sound(channels, length);
  const tensor = fromAudioBuffer(buffer);
  expect(tensor.shape).toEqual([1, channels, length]);
  for (let place = 0; place < tensor.data.length; place += 1) {
    expect(tensor.data[place]).toBe(sample(Math.floor(place / length), place % length));
  }
  const onHeap = new HeapTensor([1, channels, length]);
  onTestFinished(() => onHeap.dispose());
  const unbatched = { data: new Float32Array(channels * length), shape: [channels, length] };
  for (const out of [onHeap, unbatched]) {
    expect(fromAudioBuffer(buffer, { out })).toBe(out);
    expect(out.data.every((value, place) => value === tensor.data[place])).toBe(true);
    const made = toAudioBuffer(out, { context });
    expect([made.numberOfChannels, made.length, made.sampleRate]).toEqual([channels, length, RATE]);
    const given = context.createBuffer(channels, length, 8000);
    expect(toAudioBuffer(out, { out: given })).toBe(given);
    for (const got of [made, given]) {
      for (let channel = 0; channel < channels; channel += 1) {
        expect(got.getChannelData(channel)).toEqual(buffer.getChannelData(channel));
      }
    }
  }
});

it('one channel is the mean of all, and one is spread to as many as are wanted', () => {
  const mean = fromAudioBuffer(sound(4, 50), { channels: 1 });
  expect(mean.shape).toEqual([1, 1, 50]);
  for (const [index, value] of mean.data.entries()) {
    expect(value).toBe([0, 1, 2, 3].reduce((sum, channel) => sum + sample(channel, index), 0) / 4);
  }
  const spread = fromAudioBuffer(sound(1, 9), { channels: 3 });
  expect(spread.shape).toEqual([1, 3, 9]);
  expect([...spread.data]).toEqual(Array.from({ length: 27 }, (_, place) => sample(0, place % 9)));
});

it('buffers and tensors may lie on the same memory', () => {
  for (const [channels, at, wanted] of [
    [1, 2, [2, 3.5]],
    [1, 1, [2, 3.5]],
    [2, 1, [1, 2, 3, 5]],
  ] as const) {
    const memory = Float32Array.of(1, 2, 3, 5, 0);
    const buffer = {
      ...sound(2, 2),
      getChannelData: (channel: number) => memory.subarray(2 * channel, 2 * channel + 2),
    };
    const out = { data: memory.subarray(at, at + 2 * channels), shape: [1, channels, 2] };
    expect([
      ...fromAudioBuffer({ ...buffer, numberOfChannels: 2, length: 2, sampleRate: RATE }, { channels, out })
        .data,
    ]).toEqual(wanted);
  }
  const memory = Float32Array.of(1, 2, 3, 4);
  const swapped = {
    numberOfChannels: 2,
    length: 2,
    sampleRate: RATE,
    getChannelData: (channel: number) => memory.subarray(2 - 2 * channel, 4 - 2 * channel),
  };
  toAudioBuffer({ data: memory, shape: [1, 2, 2] }, { out: swapped });
  expect([...memory]).toEqual([3, 4, 1, 2]);
});

it('what no sound is says what to do', () => {
  const told = (shape: number[]) =>
    caught(() =>
      toAudioBuffer(
        { data: new Float32Array(shape.reduce((all, extent) => all * extent, 1)), shape },
        { context },
      ),
    ).message;
  expect(told([2, 1, 3])).toContain('one sound of a batch');
  expect(told([1, 1, 1, 3])).toContain('Add or drop axes');
  expect(told([1, 1, 0])).toMatch(/at least one sample, got \[1, 1, 0\]\.$/);
});

it('a sound through a layer, at twice the rate', () => {
  const up = new ConvTranspose1d({
    inChannels: 1,
    outChannels: 1,
    kernelSize: 2,
    stride: 2,
    bias: false,
  }).setWeight(Float32Array.of(1, 1));
  onTestFinished(() => up.dispose());
  const loud = toAudioBuffer(up.forward(fromAudioBuffer(sound(1, 30))), { context, sampleRate: 2 * RATE });
  expect([loud.length, loud.sampleRate]).toEqual([60, 2 * RATE]);
  expect([...loud.getChannelData(0)]).toEqual(
    Array.from({ length: 60 }, (_, index) => sample(0, index >> 1)),
  );
});

it("without a context it is the page's AudioBuffer, where there is one", () => {
  const tensor = { data: Float32Array.of(0.5, -0.5), shape: [1, 2] };
  if (host.name === 'Node') {
    expectError(
      caught(() => toAudioBuffer(tensor, { sampleRate: RATE })),
      'UNSUPPORTED',
      'toAudioBuffer',
    );
    return;
  }
  const buffer = toAudioBuffer(tensor, { sampleRate: RATE });
  expect(buffer).toBeInstanceOf(AudioBuffer);
  expect([...buffer.getChannelData(0)]).toEqual([0.5, -0.5]);
});

const thrown = new TypeError('out of reach');
const throwing = (): never => {
  throw thrown;
};

const buffer = (): AudioSamples => sound(2, 3);
const wrongFrom: [string, () => unknown, Readonly<Record<string, unknown>>, DeconvErrorCode][] = [
  ['nothing', () => undefined, {}, 'BAD_TYPE'],
  ['samples alone', () => new Float32Array(3), {}, 'BAD_TYPE'],
  [
    'a buffer of doubles',
    () => ({ ...otherBuffer(1, 3, RATE), getChannelData: () => new Float64Array(3) }),
    {},
    'BAD_TYPE',
  ],
  [
    'a buffer that is too short',
    () => ({ ...otherBuffer(1, 4, RATE), getChannelData: () => new Float32Array(3) }),
    {},
    'BAD_SHAPE',
  ],
  ['a buffer of no samples', () => otherBuffer(1, 0, RATE), {}, 'BAD_OPTION'],
  ['three channels of two', buffer, { channels: 3 }, 'BAD_OPTION'],
  ['no channels', buffer, { channels: 0 }, 'BAD_OPTION'],
  ['an out of another shape', buffer, { out: { data: new Float32Array(3), shape: [1, 3] } }, 'BAD_SHAPE'],
  ['an unknown word', buffer, { sampleRate: RATE }, 'BAD_OPTION'],
];
it.each<[string, () => unknown]>([
  ['samples', () => ({ ...otherBuffer(2, 3, RATE), getChannelData: throwing })],
  ['a length', () => Object.defineProperty({ ...otherBuffer(2, 3, RATE) }, 'length', { get: throwing })],
  ['anything', () => new Proxy({}, { get: throwing })],
])('a buffer that throws where it is asked for %s is told of, with what it threw', (_, made) => {
  const given = made() as AudioSamples;
  for (const [act, where] of [
    [() => fromAudioBuffer(given), 'fromAudioBuffer'],
    [() => toAudioBuffer({ data: new Float32Array(6), shape: [1, 2, 3] }, { out: given }), 'toAudioBuffer'],
  ] as const) {
    const error = caught(act);
    expectError(error, 'BAD_BUFFER', where);
    expect(error.cause).toBe(thrown);
    expect(error.message).toContain('out of reach');
  }
});

it.each(wrongFrom)('fromAudioBuffer refuses %s', (_, source, options, code) => {
  const act = () => fromAudioBuffer(source() as AudioSamples, options as FromAudioBufferOptions);
  expectError(caught(act), code, 'fromAudioBuffer');
});

const tensor = { data: new Float32Array(6), shape: [1, 2, 3] };
const wrongTo: [string, unknown, () => Readonly<Record<string, unknown>>, DeconvErrorCode][] = [
  ['nothing', undefined, () => ({ context }), 'BAD_TYPE'],
  ['a batch', { data: new Float32Array(6), shape: [2, 1, 3] }, () => ({ context }), 'BAD_SHAPE'],
  ['no samples', { data: new Float32Array(0), shape: [1, 0] }, () => ({ context }), 'BAD_SHAPE'],
  ['one axis', { data: new Float32Array(6), shape: [6] }, () => ({ context }), 'BAD_SHAPE'],
  ['a rate that no engine takes', tensor, () => ({ context, sampleRate: 1 }), 'BAD_OPTION'],
  ['a rate in words', tensor, () => ({ context, sampleRate: '22050' }), 'BAD_TYPE'],
  ['an out of another length', tensor, () => ({ out: sound(2, 4) }), 'BAD_SHAPE'],
  ['an out of other channels', tensor, () => ({ out: sound(1, 3) }), 'BAD_SHAPE'],
  ['an out of another rate', tensor, () => ({ out: sound(2, 3), sampleRate: 8000 }), 'BAD_OPTION'],
  ['an unknown word', tensor, () => ({ context, channels: 1 }), 'BAD_OPTION'],
];
it.each(wrongTo)('toAudioBuffer refuses %s', (_, value, options, code) => {
  const act = () =>
    toAudioBuffer(value as Tensor, options() as unknown as ToAudioBufferOptions<AudioSamples>);
  expectError(caught(act), code, 'toAudioBuffer');
});
