import { LIMITS } from '../limits.js';
import type { Message } from '../wire.js';
import type { OnnxGraph, OnnxNode, Scope } from './graph.js';
import type { NodeInput } from './replacement.js';
import { ENTRY, TENSOR } from './schema.js';

/** What gives a name its value. */
type Origin =
  | { readonly node: OnnxNode; readonly initializer?: undefined }
  | { readonly node?: undefined; readonly initializer: Message };

/** Nodes behind which new values go back to where the old ones are stored: those of their first input. */
const MOVING: ReadonlySet<string> = new Set(
  'Identity Cast CastLike Reshape Flatten Squeeze Unsqueeze Transpose'.split(' '),
);

interface User {
  readonly node: object;
  readonly name: string;
}

/**
 * All that takes what an input of a node is, or what that is stored as: nodes but for those that only move it there,
 * and outputs of the graph and of branches that it is.
 */
export function usersOf({ node, place, graph }: NodeInput): User[] {
  const way = new Set<unknown>();
  let origin = originOf(graph, node.inputs[place] ?? '', node.scope);
  for (; origin !== undefined && !way.has(keyOf(origin)); origin = movedBy(graph, origin.node)) {
    way.add(keyOf(origin));
  }
  const all = takers.get(graph) ?? takersOf(graph);
  takers.set(graph, all);
  const users = [...way].flatMap((key) => all.get(key) ?? []).filter((user) => !way.has(user.node));
  return [...new Set(users)];
}

const takers = new WeakMap<OnnxGraph, ReadonlyMap<unknown, readonly User[]>>();

/** Of every value, by what gives it: a file has very many. */
function takersOf(graph: OnnxGraph): ReadonlyMap<unknown, readonly User[]> {
  const all = new Map<unknown, User[]>();
  const take = (user: User, name: string, scope: Scope) => {
    const origin = originOf(graph, name, scope);
    if (origin === undefined) return;
    const known = all.get(keyOf(origin));
    if (known === undefined) all.set(keyOf(origin), [user]);
    else known.push(user);
  };
  for (const scope of new Set(graph.scopes)) {
    for (const node of scope.nodes) {
      if (graph.callOf(node) !== undefined) continue;
      const user = { node, name: node.name };
      for (const name of new Set(node.inputs)) take(user, name, scope);
    }
    // What a function gives is looked for where it is called.
    if (scope.caller !== null) continue;
    for (const name of scope.outputs) take({ node: scope, name: scope.prefix + name }, name, scope);
  }
  return all;
}

/** The node that makes an input of a node, behind those that pass it on; undefined for what is stored. */
export function makerOf({ node, place, graph }: NodeInput): OnnxNode | undefined {
  let maker = originOf(graph, node.inputs[place] ?? '', node.scope)?.node;
  while (maker?.is('Identity')) maker = movedBy(graph, maker)?.node;
  return maker;
}

function movedBy(graph: OnnxGraph, node: OnnxNode | undefined): Origin | undefined {
  if (node === undefined || node.domain !== '' || !MOVING.has(node.type)) return undefined;
  return originOf(graph, node.inputs[0] ?? '', node.scope);
}

function originOf(graph: OnnxGraph, name: string, scope: Scope, steps = 0): Origin | undefined {
  // A function may be given what it gives.
  if (name === '' || steps > LIMITS.steps) return undefined;
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const passed = at.arguments.get(name);
    if (passed !== undefined && at.caller !== null)
      return originOf(graph, passed, at.caller.scope, steps + 1);
    const initializer = at.initializers.get(name);
    if (initializer !== undefined) return { initializer };
    const node = at.producer(name);
    const call = node && graph.callOf(node);
    if (call !== undefined) {
      const output = [...call.outputs][node?.outputs.indexOf(name) ?? -1] ?? '';
      return originOf(graph, output, call, steps + 1);
    }
    if (node !== undefined) return { node };
    if (at.unknown.has(name)) return undefined;
  }
  return undefined;
}

/** Initializers of two names may have their values in the same bytes of another file. */
function keyOf({ node, initializer }: Origin): unknown {
  if (node !== undefined) return node;
  const entries = initializer.messages(TENSOR.external);
  if (entries.length === 0) return initializer;
  const textOf = (key: string) => entries.find((entry) => entry.text(ENTRY.key) === key)?.text(ENTRY.value);
  return JSON.stringify([textOf('location'), Number(textOf('offset') ?? 0)]);
}
