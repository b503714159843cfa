import { at, product } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { NetworkGraph, Of } from '../operations.js';
import type { Shape } from '../shapes.js';
import { merged, rewrite } from './rewrite.js';

/**
 * Recognises group norms that are spelled as instance norms of groups laid out as channels, as PyTorch writes them below
 * opset 21. The factors and summands of channels stand behind them.
 */
export function nameGroupNorms(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    if (node.operation.kind !== 'reshape') return null;
    const middle = at(node.inputs, 0);
    const norm = view.producer(middle, 'normalization');
    const gathered = norm && view.producer(at(norm.inputs, 0), 'reshape');
    if (!gathered || !view.isReadOnce(middle) || !view.isReadOnce(at(norm.inputs, 0))) return null;
    const source = at(gathered.inputs, 0);
    const shape = view.shapeOf(source);
    const { operation } = norm;
    if (!sameList(shape, view.shapeOf(at(node.outputs, 0)))) return null;
    if (!gathers(operation, shape, gathered.operation.shape)) return null;
    const each = at(shape, 1) / operation.groups;
    const spread = (list: Float32Array | null) =>
      list &&
      Float32Array.from({ length: at(shape, 1) }, (_, channel) => list[Math.floor(channel / each)] as number);
    const named: Of<'normalization'> = {
      ...operation,
      scale: spread(operation.scale),
      shift: spread(operation.shift),
    };
    return [merged([gathered, norm, node], named, [source])];
  });
}

/** Whether every channel of the reshaped value is what some channels of the value follow each other with. */
function gathers({ over, layout, groups }: Of<'normalization'>, shape: Shape, reshaped: Shape): boolean {
  const [batch = 0, channels = 0] = shape;
  return (
    over === 'groups' &&
    layout === 'channels-first' &&
    shape.length >= 3 &&
    reshaped.length >= 3 &&
    reshaped[0] === batch &&
    reshaped[1] === groups &&
    channels % groups === 0 &&
    product(reshaped.slice(2)) === product(shape.slice(1)) / groups
  );
}
