// Norms in inference.

import { broadcastShape } from '../../core/broadcasting.js';
import { product } from '../../core/lists.js';
import { broadcast } from '../../models/folding/arrays.js';
import { notFoldable } from '../../models/folding/folded.js';
import { axisOf } from '../../models/folding/shapes.js';
import type { Operation } from '../operations.js';
import { floatsOf, type LoadedNode, type NodeRule } from './node.js';

const EPSILON = 1e-5;

const batchNorm: NodeRule = (loaded) => {
  const { node, opset } = loaded;
  // From opset 7 to 13 what gives statistics is in training, and no attribute says it.
  const trains =
    opset < 7 ? node.integer('is_test') !== 1 : node.integer('training_mode') === 1 || node.outputs[1];
  if (trains) notFoldable('it is in training');
  if (node.integer('spatial') === 0) notFoldable('it has numbers for every point');
  const [scale, shift, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map((what, index) =>
    Float64Array.from(floatsOf(loaded.required(index + 1, what))),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const channels = scale.length;
  if ([shift, mean, variance].some((list) => list.length !== channels)) {
    notFoldable('its numbers are not one for each channel');
  }
  const epsilon = node.float('epsilon') ?? EPSILON;
  const factors = scale.map((factor, channel) => factor / Math.sqrt((variance[channel] as number) + epsilon));
  return (call) =>
    call.result(
      {
        kind: 'affine',
        mean,
        scale: factors,
        shift,
        layout: 'channels-first',
      },
      [call.value(0)],
    );
};

/** One number for every channel, also where the file has one for every group. */
function perChannel(loaded: LoadedNode, groups: number | null) {
  const lists = [floatsOf(loaded.required(1, 'scale')), floatsOf(loaded.required(2, 'bias'))] as const;
  const [one, other] = lists.map(({ length }) => length);
  if (one !== other && one !== groups && other !== groups) {
    notFoldable(`it has ${one} scales and ${other} summands`);
  }
  const known = new Map<number, readonly Float32Array[]>();
  return (channels: number) => {
    let spread = known.get(channels);
    if (spread === undefined) {
      spread = lists.map((list) => {
        if (list.length === channels) return list;
        if (list.length !== groups) notFoldable(`its numbers are ${list.length} for ${channels} channels`);
        return Float32Array.from({ length: channels }, (_, channel) => {
          return list[Math.floor((channel * list.length) / channels)] as number;
        });
      });
      known.set(channels, spread);
    }
    return spread as readonly [Float32Array, Float32Array];
  };
}

/** Every group of channels of every sample; without a count each channel is one. */
const groupNorm =
  (grouped: boolean): NodeRule =>
  (loaded) => {
    const { node, opset } = loaded;
    const count = grouped ? (node.integer('num_groups') ?? notFoldable('it has no num_groups')) : null;
    if (count !== null && !(count >= 1)) notFoldable(`its num_groups are ${count}`);
    const epsilon = node.float('epsilon') ?? EPSILON;
    // Opset 18 has scale and bias of every group, from 21 on they are of every channel.
    const parametersOf = perChannel(loaded, opset < 21 ? count : null);
    return (call) => {
      const shape = call.shape(0);
      if (shape.length < 3) notFoldable(`its input has ${shape.length} axes`);
      const channels = shape[1] as number;
      const [scale, shift] = parametersOf(channels);
      call.result(
        {
          kind: 'normalization',
          over: 'groups',
          groups: count ?? channels,
          axis: 1,
          epsilon,
          scale,
          shift,
          layout: 'channels-first',
        },
        [call.value(0)],
      );
    };
  };

const layerNorm: NodeRule = (loaded) => {
  const { node } = loaded;
  const given = node.integer('axis') ?? -1;
  const epsilon = node.float('epsilon') ?? EPSILON;
  const tensors = [loaded.required(1, 'scale'), loaded.constant(2, 'bias')];
  const shapes = tensors.map((tensor) => tensor?.shape ?? []);
  if (broadcastShape(shapes) === null) notFoldable('its scale and bias are of different shapes');
  return (call) => {
    const shape = call.shape(0);
    const axis = axisOf(given, shape.length);
    const normalized = shape.slice(axis);
    const whole = shapes.some((own) => !repeats(own, normalized));
    if (!shapes.every((own) => own.length <= shape.length && repeats(own, shape))) {
      notFoldable('its numbers do not fit its input');
    }
    const [scale = null, shift = null] = tensors.map((tensor) => {
      if (tensor === null || whole) return null;
      const list = floatsOf(tensor) as Float32Array<ArrayBuffer>;
      if (list.length === product(normalized)) return list;
      return broadcast(list, tensor.shape, normalized, 'float32') as Float32Array;
    });
    const norm: Operation = {
      kind: 'normalization',
      over: 'layer',
      groups: 1,
      axis,
      epsilon,
      scale,
      shift,
      layout: 'channels-first',
    };
    if (!whole) return call.result(norm, [call.value(0)]);
    // Numbers that differ along an axis that is not normalized: they come behind the norm, over all of its input.
    const scaled = [call.step(norm, [call.value(0)]), call.value(1)];
    if (tensors[1] === null) return call.result(MULTIPLY, scaled);
    call.result({ kind: 'binary', function: 'add' }, [call.step(MULTIPLY, scaled), call.value(2)]);
  };
};

const MULTIPLY: Operation = { kind: 'binary', function: 'multiply' };

/** Whether a tensor of one shape is repeated to fill the other. */
function repeats(own: readonly number[], whole: readonly number[]): boolean {
  const offset = whole.length - own.length;
  return own.every((extent, axis) => extent === 1 || extent === whole[axis + offset]);
}

export const NORMS: Readonly<Record<string, NodeRule>> = {
  BatchNormalization: batchNorm,
  InstanceNormalization: groupNorm(false),
  GroupNormalization: groupNorm(true),
  LayerNormalization: layerNorm,
};
