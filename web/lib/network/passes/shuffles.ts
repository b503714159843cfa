import { at } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { NetworkGraph, Of, Operation } from '../operations.js';
import type { Shape } from '../shapes.js';
import { merged, rewrite } from './rewrite.js';

type Block = Pick<Of<'depth-to-space' | 'space-to-depth'>, 'kind' | 'order' | 'layout'>;

/** A form of six axes between two reshapes: where the two of a block lie, what comes first, and what that is. */
interface Form {
  readonly permutation: readonly number[];
  readonly blocks: readonly [number, number];
  readonly operation: Block;
}

const FORMS: readonly Form[] = [
  form('depth-to-space', 'column-row-depth', 'channels-first', [2, 3], [0, 1, 4, 2, 5, 3]),
  form('depth-to-space', 'depth-column-row', 'channels-first', [1, 2], [0, 3, 4, 1, 5, 2]),
  form('depth-to-space', 'column-row-depth', 'channels-last', [4, 5], [0, 1, 4, 2, 5, 3]),
  form('depth-to-space', 'depth-column-row', 'channels-last', [3, 4], [0, 1, 3, 2, 4, 5]),
  form('space-to-depth', 'column-row-depth', 'channels-first', [3, 5], [0, 1, 3, 5, 2, 4]),
  form('space-to-depth', 'depth-column-row', 'channels-first', [3, 5], [0, 3, 5, 1, 2, 4]),
  form('space-to-depth', 'column-row-depth', 'channels-last', [2, 4], [0, 1, 3, 5, 2, 4]),
  form('space-to-depth', 'depth-column-row', 'channels-last', [2, 4], [0, 1, 3, 2, 4, 5]),
];

function form(
  kind: Block['kind'],
  order: Block['order'],
  layout: Block['layout'],
  blocks: readonly [number, number],
  permutation: readonly number[],
): Form {
  return { permutation, blocks, operation: { kind, order, layout } };
}

/** Recognises squares of pixels that are moved to channels or back by a reshape, a transpose and a reshape. */
export function findShuffles(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    if (node.operation.kind !== 'reshape') return null;
    const middle = at(node.inputs, 0);
    const moved = view.producer(middle, 'transpose');
    const split = moved && view.producer(at(moved.inputs, 0), 'reshape');
    if (!split || !view.isReadOnce(middle)) return null;
    const source = at(split.inputs, 0);
    const { permutation } = moved.operation;
    const found = FORMS.find(
      (each) =>
        sameList(each.permutation, permutation) &&
        fits(each, view.shapeOf(source), split.operation.shape, view.shapeOf(at(node.outputs, 0))),
    );
    if (found === undefined) return null;
    const block = at(split.operation.shape, found.blocks[0]);
    const operation = { ...found.operation, block } as Operation;
    return [merged([split, moved, node], operation, [source])];
  });
}

/** Whether the shapes before, between and behind are those of a form. */
function fits(
  { operation, blocks, permutation }: Form,
  before: Shape,
  between: Shape,
  behind: Shape,
): boolean {
  if (before.length !== 4 || between.length !== 6 || behind.length !== 4) return false;
  const block = at(between, blocks[0]);
  if (block !== at(between, blocks[1])) return false;
  const rest = between.filter((_, axis) => !blocks.includes(axis));
  const first = operation.layout === 'channels-first';
  const [batch = 0, high = 0, wide = 0] = [at(rest, 0), at(rest, first ? 2 : 1), at(rest, first ? 3 : 2)];
  const channels = at(rest, first ? 1 : 3);
  const arranged = (depth: number, height: number, width: number): Shape =>
    first ? [batch, depth, height, width] : [batch, height, width, depth];
  const deep = arranged(channels * block * block, high, wide);
  const flat = arranged(channels, high * block, wide * block);
  const widens = operation.kind === 'depth-to-space';
  return (
    permutation.length === 6 &&
    sameList(before, widens ? deep : flat) &&
    sameList(behind, widens ? flat : deep)
  );
}
