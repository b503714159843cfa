import type { Geometry } from '../../convert/converted-layer.js';
import { fromOnnx } from '../../convert/index.js';
import { type OnnxConvTransposeAttributes, onnxGeometry } from '../../convert/onnx-geometry.js';
import { describe } from '../../core/checks.js';
import { product } from '../../core/lists.js';
import { biasProblem, isResampling, type LayerGeometry, ModelLayer, tryGeometry } from '../layer.js';
import { soundsLikeConvolution, soundsLikeShuffle } from '../sounds-like-convolution.js';
import type { Constants } from './constants.js';
import { convolutionAttributes, formOf, keepsResolution, stridesOf } from './forms.js';
import type { OnnxNode } from './graph.js';
import type { Upsamplings } from './upsampling.js';

/** Gives what reads weights of integers, which most files have none of. */
export type QuantizedWeights = () => Promise<typeof import('./quantized-weights.js')>;

/** What a convolution is read with. */
interface Surroundings {
  readonly constants: Constants;
  /** Null where nothing in the graph enlarges. */
  readonly upsamplings: Upsamplings | null;
  readonly quantized: QuantizedWeights;
}

/** The layer that a node is; null for one that is none, and for one that keeps the resolution unless `all`. */
export async function readConvolution(
  node: OnnxNode,
  { constants, upsamplings, quantized }: Surroundings,
  all: boolean,
): Promise<ModelLayer | null> {
  const form = formOf(node);
  if (form === undefined) return null;
  const transposed = form.base === 'ConvTranspose';
  const { name } = node;
  const keeps = !transposed && keepsResolution(node);
  const shuffle = keeps ? upsamplings?.shuffleOf(node) : undefined;
  const resize = keeps && shuffle === undefined ? ((await upsamplings?.upsampleOf(node)) ?? null) : null;
  if (!all && keeps && shuffle === undefined && resize === null) return null;
  const [x = ''] = node.inputs;
  const weightName = node.inputs[form.weight] ?? '';
  let weight = await constants.find(weightName, node.scope);
  if (typeof weight === 'object' && form.quantized !== undefined) {
    weight = await (await quantized()).dequantizedWeight(node, weight, form.quantized, constants);
  }
  let problem: string | null;
  let geometry: Geometry | null = null;
  let attributes: OnnxConvTransposeAttributes = {};
  if (typeof weight === 'object') {
    const { shape } = weight;
    attributes = convolutionAttributes(node, transposed, shape.length - 2);
    ({ geometry, problem } = tryGeometry(() =>
      onnxGeometry(`readModel ${describe(name)}`, form.base, attributes, shape),
    ));
  } else {
    problem = `its weight ${describe(weightName)} is ${weight}`;
  }
  if (!all && !isResampling(geometry, transposed) && shuffle === undefined && resize === null) return null;
  const biasName = node.inputs[form.bias] ?? '';
  let bias = biasName === '' ? null : await constants.find(biasName, node.scope);
  if (bias !== null && typeof bias === 'object' && form.quantized !== undefined) {
    bias = await (await quantized()).dequantizedBias(node, bias, form.quantized, constants);
  }
  if (typeof bias === 'string') problem ??= `its bias ${describe(biasName)} is ${bias}`;
  const biasTensor = typeof bias === 'object' ? bias : null;
  problem ??= biasProblem(biasTensor, geometry);
  if (geometry !== null) {
    problem ??= upsamplingProblem(geometry, shuffle?.geometry ?? null, resize?.geometry ?? null);
  }
  const activation = node.text('activation') || null;
  const padsVary = form.pads !== undefined && (node.inputs[form.pads] ?? '') !== '';
  const channelsLast = node.integer('channels_last') === 1;
  return new ModelLayer({
    name,
    operator: [resize?.operator, node.type, shuffle?.operator].filter(Boolean).join(' + '),
    input: x,
    output: node.outputs[0] ?? '',
    transposed,
    activation,
    weight: typeof weight === 'object' ? weight : null,
    bias: biasTensor,
    upsampling: { pixelShuffle: shuffle?.geometry ?? null, upsample: resize?.geometry ?? null },
    upsamples: transposed || shuffle !== undefined || resize !== null,
    inputExtents: channelsLast ? null : spatialExtents(node, x, geometry?.stride.length),
    padsVary,
    problem,
    geometry,
    layerObstacle: form.obstacle ?? (activation === null ? null : `its activation is ${activation}`),
    weightUse: constants.use(node, form.weight),
    biasUse: constants.use(node, form.bias),
    build: (parameters, options) => fromOnnx(form.base, attributes, parameters, options),
  });
}

/** A factor for each axis, and channels that divide into phases. */
function upsamplingProblem(
  { stride, kernel }: Geometry,
  shuffle: LayerGeometry['pixelShuffle'],
  resize: LayerGeometry['upsample'],
): string | null {
  const factors = shuffle?.upscaleFactor ?? resize?.scaleFactor ?? stride;
  if (factors.length !== stride.length) {
    return `it convolves ${stride.length} axes, and ${factors.length} are enlarged beside it`;
  }
  const phases = product(shuffle?.upscaleFactor ?? []);
  return kernel.outChannels % phases === 0
    ? null
    : `its ${kernel.outChannels} channels do not divide into ${phases} phases`;
}

/** A node that convolves or enlarges in a way that is not read, as a layer that says why. */
export function unreadLayer(
  node: OnnxNode,
  upsamplings: Upsamplings | null,
  all: boolean,
): ModelLayer | null {
  const { domain } = node;
  // PyTorch's fallback has the operator's name in an attribute.
  const type = node.type === 'ATen' ? `ATen ${node.text('operator') ?? ''}` : node.type;
  const rearranges = upsamplings?.problemOf(node);
  const transposed = /transpose|deconv/i.test(type);
  const shuffles = domain !== '' && soundsLikeShuffle(type);
  if (rearranges === undefined && !shuffles) {
    if (formOf(node) !== undefined || !soundsLikeConvolution(type)) return null;
    // Of another's operator without strides nobody knows what it does.
    const silent = domain !== '' && stridesOf(node).length === 0;
    if (!all && !transposed && !silent && keepsResolution(node)) return null;
  }
  const where = domain === '' ? '' : ` of the domain ${describe(domain.slice(0, 100))}`;
  return new ModelLayer({
    name: node.name,
    operator: type.slice(0, 100),
    input: node.inputs[0] ?? '',
    output: node.outputs[0] ?? '',
    transposed,
    weight: null,
    bias: null,
    upsamples: transposed || shuffles || rearranges !== undefined,
    problem: rearranges ?? `the operator ${type.slice(0, 100)}${where} is not read`,
    geometry: null,
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
