// Pictures to tensors and back, against plain loops and against what canvases of this engine do.

import { host } from '@host';
import {
  ConvTranspose2d,
  type DeconvErrorCode,
  HeapTensor,
  init,
  memoryUsage,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import {
  type FromImageOptions,
  fromImage,
  type ImageSource,
  type PixelData,
  type ToImageDataOptions,
  toImageData,
} from 'deconv-wasm/image';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { caught, expectError } from '../support/errors.js';
import { mulberry32 } from '../support/random.js';
import { seed } from '../support/seed.js';

const SIZES = [
  [1, 1],
  [1, 7],
  [7, 1],
  [2, 2],
  [3, 5],
  [16, 17],
  [97, 131],
] as const;
const CHANNELS = [1, 3, 4] as const;
const LAYOUTS = ['channels-first', 'channels-last'] as const;
const GREY = [0.299, 0.587, 0.114];

/** Every byte value where there is room for it, different in each channel. */
function picture(height: number, width: number): PixelData {
  const data = Uint8ClampedArray.from(
    { length: 4 * height * width },
    (_, index) => (index * 37 + (index >> 10)) & 255,
  );
  return { data, width, height };
}

function shapeOf(layout: (typeof LAYOUTS)[number], channels: number, height: number, width: number) {
  return layout === 'channels-first' ? [1, channels, height, width] : [1, height, width, channels];
}

/** Where a tensor has the value of a channel of a pixel. */
function placeOf(layout: (typeof LAYOUTS)[number], channels: number, pixels: number) {
  return (pixel: number, channel: number) =>
    layout === 'channels-first' ? channel * pixels + pixel : pixel * channels + channel;
}

/** The same values on the heap, at an address that is no multiple of 16, in an array, and in a tensor of their own. */
function places(shape: readonly number[], values: Float32Array): readonly Tensor[] {
  const whole = new HeapTensor(shape);
  const part = new HeapTensor([values.length + 1]);
  for (const tensor of [whole, part]) onTestFinished(() => tensor.dispose());
  const tensors = [
    { data: values.slice(), shape: shape.slice(1) },
    whole,
    { data: part.data.subarray(1), shape },
  ];
  for (const { data } of tensors) data.set(values);
  return tensors;
}

describeEachBuild(() => {
  const cases = CHANNELS.flatMap((channels) => LAYOUTS.map((layout) => [channels, layout] as const));

  it.each(cases)('%i channels, %s: fromImage is (byte / 255 - mean) / std', (channels, layout) => {
    const [mean, std] = [
      [0.485, 0.456, 0.406, 0.5],
      [0.229, -0.224, 0.225, 2],
    ].map((list) => list.slice(0, channels)) as [number[], number[]];
    for (const [height, width] of SIZES) {
      const source = picture(height, width);
      const at = placeOf(layout, channels, height * width);
      const got = fromImage(source, { channels, layout, mean, std });
      expect(got.shape).toEqual(shapeOf(layout, channels, height, width));
      let wrong = 0;
      for (let pixel = 0; pixel < height * width; pixel += 1) {
        const rgba = source.data.subarray(4 * pixel, 4 * pixel + 4) as Uint8ClampedArray;
        const grey = GREY.reduce((sum, weight, colour) => sum + weight * (rgba[colour] as number), 0);
        for (let channel = 0; channel < channels; channel += 1) {
          const byte = channels === 1 ? grey : (rgba[channel] as number);
          const wanted = (byte / 255 - (mean[channel] as number)) / (std[channel] as number);
          // Grey's weights are 16 bits long.
          const most = channels === 1 ? 2e-5 : 2e-6;
          wrong += Number(!(Math.abs((got.data[at(pixel, channel)] as number) - wanted) <= most));
        }
      }
      expect(wrong).toBe(0);
      // Wherever the values go, they are the same.
      for (const out of places(got.shape, new Float32Array(got.data.length))) {
        expect(fromImage(source, { channels, layout, mean, std, out })).toBe(out);
        expect(out.data.every((value, index) => value === got.data[index])).toBe(true);
      }
    }
  });

  it.each(cases)('%i channels, %s: toImageData rounds as a Uint8ClampedArray does', (channels, layout) => {
    const random = mulberry32(seed);
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 3e38, -3e38];
    for (const [height, width] of SIZES) {
      const pixels = height * width;
      const at = placeOf(layout, channels, pixels);
      // Eighths, with ties in them.
      const values = Float32Array.from({ length: pixels * channels }, () =>
        random() < 0.1
          ? (special[Math.floor(random() * 6)] as number)
          : Math.round(random() * 3200 - 500) / 8,
      );
      const before = picture(height, width);
      for (const alpha of channels === 4 ? [undefined] : ([undefined, 0, 99, 'keep'] as const)) {
        const wanted = new Uint8ClampedArray(4 * pixels);
        for (let index = 0; index < wanted.length; index += 1) {
          const [pixel, channel] = [index >> 2, index & 3];
          wanted[index] =
            channel === 3 && channels < 4
              ? alpha === 'keep'
                ? (before.data[index] as number)
                : (alpha ?? 255)
              : (values[at(pixel, channels === 1 ? 0 : channel)] as number);
        }
        for (const tensor of places(shapeOf(layout, channels, height, width), values)) {
          const options: ToImageDataOptions = {
            layout,
            std: 1 / 255,
            ...(alpha === undefined ? {} : { alpha }),
          };
          const out = { ...before, data: before.data.slice() };
          expect(toImageData(tensor, { ...options, out })).toBe(out);
          expect(out.data).toEqual(wanted);
          if (alpha !== 'keep') expect(toImageData(tensor, options).data).toEqual(wanted);
        }
      }
    }
  });

  it('every byte comes back as itself, with any mean and std', () => {
    const random = mulberry32(seed);
    const source = picture(64, 64);
    for (const channels of [3, 4] as const) {
      for (const layout of LAYOUTS) {
        const [mean, std] = [0, 0.1].map((least) =>
          Array.from({ length: channels }, () => least + random()),
        ) as [number[], number[]];
        for (const options of [{}, { mean: 0.5, std: 0.5 }, { mean, std }, { std: 1 / 255 }]) {
          const tensor = fromImage(source, { ...options, channels, layout });
          const out = { ...source, data: source.data.slice() };
          const back = toImageData(tensor, {
            ...options,
            layout,
            out,
            ...(channels === 3 ? { alpha: 'keep' } : {}),
          });
          expect(back.data).toEqual(source.data);
        }
      }
    }
  });

  it('takes nothing of the heap with it', () => {
    const tensor = new HeapTensor([1, 3, 64, 64]);
    onTestFinished(() => tensor.dispose());
    const round = (): number => {
      fromImage(picture(64, 64), { out: tensor });
      toImageData(tensor, { out: picture(64, 64) });
      toImageData(fromImage(picture(64, 64)));
      return memoryUsage().usedBytes;
    };
    const used = round();
    expect([round(), round()]).toEqual([used, used]);
  });

  it('a picture through a layer', () => {
    const up = new ConvTranspose2d({
      inChannels: 3,
      outChannels: 3,
      kernelSize: 2,
      stride: 2,
      groups: 3,
      bias: false,
    }).setWeight(new Float32Array(12).fill(1));
    onTestFinished(() => up.dispose());
    const source = picture(5, 7);
    const result = toImageData(up.forward(fromImage(source)));
    expect([result.width, result.height]).toEqual([14, 10]);
    for (let index = 0; index < result.data.length; index += 1) {
      const [channel, column, row] = [index & 3, (index >> 2) % 14, Math.floor((index >> 2) / 14)];
      const from = source.data[4 * ((row >> 1) * 7 + (column >> 1)) + channel];
      expect(result.data[index]).toBe(channel === 3 ? 255 : from);
    }
  });
});

describe('what is refused', () => {
  beforeAll(() => init({ build: 'simd' }));
  afterAll(shutdown);
  const good = picture(2, 3);
  const detached = (): Uint8ClampedArray => {
    const data = new Uint8ClampedArray(24);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    return data;
  };

  const sources: [string, unknown, DeconvErrorCode][] = [
    ['nothing', undefined, 'BAD_TYPE'],
    ['null', null, 'BAD_TYPE'],
    ['a string', 'picture.png', 'BAD_TYPE'],
    ['an empty object', {}, 'BAD_TYPE'],
    ['a Blob', new Blob([]), 'BAD_TYPE'],
    ['floats', { ...good, data: new Float32Array(24) }, 'BAD_TYPE'],
    ['a list', { ...good, data: Array.from(good.data) }, 'BAD_TYPE'],
    ['no width', { data: good.data, height: 2 }, 'BAD_TYPE'],
    ['half a row', { ...good, height: 1.5 }, 'BAD_OPTION'],
    ['no rows', { data: new Uint8ClampedArray(0), width: 3, height: 0 }, 'BAD_SHAPE'],
    ['red, green and blue alone', { ...good, data: new Uint8Array(18) }, 'BAD_SHAPE'],
    ['a row too many', { ...good, height: 3 }, 'BAD_SHAPE'],
    ['a detached buffer', { ...good, data: detached() }, 'BAD_BUFFER'],
    ['shared memory', { ...good, data: new Uint8Array(new SharedArrayBuffer(24)) }, 'BAD_BUFFER'],
  ];
  it.each(sources)('fromImage of %s', (_, source, code) => {
    expectError(
      caught(() => fromImage(source as ImageSource)),
      code,
      'fromImage',
    );
  });

  it('a picture that throws where it is read is told of, with what it threw', () => {
    const thrown = new TypeError('out of reach');
    const get = (): never => {
      throw thrown;
    };
    const pixels = Object.defineProperty({ ...good }, 'width', { get }) as ImageSource & ImageData;
    for (const source of [pixels, new Proxy({}, { get }) as typeof pixels]) {
      for (const [act, where] of [
        [() => fromImage(source), 'fromImage'],
        [
          () => toImageData({ data: new Float32Array(18), shape: [1, 3, 2, 3] }, { out: source }),
          'toImageData',
        ],
      ] as const) {
        const error = caught(act);
        expectError(error, 'BAD_BUFFER', where);
        expect(error.cause).toBe(thrown);
      }
    }
  });

  const options: [string, Readonly<Record<string, unknown>>, DeconvErrorCode][] = [
    ['two channels', { channels: 2 }, 'BAD_OPTION'],
    ['channels in words', { channels: 'grey' }, 'BAD_OPTION'],
    ['a layout of other words', { layout: 'NCHW' }, 'BAD_OPTION'],
    ['two means', { mean: [0, 0] }, 'BAD_OPTION'],
    ['a mean that is none', { mean: Number.NaN }, 'BAD_OPTION'],
    ['a mean in words', { mean: '0.5' }, 'BAD_TYPE'],
    ['a list with a word', { mean: [0, '0', 0] }, 'BAD_TYPE'],
    ['a std of 0', { std: [1, 0, 1] }, 'BAD_OPTION'],
    ['a std of 0 in float32', { std: 1e-46 }, 'BAD_OPTION'],
    ['a std whose quotients are infinite', { std: [1, 1e-42, 1] }, 'BAD_OPTION'],
    ['a mean whose quotient is infinite', { mean: 1e30, std: 1e-10 }, 'BAD_OPTION'],
    ['an infinite std', { std: Number.POSITIVE_INFINITY }, 'BAD_OPTION'],
    ['no size', { size: 0 }, 'BAD_OPTION'],
    ['a size of three', { size: [1, 2, 3] }, 'BAD_OPTION'],
    ['a size in words', { size: '256' }, 'BAD_TYPE'],
    ['an unknown word', { scale: 2 }, 'BAD_OPTION'],
    ['an out that is none', { out: null }, 'BAD_TYPE'],
    ['an out of another shape', { out: { data: new Float32Array(18), shape: [1, 3, 3, 2] } }, 'BAD_SHAPE'],
    [
      'an out in the other layout',
      { layout: 'channels-last', out: { data: new Float32Array(18), shape: [1, 3, 2, 3] } },
      'BAD_SHAPE',
    ],
    ['an out of bytes', { out: { data: new Uint8Array(18), shape: [1, 3, 2, 3] } }, 'BAD_TYPE'],
    ['a runtime that is none', { runtime: {} }, 'BAD_TYPE'],
  ];
  it.each(options)('fromImage with %s', (_, wrong, code) => {
    expectError(
      caught(() => fromImage(good, wrong as FromImageOptions)),
      code,
      'fromImage',
    );
  });

  const tensor = { data: new Float32Array(18), shape: [1, 3, 2, 3] };
  const back: [string, unknown, Readonly<Record<string, unknown>>, DeconvErrorCode][] = [
    ['nothing', undefined, {}, 'BAD_TYPE'],
    ['a batch', { data: new Float32Array(36), shape: [2, 3, 2, 3] }, {}, 'BAD_SHAPE'],
    ['two axes', { data: new Float32Array(6), shape: [2, 3] }, {}, 'BAD_SHAPE'],
    ['two channels', { data: new Float32Array(12), shape: [2, 2, 3] }, {}, 'BAD_SHAPE'],
    ['no rows', { data: new Float32Array(0), shape: [3, 0, 3] }, {}, 'BAD_SHAPE'],
    [
      'the other layout',
      { data: new Float32Array(24), shape: [1, 4, 2, 3] },
      { layout: 'channels-last', mean: [0, 0] },
      'BAD_OPTION',
    ],
    ['a std of 0 in float32', tensor, { std: 1e-46 }, 'BAD_OPTION'],
    ['a std whose product is infinite', tensor, { std: 1e39 }, 'BAD_OPTION'],
    ['an alpha of 256', tensor, { alpha: 256 }, 'BAD_OPTION'],
    ['an alpha in words', tensor, { alpha: 'opaque' }, 'BAD_TYPE'],
    ['an alpha kept of nothing', tensor, { alpha: 'keep' }, 'BAD_OPTION'],
    ['two alphas', { data: new Float32Array(24), shape: [4, 2, 3] }, { alpha: 255 }, 'BAD_OPTION'],
    ['an out of another size', tensor, { out: picture(3, 2) }, 'BAD_SHAPE'],
    ['an out of floats', tensor, { out: { ...good, data: new Float32Array(24) } }, 'BAD_TYPE'],
    ['a detached out', tensor, { out: { ...good, data: detached() } }, 'BAD_BUFFER'],
    ['an unknown word', tensor, { size: 3 }, 'BAD_OPTION'],
  ];
  it.each(back)('toImageData of %s', (_, value, wrong, code) => {
    expectError(
      caught(() => toImageData(value as Tensor, wrong as ToImageDataOptions)),
      code,
      'toImageData',
    );
  });

  it('calls without a module that runs', async () => {
    await shutdown();
    expectError(
      caught(() => fromImage(good)),
      'NOT_INITIALIZED',
      'fromImage',
    );
    expectError(
      caught(() => toImageData(tensor)),
      'NOT_INITIALIZED',
      'toImageData',
    );
    await init({ build: 'simd' });
  });
});

describe('a worker', () => {
  // In a page's workers also what a canvas draws.
  const code = `
    const { init } = await import(entry);
    const { fromImage, toImageData } = await import(new URL('./image/index.js', entry).href);
    await init({ build: 'simd', wasm: new URL('./wasm/simd.wasm', entry) });
    const data = Uint8ClampedArray.from({ length: 24 }, (_, index) => (index % 4 === 3 ? 255 : 9 * index));
    const pixels = { data, width: 3, height: 2 };
    const sources = [pixels];
    if (typeof OffscreenCanvas === 'function') {
      const canvas = new OffscreenCanvas(3, 2);
      canvas.getContext('2d').putImageData(new ImageData(data, 3, 2), 0, 0);
      sources.push(new ImageData(data, 3, 2), canvas, await createImageBitmap(canvas));
    }
    postMessage(sources.map((source) => [...toImageData(fromImage(source)).data].join()));`;

  it('does the same', async () => {
    const wanted = Array.from({ length: 24 }, (_, index) => (index % 4 === 3 ? 255 : 9 * index)).join();
    const got = (await host.firstMessage(code)) as string[];
    expect(got).toEqual(new Array(host.name === 'Node' ? 1 : 4).fill(wanted));
  });
});

if (host.name === 'Node') describe('without a canvas', withoutCanvas);
else describe('what a canvas draws', drawn);

function withoutCanvas(): void {
  beforeAll(() => init({ build: 'simd' }));
  afterAll(shutdown);

  it('pixels keep their size', () => {
    const source = picture(2, 3);
    expect(fromImage(source, { size: [2, 3] })).toEqual(fromImage(source));
    expectError(
      caught(() => fromImage(source, { size: [3, 2] })),
      'UNSUPPORTED',
      'fromImage',
    );
  });

  it('the result is a plain object', () => {
    const { data, width, height } = toImageData({ data: new Float32Array(6), shape: [1, 2, 3] });
    expect([Object.prototype.toString.call(data), width, height]).toEqual([
      '[object Uint8ClampedArray]',
      3,
      2,
    ]);
  });
}

function drawn(): void {
  beforeAll(() => init({ build: 'simd' }));
  afterAll(shutdown);
  const [HEIGHT, WIDTH] = [6, 9];
  const opaque = (): ImageData => {
    const { data } = picture(HEIGHT, WIDTH);
    for (let index = 3; index < data.length; index += 4) data[index] = 255;
    return new ImageData(new Uint8ClampedArray(data), WIDTH, HEIGHT);
  };
  const canvasOf = (pixels: ImageData): HTMLCanvasElement => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [pixels.width, pixels.height];
    canvas.getContext('2d')?.putImageData(pixels, 0, 0);
    return canvas;
  };
  const imageOf = async (pixels: ImageData): Promise<HTMLImageElement> => {
    const image = new Image();
    image.src = canvasOf(pixels).toDataURL('image/png');
    await image.decode();
    return image;
  };

  const exact: Readonly<Record<string, (pixels: ImageData) => ImageSource | Promise<ImageSource>>> = {
    'an ImageData': (pixels) => pixels,
    'a canvas': canvasOf,
    'an OffscreenCanvas': (pixels) => {
      const canvas = new OffscreenCanvas(pixels.width, pixels.height);
      canvas.getContext('2d')?.putImageData(pixels, 0, 0);
      return canvas;
    },
    'an ImageBitmap': (pixels) => createImageBitmap(pixels),
    'an image element': imageOf,
  };
  it.each(Object.entries(exact))('%s, byte for byte', async (_, make) => {
    const pixels = opaque();
    const source = await make(pixels);
    for (const channels of CHANNELS) {
      expect(fromImage(source, { channels })).toEqual(
        fromImage({ ...picture(HEIGHT, WIDTH), data: pixels.data }, { channels }),
      );
    }
    expect(toImageData(fromImage(source))).toBeInstanceOf(ImageData);
    expect(toImageData(fromImage(source)).data).toEqual(pixels.data);
  });

  it('a VideoFrame, and nothing of it once it is closed', ({ skip }) => {
    skip(typeof VideoFrame !== 'function', 'this engine lacks VideoFrame');
    const pixels = opaque();
    const frame = new VideoFrame(pixels.data, {
      format: 'RGBX',
      codedWidth: WIDTH,
      codedHeight: HEIGHT,
      timestamp: 0,
    });
    expect(toImageData(fromImage(frame)).data).toEqual(pixels.data);
    frame.close();
    expectError(
      caught(() => fromImage(frame)),
      'BAD_BUFFER',
      'fromImage',
    );
  });

  it('a video element, once it has a frame', async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [32, 16];
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    const video = document.createElement('video');
    video.muted = true;
    expectError(
      caught(() => fromImage(video)),
      'BAD_BUFFER',
      'fromImage',
    );
    const stream = canvas.captureStream();
    video.srcObject = stream;
    const loaded = new Promise((resolve) => video.addEventListener('loadeddata', resolve, { once: true }));
    video.play().catch(() => {});
    const paint = (): void => {
      context.fillStyle = '#ff0000';
      context.fillRect(0, 0, 32, 16);
    };
    const timer = setInterval(paint, 20);
    await loaded;
    clearInterval(timer);
    const { data, shape } = fromImage(video);
    for (const track of stream.getTracks()) track.stop();
    expect(shape).toEqual([1, 3, 16, 32]);
    // Through a codec's colours.
    expect(data[8 * 32 + 16]).toBeGreaterThan(0.9);
    expect(data[512 + 8 * 32 + 16]).toBeLessThan(0.1);
  });

  it('leaves canvases as they are, whatever context they have', () => {
    const untouched = document.createElement('canvas');
    [untouched.width, untouched.height] = [4, 4];
    expect(fromImage(untouched, { channels: 4 }).data.every((value) => value === 0)).toBe(true);
    // It has none yet, so any kind can still be made.
    expect(untouched.getContext('bitmaprenderer')).not.toBeNull();
    expect(fromImage(untouched).shape).toEqual([1, 3, 4, 4]);
  });

  it('draws to a size, from any source', async () => {
    const half = new ImageData(8, 4);
    for (let index = 0; index < half.data.length; index += 4) {
      half.data.set((index >> 2) % 8 < 4 ? [255, 0, 0, 255] : [0, 0, 255, 255], index);
    }
    for (const source of [half, canvasOf(half), await imageOf(half), { ...picture(4, 8), data: half.data }]) {
      const { data, shape } = fromImage(source, { size: [10, 20] });
      expect(shape).toEqual([1, 3, 10, 20]);
      const at = (channel: number, row: number, column: number) => data[(channel * 10 + row) * 20 + column];
      expect([at(0, 5, 1), at(2, 5, 1), at(0, 5, 18), at(2, 5, 18)]).toEqual([1, 0, 0, 1]);
    }
    expect(fromImage(half, { size: 3, layout: 'channels-last' }).shape).toEqual([1, 3, 3, 3]);
  });

  it('a size that the engine draws nothing of is refused, and the next picture is read', () => {
    const white = (width: number) => ({ data: new Uint8ClampedArray(4 * width).fill(255), width, height: 1 });
    for (const [source, size] of [
      [white(2), [1, 70_000]],
      [white(70_000), [1, 5]],
    ] as const) {
      let read: Tensor | undefined;
      try {
        read = fromImage(source, { size });
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_BUFFER' });
      }
      expect(read?.data.every((value) => value === 1)).not.toBe(false);
      expect(fromImage(white(2), { size: [1, 1] }).data).toEqual(Float32Array.of(1, 1, 1));
    }
  });

  it('one picture does not shine through the next', () => {
    const clear = document.createElement('canvas');
    [clear.width, clear.height] = [WIDTH, HEIGHT];
    fromImage(canvasOf(opaque()));
    expect(fromImage(clear, { channels: 4 }).data.every((value) => value === 0)).toBe(true);
  });

  it('refuses a picture of another origin, and reads the next one', async () => {
    // The same server by another name is another origin; it listens under one of these.
    const { href } = new URL('/docs/pictures/house.svg', location.href);
    const foreign = await Promise.any(
      ['127.0.0.1', '[::1]'].map(async (name) => {
        const image = new Image();
        image.src = href.replace('localhost', name);
        await image.decode();
        return image;
      }),
    );
    expect(foreign.src).not.toBe(href);
    const tainted = canvasOf(opaque());
    tainted.getContext('2d')?.drawImage(foreign, 0, 0);
    for (const source of [foreign, tainted]) {
      const error = caught(() => fromImage(source));
      expectError(error, 'BAD_BUFFER', 'fromImage');
      expect(error.message).toMatch(/another origin.*crossOrigin/);
    }
    expect(toImageData(fromImage(canvasOf(opaque()))).data).toEqual(opaque().data);
  });

  it('refuses what holds no picture', async () => {
    const empty = document.createElement('canvas');
    empty.width = 0;
    expectError(
      caught(() => fromImage(empty)),
      'BAD_SHAPE',
      'fromImage',
    );
    expectError(
      caught(() => fromImage(new OffscreenCanvas(0, 3))),
      'BAD_SHAPE',
      'fromImage',
    );
    const bitmap = await createImageBitmap(opaque());
    bitmap.close();
    expectError(
      caught(() => fromImage(bitmap)),
      'BAD_BUFFER',
      'fromImage',
    );
    expectError(
      caught(() => fromImage(new Image())),
      'BAD_BUFFER',
      'fromImage',
    );
    const broken = new Image();
    broken.src = 'data:image/png;base64,AAAA';
    await broken.decode().catch(() => {});
    expectError(
      caught(() => fromImage(broken)),
      'BAD_BUFFER',
      'fromImage',
    );
  });
}
