import type { Geometry } from '../convert/converted-layer.js';
import type { ConversionOptions, ConvertedLayer, ConvertedParameters } from '../convert/index.js';
import { weightLayout } from '../core/axis-order.js';
import { MODEL_LAYER } from '../core/brands.js';
import { fault, refuse, shapeText } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { frozen } from '../core/lists.js';
import { guardReceivers } from '../core/receivers.js';
import { kernelReach, type OperatorSpec, weightShape } from '../core/spec.js';
import { sameList, type Tensor } from '../core/tensor.js';
import type { WeightLayout } from '../core/weight-layout.js';
import { isFloat, type ModelDtype } from './dtypes.js';
import { LIMITS } from './limits.js';
import type { ModelTensor } from './tensor.js';
import type { FileEdit } from './tensor-content.js';

/** What an operator does, apart from its values; lists have one entry for each spatial axis. */
export interface LayerGeometry {
  readonly transposed: boolean;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /**
   * Zeros added before the input, or values cropped before the output when transposed (negative: added);
   * null where they depend on a size of the input that the file does not say.
   */
  readonly padBefore: readonly number[] | null;
  /** The same at the other end, output padding taken off. */
  readonly padAfter: readonly number[] | null;
  /** What makes a convolution of stride 1 a sub-pixel convolution: its channels become positions. Null for none. */
  readonly pixelShuffle: {
    readonly upscaleFactor: readonly number[];
    /** Where phase r of channel c is among the convolution's: `c * phases + r` (CRD), `r * channels + c` (DCR). */
    readonly mode: 'CRD' | 'DCR';
  } | null;
  /** The resize by whole factors that a convolution of stride 1 reads from. Null for none. */
  readonly upsample: {
    readonly scaleFactor: readonly number[];
    readonly mode: 'nearest' | 'linear';
  } | null;
}

/** How a convolution of stride 1 raises the resolution with the operator beside it. */
export interface LayerUpsampling {
  readonly pixelShuffle?: LayerGeometry['pixelShuffle'];
  readonly upsample?: LayerGeometry['upsample'];
}

/** A constant as a node takes it, of a file in which others may take it, too. */
export interface ConstantUse {
  /** What tells the node from others. */
  readonly node: object;
  /** All that takes the constant, or what it is made of, and would change with it: nodes, and outputs that it is. */
  users(): Promise<readonly { readonly node: object; readonly name: string }[]>;
  /** How the node can have a constant of its own instead; without it, none can. */
  readonly replacement?: {
    readonly obstacle: string | null;
    edits(
      shape: readonly number[],
      dtype: ModelDtype,
      values: Float32Array,
    ): Promise<{ readonly edits: readonly FileEdit[]; readonly stored: Float32Array }>;
  };
}

/** What a reader found out about one operator. */
export interface LayerFacts {
  readonly name: string;
  readonly operator: string;
  readonly input: string;
  readonly output: string;
  readonly transposed: boolean;
  readonly activation?: string | null;
  readonly weight: ModelTensor | null;
  readonly bias: ModelTensor | null;
  readonly upsampling?: LayerUpsampling | null;
  /** Whether it raises the resolution, if there is no geometry to say so. */
  readonly upsamples?: boolean;
  /** Whether the padding is an input of the operator. */
  readonly padsVary?: boolean;
  /** Spatial extents of the convolution's input, where the file says them. */
  readonly inputExtents?: readonly number[] | null;
  /** Why there is no geometry. */
  readonly problem: string | null;
  readonly geometry: Geometry | null;
  /** Why there is no layer in spite of the geometry. */
  readonly layerObstacle?: string | null;
  /** There is one where there is no `problem`. */
  readonly build?: (parameters: ConvertedParameters, options: ConversionOptions) => ConvertedLayer;
  readonly weightUse?: ConstantUse;
  readonly biasUse?: ConstantUse;
}

/**
 * A convolution or transposed convolution of a model file.
 *
 * @example
 * const model = await readModel('generator.onnx');
 * const [layer] = model.layers;
 * console.log(layer.name, layer.geometry.kernelSize, layer.geometry.stride); // /project/ConvTranspose [ 4, 4 ] [ 1, 1 ]
 * console.log((await layer.weight()).shape.join('x')); // 16x12x4x4
 * await model.close();
 */
export class ModelLayer {
  /** As the file has it; nodes of subgraphs and functions as `outer/inner`. */
  readonly name: string;
  /** The file's own word: `ConvTranspose`, `TRANSPOSE_CONV`, `ConvTranspose2d` and so on. */
  readonly operator: string;
  /** The file's name of what comes in; empty where files of bare tensors have none. */
  readonly input: string;
  /** The file's name of what comes out. */
  readonly output: string;
  readonly transposed: boolean;
  /** Whether the output is larger than the input: transposed, or a sub-pixel or resize-convolution. */
  readonly upsamples: boolean;
  /** The activation that the operator fuses, in the file's word; null for none. */
  readonly activation: string | null;
  /** Null where `problem` says why. */
  readonly geometry: LayerGeometry | null;
  readonly weightTensor: ModelTensor | null;
  readonly biasTensor: ModelTensor | null;
  /** Why the layer cannot be read, a sentence; null if it can. */
  readonly problem: string | null;
  readonly #facts: LayerFacts;

  static {
    guardReceivers(ModelLayer.prototype, 'ModelLayer', (value) => #facts in value);
  }

  /** @internal */
  constructor(facts: LayerFacts) {
    this.name = facts.name;
    this.operator = facts.operator;
    this.input = facts.input;
    this.output = facts.output;
    this.transposed = facts.transposed;
    this.activation = facts.activation ?? null;
    this.weightTensor = facts.weight;
    this.biasTensor = facts.bias;
    this.problem = facts.problem;
    this.geometry =
      facts.geometry === null
        ? null
        : frozen({
            ...describeGeometry(facts.geometry, facts.transposed, facts.inputExtents ?? null),
            ...(facts.padsVary === true && { padBefore: null, padAfter: null }),
            pixelShuffle: facts.upsampling?.pixelShuffle ?? null,
            upsample: facts.upsampling?.upsample ?? null,
          });
    const { geometry } = this;
    this.upsamples =
      facts.upsamples ??
      (facts.transposed || (geometry !== null && (geometry.pixelShuffle ?? geometry.upsample) !== null));
    this.#facts = facts;
  }

  /**
   * The weight as PyTorch and ONNX order it: `[in, out/groups, ...kernel]` when transposed,
   * `[out, in/groups, ...kernel]` otherwise. It may be a view on the file's bytes: copy before writing.
   *
   * @throws {DeconvError} `UNSUPPORTED` with the layer's `problem`; what reading the values throws
   */
  async weight(): Promise<Tensor<ArrayBuffer>> {
    const { weight } = this.#readable();
    const { order, canonical } = this.weightOrder();
    const tensor = await weight.read();
    return canonical ? tensor : { data: order.toCanonical(tensor.data), shape: this.weightShape };
  }

  /** `[outChannels]`, null for a layer without bias. */
  async bias(): Promise<Tensor<ArrayBuffer> | null> {
    this.#readable();
    return this.biasTensor === null ? null : this.biasTensor.read();
  }

  /** Shape of what `weight` gives. */
  get weightShape(): readonly number[] {
    const { geometry } = this.#readable();
    return weightShape({ ...geometry, kernel: geometry.kernelSize });
  }

  /**
   * A layer that runs, in the layout of the system that the file comes from; weights of 16 bits stay so. Of a
   * sub-pixel or resize-convolution it is the convolution alone.
   * It belongs to the caller, who disposes of it.
   *
   * @throws {DeconvError} `UNSUPPORTED` where the operator or its activation has no layer of ours; what
   *   reading the values throws
   *
   * @example
   * await init();
   * const model = await readModel('generator.onnx');
   * const up = await model.layers[0].toLayer();
   * console.log(up.outputShape([1, 16, 1, 1]).join('x')); // 1x12x4x4
   * up.dispose();
   * await model.close();
   */
  async toLayer(options: ConversionOptions = {}): Promise<ConvertedLayer> {
    const { weight } = this.#readable();
    const { layerObstacle: obstacle = null, build } = this.#facts as Required<LayerFacts>;
    if (obstacle !== null) this.#refuse(obstacle);
    const bias = await this.bias();
    return build({ weight: await weight.readNarrow(), bias }, options);
  }

  /** @internal */
  get [MODEL_LAYER](): true {
    return true;
  }

  /** Why `patchModel` cannot change the weight; null if it can. */
  get patchObstacle(): string | null {
    const { weightTensor, problem } = this;
    if (weightTensor === null || problem !== null) return problem ?? 'it has no weight';
    const { patchObstacle, content, dtype } = weightTensor;
    const { replacement } = this.#facts.weightUse ?? {};
    // What is quantized would be so no longer.
    const fixed = patchObstacle === null || replacement === undefined || content.quantizes || !isFloat(dtype);
    return fixed ? patchObstacle : replacement.obstacle;
  }

  /** @internal Who takes its constants. */
  get uses(): { readonly weight: ConstantUse | undefined; readonly bias: ConstantUse | undefined } {
    return { weight: this.#facts.weightUse, bias: this.#facts.biasUse };
  }

  /** @internal How the file orders the weight. */
  weightOrder(): { readonly order: WeightLayout; readonly canonical: boolean } {
    const { geometry } = this.#facts as { readonly geometry: Geometry };
    const order = weightLayout(
      specOf(geometry, this.transposed),
      geometry.format.order,
      geometry.format.flip,
    );
    const canonical = geometry.layout === 'channels-first' && geometry.format.flip !== true;
    return { order, canonical };
  }

  #readable(): { readonly weight: ModelTensor; readonly geometry: LayerGeometry } {
    const { weightTensor: weight, geometry, problem } = this;
    if (problem !== null || weight === null || geometry === null) this.#refuse(problem ?? 'it has no weight');
    return { weight, geometry };
  }

  #refuse(problem: string): never {
    throw fault(
      'UNSUPPORTED',
      'ModelLayer',
      'a layer that can be read',
      `${JSON.stringify(this.name)}: ${problem}`,
      '',
      { layer: this.name, problem },
    );
  }
}

/** Sizes far from any border case; pads that are alike at all of them depend on none. */
const PROBES = [100_000, 100_001, 100_002];

function describeGeometry(
  geometry: Geometry,
  transposed: boolean,
  inputExtents: readonly number[] | null,
): Omit<LayerGeometry, 'pixelShuffle' | 'upsample'> {
  const { kernel, stride, dilation } = geometry;
  const pads = kernel.kernel.map((_, axis) => {
    const sizes = inputExtents === null ? PROBES : [inputExtents[axis] as number];
    const found = sizes.map((input) => padsAt(geometry, axis, input));
    const [first] = found;
    return found.every((pair) => pair !== null && pair[0] === first?.[0] && pair[1] === first[1])
      ? (first as readonly [number, number])
      : null;
  });
  const known = pads.every((pair) => pair !== null);
  return {
    transposed,
    inChannels: kernel.inChannels,
    outChannels: kernel.outChannels,
    groups: kernel.groups,
    kernelSize: kernel.kernel,
    stride,
    dilation,
    padBefore: known ? pads.map(([before]) => before) : null,
    padAfter: known ? pads.map(([, after]) => after) : null,
  };
}

function padsAt(geometry: Geometry, axis: number, input: number): readonly [number, number] | null {
  const { kernel, stride, dilation, pads } = geometry;
  try {
    const reach = kernelReach({ kernel: kernel.kernel, dilation }, axis);
    return pads({ where: 'readModel', index: axis, input, reach, stride: stride[axis] as number });
  } catch (error) {
    // This size leads to no output.
    if (isDeconvError(error)) return null;
    throw error;
  }
}

function specOf({ kernel, stride, dilation }: Geometry, transposed: boolean): OperatorSpec {
  const zeros = kernel.kernel.map(() => 0);
  const ones = kernel.kernel.map(() => 1);
  return {
    transposed,
    ...kernel,
    stride,
    dilation,
    inputDilation: ones,
    padBefore: zeros,
    padAfter: zeros,
    relu: false,
  };
}

/** The geometry, or the sentence that says what is wrong with it. */
export function tryGeometry(make: () => Geometry): { geometry: Geometry | null; problem: string | null } {
  try {
    return { geometry: make(), problem: null };
  } catch (error) {
    if (!isDeconvError(error)) throw error;
    return { geometry: null, problem: error.message.replace(/\.$/, '') };
  }
}

/** A bias has a value for each output channel. */
export function biasProblem(bias: ModelTensor | null, geometry: Geometry | null): string | null {
  if (bias === null || geometry === null) return null;
  const wanted = [geometry.kernel.outChannels];
  return sameList(bias.shape, wanted)
    ? null
    : `its bias has the shape ${shapeText(bias.shape)} and not ${shapeText(wanted)}`;
}

/** Only these tell about artifacts: what is transposed, or becomes so when gradients pass. */
export function isResampling(geometry: Geometry | null, transposed: boolean): boolean {
  return transposed || geometry === null || geometry.stride.some((step) => step > 1);
}

/** A small file can have its readers make very many layers. */
export function checkLayerCount(count: number): void {
  if (count <= LIMITS.layers) return;
  refuse('BAD_MODEL', 'readModel', `at most ${LIMITS.layers} convolutions`, 'more');
}
