import type { Geometry } from '../../convert/converted-layer.js';
import { fromOnnx } from '../../convert/index.js';
import { type OnnxConvTransposeAttributes, onnxGeometry } from '../../convert/onnx.js';
import { describe } from '../../core/checks.js';
import { biasProblem, isResampling, ModelLayer, tryGeometry } from '../layer.js';
import type { Constants } from './constants.js';
import type { OnnxNode } from './graph.js';

/** The layer that a `Conv` or `ConvTranspose` is; null for another node, and for one of stride 1 unless `all`. */
export async function readConvolution(
  node: OnnxNode,
  constants: Constants,
  all: boolean,
): Promise<ModelLayer | null> {
  const transposed = node.is('ConvTranspose');
  if (!transposed && !node.is('Conv')) return null;
  const operator = transposed ? 'ConvTranspose' : 'Conv';
  const { name, scope } = node;
  const [x = '', w = '', b = ''] = node.inputs;
  const weight = await constants.find(w, scope);
  let problem = typeof weight === 'object' ? null : `its weight ${describe(w)} is ${weight}`;
  let geometry: Geometry | null = null;
  let attributes: OnnxConvTransposeAttributes = {};
  if (typeof weight === 'object') {
    const { shape } = weight;
    attributes = convolutionAttributes(node, shape.length - 2);
    const tried = tryGeometry(() => onnxGeometry(`readModel ${describe(name)}`, operator, attributes, shape));
    ({ geometry, problem } = tried);
  }
  // Without a weight, the attributes still say whether it resamples.
  if (!all && geometry === null && !transposed) {
    const strides = node.integers('strides') ?? [];
    if (strides.every((stride) => stride === 1)) return null;
  }
  if (!all && !isResampling(geometry, transposed)) return null;
  const bias = b === '' ? null : await constants.find(b, scope);
  if (typeof bias === 'string') problem ??= `its bias ${describe(b)} is ${bias}`;
  const biasTensor = typeof bias === 'object' ? bias : null;
  problem ??= biasProblem(biasTensor, geometry);
  return new ModelLayer({
    name,
    operator,
    input: x,
    output: node.outputs[0] ?? '',
    transposed,
    weight: typeof weight === 'object' ? weight : null,
    bias: biasTensor,
    inputExtents: spatialExtents(node, x, geometry?.stride.length),
    problem,
    geometry,
    build: (parameters, options) => fromOnnx(operator, attributes, parameters, options),
  });
}

/** Extents of a value `[N, C, ...]` behind its channels, if the file says them all. */
export function spatialExtents(
  { scope }: OnnxNode,
  name: string,
  rank: number | undefined,
): readonly number[] | null {
  const extents = (scope.shapes.get(name) ?? []).slice(2);
  return extents.length === rank && extents.every((extent) => extent > 0) ? extents : null;
}

/** The words of the attributes that `fromOnnx` knows, with ONNX's types. */
export function convolutionAttributes(node: OnnxNode, rank: number): OnnxConvTransposeAttributes {
  const lists = ['strides', 'dilations', 'kernel_shape', 'pads'];
  if (node.type.endsWith('Transpose')) lists.push('output_padding', 'output_shape');
  const result: Record<string, unknown> = {};
  for (const name of lists) {
    const list = node.integers(name);
    if (list !== undefined) result[name] = list.slice(0, 16);
  }
  const group = node.integer('group');
  if (group !== undefined) result.group = group;
  const autoPad = node.text('auto_pad');
  if (autoPad !== undefined && autoPad !== '') result.auto_pad = autoPad;
  // Exporters write zeros beside the words; whoever runs the model goes by the words.
  if (autoPad !== undefined && autoPad !== 'NOTSET') delete result.pads;
  // Some write batch and channels too.
  const sizes = result.output_shape as number[] | undefined;
  if (sizes?.length === rank + 2) result.output_shape = sizes.slice(2);
  return result as OnnxConvTransposeAttributes;
}
