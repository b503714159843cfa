import type { Layer } from '../layers/layer.js';
import { readCall } from './call.js';
import { type ConversionOptions, ConvertedLayer } from './converted-layer.js';
import { type ExportedParameters, exportParameters } from './export.js';
import { type ConvertedParameters, canonicalFormat } from './kernel.js';
import {
  type OnnxConvTransposeAttributes,
  type OnnxOperators,
  OPERATORS,
  translate,
} from './onnx-geometry.js';

/**
 * A layer from an ONNX node's attributes and initializers: `[N, C, ...]` in and out, weight
 * `[C, M/group, ...]` of ConvTranspose and `[M, C/group, ...]` of Conv.
 *
 * @throws {DeconvError} `BAD_OPTION` (also for `pads` beside another `auto_pad` than NOTSET), `BAD_TYPE`,
 *   `BAD_SHAPE`
 *
 * @example
 * await init();
 * const weight = { data: [1, 2, 3], shape: [1, 1, 3] };
 * const up = fromOnnx('ConvTranspose', { strides: [2], auto_pad: 'SAME_UPPER' }, { weight });
 * console.log(up.forward({ data: [1, 10], shape: [1, 1, 2] }).data.join(' ')); // 1 2 13 20
 */
export function fromOnnx<Operator extends keyof OnnxOperators>(
  operator: Operator,
  attributes: OnnxOperators[Operator],
  parameters: ConvertedParameters,
  options: ConversionOptions = {},
): ConvertedLayer {
  const call = readCall<OnnxConvTransposeAttributes>(
    'fromOnnx',
    OPERATORS,
    operator,
    attributes,
    parameters,
    'ONNX',
  );
  return ConvertedLayer.of({ call, options, ...translate(call) });
}

/**
 * Weight and bias of any layer as ONNX's initializers `W` and `B`.
 *
 * @throws {DeconvError} `BAD_TYPE`, `DISPOSED`
 *
 * @example
 * const layer = new ConvTranspose2d({ inChannels: 3, outChannels: 8, kernelSize: 4 });
 * const { weight: W, bias: B } = toOnnx(layer);
 * console.log(W.shape.join('x'), B.shape.join('x')); // 3x8x4x4 8
 */
export function toOnnx(layer: Layer): ExportedParameters {
  return exportParameters('toOnnx', layer, ({ transposed }) => canonicalFormat(transposed));
}
