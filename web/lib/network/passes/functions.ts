import { at } from '../../core/lists.js';
import { sameList } from '../../core/tensor.js';
import type { Layout } from '../../runtime/operation.js';
import type { BinaryFunction, NetworkGraph, NetworkNode, Of, UnaryFunction } from '../operations.js';
import { type GraphView, merged, type NodeOf, rewrite } from './rewrite.js';

/** A function as its files spell it, found at its last node: the value that it is of, and the nodes on the way. */
interface Found {
  readonly source: number;
  readonly nodes: readonly NetworkNode[];
  readonly function: UnaryFunction;
  readonly a?: number;
  readonly b?: number;
  readonly channelA?: { readonly values: Float32Array; readonly layout: Layout };
}

/** Recognises functions of one value that exporters spell as several nodes. */
export function nameFunctions(graph: NetworkGraph): NetworkGraph {
  return rewrite(graph, (node, view) => {
    const pattern = new Pattern(view);
    for (const find of PATTERNS) {
      const found = find(node, pattern);
      // A constant may have more axes or channels than what it is multiplied with.
      if (found === null || !sameList(view.shapeOf(found.source), view.shapeOf(at(node.outputs, 0))))
        continue;
      const { a = 0, b = 0, channelA } = found;
      const operation: Of<'unary'> = {
        kind: 'unary',
        function: found.function,
        a,
        b,
        channelA: channelA?.values ?? null,
        layout: channelA?.layout ?? 'channels-first',
      };
      return [merged([...found.nodes, node], operation, [found.source])];
    }
    return null;
  });
}

interface Scaled {
  readonly factor: number;
  readonly of: number;
  /** The products and quotients on the way. */
  readonly nodes: readonly NetworkNode[];
}

/** No function is spelled with more in a row; a file may have thousands. */
const MOST_FACTORS = 4;

/** What patterns ask of the nodes before a value, which nobody else may read. */
class Pattern {
  readonly view: GraphView;

  constructor(view: GraphView) {
    this.view = view;
  }

  unary(value: number, wanted: UnaryFunction): NodeOf<'unary'> | null {
    const node = this.view.producer(value, 'unary');
    return node?.operation.function === wanted && node.operation.channelA === null ? node : null;
  }

  binary(value: number, wanted: BinaryFunction): NodeOf<'binary'> | null {
    const node = this.view.producer(value, 'binary');
    return node?.operation.function === wanted ? node : null;
  }

  /** A constant of one number. */
  number(value: number): number | null {
    const constant = this.view.constantOf(value);
    return constant?.data.length === 1 ? (constant.data[0] as number) : null;
  }

  /** Both ways round. */
  *pairs({ inputs }: NetworkNode): Iterable<readonly [number, number]> {
    const [one = 0, other = 0] = inputs;
    yield [one, other];
    yield [other, one];
  }

  /** A value as a number times another one: by products and quotients, or as it is. */
  scaled(value: number): Scaled {
    const nodes: NetworkNode[] = [];
    let [factor, of] = [1, value];
    while (nodes.length < MOST_FACTORS) {
      const node = this.view.producer(of, 'binary');
      const own = node && this.#factorOf(node);
      if (!own) break;
      factor *= own.factor;
      of = own.of;
      nodes.unshift(node);
    }
    return { factor, of, nodes };
  }

  /** The node itself as a number times a value, without those behind it. */
  scaledBy(node: NetworkNode): Scaled | null {
    const own = this.#factorOf(node);
    if (own === null) return null;
    const { factor, of, nodes } = this.scaled(own.of);
    return { factor: own.factor * factor, of, nodes };
  }

  #factorOf(node: NetworkNode): Pick<Scaled, 'factor' | 'of'> | null {
    const { operation, inputs } = node;
    if (operation.kind !== 'binary') return null;
    if (operation.function === 'multiply') {
      for (const [of, number] of this.pairs(node)) {
        const factor = this.number(number);
        if (factor !== null) return { factor, of };
      }
    }
    const divisor = operation.function === 'divide' ? this.number(at(inputs, 1)) : null;
    return divisor === null ? null : { factor: 1 / divisor, of: at(inputs, 0) };
  }

  /** A value as another one plus a number. */
  shifted(value: number, summand: number): { readonly of: number; readonly node: NetworkNode } | null {
    const sum = this.binary(value, 'add');
    if (sum === null) return null;
    for (const [of, number] of this.pairs(sum)) if (this.number(number) === summand) return { of, node: sum };
    return null;
  }
}

type Find = (node: NetworkNode, pattern: Pattern) => Found | null;

/** A node that is a function of two values; its pairs. */
function pairsOf(node: NetworkNode, pattern: Pattern, wanted: BinaryFunction) {
  const { operation } = node;
  return operation.kind === 'binary' && operation.function === wanted ? pattern.pairs(node) : [];
}

const near = (one: number, other: number): boolean => Math.abs(one - other) <= 1e-5 * Math.abs(other);

/** x times its sigmoid. */
const silu: Find = (node, pattern) => {
  for (const [source, gate] of pairsOf(node, pattern, 'multiply')) {
    const sigmoid = pattern.unary(gate, 'sigmoid');
    if (sigmoid?.inputs[0] === source) return { source, nodes: [sigmoid], function: 'silu' };
  }
  return null;
};

/** What lies of x + 3 between 0 and 6, over 6, perhaps times x: in whichever order. */
const hard: Find = (node, pattern) => {
  const { operation } = node;
  if (operation.kind !== 'binary') return null;
  if (operation.function !== 'multiply' && operation.function !== 'divide') return null;
  for (const [source, gate] of pairsOf(node, pattern, 'multiply')) {
    const sigmoid = pattern.unary(gate, 'hardsigmoid');
    if (sigmoid?.inputs[0] !== source) continue;
    const { a, b } = sigmoid.operation;
    if (near(a, 1 / 6) && near(b, 1 / 2)) return { source, nodes: [sigmoid], function: 'hardswish' };
  }
  const own = pattern.scaledBy(node);
  if (own === null || !near(own.factor, 1 / 6)) return null;
  const clamped = clampedSum(own.of, pattern);
  if (clamped !== null) {
    const nodes = [...clamped.nodes, ...own.nodes];
    return { source: clamped.source, nodes, function: 'hardsigmoid', a: 1 / 6, b: 1 / 2 };
  }
  const product = pattern.binary(own.of, 'multiply');
  if (product === null) return null;
  for (const [source, gate] of pattern.pairs(product)) {
    const inner = clampedSum(gate, pattern);
    if (inner?.source !== source) continue;
    return { source, nodes: [...inner.nodes, product, ...own.nodes], function: 'hardswish' };
  }
  return null;
};

/** x + 3 between 0 and 6. */
function clampedSum(value: number, pattern: Pattern) {
  const clamp = pattern.unary(value, 'clamp');
  if (clamp?.operation.a !== 0 || clamp.operation.b !== 6) return null;
  const sum = pattern.shifted(at(clamp.inputs, 0), 3);
  return sum && { source: sum.of, nodes: [sum.node, clamp] };
}

/** x / 2 times 1 plus the error function of x / sqrt(2), or its approximation by tanh; products in any order. */
const gelu: Find = (node, pattern) => {
  for (const [one, other] of pairsOf(node, pattern, 'multiply')) {
    const first = pattern.scaled(one);
    const second = pattern.scaled(other);
    const found = geluOf(first, second, 1, pattern);
    if (found !== null) return found;
    // The half stands outside of the product.
    const half = pattern.number(other);
    const product = half === null ? null : pattern.binary(one, 'multiply');
    if (half === null || product === null) continue;
    for (const [left, right] of pattern.pairs(product)) {
      const inner = geluOf(pattern.scaled(left), pattern.scaled(right), half, pattern);
      if (inner !== null) return { ...inner, nodes: [...inner.nodes, product] };
    }
  }
  return null;
};

function geluOf(first: Scaled, second: Scaled, outside: number, pattern: Pattern): Found | null {
  if (!near(first.factor * second.factor * outside, 1 / 2)) return null;
  const sum = pattern.shifted(second.of, 1);
  if (sum === null) return null;
  const source = first.of;
  const nodes = (inner: readonly NetworkNode[]) => [...inner, sum.node, ...first.nodes, ...second.nodes];
  const erf = pattern.unary(sum.of, 'erf');
  if (erf !== null) {
    const inner = pattern.scaled(at(erf.inputs, 0));
    const fits = inner.of === source && near(inner.factor, Math.SQRT1_2);
    return fits ? { source, nodes: nodes([...inner.nodes, erf]), function: 'gelu' } : null;
  }
  const tanh = pattern.unary(sum.of, 'tanh');
  const inner = tanh && pattern.scaled(at(tanh.inputs, 0));
  if (!inner || !near(inner.factor, Math.sqrt(2 / Math.PI))) return null;
  const curve = pattern.binary(inner.of, 'add');
  if (curve === null) return null;
  for (const [x, term] of pattern.pairs(curve)) {
    const cube = pattern.scaled(term);
    const power = pattern.binary(cube.of, 'power');
    const fits = power?.inputs[0] === x && pattern.number(at(power.inputs, 1)) === 3;
    if (!fits || x !== source || !near(cube.factor, 0.044715)) continue;
    const all = [power, ...cube.nodes, curve, ...inner.nodes, tanh as NetworkNode];
    return { source, nodes: nodes(all), function: 'gelu-tanh' };
  }
  return null;
}

/** x + sin(a x)^2 / a with an `a` of every channel. */
const snake: Find = (node, pattern) => {
  for (const [source, term] of pairsOf(node, pattern, 'add')) {
    const product = pattern.binary(term, 'multiply') ?? pattern.binary(term, 'divide');
    if (product === null) continue;
    const divides = product.operation.function === 'divide';
    for (const [squared, factor] of divides
      ? [[at(product.inputs, 0), at(product.inputs, 1)] as const]
      : pattern.pairs(product)) {
      const square = squareOf(squared, pattern);
      const sine = square && pattern.unary(square.of, 'sin');
      const inner = sine && pattern.binary(at(sine.inputs, 0), 'multiply');
      if (!inner) continue;
      for (const [x, rate] of pattern.pairs(inner)) {
        const rates = pattern.view.constantOf(rate);
        const factors = pattern.view.constantOf(factor);
        const shape = pattern.view.shapeOf(source);
        if (x !== source || rates === null || factors === null) continue;
        const layout = channelLayout(rates.shape, shape);
        const inverse =
          sameList(rates.shape, factors.shape) &&
          rates.data.every((value, index) =>
            near((factors.data[index] ?? 0) * (divides ? 1 / value : value), 1),
          );
        if (layout === null || !inverse) continue;
        const nodes = [inner, sine as NetworkNode, ...square.nodes, product];
        return { source, nodes, function: 'snake', channelA: { values: rates.data, layout } };
      }
    }
  }
  return null;
};

function squareOf(value: number, pattern: Pattern) {
  const power = pattern.binary(value, 'power');
  if (power !== null && pattern.number(at(power.inputs, 1)) === 2) {
    return { of: at(power.inputs, 0), nodes: [power] };
  }
  const product = pattern.binary(value, 'multiply');
  const [one, other] = product?.inputs ?? [];
  return product !== null && one !== undefined && one === other ? { of: one, nodes: [product] } : null;
}

/** Where channels lie to which a constant of this shape broadcasts; null for one that has more or fewer. */
function channelLayout(own: readonly number[], shape: readonly number[]): Layout | null {
  const axes = own.flatMap((extent, axis) => (extent === 1 ? [] : axis + shape.length - own.length));
  const [axis] = axes;
  if (axes.length !== 1 || axis === undefined || shape.length < 2) return null;
  if (axis === 1) return 'channels-first';
  return axis === shape.length - 1 ? 'channels-last' : null;
}

/** The greater of x and a x, `a` from 0 to 1. */
const leaky: Find = (node, pattern) => {
  for (const [source, other] of pairsOf(node, pattern, 'maximum')) {
    const { factor, of, nodes } = pattern.scaled(other);
    if (of === source && nodes.length > 0 && factor >= 0 && factor <= 1) {
      return { source, nodes, function: 'leaky-relu', a: factor };
    }
  }
  return null;
};

const PATTERNS: readonly Find[] = [silu, hard, gelu, snake, leaky];
