import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConvTranspose1d, ConvTranspose2d, init } from 'deconv-wasm';
import { type ConvertedLayer, fromFlax, fromJax, fromKeras, fromWebnn } from 'deconv-wasm/convert';
import { readModel } from 'deconv-wasm/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExportTarget, exportCode, exportTargets } from '../../web/demo/src/model/export-code';
import { outputLength } from '../../web/demo/src/model/geometry';
import type { LayerState } from '../../web/demo/src/model/layer-state';
import { opening, withFill, withInputCell, withLayer, withTap } from '../../web/demo/src/model/state';
import { type Served, serve } from './serve';

const root = fileURLToPath(new URL('../../', import.meta.url));

beforeAll(() => init({ threads: 1 }));

const states: Record<string, LayerState> = {
  opening,
  'padding and output padding': withInputCell(
    withFill(withLayer(opening, { kernel: 4, stride: 3, padding: 1, outputPadding: 2 }), 'random'),
    2,
    -1.75,
  ),
  dilated: withFill(withLayer(opening, { kernel: 3, stride: 1, padding: 2, dilation: 3 }), 'random', 8),
  'kernel below the stride': withFill(withLayer(opening, { kernel: 2, stride: 4 }), 'random'),
  'one axis': withTap(withLayer(opening, { axes: 1, size: 6, kernel: 5, padding: 1 }), 3, 1 / 3),
  'two lanes': withFill(
    withLayer(opening, { axes: 1, groups: 2, size: 4, kernel: 3, outputPadding: 1 }),
    'random',
  ),
};

/**
 * What PyTorch prints, kept for the systems that are not there to run: the other programs are read by this
 * package as the system would read them, and have to come to these numbers. DECONV_STORE_OUTPUTS=1 writes
 * them anew where PyTorch is installed.
 */
const storedFile = fileURLToPath(new URL('../fixtures/exports/outputs.json', import.meta.url));
const stored: Record<string, number[]> = existsSync(storedFile)
  ? JSON.parse(readFileSync(storedFile, 'utf8'))
  : {};

/** What the layer gives, without any of the snippets. */
function expected({ layer, input, weights }: LayerState): number[] {
  const { axes, groups, size, kernel, stride, padding, outputPadding, dilation } = layer;
  const options = {
    inChannels: groups,
    outChannels: groups,
    kernelSize: kernel,
    stride,
    padding,
    outputPadding,
    dilation,
    groups,
    bias: false,
  };
  using made = axes === 1 ? new ConvTranspose1d(options) : new ConvTranspose2d(options);
  made.setWeight(Float32Array.from(weights));
  const shape = axes === 1 ? [1, groups, size] : [1, 1, size, size];
  return [...made.forward({ data: Float32Array.from(input), shape }).data];
}

function expectClose(got: ArrayLike<number>, wanted: readonly number[] | undefined): void {
  expect(got.length).toBe(wanted?.length);
  for (const [index, value] of wanted?.entries() ?? []) expect(got[index]).toBeCloseTo(value, 4);
}

/** Runs a program in a folder of its own and reads the numbers of its last line. */
function printed(command: string, file: string, code: string, folder: string): number[] {
  writeFileSync(join(folder, file), code);
  const { stdout, stderr, status } = spawnSync(command, [file], { cwd: folder, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as number[];
}

const python = process.env.PYTHON ?? '/usr/bin/python3';
// A folder of that name, as that of ONNX's test data, is found as a package that nothing is in.
const has = (name: string) =>
  spawnSync(python, [
    '-c',
    `import importlib.util as i; s = i.find_spec('${name}'); exit(s is None or s.origin is None)`,
  ]).status === 0;
const [hasTorch, hasOnnx] = [has('torch'), has('onnx')];

function inFolder<T>(parent: string, use: (folder: string) => T): T {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'export-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = Object.keys(states);
const stateOf = (name: string) => states[name] as LayerState;

/** The last lines of all programs, run one after the other by one Python: it takes seconds to import PyTorch. */
const RUN_ALL = `
import contextlib, io, json, runpy, sys
lines = []
for file in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        runpy.run_path(file)
    lines.append(json.loads(said.getvalue().strip().split("\\n")[-1]))
print(json.dumps(lines))
`;

/** What PyTorch prints for each state. */
function printedByPyTorch(): Record<string, number[]> {
  return inFolder(tmpdir(), (folder) => {
    const files = names.map((name, index) => {
      const file = join(folder, `${index}.py`);
      writeFileSync(file, exportCode('pytorch', stateOf(name)).code);
      return file;
    });
    const { stdout, stderr, status } = spawnSync(python, ['-c', RUN_ALL, ...files], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const lines = JSON.parse(stdout) as number[][];
    return Object.fromEntries(names.map((name, index) => [name, lines[index] ?? []]));
  });
}

/** The arguments that a snippet of Python gives, as JavaScript has them. */
function argument(code: string, name: string): unknown {
  const at = code.search(new RegExp(`\\b${name}=`));
  if (at < 0) return undefined;
  const text = code.slice(at + name.length + 1);
  let depth = 0;
  let end = 0;
  for (; end < text.length; end++) {
    const letter = text[end] as string;
    if ('(['.includes(letter)) depth++;
    if (')]'.includes(letter)) depth--;
    if (depth < 0 || (depth === 0 && /[,\n]/.test(letter))) break;
  }
  const literal = text
    .slice(0, end)
    .replace(/,\)/g, ')')
    .replaceAll('(', '[')
    .replaceAll(')', ']')
    .replace('True', 'true')
    .replace('False', 'false');
  return JSON.parse(literal);
}

/** An array of a snippet, with the shape that it is given. */
function array(code: string, name: string): { data: Float32Array; shape: number[] } {
  const found = new RegExp(
    `\\b${name} = np\\.array\\((\\[[^\\]]*\\]), np\\.float32\\)\\.reshape\\(([^)]*)\\)`,
  ).exec(code);
  const values = JSON.parse((found?.[1] ?? '').replace(/,\s*\]/, ']')) as number[];
  const shape = (found?.[2] ?? '').split(',').filter((part) => part.trim() !== '');
  return { data: Float32Array.from(values), shape: shape.map(Number) };
}

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
  beforeAll(async () => {
    served = await serve(['--enable-features=WebMachineLearningNeuralNetwork']);
  });
  afterAll(() => served?.close());

  it.for(names)('prints the stored numbers: %s', async (name, context) => {
    const page = await served.browser.newPage();
    await page.goto(served.url);
    const there = await page.evaluate(async () => {
      const { ml } = navigator as { ml?: { createContext(): Promise<unknown> } };
      return ml?.createContext().then(
        () => 'yes',
        (error: unknown) => String(error),
      );
    });
    if (there !== 'yes') context.skip(`no WebNN here: ${there ?? 'navigator.ml is undefined'}`);
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    // In a scope of its own, as a module's text is.
    await page.evaluate(`(async () => {${exportCode('webnn', stateOf(name)).code}})()`);
    expectClose(JSON.parse(lines.at(-1) ?? '[]') as number[], stored[name]);
    await page.close();
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
