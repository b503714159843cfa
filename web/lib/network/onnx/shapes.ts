// What moves values, and gives them other shapes. Where to is said by the rules that constants go by.

import { notFoldable } from '../../models/folding/folded.js';
import { axisOf, checkOrder } from '../../models/folding/shapes.js';
import { checkParts, checkSlices, padOf, sliceOf, splitOf } from '../../models/onnx/moving-rules.js';
import { ruleOf } from '../../models/onnx/operators.js';
import { tilingOf } from '../tiling.js';
import type { NodeRule } from './node.js';

const pass: NodeRule = () => (call) => call.pass();

/** Another shape for the same values, or for the same ones repeated. */
const shaped =
  (kind: 'reshape' | 'expand'): NodeRule =>
  ({ node }) => {
    const rule = ruleOf(node) ?? notFoldable('it has no rule');
    return (call) => {
      const { shape } = rule(call.operands);
      if (String(shape) === String(call.shape(0))) call.pass();
      else call.result({ kind, shape }, [call.value(0)]);
    };
  };

const tile: NodeRule = ({ node }) => {
  const rule = ruleOf(node) ?? notFoldable('it has no rule');
  return (call) => {
    rule(call.operands);
    const operations = tilingOf(call.shape(0), call.operands.required(1, 'repeats') as readonly number[]);
    const last = operations.at(-1);
    if (last === undefined) return call.pass();
    const value = operations.slice(0, -1).reduce((x, operation) => call.step(operation, [x]), call.value(0));
    call.result(last, [value]);
  };
};

const dropout: NodeRule = (loaded) => {
  if (loaded.opset >= 12 && loaded.has(2) && loaded.number(2, 'training_mode') !== 0) {
    notFoldable('it is in training');
  }
  return (call) => call.pass();
};

const transpose: NodeRule = ({ node }) => {
  const given = node.integers('perm');
  if (given) checkOrder(given, given.length);
  return (call) => {
    const rank = call.shape(0).length;
    const permutation = given ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    checkOrder(permutation, rank);
    if (permutation.every((axis, place) => axis === place)) call.pass();
    else call.result({ kind: 'transpose', permutation }, [call.value(0)]);
  };
};

const slice: NodeRule = (loaded) => {
  checkSlices(['starts', 'ends', 'axes', 'steps'].map((name, place) => loaded.numbers(place + 1, name)));
  return (call) => {
    const axes = sliceOf(call.operands);
    const shape = call.shape(0);
    if (axes.every(({ start, step, count }, axis) => start === 0 && step === 1 && count === shape[axis])) {
      return call.pass();
    }
    call.result(sliceOperation(axes), [call.value(0)]);
  };
};

function sliceOperation(axes: ReturnType<typeof sliceOf>) {
  return {
    kind: 'slice',
    start: axes.map(({ start }) => start),
    step: axes.map(({ step }) => step),
    count: axes.map(({ count }) => count),
  } as const;
}

const split: NodeRule = (loaded) => {
  loaded.outputs = loaded.node.outputs.length;
  checkParts(loaded.node, loaded.numbers(1, 'split'));
  return (call) => {
    const { axis, sizes } = splitOf(call.operands);
    if (sizes.length === 1) call.pass();
    else call.result({ kind: 'split', axis, sizes }, [call.value(0)]);
  };
};

/** Parts without values are what exporters begin lists with. */
const concat: NodeRule = ({ node }) => {
  const given = node.integer('axis') ?? notFoldable('it has no axis');
  return (call) => {
    const parts = Array.from({ length: call.count }, (_, place) => place).filter((place) => call.has(place));
    const [first] = parts;
    if (first === undefined) return notFoldable('it joins nothing');
    if (parts.length === 1) return call.pass(first);
    const axis = axisOf(given, call.shape(first).length);
    call.result(
      { kind: 'concat', axis },
      parts.map((place) => call.value(place)),
    );
  };
};

const MODES = ['constant', 'reflect', 'edge', 'wrap'] as const;

const pad: NodeRule = (loaded) => {
  const mode = loaded.choice('mode', MODES, 'constant');
  if ((loaded.numbers(1, 'pads')?.length ?? 0) % 2 > 0) notFoldable('its pads do not fit');
  return (call) => {
    const { pairs, filler } = padOf(call.operands);
    if (pairs.every(([before, after]) => before === 0 && after === 0)) return call.pass();
    call.result({ kind: 'pad', pads: pairs, mode, value: filler }, [call.value(0)]);
  };
};

/** Parts of a list of places that lie evenly, in order. */
function evenParts(places: readonly number[]) {
  const parts: { start: number; step: number; count: number }[] = [];
  for (const start of places) {
    const part = parts.at(-1);
    if (part?.count === 1 && part.start !== start) part.step = start - part.start;
    if (part && part.start + part.step * part.count === start) part.count += 1;
    else parts.push({ start, step: 1, count: 1 });
  }
  return parts;
}

/** A slice for each part of the indices that lies evenly, backwards too. */
const gather: NodeRule = ({ node }) => {
  const given = node.integer('axis') ?? 0;
  return (call) => {
    const shape = call.shape(0);
    const axis = axisOf(given, shape.length);
    const extent = shape[axis] as number;
    const places = (call.operands.required(1, 'indices') as readonly number[]).map((place) =>
      place < 0 ? place + extent : place,
    );
    if (!places.length || places.some((place) => !(place >= 0 && place < extent))) {
      notFoldable(`its indices are not within an axis of ${extent}`);
    }
    const slices = evenParts(places).map((part) =>
      sliceOperation(shape.map((count, at) => (at === axis ? part : { start: 0, step: 1, count }))),
    );
    const { length } = slices;
    const x = [call.value(0)];
    const indices = call.shape(1);
    if (length + indices.length === 2) return call.result(slices[0] as (typeof slices)[0], x);
    const rows = slices.map((one) => call.step(one, x));
    call.result(
      { kind: 'reshape', shape: shape.toSpliced(axis, 1, ...indices) },
      length > 1 ? [call.step({ kind: 'concat', axis }, rows)] : rows,
    );
  };
};

const blocks =
  (kind: 'depth-to-space' | 'space-to-depth'): NodeRule =>
  (loaded) => {
    const block = loaded.node.integer('blocksize') ?? notFoldable('it has no blocksize');
    if (!(block >= 1 && block <= 1024)) notFoldable(`its blocksize is ${block}`);
    const mode = kind === 'depth-to-space' ? loaded.choice('mode', ['DCR', 'CRD'], 'DCR') : 'DCR';
    const order = mode === 'DCR' ? 'depth-column-row' : 'column-row-depth';
    return (call) => call.result({ kind, block, order, layout: 'channels-first' }, [call.value(0)]);
  };

export const SHAPES: Readonly<Record<string, NodeRule>> = {
  Identity: pass,
  Dropout: dropout,
  Reshape: shaped('reshape'),
  Flatten: shaped('reshape'),
  Squeeze: shaped('reshape'),
  Unsqueeze: shaped('reshape'),
  Expand: shaped('expand'),
  Tile: tile,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Pad: pad,
  Gather: gather,
  DepthToSpace: blocks('depth-to-space'),
  SpaceToDepth: blocks('space-to-depth'),
};
