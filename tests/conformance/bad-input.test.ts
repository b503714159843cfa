// What is refused, and how: the code, the words, and that everything still works afterwards.

import {
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  type DeconvErrorCode,
  GroupNorm,
  InstanceNorm1d,
  init,
  LayerNorm,
  Linear,
  memoryUsage,
  shutdown,
  type Tensor,
  Upsample,
} from 'deconv-wasm';
import { Normal } from 'deconv-wasm/brainstate';
import { analyze } from 'deconv-wasm/checkerboard';
import { fromFlax, fromKeras, fromTorch } from 'deconv-wasm/convert';
import { quantize } from 'deconv-wasm/quantize';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { badOutputs, badTensors, detached } from '../support/bad-tensors.js';
import { BEST, BUILDS_HERE } from '../support/builds.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError, rejection } from '../support/errors.js';
import { quarters, zeros } from '../support/tensors.js';

/** Options as a program without types writes them. */
type Loose = Readonly<Record<string, unknown>>;

const LAYER = { inChannels: 4, outChannels: 6, kernelSize: 3, seed: 1 };

const up = (options: Loose = {}): ConvTranspose2d => new ConvTranspose2d({ ...LAYER, ...options } as never);
const down = (options: Loose = {}): Conv2d => new Conv2d({ ...LAYER, ...options } as never);

const INTEGER_WRONG: readonly [unknown, DeconvErrorCode][] = [
  ['3', 'BAD_TYPE'],
  [3n, 'BAD_TYPE'],
  [true, 'BAD_TYPE'],
  [{}, 'BAD_TYPE'],
  [() => 3, 'BAD_TYPE'],
  [Symbol('3'), 'BAD_TYPE'],
  [Number.NaN, 'BAD_OPTION'],
  [Number.POSITIVE_INFINITY, 'BAD_OPTION'],
  [Number.NEGATIVE_INFINITY, 'BAD_OPTION'],
  [1.5, 'BAD_OPTION'],
  [-1, 'BAD_OPTION'],
  [2 ** 31, 'BAD_OPTION'],
  [2 ** 53, 'BAD_OPTION'],
  [1e308, 'BAD_OPTION'],
];

const COUNT_WRONG: readonly [unknown, DeconvErrorCode][] = [
  ...INTEGER_WRONG,
  [0, 'BAD_OPTION'],
  [[4], 'BAD_TYPE'],
];

const AXES_WRONG: readonly [unknown, DeconvErrorCode][] = [
  ...INTEGER_WRONG,
  [[], 'BAD_OPTION'],
  [[1, 1, 1], 'BAD_OPTION'],
  [[1, -1], 'BAD_OPTION'],
  [[1, Number.NaN], 'BAD_OPTION'],
  [[1.5, 1], 'BAD_OPTION'],
  [['1', 1], 'BAD_TYPE'],
  [[1, null], 'BAD_TYPE'],
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
  [[1, ,], 'BAD_TYPE'],
  [[[1, 1]], 'BAD_TYPE'],
  [new Int32Array([1, 1]), 'BAD_TYPE'],
  [new Set([1]), 'BAD_TYPE'],
];

interface Row {
  readonly name: string;
  readonly code: DeconvErrorCode;
  readonly where: string;
  act(): unknown;
}

function optionRows(): Row[] {
  const rows: Row[] = [];
  const classes = { ConvTranspose2d: up, Conv2d: down };
  for (const [where, make] of Object.entries(classes)) {
    const row = (name: string, value: unknown, code: DeconvErrorCode): void => {
      const text = Array.isArray(value) ? `[${value.map(String)}]` : String(value);
      rows.push({ name: `${name}: ${text}`, code, where, act: () => make({ [name]: value }) });
    };
    for (const name of ['inChannels', 'outChannels', 'groups']) {
      for (const [value, code] of COUNT_WRONG) row(name, value, code);
    }
    for (const name of ['kernelSize', 'stride', 'dilation']) {
      for (const [value, code] of [...AXES_WRONG, [0, 'BAD_OPTION'], [[1, 0], 'BAD_OPTION']] as const) {
        row(name, value, code);
      }
    }
    const pads = where === 'Conv2d' ? ['padding'] : ['padding', 'outputPadding'];
    for (const name of pads) {
      for (const [value, code] of AXES_WRONG) {
        // For a convolution a string may be a word, and this one is none.
        row(name, value, name === 'padding' && where === 'Conv2d' && value === '3' ? 'BAD_OPTION' : code);
      }
    }
    for (const name of ['inChannels', 'outChannels', 'kernelSize']) {
      for (const value of [undefined, null]) row(name, value, 'BAD_TYPE');
    }
    row('groups', 3, 'BAD_OPTION'); // 4 in, 6 out
    row('groups', 4, 'BAD_OPTION');
    row('bias', 'yes', 'BAD_TYPE');
    row('bias', 1, 'BAD_TYPE');
    row('bias', new Float32Array(6), 'BAD_TYPE');
    for (const value of [-1, 2 ** 32, 0.5, Number.NaN]) row('seed', value, 'BAD_OPTION');
    for (const value of ['7', 7n]) row('seed', value, 'BAD_TYPE');
    row('route', 'fastest', 'BAD_OPTION');
    row('route', '', 'BAD_OPTION');
    row('route', 1, 'BAD_TYPE');
    row('colour', 1, 'BAD_OPTION');
    row('kernel_size', 3, 'BAD_OPTION');
    row('kernelSize', [2 ** 15, 2 ** 15], 'TOO_LARGE');
    row('inChannels', 2 ** 30, 'TOO_LARGE');
    row('kernelSize', [2 ** 31 - 1, 2 ** 31 - 1], 'TOO_LARGE');
    for (const options of [undefined, null, 3, 'same', [], () => LAYER]) {
      rows.push({
        name: `options ${String(options)}`,
        code: 'BAD_TYPE',
        where,
        act: () =>
          where === 'Conv2d' ? new Conv2d(options as never) : new ConvTranspose2d(options as never),
      });
    }
  }
  const one = (name: string, options: Loose, code: DeconvErrorCode = 'BAD_OPTION'): void => {
    rows.push({ name, code, where: 'ConvTranspose2d', act: () => up(options) });
  };
  // The golden list of what PyTorch refuses, bad_inputs.json.
  one('output padding of a stride', { stride: 2, padding: 1, outputPadding: 2 });
  one('output padding above a stride', { stride: 2, padding: 1, outputPadding: 3 });
  one('output padding with stride 1', { outputPadding: 1 });
  one('output padding of a stride on one axis', { stride: [2, 1], outputPadding: [1, 1] });
  one('output padding of the larger of stride and dilation', { stride: 2, dilation: 3, outputPadding: 3 });
  one('a word for the padding of a transposed layer', { padding: 'same' }, 'BAD_TYPE');
  const convolution = (name: string, options: Loose): void => {
    rows.push({ name, code: 'BAD_OPTION', where: 'Conv2d', act: () => down(options) });
  };
  convolution("padding 'SAME'", { padding: 'SAME' });
  convolution("padding 'full'", { padding: 'full' });
  convolution("padding 'same' with a stride", { padding: 'same', stride: [1, 2] });
  convolution('an option of the transposed layer', { outputPadding: 0 });
  return rows;
}

const LARGE = 2 ** 31 - 1;

/** Rows on one living layer; `layer` and `x` fit each other. */
function forwardRows(where: 'ConvTranspose2d' | 'Conv2d', layer: ConvTranspose2d | Conv2d, x: Tensor): Row[] {
  const rows: Row[] = [];
  const row = (name: string, code: DeconvErrorCode, act: () => unknown, method = 'forward'): void => {
    rows.push({ name, code, where: `${where}.${method}`, act });
  };
  for (const [name, value, code] of badTensors(x.shape)) {
    row(`forward of ${name}`, code, () => layer.forward(value as Tensor));
  }
  for (const shape of [[], [8], [4, 8], [1, 1, 4, 8, 8], [5, 8, 8], [1, 3, 8, 8], [1, 8, 8, 4]]) {
    row(`forward of shape [${shape}]`, 'BAD_SHAPE', () => layer.forward(zeros(...shape)));
    row(`outputShape of [${shape}]`, 'BAD_SHAPE', () => layer.outputShape(shape), 'outputShape');
  }
  row('forward of no rows', 'BAD_SHAPE', () => layer.forward(zeros(1, 4, 0, 8)));
  row('forward of no columns', 'BAD_SHAPE', () => layer.forward(zeros(0, 4, 8, 0)));
  for (const [value, code] of [
    [undefined, 'BAD_TYPE'],
    ['[1, 4, 8, 8]', 'BAD_TYPE'],
    [[1, 4, 8, '8'], 'BAD_TYPE'],
    [[1, 4, 8, -8], 'BAD_SHAPE'],
    [[1, 4, 8, Number.NaN], 'BAD_SHAPE'],
    [[1, 4, LARGE, 1], 'TOO_LARGE'],
    [[1, 4, LARGE, LARGE], 'TOO_LARGE'],
    [[LARGE, 4, 8, 8], 'TOO_LARGE'],
  ] as const) {
    row(`outputShape of ${String(value)}`, code, () => layer.outputShape(value as never), 'outputShape');
  }
  const y = layer.outputShape(x.shape);
  for (const [name, value, code] of badOutputs(y)) {
    if (value === undefined) continue;
    row(`out: ${name}`, code, () => layer.forward(x, { out: value as Tensor }));
  }
  row('out of the batch alone', 'BAD_SHAPE', () => layer.forward(x, { out: zeros(...y.slice(1)) }));
  row('out of another order', 'BAD_SHAPE', () =>
    layer.forward(x, { out: zeros(...y.with(2, 1).with(3, (y[2] as number) * (y[3] as number))) }),
  );
  row('an unknown option', 'BAD_OPTION', () => layer.forward(x, { target: 1 } as never));
  for (const value of [null, 3, 'out', []]) {
    if (value === null) continue;
    row(`options ${String(value)}`, 'BAD_TYPE', () => layer.forward(x, value as never));
  }
  const { weight, bias } = layer;
  for (const [name, value, code] of badTensors(weight.shape)) {
    if (ArrayBuffer.isView(value)) continue;
    row(`setWeight of ${name}`, code, () => layer.setWeight(value as Tensor), 'setWeight');
  }
  for (const [name, value, code] of badTensors((bias as Tensor).shape)) {
    if (ArrayBuffer.isView(value)) continue;
    row(`setBias of ${name}`, code, () => layer.setBias(value as Tensor), 'setBias');
  }
  row('setWeight of too few values', 'BAD_SHAPE', () => layer.setWeight(weight.data.slice(1)), 'setWeight');
  row('setWeight of no values', 'BAD_SHAPE', () => layer.setWeight(new Float32Array(0)), 'setWeight');
  row(
    'setWeight of gone values',
    'BAD_BUFFER',
    () => layer.setWeight(detached(weight.data.length)),
    'setWeight',
  );
  row('setBias of too many values', 'BAD_SHAPE', () => layer.setBias(new Float32Array(7)), 'setBias');
  const swapped = [weight.shape[1] as number, weight.shape[0] as number, ...weight.shape.slice(2)];
  row('setWeight of the other layer', 'BAD_SHAPE', () => layer.setWeight(zeros(...swapped)), 'setWeight');
  row('setBias of a matrix', 'BAD_SHAPE', () => layer.setBias(zeros(1, 6)), 'setBias');
  return rows;
}

describe.each(BUILDS_HERE.filter(({ name }) => name === 'simd' || name === `${BEST}-threads`))(
  'on $name',
  ({ options }) => {
    beforeAll(() => init(options));
    afterAll(shutdown);

    const x = quarters([2, 4, 8, 8], 1);

    /** Runs the rows and checks after each that the layer, and the module, compute what they did. */
    function runRows(rows: readonly Row[], check: () => void): void {
      for (const { name, code, where, act } of rows) {
        const before = memoryUsage().liveLayers;
        try {
          expectError(caught(act), code, where);
          expect(memoryUsage().liveLayers, 'live layers').toBe(before);
          check();
        } catch (cause) {
          throw new Error(`${name}: ${(cause as Error).message}`, { cause });
        }
      }
    }

    function computes(layer: ConvTranspose2d | Conv2d, input: Tensor = x): () => void {
      layer.setWeight(quarters(layer.weight.shape, 2));
      const wanted = layer.forward(input);
      return () => expect(compareExactly(layer.forward(input), wanted)).toBeUndefined();
    }

    // One test a row says at once everything that is wrong.
    describe('options of layers', () => {
      it.each(optionRows())('$where, $name: $code', (row) => {
        using layer = up();
        runRows([row], computes(layer));
      });
    });

    describeForward('ConvTranspose2d', up({ stride: 2 }));
    describeForward('Conv2d', down({ stride: 2 }));

    function describeForward(where: 'ConvTranspose2d' | 'Conv2d', layer: ConvTranspose2d | Conv2d): void {
      describe(`${where} at work`, () => {
        afterAll(() => layer.dispose());
        it.each(forwardRows(where, layer, x))('$name: $code', (row) => {
          runRows([row], computes(layer));
        });
      });
    }

    it('sizes without an output', () => {
      using cropping = up({ padding: 5 });
      using wide = down({ kernelSize: 9 });
      runRows(
        [
          {
            name: 'crops larger than the output',
            code: 'BAD_SHAPE',
            where: 'ConvTranspose2d.forward',
            act: () => cropping.forward(zeros(1, 4, 8, 2)),
          },
          {
            name: 'crops as large as the output',
            code: 'BAD_SHAPE',
            where: 'ConvTranspose2d.outputShape',
            act: () => cropping.outputShape([4, 8, 8]),
          },
        ],
        computes(cropping, quarters([1, 4, 9, 9], 1)),
      );
      runRows(
        [
          {
            name: 'a kernel larger than the input',
            code: 'BAD_SHAPE',
            where: 'Conv2d.forward',
            act: () => wide.forward(x),
          },
        ],
        computes(wide, quarters([1, 4, 9, 9], 1)),
      );
    });

    it('outputSize', () => {
      using layer = up({ stride: [3, 1] });
      // 24 to 26 rows, 10 columns.
      const row = (outputSize: unknown, code: DeconvErrorCode, input = x): Row => ({
        name: String(outputSize),
        code,
        where: 'ConvTranspose2d.forward',
        act: () => layer.forward(input, { outputSize: outputSize as number[] }),
      });
      const unbatched = quarters([4, 8, 8], 1);
      runRows(
        [
          row([23, 10], 'BAD_OPTION'),
          row([27, 10], 'BAD_OPTION'),
          row([24, 11], 'BAD_OPTION'),
          row([24, 9], 'BAD_OPTION'),
          row([0, 0], 'BAD_OPTION'),
          row([24], 'BAD_OPTION'),
          row([], 'BAD_OPTION'),
          row([1, 2, 6, 24, 10], 'BAD_OPTION'),
          // The whole shape has four entries here and three without a batch, as in PyTorch.
          row([6, 24, 10], 'BAD_OPTION'),
          row([2, 6, 24, 10], 'BAD_OPTION', unbatched),
          row(24, 'BAD_TYPE'),
          row('24,10', 'BAD_TYPE'),
          row(['24', 10], 'BAD_TYPE'),
          row([24.5, 10], 'BAD_SHAPE'),
          row([-24, 10], 'BAD_SHAPE'),
          {
            name: 'in outputShape',
            code: 'BAD_OPTION',
            where: 'ConvTranspose2d.outputShape',
            act: () => layer.outputShape(x.shape, { outputSize: [27, 10] }),
          },
          {
            name: 'misspelt in outputShape',
            code: 'BAD_OPTION',
            where: 'ConvTranspose2d.outputShape',
            act: () => layer.outputShape(x.shape, { outputsize: [24, 10] } as never),
          },
        ],
        computes(layer),
      );
      // Of a gradient the same is its shape, and no option that nobody gave.
      for (const [spatial, told] of [
        [[23, 10], 'gradOutput along spatial axis 0 from 24 to 26 for input size 8, got 23'],
        [[24, 11], 'gradOutput along spatial axis 1 from 10 to 10 for input size 8, got 11'],
      ] as const) {
        const error = caught(() => layer.backward(x, zeros(x.shape[0] as number, 6, ...spatial)));
        expectError(error, 'BAD_SHAPE', 'ConvTranspose2d.backward');
        expect(error.message).toContain(told);
      }
    });

    it('sizes that cannot be counted or held', () => {
      using sparse = up({ stride: 2 ** 30 });
      using forced = up({ stride: 2 ** 30, route: 'polyphase' });
      using dilated = up({ dilation: 2 ** 30 });
      using padded = down({ padding: 2 ** 30 });
      const input = quarters([1, 4, 1, 1], 1);
      const rows: Row[] = [
        {
          name: 'a stride that leads beyond 2^31',
          code: 'TOO_LARGE',
          where: 'ConvTranspose2d.forward',
          act: () => sparse.forward(x),
        },
        {
          name: 'the same on a forced route, which has nothing to refuse',
          code: 'TOO_LARGE',
          where: 'ConvTranspose2d.forward',
          act: () => forced.forward(x),
        },
        {
          name: 'a dilation that leads beyond 2^31',
          code: 'TOO_LARGE',
          where: 'ConvTranspose2d.forward',
          act: () => dilated.forward(input),
        },
        {
          name: 'a padding that leads beyond 2^31',
          code: 'TOO_LARGE',
          where: 'Conv2d.forward',
          act: () => padded.forward(x),
        },
      ];
      runRows(rows, computes(sparse, input));
    });

    it('a bias for a layer without', () => {
      using layer = up({ bias: false });
      runRows(
        [
          {
            name: 'setBias',
            code: 'BAD_OPTION',
            where: 'ConvTranspose2d.setBias',
            act: () => layer.setBias(new Float32Array(6)),
          },
        ],
        computes(layer),
      );
    });

    it('routes that refuse', () => {
      const rows: Row[] = [
        {
          name: 'a route of the other operator',
          code: 'UNSUPPORTED',
          where: 'Conv2d.forward',
          act: () => {
            using layer = down({ route: 'xnnpack-deconvolution' });
            layer.forward(x);
          },
        },
        {
          name: 'three axes',
          code: 'UNSUPPORTED',
          where: 'convTranspose',
          act: () =>
            convTranspose(zeros(1, 1, 3, 3, 3), zeros(1, 1, 2, 2, 2), { route: 'xnnpack-deconvolution' }),
        },
      ];
      using layer = up();
      runRows(rows, computes(layer));
      // However often a route refuses, nothing piles up, and dispose frees what there is.
      const { liveLayers } = memoryUsage();
      const refused = up({ stride: 1, dilation: 4, outputPadding: 3, route: 'xnnpack-deconvolution' });
      for (let attempt = 0; attempt < 3; attempt += 1) {
        expectError(
          caught(() => refused.forward(x)),
          'UNSUPPORTED',
          'ConvTranspose2d.forward',
        );
        expect(memoryUsage().liveLayers).toBeLessThanOrEqual(liveLayers + 1);
      }
      refused.dispose();
      expect(memoryUsage().liveLayers).toBe(liveLayers);
    });

    it('use after dispose', () => {
      const layer = up();
      layer.forward(x);
      layer.dispose();
      using other = up();
      const members: Readonly<Record<string, () => unknown>> = {
        forward: () => layer.forward(x),
        weight: () => layer.weight,
        bias: () => layer.bias,
        setWeight: () => layer.setWeight(new Float32Array(216)),
        setBias: () => layer.setBias(new Float32Array(6)),
      };
      const rows = Object.entries(members).map(([name, act]) => ({
        name,
        code: 'DISPOSED' as const,
        where: `ConvTranspose2d.${name}`,
        act,
      }));
      runRows(rows, computes(other));
      expect(layer.outputShape(x.shape)).toEqual([2, 6, 10, 10]);
      expect(layer.disposed).toBe(true);
    });

    describe('conv and convTranspose', () => {
      const weights = { conv: quarters([6, 4, 3, 3], 2), convTranspose: quarters([4, 6, 3, 3], 2) };

      function callRows(where: 'conv' | 'convTranspose'): Row[] {
        const rows: Row[] = [];
        const w = weights[where];
        const call = (given: unknown, weight: unknown, options?: unknown): unknown =>
          (where === 'conv' ? conv : convTranspose)(given as Tensor, weight as Tensor, options as never);
        const row = (name: string, code: DeconvErrorCode, act: () => unknown): void => {
          rows.push({ name, code, where, act });
        };
        for (const [name, value, code] of badTensors(x.shape)) row(`x: ${name}`, code, () => call(value, w));
        for (const [name, value, code] of badTensors(w.shape))
          row(`weight: ${name}`, code, () => call(x, value));
        for (const [name, value, code] of badTensors([6])) {
          if (value === undefined || value === null || ArrayBuffer.isView(value)) continue;
          row(`bias: ${name}`, code, () => call(x, w, { bias: value }));
        }
        for (const value of [0, false, '', 'none']) {
          row(`bias: ${JSON.stringify(value)}`, 'BAD_TYPE', () => call(x, w, { bias: value }));
        }
        row('bias of 5', 'BAD_SHAPE', () => call(x, w, { bias: new Float32Array(5) }));
        const names = [
          'stride',
          'dilation',
          where === 'conv' ? 'inputDilation' : 'outputPadding',
          'padding',
          'padBefore',
          'padAfter',
        ];
        for (const name of names) {
          for (const [value, usual] of AXES_WRONG) {
            // For a convolution a string may be a word, and this one is none.
            const word = name === 'padding' && where === 'conv' && value === '3';
            const code = word ? 'BAD_OPTION' : usual;
            // Pads of one end may be negative.
            if (
              name.startsWith('pad') &&
              name !== 'padding' &&
              (value === -1 || (Array.isArray(value) && value[1] === -1))
            )
              continue;
            row(`${name}: ${Array.isArray(value) ? `[${value.map(String)}]` : String(value)}`, code, () =>
              call(x, w, { [name]: value }),
            );
          }
        }
        for (const [value, code] of COUNT_WRONG)
          row(`groups: ${String(value)}`, code, () => call(x, w, { groups: value }));
        row('groups: 5', 'BAD_OPTION', () => call(x, w, { groups: 5 }));
        for (const value of ['NHWC', '', 'channels_last']) {
          row(`layout: ${value}`, 'BAD_OPTION', () => call(x, w, { layout: value }));
        }
        row('layout: 1', 'BAD_TYPE', () => call(x, w, { layout: 1 }));
        row('route: gpu', 'BAD_OPTION', () => call(x, w, { route: 'gpu' }));
        row('an unknown option', 'BAD_OPTION', () => call(x, w, { pads: 1 }));
        row('padding twice', 'BAD_OPTION', () => call(x, w, { padding: 1, padAfter: 1 }));
        row('the option of the other call', 'BAD_OPTION', () =>
          call(x, w, where === 'conv' ? { outputPadding: 1 } : { inputDilation: 2 }),
        );
        for (const value of [null, 3, 'same', []])
          row(`options ${String(value)}`, 'BAD_TYPE', () => call(x, w, value));
        row('an x of two axes', 'BAD_SHAPE', () => call(zeros(4, 8), w));
        row('an x of six axes', 'BAD_SHAPE', () => call(zeros(1, 4, 1, 1, 8, 8), w));
        row('a weight of three axes', 'BAD_SHAPE', () => call(x, zeros(4, 6, 3)));
        row('a weight without taps', 'BAD_SHAPE', () => call(x, zeros(...w.shape.with(2, 0))));
        row('a weight without channels', 'BAD_SHAPE', () => call(x, zeros(...w.shape.with(1, 0))));
        row('other channels', 'BAD_SHAPE', () => call(zeros(2, 5, 8, 8), w));
        row('channels of the other layout', 'BAD_SHAPE', () => call(x, w, { layout: 'channels-last' }));
        row('no rows', 'BAD_SHAPE', () => call(zeros(2, 4, 0, 8), w));
        row('no output', 'BAD_SHAPE', () =>
          call(x, w, where === 'conv' ? { padBefore: -7 } : { padBefore: 10 }),
        );
        row('an output beyond 2^31', 'TOO_LARGE', () =>
          call(x, w, where === 'conv' ? { padBefore: LARGE } : { padBefore: -LARGE }),
        );
        row('an output of 2^40', 'TOO_LARGE', () =>
          call(x, w, where === 'conv' ? { padBefore: 2 ** 20 } : { padBefore: -(2 ** 20) }),
        );
        return rows;
      }

      it.each([...callRows('conv'), ...callRows('convTranspose')])('$where, $name: $code', (row) => {
        const compute = { conv, convTranspose }[row.where as 'conv' | 'convTranspose'];
        const weight = weights[row.where as 'conv' | 'convTranspose'];
        const wanted = compute(x, weight, { route: 'scalar' });
        runRows([row], () => expect(compareExactly(compute(x, weight), wanted)).toBeUndefined());
      });
    });
  },
);

// Python's None is false, and what a call takes for "no bias"; for a layer it would have been the default, true.
it.each<[string, () => unknown]>([
  ['bias of Conv2d', () => down({ bias: null })],
  ['bias of ConvTranspose2d', () => up({ bias: null })],
  ['bias of Linear', () => new Linear({ inFeatures: 1, outFeatures: 1, bias: null as never })],
  ['affine of BatchNorm2d', () => new BatchNorm2d({ numFeatures: 1, affine: null as never })],
  [
    'trackRunningStats of InstanceNorm1d',
    () => new InstanceNorm1d({ numFeatures: 1, trackRunningStats: null as never }),
  ],
  ['affine of GroupNorm', () => new GroupNorm({ numGroups: 1, numChannels: 1, affine: null as never })],
  [
    'elementwiseAffine of LayerNorm',
    () => new LayerNorm({ normalizedShape: 1, elementwiseAffine: null as never }),
  ],
  ['bias of LayerNorm', () => new LayerNorm({ normalizedShape: 1, bias: null as never })],
  ['countIncludePad of AvgPool2d', () => new AvgPool2d({ kernelSize: 2, countIncludePad: null as never })],
  ['strict of loadStateDict', () => up().loadStateDict({}, { strict: null as never })],
  [
    'bias of fromTorch',
    () => fromTorch('Conv1d', { in_channels: 1, out_channels: 1, kernel_size: 1, bias: null as never }, {}),
  ],
  [
    'use_bias of fromKeras',
    () => fromKeras('Conv1D', { filters: 1, kernel_size: 1, use_bias: null as never }, { inChannels: 1 }),
  ],
  [
    'use_bias of fromFlax',
    () => fromFlax('Conv', { features: 1, kernel_size: [1], use_bias: null as never }, { inChannels: 1 }),
  ],
])('null is neither true nor false: %s', (name, act) => {
  const error = caught(act);
  expect([error.code, error.message]).toEqual([
    'BAD_TYPE',
    expect.stringContaining(`${name.slice(0, name.indexOf(' '))} to be true or false, got null`),
  ]);
});

// Beyond 2^53 a double cannot tell neighbours apart, and the core counts in integers: if both go on,
// they disagree about the size of the output.
it('positions beyond 2^53 are counted exactly or refused', async () => {
  onTestFinished(shutdown);
  await init();
  for (const [n, k, padBefore, wanted] of [
    [2 ** 23, 2 ** 23, 1, 2],
    [2 ** 23 + 1, 2 ** 23, -(LARGE - 3), 4],
    [2 ** 24, 2 ** 24 - 1, -(LARGE - 6), 7],
  ] as const) {
    let shape: readonly number[] | string | undefined;
    try {
      shape = conv(zeros(1, 1, n), zeros(1, 1, k), {
        inputDilation: LARGE,
        dilation: LARGE,
        padBefore,
      }).shape;
    } catch (error) {
      shape = (error as { code?: string }).code;
    }
    expect([[1, 1, wanted], 'TOO_LARGE']).toContainEqual(shape);
  }
});

it('pads at the ends of 32 bits', async () => {
  onTestFinished(shutdown);
  await init();
  const x = quarters([1, 1, 3], 1);
  const w = quarters([1, 1, 2], 2);
  expect(convTranspose(x, w, { padBefore: LARGE, padAfter: -LARGE })).toEqual(zeros(1, 1, 4));
  expect(convTranspose(x, w, { padBefore: -LARGE, padAfter: LARGE })).toEqual(zeros(1, 1, 4));
  expect(conv(x, w, { padBefore: LARGE, padAfter: -LARGE })).toEqual(zeros(1, 1, 2));
  const error = caught(() =>
    convTranspose(x, w, { padBefore: LARGE, padAfter: 10 - LARGE, outputPadding: 13 }),
  );
  expectError(error, 'BAD_OPTION', 'convTranspose');
});

it('options of init', async () => {
  onTestFinished(shutdown);
  for (const [options, code] of [
    [null, 'BAD_TYPE'],
    ['simd', 'BAD_TYPE'],
    [[], 'BAD_TYPE'],
    [{ build: 'fast' }, 'BAD_OPTION'],
    [{ build: 1 }, 'BAD_TYPE'],
    [{ build: null }, 'BAD_TYPE'],
    [{ threads: 0 }, 'BAD_OPTION'],
    [{ threads: -1 }, 'BAD_OPTION'],
    [{ threads: 1.5 }, 'BAD_OPTION'],
    [{ threads: 65 }, 'BAD_OPTION'],
    [{ threads: Number.POSITIVE_INFINITY }, 'BAD_OPTION'],
    [{ threads: '2' }, 'BAD_TYPE'],
    [{ wasm: 7 }, 'BAD_TYPE'],
    [{ wasm: {} }, 'BAD_TYPE'],
    [{ wasm: null }, 'BAD_TYPE'],
    [{ wasm: () => 7 }, 'BAD_TYPE'],
    [{ memory: 1 }, 'BAD_OPTION'],
  ] as const) {
    expectError(await rejection(() => init(options as never)), code, 'init');
  }
  await init();
  expect(conv(zeros(1, 1, 2, 2), zeros(1, 1, 1, 1)).shape).toEqual([1, 1, 2, 2]);
});

it('what came is quoted where it is the caller’s, and not where it is told in our words', () => {
  using layer = new Conv1d({ inChannels: 1, outChannels: 1, kernelSize: 1 });
  const unit = { scale: 1, zeroPoint: 0 };
  const x = zeros(1, 1, 2);
  const rows: readonly (readonly [string, () => unknown])[] = [
    ['both', () => new Upsample({ size: 2, scaleFactor: 2 } as never)],
    ['neither', () => new Upsample({} as never)],
    ['both', () => conv(x, zeros(1, 1, 1), { padding: 0, padBefore: 0 })],
    ['both', () => Normal({ seed: 1, rng: Math.random })],
    ['one without', () => new BatchNorm1d({ numFeatures: 1, affine: false }).setWeight([1])],
    ['input alone', () => quantize(layer, { input: unit } as never)],
    ['one of int8', () => quantize(layer).backward(x, x)],
    ['a geometry', () => analyze({ geometry: {}, weight: zeros(1, 1, 1) }, { inputShape: [1] })],
    ['"nearer"', () => new Upsample({ size: 2, mode: 'nearer' as never })],
  ];
  for (const [got, act] of rows) {
    const { message } = caught(act);
    expect(message).toMatch(new RegExp(`, got ${got}\\.`));
  }
});
