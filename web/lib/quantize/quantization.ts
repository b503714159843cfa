import { checkInteger, checkOptions, refuse } from '../core/checks.js';

/**
 * How a tensor becomes int8: `real = scale * (value - zeroPoint)`, with value from -128 to 127.
 *
 * @example
 * await init();
 * const layer = new ConvTranspose1d({ inChannels: 1, outChannels: 1, kernelSize: 2, stride: 2, bias: false });
 * layer.setWeight([1, 2]);
 * const ranges = calibrate(layer, [{ data: [0, 25.5], shape: [1, 1, 2] }]);
 * const { scale, zeroPoint } = ranges.output;
 * const { data } = quantize(layer, ranges).forwardInt8({ data: [0, 25.5], shape: [1, 1, 2] });
 * console.log([...data].map((value) => Math.round(scale * (value - zeroPoint))).join(' ')); // 0 0 26 51
 */
export interface TensorQuantization {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The smallest float32 whose inverse is one too. */
const SMALLEST_NORMAL = 2 ** -126;

/** A scale is a positive normal float32, a zero point an int8. */
export function checkQuantization(where: string, name: string, value: unknown): TensorQuantization {
  const { scale, zeroPoint } = checkOptions<TensorQuantization>(`${where} ${name}`, value, [
    'scale',
    'zeroPoint',
  ]);
  if (typeof scale !== 'number') refuse('BAD_TYPE', where, `${name}.scale to be a number`, scale);
  const rounded = Math.fround(scale);
  if (!(rounded >= SMALLEST_NORMAL && rounded < Number.POSITIVE_INFINITY)) {
    refuse('BAD_OPTION', where, `${name}.scale to be a positive normal float32`, scale);
  }
  return {
    scale: rounded,
    zeroPoint: checkInteger(where, `${name}.zeroPoint`, zeroPoint, -128, 127),
  };
}

/**
 * The quantization whose 256 values span `least` to `greatest` and 0, so that 0, which pads, is exact.
 * Source: XNNPACK's dynamic quantization of float32 input.
 */
export function quantizationOfRange(least: number, greatest: number): TensorQuantization {
  const low = Math.min(0, least);
  const high = Math.max(0, greatest);
  const scale = low === high ? 1 : Math.fround(Math.max((high - low) / 255, SMALLEST_NORMAL));
  return { scale, zeroPoint: Math.min(127, Math.max(-128, roundHalfEven(-128 - low / scale))) };
}

/** One int8 weight for each float32 one, and the step of each output channel. */
export interface QuantizedWeight {
  readonly weight: Int8Array<ArrayBuffer>;
  readonly scale: Float32Array<ArrayBuffer>;
}

/**
 * Symmetric int8 with one scale for each output channel, its greatest magnitude / 127; a channel of
 * zeros has scale 1. `channelOf` gives the channel of each weight.
 *
 * @throws {DeconvError} `BAD_OPTION` for an infinite weight or NaN
 */
export function quantizeWeight(
  where: string,
  values: Float32Array,
  channels: number,
  channelOf: (index: number) => number,
): QuantizedWeight {
  const scale = new Float32Array(channels);
  for (let index = 0; index < values.length; index += 1) {
    const magnitude = Math.abs(values[index] as number);
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      refuse(
        'BAD_OPTION',
        where,
        'finite weights',
        values[index],
        `Value ${index} of the weight (in PyTorch's order) has no int8.`,
      );
    }
    const channel = channelOf(index);
    if (magnitude > (scale[channel] as number)) scale[channel] = magnitude;
  }
  for (const [channel, greatest] of scale.entries()) {
    scale[channel] = greatest === 0 ? 1 : Math.max(greatest / 127, SMALLEST_NORMAL);
  }
  const weight = Int8Array.from(values, (value, index) => {
    const steps = roundHalfEven(value / (scale[channelOf(index)] as number));
    return Math.min(127, Math.max(-127, steps));
  });
  return { weight, scale };
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}
