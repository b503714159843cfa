// What makes a convolution of stride 1 raise the resolution: a rearrangement of its channels behind it (sub-pixel
// convolution), or a resize by whole factors in front of it.

import { at, product } from '../../core/lists.js';
import type { LayerUpsampling } from '../layer.js';
import { LIMITS } from '../limits.js';
import type { Constants } from './constants.js';
import { formOf, keepsResolution } from './forms.js';
import type { OnnxGraph, OnnxNode, Scope } from './graph.js';

type PixelShuffle = NonNullable<LayerUpsampling['pixelShuffle']>;
type Upsample = NonNullable<LayerUpsampling['upsample']>;

/** A convolution's channels that become positions. */
interface Shuffle {
  readonly geometry: PixelShuffle;
  /** The operator that rearranges. */
  readonly operator: string;
}

/** The same value everywhere in a channel goes in, and the same function of it comes out at every place. */
const ELEMENTWISE = new Set([
  'Abs',
  'Cast',
  'CastLike',
  'Celu',
  'Clip',
  'Dropout',
  'Elu',
  'Erf',
  'Exp',
  'FastGelu',
  'Gelu',
  'HardSigmoid',
  'HardSwish',
  'Identity',
  'LeakyRelu',
  'Mish',
  'Neg',
  'QuickGelu',
  'Relu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'Swish',
  'Tanh',
  'ThresholdedRelu',
]);

/** Elementwise where all of their inputs but the first are single numbers. */
const WITH_NUMBERS = new Set(['DequantizeLinear', 'PRelu', 'QuantizeLinear']);

/** Elementwise where all that is no single number is made of the same value, as x * sigmoid(x) is. */
const OF_SEVERAL = new Set(['Add', 'Div', 'Mul', 'Pow', 'Sub']);

/** Finds what stands beside the convolutions of a graph whose nodes are listed. */
export async function findUpsamplings(
  nodes: readonly OnnxNode[],
  graph: OnnxGraph,
  constants: Constants,
): Promise<Upsamplings> {
  const found = new Upsamplings(graph, constants);
  for (const node of nodes) await found.addShuffle(node);
  return found;
}

/** What stands beside the convolutions of a graph. */
export class Upsamplings {
  readonly #graph: OnnxGraph;
  readonly #constants: Constants;
  readonly #shuffles = new Map<OnnxNode, Shuffle>();
  readonly #problems = new Map<OnnxNode, string>();
  /** Without and with borders that are added. */
  readonly #sources = [new Map<OnnxNode, OnnxNode | null>(), new Map<OnnxNode, OnnxNode | null>()];

  constructor(graph: OnnxGraph, constants: Constants) {
    this.#graph = graph;
    this.#constants = constants;
  }

  /** What follows a convolution. */
  shuffleOf(convolution: OnnxNode): Shuffle | undefined {
    return this.#shuffles.get(convolution);
  }

  /** Why a node that makes positions of channels is no part of a convolution; undefined for other nodes. */
  problemOf(node: OnnxNode): string | undefined {
    return this.#problems.get(node);
  }

  /** The resize by whole factors that a convolution reads from; null for none, and for what is none on a grid. */
  async upsampleOf(convolution: OnnxNode): Promise<{ geometry: Upsample; operator: string } | null> {
    const source = await this.#source(convolution.inputs[0] ?? '', convolution.scope, true);
    if (source === null || !(source.is('Resize') || source.is('Upsample'))) return null;
    const mode = source.text('mode') || 'nearest';
    const transformation =
      source.text('coordinate_transformation_mode') || (source.is('Upsample') ? 'asymmetric' : 'half_pixel');
    const plain = ['half_pixel', 'pytorch_half_pixel'].includes(transformation);
    // A nearest-neighbour resize repeats, wherever it begins; a linear one has half a pixel to mind.
    const known = mode === 'nearest' ? plain || transformation === 'asymmetric' : mode === 'linear' && plain;
    if (!known) return null;
    const factors = await this.#factorsOf(source);
    if (factors === null || !factors.every((factor) => Number.isInteger(factor) && factor >= 1)) return null;
    const [batch, channels, ...scaleFactor] = factors;
    if (batch !== 1 || channels !== 1 || scaleFactor.every((factor) => factor === 1)) return null;
    return { geometry: { scaleFactor, mode: mode as Upsample['mode'] }, operator: source.type };
  }

  async #factorsOf(resize: OnnxNode): Promise<readonly number[] | null> {
    const own = await this.#constants.floats(resize, 'scales');
    if (own !== null) return own;
    const [x = '', second = '', third = '', sizes = ''] = resize.inputs;
    const given = resize.scope.shapes.get(x) ?? [];
    const axes = resize.integers('axes') ?? [];
    const rank = given.length === 0 ? axes.length + 2 : given.length;
    const places = axes.map((axis) => (axis < 0 ? axis + rank : axis));
    // Since opset 18 an attribute may say which axes the numbers are of.
    const spread = (numbers: readonly number[], rest: readonly number[]) =>
      places.length === numbers.length
        ? rest.map((value, axis) => numbers[places.indexOf(axis)] ?? value)
        : numbers;
    // Opset 10 has the scales behind x, later ones a region first.
    const scales = await this.#numbers(resize.inputs.length === 2 ? second : third, resize.scope);
    if (scales !== null && scales.length > 0) return spread(scales, new Array<number>(rank).fill(1));
    const stated = await this.#numbers(sizes, resize.scope);
    const stretches = ['', 'stretch'].includes(resize.text('keep_aspect_ratio_policy') ?? '');
    const wanted = stated === null || !stretches ? null : spread(stated, given);
    if (wanted === null || wanted.length !== given.length) return null;
    // A size that the file leaves open is that of the batch.
    return wanted.map((extent, axis) => (axis === 0 && at(given, 0) <= 0 ? 1 : extent / at(given, axis)));
  }

  /** Notes the node if it makes positions of channels. */
  async addShuffle(node: OnnxNode): Promise<void> {
    const shuffle = await this.#readShuffle(node);
    if (shuffle === null) return;
    const { input, scope, geometry, operator } = shuffle;
    const source = await this.#source(input, scope, false);
    const form = source === null ? undefined : formOf(source);
    if (source === null || form === undefined) {
      const what = source === null ? 'an input of the model' : `what ${source.type.slice(0, 100)} makes`;
      this.#problems.set(node, `it rearranges ${what}, and no convolution's output alone`);
    } else if (geometry === null) {
      this.#problems.set(node, 'by how much it enlarges is computed while the model runs');
    } else if (form.base === 'ConvTranspose' || !keepsResolution(source)) {
      this.#problems.set(node, `it rearranges the output of a ${form.base} with a stride`);
    } else if (form.addend !== undefined && (source.inputs[form.addend] ?? '') !== '') {
      this.#problems.set(node, `it rearranges a sum of a ${source.type}'s output and something else`);
    } else {
      this.#shuffles.set(source, { geometry, operator });
    }
  }

  /** Channels to positions: one node, or the last of three. */
  async #readShuffle(node: OnnxNode) {
    const { scope } = node;
    if (node.is('DepthToSpace')) {
      const factor = node.integer('blocksize') ?? 0;
      const mode = node.text('mode') === 'CRD' ? ('CRD' as const) : ('DCR' as const);
      const geometry = factor >= 1 ? { upscaleFactor: [factor, factor], mode } : null;
      return { input: node.inputs[0] ?? '', scope, geometry, operator: 'DepthToSpace' };
    }
    if (node.is('Transpose')) return this.#readTransposed(node);
    if (!node.is('Reshape')) return null;
    const transpose = this.#producer(node.inputs[0] ?? '', scope);
    if (transpose === null || !transpose.is('Transpose')) return null;
    const split = shuffleOfOrder(transpose.integers('perm') ?? []);
    const reshape = this.#producer(transpose.inputs[0] ?? '', transpose.scope);
    if (split === null || reshape === null || !reshape.is('Reshape')) return null;
    const { mode, rank } = split;
    const target =
      (await this.#numbers(reshape.inputs[1] ?? '', reshape.scope)) ??
      reshape.integers('shape') ??
      reshape.scope.shapes.get(reshape.outputs[0] ?? '') ??
      [];
    const upscaleFactor = target.slice(mode === 'CRD' ? 2 : 1, (mode === 'CRD' ? 2 : 1) + rank);
    const known = upscaleFactor.length === rank && upscaleFactor.every((factor) => factor >= 1);
    // Lists of four are also turned around for other reasons.
    if (rank === 1 && (!known || (await this.#convolved(reshape)) === null)) return null;
    return {
      input: reshape.inputs[0] ?? '',
      scope: reshape.scope,
      geometry: known ? { upscaleFactor, mode } : null,
      operator: 'Reshape',
    };
  }

  /**
   * Positions behind channels and channels last, cut into shorter rows, and turned back: in one dimension
   * channel `r C + c` of a position becomes channel c of its r-th part.
   */
  async #readTransposed(node: OnnxNode) {
    const reshape = this.#producer(node.inputs[0] ?? '', node.scope);
    if (reshape === null || !reshape.is('Reshape') || !isChannelsLast(node)) return null;
    const first = this.#producer(reshape.inputs[0] ?? '', reshape.scope);
    if (first === null || !first.is('Transpose') || !isChannelsLast(first)) return null;
    const weight = await this.#convolved(first);
    if (weight === null) return null;
    const target = (await this.#numbers(reshape.inputs[1] ?? '', reshape.scope)) ?? reshape.integers('shape');
    const factor = at(weight, 0) / (target?.[2] ?? 0);
    if (factor === 1) return null;
    const geometry = Number.isInteger(factor) ? { upscaleFactor: [factor], mode: 'DCR' as const } : null;
    return { input: first.inputs[0] ?? '', scope: first.scope, geometry, operator: 'Transpose' };
  }

  /** The shape of the weight of a 1-D convolution whose output the node takes; null if it takes something else. */
  async #convolved(node: OnnxNode): Promise<readonly number[] | null> {
    const source = await this.#source(node.inputs[0] ?? '', node.scope, false);
    const form = source === null ? undefined : formOf(source);
    if (source === null || form === undefined) return null;
    const weight = await this.#constants.find(source.inputs[form.weight] ?? '', source.scope);
    return typeof weight === 'object' && weight.shape.length === 3 ? weight.shape : null;
  }

  /** The node that makes a value but for what is done to each number of it; null for none of the model's. */
  async #source(name: string, scope: Scope, borders: boolean, depth = 0): Promise<OnnxNode | null> {
    const node = this.#producer(name, scope);
    if (node === null || depth > LIMITS.steps) return node;
    const known = this.#sources[Number(borders)] as Map<OnnxNode, OnnxNode | null>;
    const found = known.get(node);
    if (found !== undefined) return found;
    // Until it is known, for files whose nodes go round in circles.
    known.set(node, node);
    let source: OnnxNode | null = node;
    for (const [index, carried] of (await this.#carried(node, borders)).entries()) {
      const one = await this.#source(carried, node.scope, borders, depth + 1);
      if (index > 0 && one !== source) source = node;
      else source = one;
      if (source === node) break;
    }
    known.set(node, source);
    return source;
  }

  /** Inputs each number of which becomes one of the output; none for a node that does more. */
  async #carried({ type, inputs, scope, ...node }: OnnxNode, borders: boolean): Promise<readonly string[]> {
    const [first = '', ...others] = inputs;
    if (ELEMENTWISE.has(type) || (borders && type === 'Pad' && node.domain === '')) return [first];
    const isNumber = async (name: string): Promise<boolean> => {
      const found = name === '' ? name : await this.#constants.find(name, scope);
      return name === '' || (typeof found === 'object' && product(found.shape) === 1);
    };
    if (WITH_NUMBERS.has(type)) {
      for (const name of others) if (!(await isNumber(name))) return [];
      return [first];
    }
    const carried: string[] = [];
    for (const name of OF_SEVERAL.has(type) ? inputs : []) if (!(await isNumber(name))) carried.push(name);
    return carried;
  }

  /** The node that makes a value, in functions and around branches. */
  #producer(name: string, scope: Scope): OnnxNode | null {
    let [wanted, at] = [name, scope as Scope | null];
    for (let steps = 0; at !== null && steps < LIMITS.steps; steps += 1) {
      const node = at.producer(wanted);
      const call: Scope | undefined = node && this.#graph.callOf(node);
      if (node !== undefined && call === undefined) return node;
      if (node !== undefined && call !== undefined) {
        [wanted, at] = [[...call.outputs][node.outputs.indexOf(wanted)] ?? '', call];
      } else if (at.arguments.has(wanted) && at.caller !== null) {
        [wanted, at] = [at.arguments.get(wanted) as string, at.caller.scope];
      } else {
        at = at.outer;
      }
    }
    return null;
  }

  async #numbers(name: string, scope: Scope): Promise<readonly number[] | null> {
    if (name === '') return null;
    const found = await this.#constants.find(name, scope);
    if (typeof found === 'string' || product(found.shape) > LIMITS.shapeValues) return null;
    return [...(await found.read()).data];
  }
}

/** Which rearrangement a transposition between two reshapes is; null for another. */
function shuffleOfOrder(order: readonly number[]): { mode: 'CRD' | 'DCR'; rank: number } | null {
  const rank = (order.length - 2) / 2;
  if (rank !== 1 && rank !== 2 && rank !== 3) return null;
  const spatial = (first: number) =>
    Array.from({ length: rank }, (_, axis) => [2 + rank + axis, first + axis]).flat();
  const same = (other: readonly number[]) => order.every((axis, place) => axis === other[place]);
  if (same([0, 1, ...spatial(2)])) return { mode: 'CRD', rank };
  return same([0, 1 + rank, ...spatial(1)]) ? { mode: 'DCR', rank } : null;
}

/** Whether a transposition of three axes puts the channels behind the positions, or back. */
function isChannelsLast(transpose: OnnxNode): boolean {
  return String(transpose.integers('perm')) === '0,2,1';
}
