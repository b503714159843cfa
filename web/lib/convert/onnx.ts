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
 * const up = fromOnnx('ConvTranspose', { strides: [2, 2], pads: [1, 1, 1, 1] }, { weight, bias });
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
 * const { weight, bias } = toOnnx(layer);
 */
export function toOnnx(layer: Layer): ExportedParameters {
  return exportParameters('toOnnx', layer, ({ transposed }) => canonicalFormat(transposed));
}
