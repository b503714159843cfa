// The programs for a sub-pixel convolution and for a resize and a convolution come to the transposed layer's numbers.
// This package's run as they are; WebNN's and those of JAX, flax and Keras run with this package's reading of their
// convolutions and a few lines for their arrays; PyTorch's and ONNX's run where those are installed.

import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { init } from 'deconv-wasm';
import { fromFlax, fromJax, fromKeras, fromWebnn } from 'deconv-wasm/convert';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ExportTarget, exportCode, exportTargets } from '../../web/demo/src/model/export-code';
import { type State, withFill, withKind, withLayer } from '../../web/demo/src/model/state';
import {
  argument,
  array,
  expectClose,
  expected,
  hasOnnx,
  hasTorch,
  inFolder,
  printed,
  printedByPython,
  python,
  states,
} from './programs';

const root = fileURLToPath(new URL('../../', import.meta.url));

beforeAll(() => init({ threads: 1 }));

interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** An array of NumPy, as far as the programs use one. */
class Nd implements Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];

  constructor({ data, shape }: Tensor) {
    expect(data.length).toBe(product(shape));
    this.data = data;
    this.shape = shape;
  }

  reshape(...shape: number[]): Nd {
    return new Nd({ data: this.data, shape });
  }

  /** The array whose value at a place is this one's at the place that a rule gives. */
  #moved(shape: readonly number[], from: (place: number[]) => number[]): Nd {
    const data = new Float32Array(product(shape));
    for (let at = 0; at < data.length; at++) {
      const place: number[] = [];
      let rest = at;
      for (const size of shape.toReversed()) {
        place.unshift(rest % size);
        rest = Math.floor(rest / size);
      }
      const index = from(place).reduce((sum, step, axis) => sum * (this.shape[axis] ?? 0) + step, 0);
      data[at] = this.data[index] ?? Number.NaN;
    }
    return new Nd({ data, shape });
  }

  transpose(...order: number[]): Nd {
    return this.#moved(
      order.map((axis) => this.shape[axis] ?? 0),
      (place) => order.map((_, axis) => place[order.indexOf(axis)] ?? 0),
    );
  }

  moveaxis(from: number, to: number): Nd {
    const order = this.shape.map((_, axis) => axis);
    const [axis = 0] = order.splice(from < 0 ? from + this.shape.length : from, 1);
    order.splice(to < 0 ? to + this.shape.length : to, 0, axis);
    return this.transpose(...order);
  }

  repeat(times: number, axis: number): Nd {
    return this.#moved(
      this.shape.map((size, at) => (at === axis ? size * times : size)),
      (place) => place.map((step, at) => (at === axis ? Math.floor(step / times) : step)),
    );
  }

  /** The same window of all axes behind the first two. */
  window(from: readonly number[], sizes: readonly number[]): Nd {
    return this.#moved(sizes, (place) => place.map((step, axis) => step + (from[axis] ?? 0)));
  }

  pad(width: number): Nd {
    const shape = this.shape.map((size, axis) =>
      axis === 0 || axis === this.shape.length - 1 ? size : size + 2 * width,
    );
    const inner = this.#moved(shape, (place) =>
      place.map((step, axis) => {
        const size = this.shape[axis] ?? 0;
        const at = shape[axis] === size ? step : step - width;
        return at >= 0 && at < size ? at : Number.NaN;
      }),
    );
    return new Nd({ data: inner.data.map((value) => (Number.isNaN(value) ? 0 : value)), shape });
  }
}

const numbersIn = (text: string) =>
  text.split(',').flatMap((part) => (part.trim() === '' ? [] : Number(part)));

/** The lines behind a convolution: a pixel shuffle by reshapes, and the window. */
function finished(code: string, y: Nd): Nd {
  let now = y;
  for (const line of code.split('\n')) {
    if (/^y = y\.reshape/.test(line)) {
      for (const [, method, args = ''] of line.matchAll(/\.(reshape|transpose)\(([^)]*)\)/g)) {
        now = method === 'reshape' ? now.reshape(...numbersIn(args)) : now.transpose(...numbersIn(args));
      }
    }
    const window = /^y = y\[\.\.\., (.*)\]$/.exec(line)?.[1];
    if (window) {
      const bounds = window.split(',').map((part) => part.split(':').map(Number));
      const from = bounds.map(([begin = 0]) => begin);
      const sizes = bounds.map(([begin = 0, end = 0]) => end - begin);
      now = now.window([0, 0, ...from], [...now.shape.slice(0, 2), ...sizes]);
    }
  }
  return now;
}

/** The lines that resize by repeating. */
function repeated(code: string, x: Nd): Nd {
  let now = x;
  for (const [, times, axis] of code.matchAll(/^x = x\.repeat\((\d+), axis=(\d+)\)$/gm)) {
    now = now.repeat(Number(times), Number(axis));
  }
  return now;
}

const programs: Record<'jax' | 'flax' | 'keras', (code: string, axes: 1 | 2) => Tensor> = {
  jax(code) {
    using layer = fromJax(
      'conv_general_dilated',
      {
        window_strides: argument(code, 'window_strides') as number[],
        padding: argument(code, 'padding') as [number, number][],
        dimension_numbers: argument(code, 'dimension_numbers') as [string, string, string],
        feature_group_count: argument(code, 'feature_group_count') as number,
      },
      { weight: array(code, 'w') },
    );
    return finished(code, new Nd(layer.forward(repeated(code, new Nd(array(code, 'x'))))));
  },
  flax(code) {
    const weight = new Nd(array(code, 'w')).transpose(
      ...numbersIn(/w\.transpose\(([^)]*)\)/.exec(code)?.[1] ?? ''),
    );
    using layer = fromFlax(
      'Conv',
      {
        features: argument(code, 'features') as number,
        kernel_size: argument(code, 'kernel_size') as number[],
        padding: argument(code, 'padding') as [number, number][],
        feature_group_count: argument(code, 'feature_group_count') as number,
        use_bias: false,
      },
      { weight },
    );
    expect(code).toContain('np.moveaxis(x, 1, -1))\ny = np.moveaxis(np.asarray(y), -1, 1)');
    const x = repeated(code, new Nd(array(code, 'x'))).moveaxis(1, -1);
    return finished(code, new Nd(layer.forward(x)).moveaxis(-1, 1));
  },
  keras(code, axes) {
    const weight = new Nd(array(code, 'w')).transpose(
      ...numbersIn(/w\.transpose\(([^)]*)\)/.exec(code)?.[1] ?? ''),
    );
    using layer = fromKeras(
      axes === 1 ? 'Conv1D' : 'Conv2D',
      {
        filters: argument(code, 'filters') as number,
        kernel_size: argument(code, 'kernel_size') as number,
        padding: 'valid',
        groups: argument(code, 'groups') as number,
        use_bias: false,
      },
      { weight },
    );
    expect(code).toContain(`keras.layers.Conv${axes}D(`);
    expect(code).toContain('padding="valid"');
    let x = new Nd(array(code, 'x')).moveaxis(1, -1);
    for (const [, name, size] of code.matchAll(
      /^x = keras\.layers\.(UpSampling|ZeroPadding)\dD\(\w+=(\d+)\)\(x\)$/gm,
    )) {
      if (name === 'ZeroPadding') x = x.pad(Number(size));
      else for (let axis = 1; axis <= axes; axis++) x = x.repeat(Number(size), axis);
    }
    return finished(code, new Nd(layer.forward(x)).moveaxis(-1, 1));
  },
};

/** Runs the program where WebNN is this package's reading of its convolution, and arrays are the ones above. */
async function withWebnn(
  code: string,
): Promise<{ printed: number[]; shape: readonly number[]; declared: readonly number[] }> {
  type Described = { shape: number[] };
  type Operand = () => Nd;
  let written = new Float32Array();
  let declared: readonly number[] = [];
  let result: Nd | null = null;
  class MLGraphBuilder {
    input(_: string, { shape }: Described): Operand {
      return () => new Nd({ data: written, shape });
    }
    constant({ shape }: Described, data: Float32Array): Operand {
      return () => new Nd({ data, shape });
    }
    conv2d(x: Operand, w: Operand, options: Parameters<typeof fromWebnn<'conv2d'>>[1]): Operand {
      return () => {
        using layer = fromWebnn('conv2d', options, { weight: w() });
        return new Nd(layer.forward(x()));
      };
    }
    resample2d(
      x: Operand,
      { mode, scales, axes }: { mode: string; scales: number[]; axes: number[] },
    ): Operand {
      expect(mode).toBe('nearest-neighbor');
      return () => axes.reduce((now, axis, i) => now.repeat(scales[i] ?? 1, axis), x());
    }
    reshape(x: Operand, shape: number[]): Operand {
      return () => x().reshape(...shape);
    }
    transpose(x: Operand, { permutation }: { permutation: number[] }): Operand {
      return () => x().transpose(...permutation);
    }
    slice(x: Operand, starts: number[], sizes: number[]): Operand {
      return () => x().window(starts, sizes);
    }
    build({ y }: { y: Operand }): Operand {
      return y;
    }
  }
  const ml = {
    createContext: async () => ({
      createTensor: async (described: Described & { readable?: boolean }) => {
        if (described.readable) declared = described.shape;
        return described;
      },
      writeTensor: (_: unknown, data: Float32Array) => {
        written = data.slice();
      },
      dispatch: (graph: Operand) => {
        result = graph();
      },
      readTensor: async () => result?.data,
    }),
  };
  const lines: string[] = [];
  const run = new Function('navigator', 'MLGraphBuilder', 'console', `return (async () => {${code}})()`);
  await run({ ml }, MLGraphBuilder, { log: (line: string) => lines.push(line) });
  const shape = (result as Nd | null)?.shape ?? [];
  return { printed: JSON.parse(lines.at(-1) ?? '[]') as number[], shape, declared };
}

const layers: Record<string, State> = {
  ...states,
  'kernel 4, stride 2, padding 1': withFill(
    withLayer(states.opening as State, { kernel: 4, padding: 1 }),
    'random',
  ),
};
const cases = (['subpixel', 'resize'] as const).flatMap((kind) =>
  Object.entries(layers).map(([name, state]) => ({ kind, name, state: withKind(state, kind) })),
);

let byPyTorch: number[][] | undefined;

describe.each(cases)('the export as $kind of: $name', ({ kind, name, state }) => {
  const codeFor = (target: ExportTarget) => exportCode(target, state).code;
  const { axes } = state.layer;

  it('runs with this package', () => {
    const got = inFolder(join(root, 'build'), (folder) =>
      printed(process.execPath, 'layer.mjs', codeFor('deconv-wasm'), folder),
    );
    expectClose(got, expected(state));
    // A sub-pixel convolution has any stamps, and gives the transposed layer's own numbers.
    if (kind === 'subpixel') expectClose(got, expected(layers[name] as State));
  });

  it.each(['jax', 'flax', 'keras'] as const)('says to %s what gives the same numbers', (target) => {
    const { data } = programs[target](codeFor(target), axes);
    expectClose(data, expected(state));
  });

  it('says to WebNN what gives the same numbers', async () => {
    const { printed: got, shape, declared } = await withWebnn(codeFor('webnn'));
    expectClose(got, expected(state));
    expect(declared).toEqual(shape);
  });

  it.runIf(hasTorch)('runs with PyTorch', () => {
    byPyTorch ??= printedByPython(cases.map((one) => exportCode('pytorch', one.state).code));
    expectClose(
      byPyTorch[cases.findIndex((one) => one.kind === kind && one.name === name)] ?? [],
      expected(state),
    );
  });

  it.runIf(hasOnnx)('makes an ONNX model that ONNX Runtime runs to the same numbers', async (context) => {
    const code = codeFor('onnx');
    const [head = ''] = code.split('(y,) = ');
    const bytes = inFolder(tmpdir(), (folder) => {
      const program = head.replace('from onnx.reference import ReferenceEvaluator\n', '');
      printed(python, 'layer.py', `${program}print([])\n`, folder);
      return readFileSync(join(folder, 'layer.onnx'));
    });
    const x = array(code, 'x');
    const ort = await import('onnxruntime-web').catch(() => context.skip('onnxruntime-web is not installed'));
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    expectClose(y?.data as Float32Array, expected(state));
    await session.release();
  });
});

it('says where a system has no pixel shuffle, and what does it there', () => {
  const state = withKind(states.opening as State, 'subpixel');
  for (const target of ['jax', 'flax', 'keras', 'webnn'] as const) {
    expect(exportCode(target, state).code).toMatch(/has no pixel shuffle; reshapes and a transpose are one/);
  }
  expect(exportCode('pytorch', state).code).toContain('pixel_shuffle(y, 2)');
  expect(exportCode('onnx', state).code).toContain('"DepthToSpace"');
  const line = withKind(states['one axis'] as State, 'subpixel');
  for (const target of ['pytorch', 'onnx', 'deconv-wasm'] as const) {
    expect(exportCode(target, line).code).toMatch(
      /(pixel_shuffle|DepthToSpace|PixelShuffle) has two axes; on one/,
    );
  }
});

it('is refused only where there is no such layer', () => {
  const lanes = withKind(states['two lanes'] as State, 'subpixel');
  for (const target of exportTargets) expect(exportCode(target, lanes).refusal).toBeNull();
  const cropped = withKind(
    withLayer(states.opening as State, { size: 1, kernel: 1, stride: 1, padding: 2 }),
    'resize',
  );
  for (const target of exportTargets) expect(exportCode(target, cropped).refusal).toMatch(/no such layer/);
});
