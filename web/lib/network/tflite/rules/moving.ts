import { at, product } from '../../../core/lists.js';
import type { Pads } from '../../../core/same-padding.js';
import { sameList } from '../../../core/tensor.js';
import { tilingOf } from '../../tiling.js';
import type { Call } from '../call.js';
import { isSmall, literal, type Operand } from '../operand.js';
import type { Rule, Rules } from './rule.js';

/** Values in other places: nothing leaves a range. */
const moves = (lower: Rule['lower'], known: readonly number[] = []): Rule => ({
  keepsRange: 'inputs',
  known,
  lower,
});

const ones = (shape: readonly number[]) => shape.map(() => 1);

/** The first `count` of an axis from `start` on, in steps. */
function part(call: Call, x: Operand, axis: number, start: number, count: number, step = 1): Operand {
  const { shape } = x;
  return call.one(
    {
      kind: 'slice',
      start: shape.map((_, index) => (index === axis ? start : 0)),
      step: shape.map((_, index) => (index === axis ? step : 1)),
      count: shape.map((extent, index) => (index === axis ? count : extent)),
    },
    [x],
  );
}

const joined = (call: Call, parts: readonly Operand[], axis: number): Operand =>
  parts.length === 1 ? (parts[0] as Operand) : call.one({ kind: 'concat', axis }, parts);

/** One extent may be -1: what is left. */
function reshaped(call: Call): Operand {
  const x = call.input(0);
  const listed = call.options.list(0);
  // Of old files a list of one 0 is a scalar's shape.
  const old = listed.length === 1 && listed[0] === 0 ? [] : listed;
  const given = call.optional(1) === undefined ? old : call.numbers(1);
  const open = given.indexOf(-1);
  const rest = product(given.filter((_, axis) => axis !== open));
  const shape = given.map((extent, axis) => (axis === open ? product(x.shape) / rest : extent));
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    call.refuse(`a shape for [${x.shape.join(', ')}]`, `[${given.join(', ')}]`);
  }
  return call.reshape(shape);
}

function squeezed(call: Call): Operand {
  const { shape } = call.input(0);
  const listed = call.options.list(0).map((axis) => call.axis(axis));
  const gone = shape.map((extent, axis) => (listed.length === 0 ? extent === 1 : listed.includes(axis)));
  if (shape.some((extent, axis) => gone[axis] && extent !== 1)) {
    call.refuse(`extents of 1 along axes ${listed.join(', ')}`, `[${shape.join(', ')}]`);
  }
  return call.reshape(shape.filter((_, axis) => !gone[axis]));
}

function expanded(call: Call): Operand {
  const { shape } = call.input(0);
  const [axis = 0] = call.numbers(1);
  return call.reshape(shape.toSpliced(call.axis(axis, shape.length + 1), 0, 1));
}

function transposed(call: Call): Operand {
  const { shape } = call.input(0);
  const permutation = call.numbers(1).map((axis) => call.axis(axis));
  if (permutation.length !== shape.length || new Set(permutation).size !== shape.length) {
    call.refuse(`an order of ${shape.length} axes`, `[${call.numbers(1).join(', ')}]`);
  }
  return call.one({ kind: 'transpose', permutation });
}

/** Begins and sizes, of which -1 is all that is left. */
function sliced(call: Call): Operand {
  const { shape } = call.input(0);
  const [start, size] = [call.numbers(1), call.numbers(2)];
  const count = shape.map((extent, axis) => (size[axis] === -1 ? extent - at(start, axis) : at(size, axis)));
  if (start.length !== shape.length || count.some((extent) => !(extent >= 0))) {
    call.refuse(`a part of [${shape.join(', ')}]`, `[${size.join(', ')}] from [${start.join(', ')}] on`);
  }
  return call.one({ kind: 'slice', start, step: ones(shape), count });
}

/** Python's `x[begin:end:stride]`, whose masks say which ends are left open, added, dropped or `...`. */
function stridedSlice(call: Call): Operand {
  const x = call.input(0);
  const { options } = call;
  const [begins, ends, steps] = [call.numbers(1), call.numbers(2), call.numbers(3)];
  const masks = [0, 1, 2, 3, 4].map((field) => options.integer(field));
  const has = (mask: number, place: number) => ((at(masks, mask) >> place) & 1) === 1;
  const places = begins.map((_, place) => place);
  const ellipsis = places.find((place) => has(2, place));
  const taken = places.filter((place) => place !== ellipsis && !has(3, place)).length;
  if (taken > x.shape.length) call.refuse(`at most ${x.shape.length} parts`, `${taken}`);
  if ([ends, steps].some(({ length }) => length !== begins.length)) {
    call.refuse('as many ends and steps as begins', `${ends.length}, ${steps.length} and ${begins.length}`);
  }
  if (places.some((place) => place !== ellipsis && has(2, place)))
    call.refuse('at most one ellipsis', 'more');
  const region = { start: [] as number[], step: [] as number[], count: [] as number[] };
  // Axes of the part, null for new ones.
  const axes: (number | null)[] = [];
  const whole = () => {
    axes.push(region.count.length);
    region.start.push(0);
    region.step.push(1);
    region.count.push(at(x.shape, region.count.length));
  };
  for (const place of places) {
    if (place === ellipsis) {
      for (let left = x.shape.length - taken; left > 0; left -= 1) whole();
    } else if (has(3, place)) {
      axes.push(null);
    } else {
      const extent = at(x.shape, region.count.length);
      const { start, step, count } = bounds(call, place, extent, {
        begin: has(0, place) ? null : at(begins, place),
        end: has(1, place) ? null : at(ends, place),
        step: at(steps, place),
        single: has(4, place),
        fromStart: options.byte(5) !== 0,
      });
      if (!has(4, place)) axes.push(region.count.length);
      region.start.push(start);
      region.step.push(step);
      region.count.push(count);
    }
  }
  while (region.count.length < x.shape.length) whole();
  const part = call.one({ kind: 'slice', ...region });
  return call.reshape(
    axes.map((axis) => (axis === null ? 1 : at(part.shape, axis))),
    part,
  );
}

function bounds(
  call: Call,
  place: number,
  extent: number,
  given: {
    readonly begin: number | null;
    readonly end: number | null;
    readonly step: number;
    readonly single: boolean;
    /** Whether the end is counted from where the part starts: with negative indices resolved, and the masks. */
    readonly fromStart: boolean;
  },
) {
  const { begin, end, step, single, fromStart } = given;
  const counted = (index: number) => (index < 0 ? index + extent : index);
  if (single) {
    const start = counted(begin ?? 0);
    if (!(start >= 0 && start < extent))
      call.refuse(`an index below ${extent} in place ${place}`, `${begin}`);
    return { start, step: 1, count: 1 };
  }
  if (!Number.isInteger(step) || step === 0) call.refuse(`a step in place ${place}`, `${step}`);
  const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
  const clamp = (index: number) => Math.min(Math.max(counted(index), low), high);
  const start = begin === null ? (step > 0 ? 0 : extent - 1) : clamp(begin);
  const stop = end === null ? (step > 0 ? extent : -1) : clamp(fromStart ? start + end : end);
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) };
}

function padsOf(call: Call, place = 1): Pads[] {
  const { shape } = call.input(0);
  const numbers = call.numbers(place);
  if (numbers.length !== 2 * shape.length || numbers.some((pad) => !(pad >= 0))) {
    call.refuse(`pads of ${shape.length} axes from 0 on`, `[${numbers.join(', ')}]`);
  }
  return shape.map((_, axis): Pads => [at(numbers, 2 * axis), at(numbers, 2 * axis + 1)]);
}

function padded(call: Call): Operand {
  const [value = 0] = call.optional(2) === undefined ? [] : call.numbers(2);
  return call.one({ kind: 'pad', pads: padsOf(call), mode: 'constant', value });
}

/** Mirrored at the last value, or behind it: then the last value comes twice. */
function mirrored(call: Call): Operand {
  const pads = padsOf(call);
  const x = call.input(0);
  if (call.options.byte(0) === 0) return call.one({ kind: 'pad', pads, mode: 'reflect', value: 0 });
  if (pads.some((ends, axis) => Math.max(...ends) > at(x.shape, axis))) {
    call.refuse(`pads within [${x.shape.join(', ')}]`, `[${pads.join(', ')}]`);
  }
  if (pads.every((ends) => Math.max(...ends) <= 1)) {
    return call.one({ kind: 'pad', pads, mode: 'edge', value: 0 });
  }
  return pads.reduce((value, [before, behind], axis) => {
    const extent = at(x.shape, axis);
    const parts = [
      ...(before > 0 ? [part(call, value, axis, before - 1, before, -1)] : []),
      value,
      ...(behind > 0 ? [part(call, value, axis, extent - 1, behind, -1)] : []),
    ];
    return joined(call, parts, axis);
  }, x);
}

function concatenated(call: Call): Operand {
  return joined(call, call.inputs, call.axis(call.options.integer(0)));
}

function parted(call: Call, place: number, axis: number, sizes: readonly number[]): readonly Operand[] {
  const x = call.input(place);
  const count = call.operator.outputs.length;
  const fit =
    sizes.length === count &&
    sizes.every((size) => Number.isInteger(size) && size >= 0) &&
    sizes.reduce((sum, size) => sum + size, 0) === x.shape[axis];
  if (!fit) {
    call.refuse(`${count} parts of [${x.shape.join(', ')}] along axis ${axis}`, `[${sizes.join(', ')}]`);
  }
  return sizes.length === 1 ? [x] : call.all({ kind: 'split', axis, sizes }, [x]);
}

function split(call: Call): readonly Operand[] {
  const { shape } = call.input(1);
  const [given = 0] = call.numbers(0);
  const axis = call.axis(given, shape.length);
  const count = call.operator.outputs.length;
  return parted(call, 1, axis, Array(count).fill(at(shape, axis) / count));
}

function splitToSizes(call: Call): readonly Operand[] {
  const [given = 0] = call.numbers(2);
  const axis = call.axis(given);
  const sizes = call.numbers(1);
  const rest = at(call.input(0).shape, axis) - sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  return parted(
    call,
    0,
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
  );
}

function packed(call: Call): Operand {
  const { shape } = call.input(0);
  const axis = call.axis(call.options.integer(1), shape.length + 1);
  const raised = shape.toSpliced(axis, 0, 1);
  return joined(
    call,
    call.inputs.map((one) => call.reshape(raised, one)),
    axis,
  );
}

function unpacked(call: Call): readonly Operand[] {
  const { shape } = call.input(0);
  const axis = call.axis(call.options.integer(1));
  const parts = parted(
    call,
    0,
    axis,
    call.operator.outputs.map(() => 1),
  );
  return parts.map((one) => call.reshape(shape.toSpliced(axis, 1), one));
}

function tiled(call: Call): Operand {
  const { shape } = call.input(0);
  const times = call.numbers(1);
  if (times.length !== shape.length || times.some((count) => !(count >= 0))) {
    call.refuse(`${shape.length} numbers of tiles from 0 on`, `[${times.join(', ')}]`);
  }
  return tilingOf(shape, times).reduce((x, operation) => call.one(operation, [x]), call.input(0));
}

function reversed(call: Call): Operand {
  const { shape } = call.input(0);
  const axes = call.numbers(1).map((axis) => call.axis(axis));
  const back = (axis: number) => axes.includes(axis);
  return call.one({
    kind: 'slice',
    start: shape.map((extent, axis) => (back(axis) ? extent - 1 : 0)),
    step: shape.map((_, axis) => (back(axis) ? -1 : 1)),
    count: shape,
  });
}

/** A block's places become samples: of every axis the places that are a block apart, one after another. */
function toBatch(call: Call): Operand {
  const block = call.numbers(1);
  const pads = call.numbers(2);
  const { shape } = call.input(0);
  const inner = shape.slice(block.length + 1);
  const x = call.one({
    kind: 'pad',
    pads: shape.map((_, axis): Pads => {
      const at = axis - 1;
      return at >= 0 && at < block.length ? [pads[2 * at] ?? 0, pads[2 * at + 1] ?? 0] : [0, 0];
    }),
    mode: 'constant',
    value: 0,
  });
  const counts = block.map((size, axis) => at(x.shape, axis + 1) / size);
  if (!counts.every(Number.isInteger)) {
    call.refuse(`multiples of [${block.join(', ')}]`, `[${x.shape.join(', ')}]`);
  }
  const apart = call.reshape(
    [at(shape, 0), ...counts.flatMap((count, axis) => [count, at(block, axis)]), ...inner],
    x,
  );
  const permutation = [
    ...block.map((_, axis) => 2 * axis + 2),
    0,
    ...block.map((_, axis) => 2 * axis + 1),
    ...inner.map((_, axis) => 2 * block.length + 1 + axis),
  ];
  const moved = call.one({ kind: 'transpose', permutation }, [apart]);
  return call.reshape([at(shape, 0) * product(block), ...counts, ...inner], moved);
}

/** The way back, and what was padded cut off. */
function fromBatch(call: Call): Operand {
  const block = call.numbers(1);
  const crops = call.numbers(2);
  const { shape } = call.input(0);
  const axes = block.length;
  const [counts, inner] = [shape.slice(1, axes + 1), shape.slice(axes + 1)];
  const batch = at(shape, 0) / product(block);
  if (!Number.isInteger(batch)) call.refuse(`multiples of ${product(block)} samples`, `${shape[0]}`);
  const apart = call.reshape([...block, batch, ...counts, ...inner]);
  const permutation = [
    axes,
    ...block.flatMap((_, axis) => [axes + 1 + axis, axis]),
    ...inner.map((_, axis) => 2 * axes + 1 + axis),
  ];
  const moved = call.one({ kind: 'transpose', permutation }, [apart]);
  const whole = call.reshape(
    [batch, ...counts.map((count, axis) => count * at(block, axis)), ...inner],
    moved,
  );
  const start = whole.shape.map((_, axis) => (axis > 0 && axis <= axes ? (crops[2 * axis - 2] ?? 0) : 0));
  const count = whole.shape.map(
    (extent, axis) => extent - at(start, axis) - (axis > 0 && axis <= axes ? (crops[2 * axis - 1] ?? 0) : 0),
  );
  if (count.some((extent) => extent < 0)) {
    call.refuse(`crops within [${whole.shape.join(', ')}]`, `[${crops.join(', ')}]`);
  }
  return call.one({ kind: 'slice', start, step: ones(count), count }, [whole]);
}

const blocks = (lower: Rule['lower']): Rule =>
  moves(
    (call) => {
      const [block, pads] = [call.numbers(1), call.numbers(2)];
      const { length } = call.input(0).shape;
      const fits = block.every((size) => Number.isInteger(size) && size > 0) && pads.every((pad) => pad >= 0);
      if (!fits || block.length >= length || pads.length !== 2 * block.length) {
        call.refuse(
          `blocks and pads of at most ${length - 1} axes`,
          `[${block.join(', ')}] and [${pads.join(', ')}]`,
        );
      }
      return lower(call);
    },
    [1, 2],
  );

const shuffle = (kind: 'depth-to-space' | 'space-to-depth'): Rule => ({
  ...moves((call) =>
    call.one({ kind, block: call.options.integer(0), order: 'depth-column-row', layout: 'channels-last' }),
  ),
  refusal: ({ options }) => (options.integer(0) > 0 ? null : 'it has no readable options'),
});

/** Parts along an axis by their indices, as many as shapes and channels need; with `batch_dims` of every sample by its own. */
function gathered(call: Call): Operand {
  const [x, { shape }] = [call.input(0), call.input(1)];
  const axis = call.axis(call.options.integer(0));
  const given = call.options.integer(1);
  const batches = given < 0 ? given + shape.length : given;
  if (batches < 0 || batches > axis || !sameList(x.shape.slice(0, batches), shape.slice(0, batches))) {
    call.refuse(`indices for ${batches} axes of [${x.shape.join(', ')}]`, `[${shape.join(', ')}]`);
  }
  const extent = at(x.shape, axis);
  const wanted = call.numbers(1);
  for (const index of wanted) {
    if (!(Number.isInteger(index) && index >= 0 && index < extent))
      call.refuse(`indices below ${extent}`, `${index}`);
  }
  if (wanted.length === 0 || wanted.length > 1024) call.refuse('1 to 1024 indices', `${wanted.length}`);
  const rows = batches === 0 ? rowsOf(call, x, axis, wanted) : rowsOfSamples(call, x, batches, axis, wanted);
  return call.reshape(x.shape.toSpliced(axis, 1, ...shape.slice(batches)), rows);
}

function rowsOf(call: Call, x: Operand, axis: number, indices: readonly number[]): Operand {
  const rows = indices.map((index) => part(call, x, axis, index, 1));
  return joined(call, rows, axis);
}

/** Samples are counted over the first `batches` axes, and have as many indices each. */
function rowsOfSamples(
  call: Call,
  x: Operand,
  batches: number,
  axis: number,
  indices: readonly number[],
): Operand {
  const samples = product(x.shape.slice(0, batches));
  const each = indices.length / samples;
  const all = call.reshape([samples, ...x.shape.slice(batches)], x);
  const rows = Array.from({ length: samples }, (_, sample) => {
    const own = indices.slice(each * sample, each * (sample + 1));
    return rowsOf(call, part(call, all, 0, sample, 1), axis - batches + 1, own);
  });
  return joined(call, rows, 0);
}

function filled(call: Call): Operand {
  const shape = call.numbers(0);
  if (shape.length > 8 || !shape.every((extent) => Number.isInteger(extent) && extent >= 0)) {
    call.refuse('a shape', `[${shape.join(', ')}]`);
  }
  return call.one({ kind: 'expand', shape }, [call.reshape([], call.input(1))]);
}

function ranged(call: Call): Operand {
  const [start = 0, limit = 0, step = 0] = [0, 1, 2].flatMap((place) => call.numbers(place));
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!Number.isInteger(count) || !isSmall([count])) call.refuse('a range of few numbers', `${count}`);
  return literal(
    call.operator.name,
    [count],
    Array.from({ length: count }, (_, index) => start + step * index),
  );
}

export const moving: Rules = {
  RESHAPE: moves(reshaped, [1]),
  SQUEEZE: moves(squeezed),
  EXPAND_DIMS: moves(expanded, [1]),
  TRANSPOSE: moves(transposed, [1]),
  SLICE: moves(sliced, [1, 2]),
  STRIDED_SLICE: moves(stridedSlice, [1, 2, 3]),
  PAD: moves(padded, [1]),
  PADV2: moves(padded, [1, 2]),
  MIRROR_PAD: moves(mirrored, [1]),
  CONCATENATION: { ...moves(concatenated), activation: 1 },
  SPLIT: moves(split, [0]),
  SPLIT_V: moves(splitToSizes, [1, 2]),
  PACK: moves(packed),
  UNPACK: moves(unpacked),
  TILE: moves(tiled, [1]),
  BROADCAST_TO: moves((call) => call.one({ kind: 'expand', shape: call.numbers(1) }), [1]),
  REVERSE_V2: moves(reversed, [1]),
  SPACE_TO_BATCH_ND: blocks(toBatch),
  BATCH_TO_SPACE_ND: blocks(fromBatch),
  DEPTH_TO_SPACE: shuffle('depth-to-space'),
  SPACE_TO_DEPTH: shuffle('space-to-depth'),
  GATHER: moves(gathered, [1]),
  FILL: moves(filled, [0]),
  RANGE: moves(ranged, [0, 1, 2]),
  SHAPE: moves((call) => literal(call.operator.name, [call.input(0).shape.length], call.input(0).shape)),
  RANK: moves((call) => literal(call.operator.name, [], [call.input(0).shape.length])),
};
