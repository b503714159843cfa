import { at } from '../../../core/lists.js';
import { convolutionSamePads, type Pads } from '../../../core/same-padding.js';
import type { Coordinates, Operation, Rounding } from '../../operations.js';
import { type Call, isConstant } from '../call.js';
import type { Operand } from '../operand.js';
import type { Rule, Rules } from './rule.js';

/** Of a picture's sides: tables of places are made along each. */
const LARGEST = 1 << 16;

type Reduction = Extract<Operation, { kind: 'reduce' }>['function'];

function pool(call: Call, name: 'maximum' | 'average', x: Operand = call.input(0)): Operand {
  const { options } = call;
  if (x.shape.length !== 4) call.refuse('an input of 4 axes', `${x.shape.length}`);
  const [stride, kernel] = [
    [options.integer(2), options.integer(1)],
    [options.integer(4), options.integer(3)],
  ];
  return call.one(
    {
      kind: 'pool',
      function: name,
      kernel,
      stride,
      dilation: [1, 1],
      pads: kernel.map((taps, axis): Pads => {
        if (options.byte(0) !== 0) return [0, 0];
        return convolutionSamePads(at(x.shape, axis + 1), taps, at(stride, axis));
      }),
      countPadding: false,
      overhang: [0, 0],
      layout: 'channels-last',
    },
    [x],
  );
}

const pools = (lower: Rule['lower']): Rule => ({
  activation: 5,
  refusal: ({ options }) =>
    [1, 2, 3, 4].every((field) => options.integer(field) > 0) && [0, 1].includes(options.byte(0))
      ? null
      : 'it has no readable options',
  lower,
});

function resize(call: Call, nearest: boolean): Operand {
  const { shape } = call.input(0);
  if (shape.length !== 4) call.refuse('an input of 4 axes', `${shape.length}`);
  const wanted = call.numbers(1);
  if (
    wanted.length !== 2 ||
    !wanted.every((extent) => Number.isInteger(extent) && extent > 0 && extent <= LARGEST)
  ) {
    call.refuse(`a height and a width from 1 to ${LARGEST}`, `[${wanted.join(', ')}]`);
  }
  const [aligned, halves] = flags(call.operator.options, nearest);
  const coordinates: Coordinates = aligned ? 'align-corners' : halves ? 'half-pixel' : 'asymmetric';
  // Half a pixel off and rounded down is rounding with halves up; between corners halves go up, too.
  const rounding: Rounding = aligned || halves ? 'half-up' : 'floor';
  const size = [at(shape, 0), ...wanted, at(shape, 3)];
  return call.one({
    kind: 'resize',
    size,
    scale: size.map((extent, axis) => extent / at(shape, axis)),
    interpolation: nearest ? 'nearest' : 'linear',
    coordinates,
    multiplies: true,
    rounding,
    cubicA: 0,
    excludeOutside: false,
    region: size.map((): Pads => [0, 1]),
    outside: 0,
  });
}

function flags(options: Call['options'], nearest: boolean): readonly [aligned: boolean, halves: boolean] {
  const [aligned, halves] = nearest ? [0, 1] : [2, 3];
  return [options.byte(aligned as number) !== 0, options.byte(halves as number) !== 0];
}

const resizes = (nearest: boolean): Rule => ({
  known: [1],
  keepsRange: 'inputs',
  refusal: ({ options }) =>
    flags(options, nearest).every(Boolean) ? 'it aligns corners and has half-pixel centers at once' : null,
  lower: (call) => resize(call, nearest),
});

const within = (rule: Rule): Rule => ({ ...rule, keepsRange: 'inputs' });

const reduction = (name: Reduction): Rule => ({
  known: [1],
  lower(call) {
    const x = call.input(0);
    // Not the list of every axis, but a scalar that is one already.
    if (isConstant(x) && x.shape.length === 0) return x;
    const axes = [...new Set(call.numbers(1).map((axis) => call.axis(axis)))].sort((a, b) => a - b);
    return call.one({ kind: 'reduce', function: name, axes, keepAxes: call.options.byte(0) !== 0 });
  },
});

export const windows: Rules = {
  MAX_POOL_2D: within(pools((call) => pool(call, 'maximum'))),
  AVERAGE_POOL_2D: within(pools((call) => pool(call, 'average'))),
  L2_POOL_2D: pools((call) =>
    call.unary('sqrt', pool(call, 'average', call.binary('multiply', call.input(0), call.input(0)))),
  ),
  RESIZE_BILINEAR: resizes(false),
  RESIZE_NEAREST_NEIGHBOR: resizes(true),
  MEAN: reduction('mean'),
  SUM: reduction('sum'),
  REDUCE_MAX: within(reduction('maximum')),
  REDUCE_MIN: within(reduction('minimum')),
  REDUCE_PROD: reduction('product'),
};
