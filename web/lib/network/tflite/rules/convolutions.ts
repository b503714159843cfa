import { at, product } from '../../../core/lists.js';
import { convolutionSamePads, type Pads } from '../../../core/same-padding.js';
import {
  OPERATORS,
  type OperatorFormat,
  readCustomOptions,
  readOptions,
  TRANSPOSE_WITH_BIAS,
} from '../../../models/tflite/schema.js';
import { type Call, channelsOf } from '../call.js';
import type { Operand } from '../operand.js';
import type { Operator } from '../operator.js';
import type { Rule, Rules } from './rule.js';

/** Axes of weights in PyTorch's order. */
const ORDERS: Readonly<Record<OperatorFormat['base'], readonly number[]>> = {
  CONV_2D: [0, 3, 1, 2],
  DEPTHWISE_CONV_2D: [3, 0, 1, 2],
  TRANSPOSE_CONV: [3, 0, 1, 2],
  CONV_3D: [4, 3, 0, 1, 2],
  CONV_3D_TRANSPOSE: [4, 3, 0, 1, 2],
};

const optionsOf = (format: OperatorFormat, operator: Operator) =>
  format === TRANSPOSE_WITH_BIAS
    ? readCustomOptions(operator.custom)
    : readOptions(operator.options.table, format);

/** Why weight and bias do not go together, as far as they stand in the file. */
function misfit(
  rank: number,
  outputAxis: number,
  weight: readonly number[] | null,
  bias: readonly number[] | null,
): string | null {
  if (weight === null) return null;
  if (weight.length !== rank) return `its weight has ${weight.length} axes, not ${rank}`;
  const outputs = at(weight, outputAxis);
  const fits = bias === null || product(bias) === outputs;
  return fits ? null : `its bias has ${product(bias)} values for ${outputs} channels`;
}

function convolution(format: OperatorFormat): Rule {
  const transposed = format.base.includes('TRANSPOSE');
  const [x, w, b] = format.inputs;
  const { fused_activation_function: activation } = format.bytes;
  return {
    constants: [w, b],
    ...(transposed && x > 0 ? { known: [0] } : {}),
    ...(activation === undefined ? {} : { activation }),
    refusal(operator, shapeOf) {
      const { attributes, problem } = optionsOf(format, operator);
      const steps = Object.entries(attributes).filter(([word]) => /^(stride|dilation)_/.test(word));
      if (steps.some(([, step]) => (step as number) < 1)) return 'it has no readable options';
      const order = ORDERS[format.base];
      return problem ?? misfit(order.length, at(order, transposed ? 1 : 0), shapeOf(w), shapeOf(b));
    },
    lower(call) {
      const input = call.input(x);
      const weight = call.weight(w, ORDERS[format.base]);
      const [, , ...kernel] = weight.shape;
      if (input.shape.length !== kernel.length + 2) {
        call.refuse(`an input of ${kernel.length + 2} axes`, `${input.shape.length}`);
      }
      const { attributes } = optionsOf(format, call.operator);
      const along = (word: string, suffix: string) =>
        ['d', 'h', 'w']
          .slice(3 - kernel.length)
          .map((axis) => (attributes[`${word}_${axis}${suffix}`] ?? 1) as number);
      const [stride, dilation] = [along('stride', ''), along('dilation', '_factor')];
      const reach = kernel.map((taps, axis) => at(dilation, axis) * (taps - 1) + 1);
      const same = attributes.padding === 'SAME';
      const extents = input.shape.slice(1, -1);
      const channels = channelsOf(input);
      const size = transposed
        ? outputExtents(call, x, at(weight.shape, 1), same, extents, stride, reach)
        : extents;
      const pads = size.map((extent, axis): Pads => {
        return same ? convolutionSamePads(extent, at(reach, axis), at(stride, axis)) : [0, 0];
      });
      // What the convolution back would leave over is crop at the end, and below 0 it is added.
      const rest = size.map(
        (extent, axis) =>
          (at(extents, axis) - 1) * at(stride, axis) + at(reach, axis) - (pads[axis] as Pads)[0] - extent,
      );
      const groups =
        format.base === 'DEPTHWISE_CONV_2D' ? channels : transposed ? 1 : channels / at(weight.shape, 1);
      if (!Number.isInteger(groups) || groups < 1 || at(weight.shape, 0) % groups !== 0) {
        call.refuse(
          `channels that go with a weight of shape [${call.input(w).shape.join(', ')}]`,
          `${channels}`,
        );
      }
      return call.one(
        {
          kind: 'convolution',
          transposed,
          weight,
          bias: call.optional(b) === undefined ? null : call.weight(b),
          stride,
          dilation,
          groups,
          pads: transposed ? pads.map(([before], axis): Pads => [before, Math.max(0, at(rest, axis))]) : pads,
          outputPadding: rest.map((cropped) => (transposed ? Math.max(0, -cropped) : 0)),
          layout: 'channels-last',
        },
        [input],
      );
    },
  };
}

/** Sizes along the spatial axes, of which a convolution with this padding gives the input's back. */
function outputExtents(
  call: Call,
  x: number,
  outputs: number,
  same: boolean,
  extents: readonly number[],
  stride: readonly number[],
  reach: readonly number[],
): readonly number[] {
  const whole = extents.map((extent, axis) => {
    return same ? extent * at(stride, axis) : (extent - 1) * at(stride, axis) + at(reach, axis);
  });
  const given = x === 0 ? whole : call.numbers(0).slice(1, -1);
  const channels = x === 0 ? outputs : call.numbers(0).at(-1);
  if (channels !== outputs) call.refuse(`an output size of ${outputs} channels`, `${channels}`);
  const fits =
    given.length === whole.length &&
    given.every((extent, axis) => {
      const most = same ? at(whole, axis) : at(whole, axis) + at(stride, axis) - 1;
      return extent <= most && extent > most - at(stride, axis);
    });
  return fits
    ? given
    : call.refuse(
        `an output size of which the input's follows, such as [${whole.join(', ')}]`,
        `[${given.join(', ')}]`,
      );
}

function fullyConnected(call: Call): Operand {
  const weight = call.input(1);
  const [units = 0, depth = 0] = weight.shape;
  const { shape } = call.input(0);
  const rows = shape.reduce((count, extent) => count * extent, 1) / depth;
  if (weight.shape.length !== 2 || !Number.isInteger(rows)) {
    call.refuse(
      `a multiple of ${depth} values and a weight of two axes`,
      `[${shape.join(', ')}] and [${weight.shape.join(', ')}]`,
    );
  }
  const flat = shape.length === 2 && shape[1] === depth ? call.input(0) : call.reshape([rows, depth]);
  const bias = call.optional(2);
  const product = call.one({ kind: 'matmul', transposeA: false, transposeB: true, alpha: 1, beta: 1 }, [
    flat,
    weight,
    ...(bias === undefined ? [] : [bias]),
  ]);
  const keeps = call.options.byte(2) !== 0 && shape.length !== 2;
  return keeps ? call.reshape([...shape.slice(0, -1), units], product) : product;
}

export const convolutions: Rules = {
  ...Object.fromEntries(Object.values(OPERATORS).map((format) => [format.name, convolution(format)])),
  [TRANSPOSE_WITH_BIAS.name]: convolution(TRANSPOSE_WITH_BIAS),
  FULLY_CONNECTED: {
    activation: 0,
    refusal: ({ options }, shapeOf) =>
      options.byte(1) === 0 ? misfit(2, 0, shapeOf(1), shapeOf(2)) : 'its weights are shuffled',
    lower: fullyConnected,
  },
  BATCH_MATMUL: {
    lower: (call) =>
      call.one(
        {
          kind: 'matmul',
          transposeA: call.options.byte(0) !== 0,
          transposeB: call.options.byte(1) !== 0,
          alpha: 1,
          beta: 0,
        },
        [call.input(0), call.input(1)],
      ),
  },
};
