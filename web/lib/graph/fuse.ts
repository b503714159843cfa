/** What computes values of others, by their numbers. */
export interface FusibleNode {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** What a node computes of those behind it, in this order. */
export interface Fused<Node> {
  /** Its factors and summands are folded into the node's weight. */
  readonly norm: Node | null;
  /** The node clamps its result. */
  readonly relu: Node | null;
  /** It adds its last input to that. */
  readonly sum: Node | null;
  /** And applies a function to all. */
  readonly activation: Node | null;
  /** The result is laid out with what pads it. */
  readonly pad: Node | null;
}

/** Whether a layer computes `next`, the only one to read what it has made of it so far. */
export type FusionRules<Node> = {
  readonly [kind in keyof Fused<Node>]: (layer: Node, next: Node) => boolean;
} & {
  /** Whether a node computes anything behind it at all. */
  layer(node: Node): boolean;
};

/** All that a unit computes, in order. */
export function partsOf<Node>(unit: Node & Fused<Node>): Node[] {
  const { norm, relu, sum, activation, pad } = unit;
  return [unit, norm, relu, sum, activation, pad].filter((node) => node !== null);
}

/** Nodes in order, without those that another one computes. */
export function fuse<Node extends FusibleNode>(
  nodes: readonly Node[],
  inputs: readonly number[],
  outputs: readonly number[],
  rules: FusionRules<Node>,
): (Node & Fused<Node>)[] {
  const readers = new Map<number, (Node | null)[]>();
  const note = (value: number, reader: Node | null): void => {
    const known = readers.get(value);
    if (known === undefined) readers.set(value, [reader]);
    else known.push(reader);
  };
  for (const node of nodes) for (const value of node.inputs) note(value, node);
  for (const value of outputs) note(value, null);
  const onlyReader = (value: number): Node | null => {
    const [reader, ...others] = readers.get(value) ?? [];
    return others.length === 0 ? (reader ?? null) : null;
  };
  const taken = new Set<Node>();
  const made = new Set(inputs);
  return nodes.flatMap((node) => {
    if (taken.has(node)) return [];
    let last = node;
    const layer = rules.layer(node);
    const take = (accepts: (next: Node) => boolean): Node | null => {
      const next = layer ? onlyReader(last.outputs[0] as number) : null;
      if (next === null || !accepts(next)) return null;
      taken.add(next);
      last = next;
      return next;
    };
    const norm = take((next) => rules.norm(node, next));
    const relu = take((next) => rules.relu(node, next));
    // What is added must be there before the layer runs.
    const otherOf = (next: Node): number => next.inputs.find((value) => value !== last.outputs[0]) as number;
    let residual: number | null = null;
    const sum = take((next) => {
      if (!rules.sum(node, next) || !made.has(otherOf(next))) return false;
      residual = otherOf(next);
      return true;
    });
    const activation = take((next) => rules.activation(node, next));
    const pad = take((next) => rules.pad(node, next));
    for (const value of last.outputs) made.add(value);
    const taking = residual === null ? node.inputs : [...node.inputs, residual];
    return { ...node, inputs: taking, outputs: last.outputs, norm, relu, sum, activation, pad };
  });
}
