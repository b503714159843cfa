// Networks as modules of the root entry: to train, edit and save.

import { describe, fault } from '../core/checks.js';
import { at, product } from '../core/lists.js';
import { sameList } from '../core/tensor.js';
import * as root from '../index.js';
import type { NetworkGraph, NetworkNode, Of, Pads } from './operations.js';
import { affineOf, held, summandsOf } from './passes/affines.js';
import { type Shape, spatialAxes } from './shapes.js';

/** What is made of a node: modules, one behind the other, or a join of all its inputs. */
type Made = readonly root.Module[] | 'join';

const ANY_RANK = {
  conv: [root.Conv1d, root.Conv2d, root.Conv3d],
  convTranspose: [root.ConvTranspose1d, root.ConvTranspose2d, root.ConvTranspose3d],
  batchNorm: [root.BatchNorm1d, root.BatchNorm2d, root.BatchNorm3d],
  instanceNorm: [root.InstanceNorm1d, root.InstanceNorm2d, root.InstanceNorm3d],
  maxPool: [root.MaxPool1d, root.MaxPool2d, root.MaxPool3d],
  averagePool: [root.AvgPool1d, root.AvgPool2d, root.AvgPool3d],
  globalPool: [root.AdaptiveAvgPool1d, root.AdaptiveAvgPool2d, root.AdaptiveAvgPool3d],
  constant: [root.ConstantPad1d, root.ConstantPad2d, root.ConstantPad3d],
  reflect: [root.ReflectionPad1d, root.ReflectionPad2d, root.ReflectionPad3d],
  edge: [root.ReplicationPad1d, root.ReplicationPad2d, root.ReplicationPad3d],
} as const;

/** The class of a kind for so many spatial axes; their options are alike but for the lengths of lists. */
function classOf(kind: keyof typeof ANY_RANK, rank: number): new (options: object) => root.Module & Weighted {
  const found = ANY_RANK[kind][rank - 1];
  if (found === undefined) throw reasonError(`it has ${rank} spatial axes`);
  return found as never;
}

interface Weighted {
  setWeight(weight: Float32Array): unknown;
  setBias(bias: Float32Array): unknown;
  stateDict(): root.StateDict;
  loadStateDict(state: root.StateDict): unknown;
}

/** A `Graph` of modules, in eval, or all nodes that have none. */
export function graphOf(where: string, network: NetworkGraph, outputNames: readonly string[]): root.Graph {
  const graph = new root.Graph();
  const values = new Map<number, root.GraphValue>();
  const names = new Set<string>();
  const problems: { readonly name: string; readonly type: string; readonly reason: string }[] = [];
  const named = (name: string, fallback: string): string => {
    const plain = name.replaceAll('.', '_') || fallback;
    let own = plain;
    for (let more = 2; names.has(own); more += 1) own = `${plain}_${more}`;
    names.add(own);
    return own;
  };
  const shapeOf = (value: number): Shape => (network.values[value] as NetworkGraph['values'][number]).shape;
  const isComputed = (value: number): boolean => network.values[value]?.constant === null;
  const nameOf = (value: number): string => (network.values[value] as NetworkGraph['values'][number]).name;
  for (const value of network.inputs) values.set(value, graph.input(named(nameOf(value), 'input')));
  for (const node of network.nodes) {
    const title = node.names[0] ?? '';
    try {
      const made = modulesOf(node, network, shapeOf);
      const inputs = node.inputs.flatMap((value) => values.get(value) ?? []);
      // Of what has no module: it is told there.
      if (inputs.length < node.inputs.filter(isComputed).length) continue;
      const name = named(title, node.operation.kind);
      if (made === 'join') {
        const results = join(graph, node, inputs, name);
        for (const [index, value] of node.outputs.entries()) {
          values.set(value, results[index] as root.GraphValue);
        }
        continue;
      }
      let [last] = inputs as [root.GraphValue];
      for (const [index, module] of made.entries()) {
        last = graph.apply(module, last, index === made.length - 1 ? name : named(`${name}_pad`, ''));
      }
      values.set(at(node.outputs, 0), last);
    } catch (error) {
      problems.push({ name: title, type: node.types.join(', '), reason: reasonOf(error) });
    }
  }
  if (problems.length > 0) {
    const list = problems.slice(0, 5).map(({ name, type, reason }) => `"${name}" (${type}): ${reason}`);
    const more = problems.length > list.length ? ` and ${problems.length - list.length} more` : '';
    throw fault(
      'UNSUPPORTED',
      where,
      'a module of the root entry for every node',
      `${list.join('; ')}${more}`,
      'Run the network as it is.',
      { nodes: problems },
    );
  }
  names.clear();
  for (const [index, value] of network.outputs.entries()) {
    const name = outputNames[index] as string;
    const made = values.get(value);
    if (made === undefined) {
      throw fault(
        'UNSUPPORTED',
        where,
        'outputs that are computed of inputs',
        `${describe(name)}, a constant`,
      );
    }
    graph.output(made, named(name, 'output'));
  }
  return graph.eval();
}

const REASON = Symbol('reason');

function reasonError(reason: string): Error {
  return Object.assign(new Error(reason), { [REASON]: true });
}

/** Why a module would not be made, in its own words or ours. */
function reasonOf(error: unknown): string {
  const ours = (error as { readonly [REASON]?: true })[REASON] === true;
  if (ours || (error as { readonly name?: string }).name === 'DeconvError') return (error as Error).message;
  throw error;
}

function join(
  graph: root.Graph,
  { operation, inputs }: NetworkNode,
  values: readonly root.GraphValue[],
  name: string,
): readonly root.GraphValue[] {
  if (operation.kind === 'concat') return [graph.concat(values, { axis: operation.axis, name })];
  const [one, other] = values as readonly [root.GraphValue, root.GraphValue];
  if (operation.kind === 'split') return graph.split(one, operation.sizes, { axis: operation.axis, name });
  return [graph.add(one, inputs.length > 1 ? other : one, name)];
}

function modulesOf(node: NetworkNode, network: NetworkGraph, shapeOf: (value: number) => Shape): Made {
  const { operation, inputs, outputs } = node;
  const [shape, result] = [shapeOf(at(inputs, 0)), shapeOf(at(outputs, 0))];
  const constantOf = (index: number) => network.values[inputs[index] ?? -1]?.constant ?? null;
  const constants = inputs.some((_, index) => constantOf(index) !== null);
  const rank = shape.length - 2;
  const refuse = (reason: string): never => {
    throw reasonError(reason);
  };
  if (operation.kind === 'binary' && constants) {
    const values = { shapeOf, constantOf: (value: number) => network.values[value]?.constant ?? null };
    const scaled = affineOf(node, values, 'channels-first');
    return scaled === null || held(scaled) === null || result.length < 3
      ? refuse('it computes with a constant')
      : [channelwise(scaled, result.length - 2)];
  }
  // A product has a constant matrix behind what it multiplies.
  if (constantOf(0) !== null || (constants && operation.kind !== 'matmul')) {
    return refuse('it computes with a constant');
  }
  if ('layout' in operation && operation.layout === 'channels-last') {
    const plain = operation.kind === 'unary' && operation.channelA === null;
    if (!plain) return refuse('its channels are last');
  }
  switch (operation.kind) {
    case 'convolution':
      return convolutionOf(operation);
    case 'affine': {
      const eps = 1e-5;
      const norm = new (classOf('batchNorm', Math.max(1, rank)))({
        numFeatures: operation.scale.length,
        eps,
      });
      norm.setWeight(Float32Array.from(operation.scale, (factor) => factor * Math.sqrt(1 + eps)));
      norm.setBias(Float32Array.from(operation.shift));
      // Worked into the summand, a large mean would take digits.
      const mean = { data: Float32Array.from(operation.mean), shape: [operation.mean.length] };
      norm.loadStateDict({ ...norm.stateDict(), running_mean: mean });
      return [norm];
    }
    case 'normalization':
      return [normalizationOf(operation, shape)];
    case 'unary':
      return [activationOf(operation)];
    case 'binary': {
      const same = inputs.every((value) => sameList(shapeOf(value), result));
      return operation.function === 'add' && same ? 'join' : refuse('modules add values of one shape alone');
    }
    case 'concat':
    case 'split':
      return 'join';
    case 'softmax':
      if (operation.logarithm) return refuse('it is a logarithm');
      return [new root.Softmax({ dim: operation.axis })];
    case 'pool': {
      const { kernel: kernelSize, stride, dilation, pads, countPadding } = operation;
      const padding = symmetric(pads) ?? refuse('it pads its ends differently');
      if (operation.function === 'maximum') {
        return [new (classOf('maxPool', rank))({ kernelSize, stride, padding, dilation })];
      }
      if (dilation.some((each) => each !== 1)) return refuse('it is dilated');
      return [
        new (classOf('averagePool', rank))({ kernelSize, stride, padding, countIncludePad: countPadding }),
      ];
    }
    case 'resize':
      return [upsampleOf(operation, shape)];
    case 'depth-to-space':
    case 'space-to-depth': {
      const { block, order } = operation;
      if (order !== 'column-row-depth') return refuse('it orders channels as TensorFlow does');
      return operation.kind === 'depth-to-space'
        ? [new root.PixelShuffle({ upscaleFactor: block })]
        : [new root.PixelUnshuffle({ downscaleFactor: block })];
    }
    case 'pad': {
      const { pads, mode, value } = operation;
      const spatial = spatialAxes('channels-first', shape.length);
      if (pads.some((ends, axis) => !spatial.includes(axis) && ends.some((end) => end !== 0))) {
        return refuse('it pads more than spatial axes');
      }
      if (mode === 'wrap') return refuse('it pads with the other end');
      const padding = lastFirst(pads.slice(2));
      return [new (classOf(mode, rank))({ padding, ...(mode === 'constant' && { value }) })];
    }
    case 'reduce': {
      const { axes, keepAxes } = operation;
      const global =
        keepAxes &&
        operation.function === 'mean' &&
        sameList(axes, spatialAxes('channels-first', shape.length));
      return global
        ? [new (classOf('globalPool', rank))({ outputSize: 1 })]
        : refuse('it is no global average');
    }
    case 'matmul': {
      const { alpha, beta, transposeA, transposeB } = operation;
      const [matrix, bias] = [constantOf(1), inputs.length > 2 ? constantOf(2) : null];
      const plain = alpha === 1 && !transposeA && matrix?.shape.length === 2;
      if (!plain || matrix === null || (inputs.length > 2 && bias === null))
        return refuse('its matrix is no constant');
      const [rows = 0, columns = 0] = matrix.shape;
      const [inFeatures, outFeatures] = transposeB ? [columns, rows] : [rows, columns];
      if (bias !== null && bias.data.length !== outFeatures) return refuse('its summand is no bias');
      const linear = new root.Linear({ inFeatures, outFeatures, bias: bias !== null });
      const place = (out: number, from: number): number =>
        transposeB ? out * inFeatures + from : from * outFeatures + out;
      linear.setWeight(
        Float32Array.from(
          { length: matrix.data.length },
          (_, index) => matrix.data[place(Math.floor(index / inFeatures), index % inFeatures)] as number,
        ),
      );
      if (bias !== null) linear.setBias(bias.data.map((each) => each * beta));
      return [linear];
    }
    case 'reshape':
      // Flatten leaves a first axis, behind which there has to be another.
      if (shape.length > 1 && result.length === 2 && result[0] === shape[0]) return [new root.Flatten()];
      if (shape.length === 2 && result[0] === shape[0]) {
        return [new root.Unflatten({ dim: 1, unflattenedSize: result.slice(1) })];
      }
      return refuse('it mixes axes');
    default:
      return refuse('the root entry has no module for it');
  }
}

/** Both ends, where they are the same. */
function symmetric(pads: Pads): number[] | null {
  return pads.every(([before, behind]) => before === behind && before >= 0)
    ? pads.map(([before]) => before)
    : null;
}

/** As PyTorch lists pads: the last axis first. */
function lastFirst(pads: Pads): number[] {
  return pads.toReversed().flat();
}

function convolutionOf(operation: Of<'convolution'>): root.Module[] {
  const { transposed, weight, bias, stride, dilation, groups, pads, outputPadding } = operation;
  const [first = 0, second = 0, ...kernelSize] = weight.shape;
  const [inChannels, outChannels] = transposed ? [first, second * groups] : [second * groups, first];
  const common = { inChannels, outChannels, kernelSize, stride, dilation, groups, bias: bias !== null };
  const rank = kernelSize.length;
  const padding = symmetric(pads);
  const modules: root.Module[] = [];
  let own: object = { ...common, padding: padding ?? 0 };
  if (transposed) {
    // What is cropped less behind is an output padding.
    const more = outputPadding.map((each, axis) => {
      const [before, behind] = pads[axis] as readonly [number, number];
      return each + before - behind;
    });
    own = { ...common, padding: pads.map(([before]) => before), outputPadding: more };
  } else if (padding === null) {
    modules.push(new (classOf('constant', rank))({ padding: lastFirst(pads), value: 0 }));
  }
  const layer = new (classOf(transposed ? 'convTranspose' : 'conv', rank))(own);
  layer.setWeight(weight.data);
  if (bias !== null) layer.setBias(bias.data);
  return [...modules, layer];
}

/** Factors and summands of channels, as a convolution of one tap: unlike a batch norm it is the same in training. */
function channelwise(affine: Of<'affine'>, rank: number): root.Module {
  const { scale } = affine;
  const shift = summandsOf(affine);
  const channels = scale.length;
  const bias = shift.some((summand) => summand !== 0);
  const layer = new (classOf('conv', rank))({
    inChannels: channels,
    outChannels: channels,
    kernelSize: 1,
    groups: channels,
    bias,
  });
  layer.setWeight(Float32Array.from(scale));
  if (bias) layer.setBias(Float32Array.from(shift));
  return layer;
}

function normalizationOf(operation: Of<'normalization'>, shape: Shape): root.Module {
  const { over, groups, axis, epsilon: eps, scale, shift } = operation;
  const [channels, rank] = [at(shape, 1), shape.length - 2];
  const affine = scale !== null || shift !== null;
  if (over !== 'layer' && product(shape.slice(1)) === groups) {
    throw reasonError('it takes the statistics of single values, which PyTorch refuses');
  }
  const norm =
    over === 'layer'
      ? new root.LayerNorm({ normalizedShape: shape.slice(axis), eps, elementwiseAffine: affine })
      : groups === channels
        ? new (classOf('instanceNorm', rank))({ numFeatures: channels, eps, affine })
        : new root.GroupNorm({ numGroups: groups, numChannels: channels, eps, affine });
  if (scale !== null) norm.setWeight(scale);
  if (shift !== null) norm.setBias(shift);
  return norm;
}

function activationOf(operation: Of<'unary'>): root.Module {
  const { function: name, a, b, channelA } = operation;
  const refuse = (): never => {
    throw reasonError('the root entry has no module for it');
  };
  switch (name) {
    case 'relu':
      return new root.ReLU();
    case 'leaky-relu':
      return channelA === null
        ? new root.LeakyReLU({ negativeSlope: a })
        : new root.PReLU({ numParameters: channelA.length }).setWeight(channelA);
    case 'elu':
      return new root.ELU({ alpha: a });
    case 'silu':
      return new root.SiLU();
    case 'gelu':
      return new root.GELU();
    case 'gelu-tanh':
      return new root.GELU({ approximate: 'tanh' });
    case 'hardswish':
      return new root.Hardswish();
    case 'hardsigmoid':
      return Math.abs(a - 1 / 6) < 1e-6 && b === 0.5 ? new root.Hardsigmoid() : refuse();
    case 'clamp':
      return new root.Hardtanh({ minVal: a, maxVal: b });
    case 'softplus':
      return new root.Softplus();
    case 'sigmoid':
      return new root.Sigmoid();
    case 'tanh':
      return new root.Tanh();
    case 'snake':
      return channelA === null ? refuse() : new root.Snake({ channels: channelA.length }).setWeight(channelA);
    default:
      return refuse();
  }
}

function upsampleOf(operation: Of<'resize'>, shape: Shape): root.Module {
  const { size, scale, interpolation, coordinates, rounding } = operation;
  const rank = shape.length - 2;
  const refuse = (reason: string): never => {
    throw reasonError(reason);
  };
  if (scale[0] !== 1 || scale[1] !== 1) return refuse('it resizes channels');
  const factors = scale.slice(2).map((factor, axis) => {
    const [extent, wanted] = [at(shape, axis + 2), at(size, axis + 2)];
    if (Math.floor(extent * factor) === wanted) return factor;
    // A ratio of lengths, or a factor that was counted with in float32, may miss in float64 the length that it stands for.
    const reaching = (wanted / extent) * (1 + Number.EPSILON);
    return Math.abs(reaching / factor - 1) < 1e-6
      ? reaching
      : refuse('it rounds lengths otherwise than PyTorch does');
  });
  if (interpolation === 'nearest') {
    const plain = coordinates === 'asymmetric' && rounding === 'floor';
    return plain
      ? new root.Upsample({ scaleFactor: factors })
      : refuse('it rounds otherwise than PyTorch does');
  }
  const halves = coordinates === 'half-pixel' || coordinates === 'pytorch-half-pixel';
  if (interpolation !== 'linear' || !(halves || coordinates === 'align-corners')) {
    return refuse('PyTorch has no such coordinates');
  }
  const mode =
    (['linear', 'bilinear', 'trilinear'] as const)[rank - 1] ?? refuse(`it has ${rank} spatial axes`);
  return new root.Upsample({ scaleFactor: factors, mode, alignCorners: !halves });
}
