import { type ConvertedLayer, fromJax, fromKeras, fromOnnx, fromTorch, fromWebnn } from 'deconv-wasm/convert';
import type { Convention } from '../model/conventions';
import type { LayerSpec } from '../model/geometry';
import { jaxPads, kerasCrop } from '../model/other-systems';
import type { ConventionRequest, ConventionResult } from './protocol';

/** The same numbers read as another system reads them: its layer, its layout, its output. */
export function convention({ which, spec, input, weights }: ConventionRequest): ConventionResult {
  const data = Float32Array.from(weights);
  const lines = spec.axes === 1 ? [spec.size] : [spec.size, spec.size];
  const taps = spec.axes === 1 ? [spec.kernel] : [spec.kernel, spec.kernel];
  const channelsLast = which === 'keras' || which === 'jax' || which === 'jax-transpose';
  // WebNN has two axes always: one is then a row.
  const row = which === 'webnn' && spec.axes === 1 ? [1] : [];
  const shape = channelsLast ? [1, ...lines, spec.groups] : [1, spec.groups, ...row, ...lines];
  const weightShape = channelsLast ? [...taps, spec.groups, 1] : [spec.groups, 1, ...row, ...taps];
  const layer = make(which, spec, { data, shape: weightShape });
  try {
    const y = layer.forward({ data: Float32Array.from(input), shape });
    const extents = channelsLast ? y.shape.slice(1, -1) : y.shape.slice(2);
    const [rows, columns] = spec.axes === 2 ? extents : [spec.groups, extents.at(-1)];
    const whole = { rows: rows ?? 0, columns: columns ?? 0, data: y.data };
    const output = which === 'keras' ? cropped(whole, spec) : whole;
    return { ...output, weightShape, call: String(layer) };
  } finally {
    layer.dispose();
  }
}

function make(
  which: Convention,
  spec: LayerSpec,
  weight: { data: Float32Array; shape: number[] },
): ConvertedLayer {
  const { axes, groups, stride, padding, outputPadding, dilation } = spec;
  const each = <T>(value: T) => new Array<T>(axes).fill(value);
  switch (which) {
    case 'pytorch':
      return fromTorch(
        axes === 1 ? 'ConvTranspose1d' : 'ConvTranspose2d',
        { stride, padding, output_padding: outputPadding, dilation, groups },
        { weight },
      );
    case 'onnx':
      return fromOnnx(
        'ConvTranspose',
        {
          strides: each(stride),
          pads: [...each(padding), ...each(padding)],
          output_padding: each(outputPadding),
          dilations: each(dilation),
          group: groups,
        },
        { weight },
      );
    case 'webnn': {
      const both = (value: number, rest: number) => (axes === 1 ? [rest, value] : [value, value]);
      return fromWebnn(
        'convTranspose2d',
        {
          strides: both(stride, 1),
          padding: axes === 1 ? [0, 0, padding, padding] : [padding, padding, padding, padding],
          outputPadding: both(outputPadding, 0),
          dilations: both(dilation, 1),
          groups,
        },
        { weight },
      );
    }
    case 'keras':
      return fromKeras(
        axes === 1 ? 'Conv1DTranspose' : 'Conv2DTranspose',
        {
          strides: stride,
          padding: 'valid',
          dilation_rate: dilation,
          ...(outputPadding > 0 ? { output_padding: outputPadding } : {}),
        },
        { weight },
      );
    default:
      return fromJax(
        'conv_transpose',
        {
          strides: each(stride),
          padding: each(jaxPads(spec)),
          rhs_dilation: each(dilation),
          ...(which === 'jax-transpose' ? { transpose_kernel: true } : {}),
        },
        { weight },
      );
  }
}

interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** What a Cropping layer after Keras's leaves. */
function cropped({ rows, columns, data }: Grid, spec: LayerSpec): Grid {
  const [before] = kerasCrop(spec);
  const length = (size: number) => Math.max(size - before - Math.max(kerasCrop(spec)[1], 0), 0);
  const top = spec.axes === 1 ? 0 : before;
  const [height, width] = [spec.axes === 1 ? rows : length(rows), length(columns)];
  const kept = Float32Array.from({ length: height * width }, (_, index) => {
    const row = Math.floor(index / width) + top;
    return data[row * columns + (index % width) + before] ?? 0;
  });
  return { rows: height, columns: width, data: kept };
}
