import { at, product } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { Layout } from '../../runtime/operation.js';
import type { Constant, NetworkGraph, NetworkNode, Operation } from '../operations.js';
import type { Shape } from '../shapes.js';
import { type GraphView, merged, type Replacement, rewrite } from './rewrite.js';

type Permutation = readonly number[];

/**
 * Makes one transpose of two, a reshape of what moves axes of length 1 alone, and takes transposes behind what computes
 * every value by itself, where they meet others and do not stand between a convolution and its activation.
 */
export function mergeTransposes(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => merge(node, view) ?? sink(node, view));
}

function merge(node: NetworkNode, view: GraphView): Replacement {
  const { operation } = node;
  if (operation.kind !== 'transpose') return null;
  const source = at(node.inputs, 0);
  const { permutation } = operation;
  if (permutation.every((from, axis) => from === axis)) return source;
  const before = view.producer(source, 'transpose');
  if (before !== null) {
    const both = permutation.map((axis) => at(before.operation.permutation, axis));
    return [merged([before, node], { kind: 'transpose', permutation: both }, before.inputs)];
  }
  const shape = view.shapeOf(source);
  const long = permutation.filter((axis) => shape[axis] !== 1);
  if (!long.every((axis, index) => index === 0 || axis > at(long, index - 1))) return null;
  return [{ ...node, operation: { kind: 'reshape', shape: view.shapeOf(at(node.outputs, 0)) } }];
}

/** The same node in front of the transpose of its inputs, and that transpose behind it. */
function sink(node: NetworkNode, view: GraphView): Replacement {
  const moved = node.inputs.map((value) =>
    view.isReadOnce(value) ? view.producer(value, 'transpose') : null,
  );
  const [first] = moved.filter((each) => each !== null);
  if (first === undefined || node.outputs.length !== 1) return null;
  const { permutation } = first.operation;
  const operation = behind(node.operation, permutation);
  if (operation === null) return null;
  const inputs: number[] = [];
  for (const [index, value] of node.inputs.entries()) {
    const own = moved[index] ?? null;
    const source =
      own === null
        ? untransposed(value, permutation, view)
        : sameList(own.operation.permutation, permutation)
          ? at(own.inputs, 0)
          : null;
    if (source === null) return null;
    inputs.push(source);
  }
  const output = at(node.outputs, 0);
  const shape = view.shapeOf(output);
  const inverse = inverseOf(permutation);
  // Not the file's value of the node: its axes lie otherwise.
  const inner = view.value(
    `${node.names[0]} before ${first.names[0]}`,
    inverse.map((axis) => at(shape, axis)),
  );
  return [
    { ...node, operation, inputs, outputs: [inner] },
    { ...first, inputs: [inner], outputs: [output] },
  ];
}

function inverseOf(permutation: Permutation): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}

/** What computes before a transpose what the operation computes behind it; null for what cannot. */
function behind(operation: Operation, permutation: Permutation): Operation | null {
  const axisOf = (axis: number): number => at(permutation, axis);
  const listOf = <Entry>(list: readonly Entry[]): Entry[] =>
    inverseOf(permutation).map((axis) => list[axis] as Entry);
  switch (operation.kind) {
    case 'unary':
      return operation.channelA === null ? operation : relaid(operation, permutation);
    case 'affine':
      return relaid(operation, permutation);
    case 'binary':
      return operation;
    case 'concat':
    case 'softmax':
      return { ...operation, axis: axisOf(operation.axis) };
    case 'slice':
      return {
        ...operation,
        start: listOf(operation.start),
        step: listOf(operation.step),
        count: listOf(operation.count),
      };
    case 'pad':
      return { ...operation, pads: listOf(operation.pads) };
    default:
      return null;
  }
}

/** With channels where they lie before a transpose that takes them from one end to the other. */
function relaid<Kind extends Operation & { readonly layout: Layout }>(
  operation: Kind,
  permutation: Permutation,
): Kind | null {
  const last = permutation.length - 1;
  const axis = operation.layout === 'channels-first' ? 1 : last;
  const before = permutation[axis];
  if (before !== 1 && before !== last) return null;
  const layout = before === axis ? operation.layout : before === 1 ? 'channels-first' : 'channels-last';
  return { ...operation, layout };
}

/** A value of one element, or a constant, as it is in front of the transpose; null for others. */
function untransposed(value: number, permutation: Permutation, view: GraphView): number | null {
  const shape = view.shapeOf(value);
  const constant = view.constantOf(value);
  if (product(shape) === 1 && shape.length <= permutation.length) return value;
  if (constant === null || shape.length > permutation.length) return null;
  return view.constant(transposedConstant(constant, inverseOf(permutation)));
}

/** Constants are made once, so that they lie on the heap once. */
const transposed = new WeakMap<Constant, Map<string, Constant>>();

function transposedConstant(constant: Constant, permutation: Permutation): Constant {
  const known = transposed.get(constant) ?? new Map<string, Constant>();
  transposed.set(constant, known);
  const key = permutation.join();
  const made = known.get(key) ?? permuted(constant, permutation);
  known.set(key, made);
  return made;
}

function permuted({ name, shape, data }: Constant, permutation: Permutation): Constant {
  const whole: Shape = [...new Array<number>(permutation.length - shape.length).fill(1), ...shape];
  const strides = whole.map((_, axis) => product(whole.slice(axis + 1)));
  const extents = permutation.map((axis) => at(whole, axis));
  const steps = permutation.map((axis) => at(strides, axis));
  const result = new Float32Array(data.length);
  const index = extents.map(() => 0);
  for (let place = 0; place < result.length; place += 1) {
    result[place] = data[index.reduce((sum, own, axis) => sum + own * at(steps, axis), 0)] as number;
    for (let axis = extents.length - 1; axis >= 0; axis -= 1) {
      index[axis] = (at(index, axis) + 1) % at(extents, axis);
      if (index[axis] !== 0) break;
    }
  }
  return { name, shape: extents, data: result };
}
