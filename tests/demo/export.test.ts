import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { init } from 'deconv-wasm';
import { type ConvertedLayer, fromFlax, fromJax, fromKeras, fromWebnn } from 'deconv-wasm/convert';
import { readModel } from 'deconv-wasm/models';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExportTarget, exportCode, exportTargets } from '../../web/demo/src/model/export-code';
import { outputLength } from '../../web/demo/src/model/geometry';
import type { LayerState } from '../../web/demo/src/model/layer-state';
import { opening, withLayer } from '../../web/demo/src/model/state';
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
import { type Served, serve } from './serve';

const root = fileURLToPath(new URL('../../', import.meta.url));

beforeAll(() => init({ threads: 1 }));

/**
 * What PyTorch prints, kept for the systems that are not there to run: the other programs are read by this
 * package as the system would read them, and have to come to these numbers. DECONV_STORE_OUTPUTS=1 writes
 * them anew where PyTorch is installed.
 */
const storedFile = fileURLToPath(new URL('../fixtures/exports/outputs.json', import.meta.url));
const stored: Record<string, number[]> = existsSync(storedFile)
  ? JSON.parse(readFileSync(storedFile, 'utf8'))
  : {};

const names = Object.keys(states);
const stateOf = (name: string) => states[name] as LayerState;

/** What PyTorch prints for each state. */
const printedByPyTorch = () =>
  Object.fromEntries(
    printedByPython(names.map((name) => exportCode('pytorch', stateOf(name)).code)).map((line, index) => [
      names[index] ?? '',
      line,
    ]),
  );

/** Runs a converted layer on the snippet's own input. */
function run(code: string, layer: ConvertedLayer): { data: Float32Array; shape: readonly number[] } {
  using made = layer;
  return made.forward(array(code, 'x'));
}

describe.runIf(process.env.DECONV_STORE_OUTPUTS === '1')('the stored outputs', () => {
  it('are written anew', () => {
    mkdirSync(dirname(storedFile), { recursive: true });
    writeFileSync(storedFile, `${JSON.stringify(printedByPyTorch())}\n`);
  });
});

let byPyTorch: Record<string, number[]> | undefined;

describe.each(names)('the export of: %s', (name) => {
  const state = stateOf(name);
  const wanted = stored[name];
  const codeFor = (target: ExportTarget) => exportCode(target, state);
  const single = state.layer.groups === 1;

  it('is of a layer that gives the stored numbers', () => {
    expectClose(expected(state), wanted);
  });

  it('runs with this package', () => {
    const { code } = codeFor('deconv-wasm');
    // Inside the repository the package finds itself by its name.
    const got = inFolder(join(root, 'build'), (folder) =>
      printed(process.execPath, 'layer.mjs', code, folder),
    );
    expectClose(got, wanted);
  });

  it.runIf(hasTorch)('runs with PyTorch', () => {
    byPyTorch ??= printedByPyTorch();
    expectClose(byPyTorch[name] ?? [], wanted);
  });

  it.runIf(hasOnnx)('makes an ONNX model that ONNX Runtime and this package run alike', async (context) => {
    const { code } = codeFor('onnx');
    const [head = ''] = code.split('(y,) = ');
    // Its reference evaluator is of later versions than Debian's; the model is run without it.
    const bytes = inFolder(tmpdir(), (folder) => {
      const program = head.replace('from onnx.reference import ReferenceEvaluator\n', '');
      printed(python, 'layer.py', `${program}print([])\n`, folder);
      return readFileSync(join(folder, 'layer.onnx'));
    });
    const x = array(code, 'x');
    const model = await readModel(bytes);
    using layer = await model.layers[0]?.toLayer();
    expectClose(layer?.forward(x).data ?? [], wanted);
    const ort = await import('onnxruntime-web').catch(() => context.skip('onnxruntime-web is not installed'));
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'error';
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    expectClose(y?.data as Float32Array, wanted);
    await session.release();
  });

  it.runIf(single)('says to JAX and to flax what gives the same numbers', () => {
    const jax = codeFor('jax').code;
    expectClose(
      run(
        jax,
        fromJax(
          'conv_transpose',
          {
            strides: argument(jax, 'strides') as number[],
            padding: argument(jax, 'padding') as [number, number][],
            rhs_dilation: argument(jax, 'rhs_dilation') as number[],
            dimension_numbers: argument(jax, 'dimension_numbers') as [string, string, string],
            transpose_kernel: argument(jax, 'transpose_kernel') as boolean,
          },
          { weight: array(jax, 'w') },
        ),
      ).data,
      wanted,
    );
    const flax = codeFor('flax').code;
    expectClose(
      run(
        flax,
        fromFlax(
          'ConvTranspose',
          {
            features: argument(flax, 'features') as number,
            kernel_size: argument(flax, 'kernel_size') as number[],
            strides: argument(flax, 'strides') as number[],
            padding: argument(flax, 'padding') as [number, number][],
            kernel_dilation: argument(flax, 'kernel_dilation') as number[],
            use_bias: argument(flax, 'use_bias') as boolean,
            transpose_kernel: argument(flax, 'transpose_kernel') as boolean,
          },
          { weight: array(flax, 'w') },
        ),
      ).data,
      wanted,
    );
  });

  it.runIf(single)('says to Keras what gives the same numbers', () => {
    const { code } = codeFor('keras');
    const { axes } = state.layer;
    expect(code).toContain(`keras.layers.Conv${axes}DTranspose(`);
    const outputPadding = argument(code, 'output_padding') as number | undefined;
    const y = run(
      code,
      fromKeras(
        axes === 1 ? 'Conv1DTranspose' : 'Conv2DTranspose',
        {
          filters: argument(code, 'filters') as number,
          kernel_size: argument(code, 'kernel_size') as number,
          strides: argument(code, 'strides') as number,
          padding: argument(code, 'padding') as 'valid',
          dilation_rate: argument(code, 'dilation_rate') as number,
          use_bias: argument(code, 'use_bias') as boolean,
          ...(outputPadding === undefined ? {} : { output_padding: outputPadding }),
        },
        { weight: array(code, 'w') },
      ),
    );
    const crop = /Cropping\dD\(\(*(\d+), (\d+)\)/.exec(code);
    const [head, tail] = [Number(crop?.[1] ?? 0), Number(crop?.[2] ?? 0)];
    const [rows, columns] = axes === 1 ? [1, y.shape[1] ?? 0] : [y.shape[1] ?? 0, y.shape[2] ?? 0];
    const kept = [...y.data].filter((_, index) => {
      const row = Math.floor(index / columns);
      const column = index % columns;
      const within = (at: number, size: number) => at >= head && at < size - tail;
      return (axes === 1 || within(row, rows)) && within(column, columns);
    });
    expectClose(kept, wanted);
  });

  it('says to WebNN what gives the same numbers', async () => {
    const { code } = codeFor('webnn');
    const shown = await withWebnn(code);
    expectClose(shown.data, wanted);
    expect(shown.shape.at(-1)).toBe(outputLength(state.layer));
    expect(shown.declared).toEqual(shown.shape);
  });
});

interface Shown {
  data: number[];
  shape: readonly number[];
  declared: readonly number[];
}

type Described = { shape: number[] };

/** Runs the snippet in a place whose WebNN is this package's reading of its options. */
async function withWebnn(code: string): Promise<Shown> {
  let result: { data: Float32Array; shape: readonly number[] } | null = null;
  let written = new Float32Array();
  let declared: readonly number[] = [];
  class MLGraphBuilder {
    input(_: string, described: Described) {
      return described;
    }
    constant(described: Described, data: Float32Array) {
      return { data, shape: described.shape };
    }
    convTranspose2d(
      input: Described,
      weight: { data: Float32Array; shape: number[] },
      options: Parameters<typeof fromWebnn<'convTranspose2d'>>[1],
    ) {
      return () => {
        using layer = fromWebnn('convTranspose2d', options, { weight });
        result = layer.forward({ data: written, shape: input.shape });
      };
    }
    build({ y }: { y: () => void }) {
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
      dispatch: (graph: () => void) => graph(),
      readTensor: async () => (result as { data: Float32Array } | null)?.data,
    }),
  };
  const lines: string[] = [];
  // The snippet is a module's text: its awaits need a function around them here.
  const run = new Function('navigator', 'MLGraphBuilder', 'console', `return (async () => {${code}})()`);
  await run({ ml }, MLGraphBuilder, { log: (line: string) => lines.push(line) });
  const shape = (result as { shape: readonly number[] } | null)?.shape ?? [];
  return { data: JSON.parse(lines.at(-1) ?? '[]') as number[], shape, declared };
}

describe('the WebNN program in a browser that has WebNN', () => {
  let served: Served;
  let page: Page;
  let there: string | undefined;
  const lines: string[] = [];
  beforeAll(async () => {
    served = await serve();
    page = await served.browser.newPage();
    page.on('console', (message) => lines.push(message.text()));
    // A file of the page's: WebNN is for its origin, and nothing else may run there.
    await page.goto(`${served.url}service-worker.js`);
    there = await page.evaluate(async () => {
      const { ml } = navigator as { ml?: { createContext(): Promise<unknown> } };
      return ml?.createContext().then(
        () => 'yes',
        (error: unknown) => String(error),
      );
    });
  });
  afterAll(() => served?.close());

  it.for(names)('prints the stored numbers: %s', async (name, context) => {
    if (there !== 'yes') context.skip(`no WebNN here: ${there ?? 'navigator.ml is undefined'}`);
    // In a scope of its own, as a module's text is.
    await page.evaluate(`(async () => {${exportCode('webnn', stateOf(name)).code}})()`);
    expectClose(JSON.parse(lines.splice(0).at(-1) ?? '[]') as number[], stored[name]);
  });
});

describe('what cannot be said', () => {
  it('is refused in a sentence, and nothing is written', () => {
    const lanes = stateOf('two lanes');
    for (const target of ['jax', 'flax', 'keras'] as const) {
      expect(exportCode(target, lanes)).toMatchObject({
        code: '',
        refusal: expect.stringContaining('groups'),
      });
    }
    const cropped = withLayer(opening, { size: 1, kernel: 1, padding: 2 });
    for (const target of exportTargets) expect(exportCode(target, cropped).refusal).toMatch(/no such layer/);
    const both = withLayer(opening, { stride: 2, dilation: 2 });
    expect(exportCode('keras', both).refusal).toMatch(/dilation/);
    const wide = withLayer(opening, { stride: 1, dilation: 3, outputPadding: 2 });
    expect(exportCode('webnn', wide).refusal).toMatch(/below the stride/);
    expect(exportCode('pytorch', wide).refusal).toBeNull();
  });
});
