// JAX's meaning, the chapter of Dive into Deep Learning, and the matrix of a convolution.

import { fixtures } from 'virtual:case-files';
import { host } from '@host';
import { Conv2d, ConvTranspose2d, conv, convTranspose, type Tensor } from 'deconv-wasm';
import { type ConvTransposeJaxOptions, convTransposeJax, type JaxPadding } from 'deconv-wasm/convert';
import { kernelMatrix, transConv } from 'deconv-wasm/d2l';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEachBuild } from '../support/builds.js';
import { type CaseFile, type GoldenCase, problemOf } from '../support/cases.js';
import { compareExactly } from '../support/compare.js';
import { caught, expectError } from '../support/errors.js';
import { randomProblem } from '../support/geometries.js';
import { runFunctional } from '../support/run.js';
import { runsOf, seed } from '../support/seed.js';
import { permute, quarters, sizeOf, toChannelsFirst, toChannelsLast } from '../support/tensors.js';

/** Random geometries on each of the four builds, other ones on each. */
const RUNS = 500;

const d2l = fixtures.d2l as CaseFile & { readonly conv_matrix: { shape: number[]; data: number[] } };

function tensor(shape: readonly number[], ...values: number[]): Tensor {
  return { data: Float32Array.from(values), shape };
}

function expectSame(got: Tensor, wanted: Tensor): void {
  expect(compareExactly(got, wanted)).toBeUndefined();
}

function goldenTensor({ shape, data }: GoldenCase['input']): Tensor {
  return { data: Float32Array.from(data, Number), shape };
}

/** The arguments as JAX takes them, in our names. */
function jaxOptions({ attrs }: GoldenCase): ConvTransposeJaxOptions {
  return {
    strides: attrs.strides as number[],
    padding: attrs.padding as JaxPadding,
    rhsDilation: attrs.rhs_dilation as number[],
    transposeKernel: attrs.transpose_kernel as boolean,
    useConsistentPadding: (attrs.use_consistent_padding ?? false) as boolean,
  };
}

describeEachBuild((build) => {
  it('convTransposeJax gives the golden numbers, channels last and first', () => {
    const cases = ['jax_conv_transpose', 'd2l']
      .flatMap((file) => (fixtures[file] as CaseFile).cases)
      .filter(({ convention }) => convention.startsWith('jax'));
    for (const golden of cases) {
      const [x, kernel, wanted] = [golden.input, golden.weight, golden.expected].map(goldenTensor) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const options = jaxOptions(golden);
      expect(compareExactly(convTransposeJax(x, kernel, options), wanted), golden.id).toBeUndefined();
      const first = convTransposeJax(toChannelsFirst(x), kernel, { ...options, layout: 'channels-first' });
      expect(compareExactly(toChannelsLast(first), wanted), golden.id).toBeUndefined();
    }
    console.log(`convTransposeJax: ${cases.length} cases, ${build.name} in ${host.name}`);
    expect(cases.length).toBeGreaterThanOrEqual(11);
  });

  // JAX's own definition: a convolution over the input with zeros between its values.
  it('convTransposeJax is JAX’s convolution of the dilated input', () => {
    const word = fc.constantFrom<JaxPadding>('SAME', 'VALID');
    const pair = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }));
    fc.assert(
      fc.property(
        randomProblem.filter(({ batch }) => batch > 0),
        fc.option(word, { nil: undefined }),
        fc.array(pair, { minLength: 3, maxLength: 3 }),
        fc.boolean(),
        fc.boolean(),
        (
          { batch, groupIn, groupOut, extents, kernel, geometry, seed: salt },
          words,
          pairs,
          flip,
          consistent,
        ) => {
          const { stride, dilation } = geometry;
          const rank = extents.length;
          const padding = words ?? pairs.slice(0, rank);
          const pads = kernel.map((taps, axis) => {
            const reach = (dilation[axis] as number) * (taps - 1) + 1;
            return jaxPads(padding, axis, reach, stride[axis] as number, consistent);
          });
          const x = quarters([batch, ...extents, groupIn], salt);
          const channels = flip ? [groupOut, groupIn] : [groupIn, groupOut];
          const weight = quarters([...kernel, ...channels], salt + 1);
          const call = () =>
            convTransposeJax(x, weight, {
              strides: stride,
              rhsDilation: dilation,
              padding,
              transposeKernel: flip,
              useConsistentPadding: consistent,
            });
          const axes = kernel.map((_, axis) => axis);
          // The correlation's kernel is [out, in, ...]; a transposed one is also reversed.
          const straight = permute(weight, [...(flip ? [rank, rank + 1] : [rank + 1, rank]), ...axes]);
          const wanted = () =>
            conv(x, flip ? reversed(straight) : straight, {
              inputDilation: stride,
              dilation,
              padBefore: pads.map(([before]) => before),
              padAfter: pads.map(([, after]) => after),
              layout: 'channels-last',
            });
          const [got, other] = [outcome(call), outcome(wanted)];
          if (typeof other === 'string') expect(got).toBe(other);
          else expectSame(got as Tensor, other);
        },
      ),
      runsOf(RUNS, build.name),
    );
  });

  it('transConv and the layer agree with the chapter', () => {
    const square = tensor([2, 2], 0, 1, 2, 3);
    const wanted = tensor([3, 3], 0, 0, 1, 0, 4, 6, 4, 12, 9);
    expectSame(transConv(square, square), wanted);
    const four = (values: Tensor): Tensor => ({ data: values.data, shape: [1, 1, ...values.shape] });
    const layerOf = (options: { stride?: number; padding?: number }): Tensor => {
      using layer = new ConvTranspose2d({
        inChannels: 1,
        outChannels: 1,
        kernelSize: 2,
        bias: false,
        ...options,
      });
      return layer.setWeight(square.data).forward(four(square));
    };
    expectSame(layerOf({}), four(wanted));
    expectSame(layerOf({ padding: 1 }), tensor([1, 1, 1, 1], 4));
    const spread = [0, 0, 0, 1, 0, 0, 2, 3, 0, 2, 0, 3, 4, 6, 6, 9];
    expectSame(layerOf({ stride: 2 }), tensor([1, 1, 4, 4], ...spread));
    // With the kernel as it is, JAX agrees too; its default lays it down flipped.
    const x = tensor([1, 2, 2, 1], 0, 1, 2, 3);
    const kernel = tensor([2, 2, 1, 1], 0, 1, 2, 3);
    const agreeing = convTransposeJax(x, kernel, { padding: 'VALID', transposeKernel: true });
    expectSame(agreeing, { data: wanted.data, shape: [1, 3, 3, 1] });
    expectSame(convTransposeJax(x, kernel), tensor([1, 2, 2, 1], 0, 3, 6, 14));
    const none = [
      [0, 0],
      [0, 0],
    ] as const;
    expectSame(convTransposeJax(x, kernel, { padding: none }), tensor([1, 1, 1, 1], 14));
    const flipped = [0, 0, 3, 2, 0, 0, 1, 0, 6, 4, 9, 6, 2, 0, 3, 0];
    expectSame(convTransposeJax(x, kernel, { strides: 2 }), tensor([1, 4, 4, 1], ...flipped));
  });

  it('conv and convTranspose take the words of the layers and agree with them', () => {
    const x = quarters([2, 4, 7, 6], seed);
    const one = { data: x.data.subarray(0, 4 * 7 * 6), shape: [4, 7, 6] };
    for (const geometry of [
      { stride: 2, padding: 1 },
      { stride: [2, 3], padding: [0, 2], dilation: 2, groups: 2 },
      { padding: 'valid', dilation: [1, 2] },
      { padding: 'same', dilation: [2, 1], groups: 4 },
    ] as const) {
      using layer = new Conv2d({ inChannels: 4, outChannels: 8, kernelSize: [3, 2], ...geometry });
      layer.setWeight(quarters(layer.weight.shape, seed + 1).data).setBias(quarters([8], seed + 2).data);
      const options = { ...geometry, bias: layer.bias };
      expectSame(conv(x, layer.weight, options), layer.forward(x));
      expectSame(conv(one, layer.weight, options), layer.forward(one));
    }
    for (const geometry of [
      { padding: 1 },
      { stride: 3, padding: [1, 0], outputPadding: [2, 1] },
      { stride: 2, dilation: [3, 1], groups: 2, padding: 1, outputPadding: [2, 0] },
    ] as const) {
      using layer = new ConvTranspose2d({ inChannels: 4, outChannels: 6, kernelSize: 3, ...geometry });
      layer.setWeight(quarters(layer.weight.shape, seed + 1).data).setBias(quarters([6], seed + 2).data);
      const options = { ...geometry, bias: layer.bias };
      expectSame(convTranspose(x, layer.weight, options), layer.forward(x));
      expectSame(convTranspose(one, layer.weight, options), layer.forward(one));
      const layout = 'channels-last';
      const last = convTranspose(toChannelsLast(x), layer.weight, { ...options, layout });
      expectSame(toChannelsFirst(last), layer.forward(x));
    }
    const w = quarters([4, 2, 3, 3], seed);
    const refusals = [
      ['BAD_OPTION', () => convTranspose(x, w, { padding: 1, padBefore: 1 })],
      ['BAD_OPTION', () => convTranspose(x, w, { padding: -1 })],
      ['BAD_TYPE', () => convTranspose(x, w, { padding: 'same' } as object)],
      ['BAD_OPTION', () => convTranspose(x, w, { outputPadding: 1 })],
      ['BAD_OPTION', () => convTranspose(x, w, { stride: 2, outputPadding: [1, 2] })],
      ['BAD_SHAPE', () => convTranspose(quarters([4, 7], seed), w)],
    ] as const;
    for (const [code, act] of refusals) expectError(caught(act), code, 'convTranspose');
    // Books have matrices for a picture and a kernel.
    expect(caught(() => convTranspose(quarters([4, 7], seed), quarters([2, 2], seed))).message).toContain(
      'expected weight with 2 axes of channels, 1 to 3 of taps, each of at least 1, got [2, 2]',
    );
    const v = quarters([8, 4, 3, 3], seed);
    for (const [code, options] of [
      ['BAD_OPTION', { padding: 'same', stride: 2 }],
      ['BAD_OPTION', { padding: 'same', padAfter: 1 }],
      ['BAD_OPTION', { padding: 'full' }],
    ] as const) {
      expectError(
        caught(() => conv(x, v, options as object)),
        code,
        'conv',
      );
    }
  });

  it('every case of the chapter', () => {
    for (const golden of d2l.cases) {
      const problem = problemOf(golden);
      expect(problem.compare(runFunctional(problem, 'auto')), golden.id).toBeUndefined();
      if (golden.convention !== 'torch') continue;
      const { stride, padding } = golden.attrs as { stride: number[]; padding: number[] };
      using layer = new ConvTranspose2d({
        inChannels: 1,
        outChannels: 1,
        kernelSize: 2,
        bias: false,
        stride,
        padding,
      });
      expect(problem.compare(layer.setWeight(problem.weight).forward(problem.x)), golden.id).toBeUndefined();
    }
    expect(d2l.cases.length).toBe(9);
  });

  it('the chapter’s shapes: 16 to 6 and back to 16 in PyTorch, to 18 in JAX', () => {
    const options = { kernelSize: 5, padding: 2, stride: 3 };
    using down = new Conv2d({ ...options, inChannels: 10, outChannels: 20 });
    using up = new ConvTranspose2d({ ...options, inChannels: 20, outChannels: 10 });
    const x = quarters([1, 10, 16, 16], seed);
    const small = down.forward(x);
    expect(small.shape).toEqual([1, 20, 6, 6]);
    expect(up.forward(small).shape).toEqual(x.shape);
    // JAX's SAME: 6 windows over 16 + 4 values, and then 6 * 3.
    const kernel = quarters([5, 5, 20, 10], seed);
    const padded = conv(x, down.weight, { stride: 3, padBefore: 2, padAfter: 2 });
    const back = convTransposeJax(toChannelsLast(padded), kernel, { strides: 3, padding: 'SAME' });
    expect(back.shape).toEqual([1, 18, 18, 10]);
  });

  it('the chapter’s matrix: K x is the convolution, Kᵀ y the transposed one', () => {
    const kernel = tensor([2, 2], 1, 2, 3, 4);
    const x = tensor([3, 3], 0, 1, 2, 3, 4, 5, 6, 7, 8);
    const matrix = kernelMatrix(kernel, [3, 3]);
    expectSame(matrix.toDense(), tensor(d2l.conv_matrix.shape, ...d2l.conv_matrix.data));
    const y = matrix.multiply(x);
    expectSame(y, tensor([2, 2], 27, 37, 57, 67));
    const back = matrix.multiplyTransposed(y);
    expectSame(back, tensor([3, 3], 27, 91, 74, 138, 400, 282, 171, 429, 268));
    expectSame(back, transConv(y, kernel));
    expectSame(matrix.multiplyTransposed(y.data), back);
    using layer = new ConvTranspose2d({ inChannels: 1, outChannels: 1, kernelSize: 2, bias: false });
    const layered = layer.setWeight(kernel.data).forward({ data: y.data, shape: [1, 2, 2] });
    expectSame({ data: layered.data, shape: [3, 3] }, back);
  });

  it('K x is the convolution and Kᵀ y the transposed one for every geometry', () => {
    const convolutions = randomProblem.filter(
      ({ geometry }) => !geometry.transposed && geometry.inputDilation.every((step) => step === 1),
    );
    fc.assert(
      fc.property(convolutions, ({ geometry, extents, kernel, seed: salt }) => {
        const { stride, dilation, padBefore, padAfter } = geometry;
        const weight = quarters(kernel, salt);
        const matrix = kernelMatrix(weight, extents, { stride, dilation, padBefore, padAfter });
        const channels = (values: Tensor): Tensor => ({ data: values.data, shape: [1, 1, ...values.shape] });
        const x = quarters(extents, salt + 1);
        const common = { stride, dilation, padBefore };
        const forward = conv(channels(x), channels(weight), { ...common, padAfter });
        expectSame(channels(matrix.multiply(x)), forward);

        const y = quarters(matrix.outputShape, salt + 2);
        // The tail crop that gives the input's size back.
        const crops = extents.map((n, axis) => {
          const reach = (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
          const last = ((matrix.outputShape[axis] as number) - 1) * (stride[axis] as number);
          return last + reach - n - (padBefore[axis] as number);
        });
        const backward = convTranspose(channels(y), channels(weight), { ...common, padAfter: crops });
        expectSame(channels(matrix.multiplyTransposed(y)), backward);

        expect(matrix.rows).toBe(sizeOf(matrix.outputShape));
        expect(matrix.columns).toBe(sizeOf(extents));
        expectWellFormed(matrix, weight);
      }),
      runsOf(RUNS, build.name),
    );
    console.log(`kernelMatrix: ${RUNS} geometries, ${build.name} in ${host.name}`);
  });
});

describe('without init', () => {
  it('transConv is Kᵀ x with the matrix over its output, for any number of axes', () => {
    const shapes = fc
      .integer({ min: 1, max: 5 })
      .chain((rank) => fc.array(fc.tuple(small, small), { minLength: rank, maxLength: rank }));
    const small = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(shapes, fc.nat(), (axes, salt) => {
        const x = quarters(
          axes.map(([n]) => n),
          salt,
        );
        const kernel = quarters(
          axes.map(([, k]) => k),
          salt + 1,
        );
        const output = axes.map(([n, k]) => n + k - 1);
        expectSame(transConv(x, kernel), kernelMatrix(kernel, output).multiplyTransposed(x));
      }),
      runsOf(300, 'transConv'),
    );
  });

  it('what is wrong is said with a code', () => {
    const square = tensor([2, 2], 0, 1, 2, 3);
    const x = quarters([1, 4, 4, 3], seed);
    const kernel = quarters([2, 2, 3, 5], seed);
    const matrix = kernelMatrix(square, [3, 3]);
    const refusals = [
      ['transConv', 'BAD_SHAPE', () => transConv(square, tensor([4], 0, 1, 2, 3))],
      ['transConv', 'BAD_SHAPE', () => transConv(tensor([], 1), square)],
      ['transConv', 'BAD_TYPE', () => transConv([[0, 1]] as unknown as Tensor, square)],
      ['kernelMatrix', 'BAD_SHAPE', () => kernelMatrix(square, [3])],
      ['kernelMatrix', 'BAD_SHAPE', () => kernelMatrix(square, [1, 3])],
      ['kernelMatrix', 'BAD_OPTION', () => kernelMatrix(square, [3, 3], { stride: 0 })],
      ['kernelMatrix', 'BAD_OPTION', () => kernelMatrix(square, [3, 3], { padding: 1, padAfter: 1 })],
      ['kernelMatrix', 'BAD_OPTION', () => kernelMatrix(square, [3, 3], { padding: 'SAME' } as object)],
      ['kernelMatrix', 'TOO_LARGE', () => kernelMatrix(square, [2 ** 15, 2 ** 14])],
      ['KernelMatrix.multiply', 'BAD_SHAPE', () => matrix.multiply(square)],
      ['KernelMatrix.multiplyTransposed', 'BAD_SHAPE', () => matrix.multiplyTransposed(new Float32Array(9))],
      ['convTransposeJax', 'BAD_SHAPE', () => convTransposeJax(quarters([1, 3, 4, 4], 1), kernel)],
      ['convTransposeJax', 'BAD_SHAPE', () => convTransposeJax(x, square)],
      ['convTransposeJax', 'BAD_SHAPE', () => convTransposeJax(square, square)],
      ['convTransposeJax', 'BAD_OPTION', () => convTransposeJax(x, kernel, { strides: [1, 2, 3] })],
      ['convTransposeJax', 'BAD_OPTION', () => convTransposeJax(x, kernel, jaxPadding('same'))],
      ['convTransposeJax', 'BAD_TYPE', () => convTransposeJax(x, kernel, jaxPadding(1))],
      ['convTransposeJax', 'BAD_TYPE', () => convTransposeJax(x, kernel, jaxPadding([1, 1]))],
      ['convTransposeJax', 'BAD_OPTION', () => convTransposeJax(x, kernel, jaxPadding([[1, 1]]))],
      ['convTransposeJax', 'BAD_TYPE', () => convTransposeJax(x, kernel, { transposeKernel: 1 } as object)],
      ['convTransposeJax', 'BAD_OPTION', () => convTransposeJax(x, kernel, { stride: 2 } as object)],
    ] as const;
    for (const [where, code, act] of refusals) expectError(caught(act), code, where);
  });
});

/** Pads of the dilated input, in JAX's own terms (`_conv_transpose_padding`). */
function jaxPads(
  padding: JaxPadding,
  axis: number,
  reach: number,
  stride: number,
  consistent: boolean,
): readonly [number, number] {
  if (typeof padding !== 'string') {
    const [before, after] = padding[axis] as readonly [number, number];
    return consistent ? [reach - 1 - before, reach - 1 - after] : [before, after];
  }
  const total = padding === 'SAME' ? reach + stride - 2 : reach + stride - 2 + Math.max(reach - stride, 0);
  const before = padding === 'SAME' && stride <= reach - 1 ? Math.ceil(total / 2) : reach - 1;
  return [before, total - before];
}

/** Spatially reversed; the first two axes stay. */
function reversed({ data, shape }: Tensor): Tensor {
  const taps = sizeOf(shape.slice(2));
  const flipped = data.map((_, index) => {
    const block = Math.floor(index / taps) * taps;
    return data[block + taps - 1 - (index - block)] as number;
  });
  return { data: flipped, shape };
}

/** The result, or the code of the error. */
function outcome(compute: () => Tensor): Tensor | string {
  try {
    return compute();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function expectWellFormed(
  { rows, columns, rowPointers, columnIndices, values, tapIndices }: ReturnType<typeof kernelMatrix>,
  kernel: Tensor,
): void {
  expect(rowPointers.length).toBe(rows + 1);
  expect(rowPointers[rows]).toBe(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let entry = rowPointers[row] as number; entry < (rowPointers[row + 1] as number); entry += 1) {
      const first = entry === rowPointers[row];
      const column = columnIndices[entry] as number;
      if (column >= columns || (!first && column <= (columnIndices[entry - 1] as number))) {
        throw new Error(`row ${row}: columns are not ascending`);
      }
      if (values[entry] !== kernel.data[tapIndices[entry] as number])
        throw new Error(`entry ${entry}: value`);
    }
  }
}

function jaxPadding(padding: unknown): ConvTransposeJaxOptions {
  return { padding } as ConvTransposeJaxOptions;
}
