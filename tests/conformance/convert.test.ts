// Every golden case in its own system's words, weights and layout, forward and back.

import { fixtures, upstream } from 'virtual:case-files';
import { host } from '@host';
import type { Tensor } from 'deconv-wasm';
import {
  type ConvertedLayer,
  fromFlax,
  fromJax,
  fromKeras,
  fromOnnx,
  fromTensorFlow,
  fromTflite,
  fromTorch,
  fromWebnn,
} from 'deconv-wasm/convert';
import { describe, expect, it } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import type { CaseFile, GoldenCase, WebnnCase, WebnnCaseFile } from '../support/cases.js';
import { compareWith, type Difference } from '../support/compare.js';
import { toFloat16, ulps16, ulps32 } from '../support/float-ulps.js';
import { type RouteChoice, unlessRefused } from '../support/run.js';
import { quarters } from '../support/tensors.js';

interface CaseArrays {
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

interface CaseGradients {
  readonly grad_output: CaseArrays;
  readonly grad_input: CaseArrays;
  readonly grad_weight: CaseArrays;
  readonly grad_bias: CaseArrays | null;
}

type FrontEnd = (
  operator: string,
  attributes: Readonly<Record<string, unknown>>,
  parameters: { readonly weight: Tensor; readonly bias: Tensor | null },
  options: { readonly route: RouteChoice },
) => ConvertedLayer;

// Files bring their attributes as they are; the types that refuse them are tested apart.
const frontEnd = (from: unknown): FrontEnd => from as FrontEnd;

/** A case in the words of its system's public function. */
function layerOf(golden: GoldenCase, route: RouteChoice): ConvertedLayer {
  const { op, nd, attrs, convention } = golden;
  const parameters = {
    weight: tensor(golden.weight),
    bias: golden.bias === null ? null : tensor(golden.bias),
  };
  const options = { route };
  switch (convention) {
    case 'torch':
      // D2L's file names the operator without its rank.
      return frontEnd(fromTorch)(/\dd$/.test(op) ? op : `${op}${nd}d`, attrs, parameters, options);
    case 'onnx':
      return frontEnd(fromOnnx)(op, attrs, parameters, options);
    case 'jax.lax.conv_transpose':
      return frontEnd(fromJax)(op, attrs, parameters, options);
    case 'keras':
      return frontEnd(fromKeras)(op, attrs, parameters, options);
    case 'tf':
      return frontEnd(fromTensorFlow)(`conv${nd}d_transpose`, attrs, parameters, options);
    case 'tflite': {
      const { activation, ...words } = attrs;
      return frontEnd(fromTflite)(
        op,
        { ...words, fused_activation_function: activation },
        parameters,
        options,
      );
    }
    default:
      throw new Error(`${golden.id}: no public function for ${convention}`);
  }
}

function runCase(golden: GoldenCase, layer: ConvertedLayer): Difference {
  const wanted = tensor(golden.expected);
  const x = tensor(golden.input);
  const close = (values: Float32Array) => (index: number) =>
    golden.exact_f32 ? 0 : 1e-5 + 1e-4 * Math.abs(values[index] as number);
  expect(layer.outputShape(x.shape)).toEqual(wanted.shape);
  const forward = compareWith(layer.forward(x), wanted.shape, wanted.data, close(wanted.data));
  if (forward !== undefined) return forward;
  const { grad } = golden as { readonly grad?: CaseGradients };
  if (grad === undefined) return undefined;
  const got = layer.backward(x, tensor(grad.grad_output));
  const pairs: [string, Tensor | null, CaseArrays | null][] = [
    ['gradient of the input', got.input, grad.grad_input],
    ['gradient of the weight', got.weight, grad.grad_weight],
    ['gradient of the bias', got.bias, grad.grad_bias],
  ];
  for (const [name, one, other] of pairs) {
    if ((one === null) !== (other === null)) return `${name}: one of the two is missing`;
    if (one === null || other === null) continue;
    const values = tensor(other).data;
    const difference = compareWith(one, other.shape, values, close(values));
    if (difference !== undefined) return `${name}: ${difference}`;
  }
  return undefined;
}

function runWebnn(operation: string, golden: WebnnCase, route: RouteChoice): Difference {
  const half = golden.expected.dtype === 'float16';
  const rounded = (value: {
    readonly shape: readonly number[];
    readonly data: readonly number[];
  }): Tensor => ({
    data: Float32Array.from(value.data, (entry) => (half ? toFloat16(entry) : entry)),
    shape: value.shape,
  });
  const parameters = {
    weight: rounded(golden.filter),
    bias: golden.bias === null ? null : rounded(golden.bias),
  };
  using layer = frontEnd(fromWebnn)(operation, golden.options, parameters, { route });
  const x = rounded(golden.input);
  const wanted = rounded(golden.expected);
  expect(layer.outputShape(x.shape)).toEqual(wanted.shape);
  const y = layer.forward(x);
  const got = { data: half ? y.data.map(toFloat16) : y.data, shape: y.shape };
  const distance = half ? ulps16 : ulps32;
  // The allowed distance as a difference: beyond it nothing, within it anything.
  return compareWith(got, wanted.shape, wanted.data, (index) =>
    distance(got.data[index] as number, wanted.data[index] as number) <= golden.tolerance.value
      ? Number.POSITIVE_INFINITY
      : 0,
  );
}

interface Run {
  readonly id: string;
  readonly hasGradients: boolean;
  compare(route: RouteChoice): Difference;
}

function runsOfFile(file: CaseFile | WebnnCaseFile): readonly Run[] {
  if ('operation' in file) {
    return file.cases.map((golden) => ({
      id: golden.name,
      hasGradients: false,
      compare: (route) => runWebnn(file.operation, golden, route),
    }));
  }
  return file.cases
    .filter(({ convention }) => convention !== 'canonical')
    .map((golden) => ({
      id: golden.id,
      hasGradients: 'grad' in golden,
      compare: (route) => {
        using layer = layerOf(golden, route);
        return runCase(golden, layer);
      },
    }));
}

/** Every case through every route; none may fail, and neither auto nor scalar may refuse. */
function check(name: string, runs: readonly Run[], build: string): void {
  const failures: string[] = [];
  const counts = new Map<RouteChoice, number>();
  for (const { id, compare } of runs) {
    for (const route of ROUTE_CHOICES) {
      try {
        const result = unlessRefused(() => ({ difference: compare(route) }));
        if (result === null) continue;
        counts.set(route, (counts.get(route) ?? 0) + 1);
        if (result.difference !== undefined) failures.push(`${id} by ${route}: ${result.difference}`);
      } catch (error) {
        failures.push(`${id} by ${route}: ${error}`);
      }
    }
  }
  const gradients = runs.filter(({ hasGradients }) => hasGradients).length;
  const routes = [...counts].map(([route, count]) => `${route} ${count}`).join(', ');
  console.log(
    `${name}: ${runs.length} cases, ${gradients} with gradients (${routes}), ${build} in ${host.name}`,
  );
  expect(failures).toEqual([]);
  expect(runs.length).toBeGreaterThan(0);
  expect(counts.get('auto')).toBe(runs.length);
  expect(counts.get('scalar')).toBe(runs.length);
}

const ELSEWHERE = /^(brainstate|init$|bad_inputs$)/;

describeEachBuild((build) => {
  describe('convert', () => {
    for (const [file, content] of Object.entries(fixtures)) {
      if (ELSEWHERE.test(file)) continue;
      it(file, () => check(`convert ${file}`, runsOfFile(content), build.name));
    }

    // flax's ConvTranspose is lax's with other words for the same arguments.
    it('jax_conv_transpose and d2l as flax', () => {
      const cases = ['jax_conv_transpose', 'd2l']
        .flatMap((name) => (fixtures[name] as CaseFile).cases)
        .filter(
          ({ convention, attrs }) => convention.startsWith('jax') && attrs.use_consistent_padding !== true,
        );
      const runs = cases.map((golden): Run => {
        const { strides, padding, rhs_dilation, transpose_kernel } = golden.attrs;
        const attributes = { strides, padding, kernel_dilation: rhs_dilation, transpose_kernel };
        const parameters = { weight: tensor(golden.weight), bias: null };
        return {
          id: golden.id,
          hasGradients: false,
          compare: (route) => {
            using layer = frontEnd(fromFlax)('ConvTranspose', attributes, parameters, { route });
            return runCase(golden, layer);
          },
        };
      });
      check('convert flax', runs, build.name);
    });

    it('takes gradients through a fused relu', () => {
      const parameters = { weight: quarters([3, 3, 2, 2], 1), bias: quarters([2], 2) };
      using plain = fromKeras('Conv2DTranspose', { strides: 2 }, parameters);
      using fused = fromKeras('Conv2DTranspose', { strides: 2, activation: 'relu' }, parameters);
      const x = quarters([1, 3, 3, 2], 3);
      const y = plain.forward(x);
      const grad = quarters(y.shape, 4);
      const clamped = y.data.map((value) => Math.max(value, 0));
      const passed = grad.data.map((value, index) => ((y.data[index] as number) > 0 ? value : 0));
      expect(clamped).not.toEqual(y.data);
      expect(fused.forward(x)).toEqual({ data: clamped, shape: y.shape });
      expect(fused.backward(x, grad)).toEqual(plain.backward(x, { data: passed, shape: y.shape }));
    });

    if (upstream === null) {
      console.log(`${build.name}: upstream suites are not beside this checkout (../shared/cases), left out`);
      return;
    }
    for (const [file, content] of Object.entries(upstream)) {
      if (ELSEWHERE.test(file)) continue;
      it(file, () => check(`convert ${file}`, runsOfFile(content), build.name));
    }
  });
});

function tensor({ shape, data }: CaseArrays): Tensor {
  return { data: Float32Array.from(data, Number), shape };
}
