import { DeconvError } from 'deconv-wasm';
import type { Model } from 'deconv-wasm/models';
import type { Network } from 'deconv-wasm/network';
import { reasonOf } from './findings.js';
import { type Column, prose, table } from './table.js';
import { printable, type Terminal } from './terminal.js';
import { counted } from './words.js';

/** A node of a network; `reason` says why it is not run. */
export interface Node {
  readonly name: string;
  readonly type: string;
  readonly reason?: string;
}

export interface Nodes {
  /** Whether the network runs: then these are all nodes that its outputs need, and else those that keep it from running. */
  readonly runs: boolean;
  readonly nodes: readonly Node[];
  /** Why nothing is known of them, a sentence: the file's network goes wrong before its nodes are told apart. */
  readonly problem?: string;
}

/**
 * The network of a model or of a file. What runs it is loaded now: no other command line waits for it.
 *
 * @throws {DeconvError} for a file that is no network, or none that runs
 */
export async function networkOf(source: Model | string): Promise<Network> {
  const { loadNetwork } = await import('deconv-wasm/network');
  return loadNetwork(source);
}

/** The nodes of a network; null for a file that is none. */
export async function nodesOf(model: Model): Promise<Nodes | null> {
  if (model.format !== 'onnx' && model.format !== 'tflite') return null;
  try {
    using network = await networkOf(model);
    return { runs: true, nodes: network.nodes };
  } catch (error) {
    if (!(error instanceof DeconvError) || error.code === 'INTERNAL') throw error;
    const { nodes } = error.detail;
    return Array.isArray(nodes)
      ? { runs: false, nodes }
      : { runs: false, nodes: [], problem: reasonOf(error) };
  }
}

/** What of a network is not of the closed list, a line each. */
export function refusedNodes(error: unknown): string[] {
  const { nodes } = ((error as { readonly detail?: unknown }).detail ?? {}) as {
    readonly nodes?: readonly { readonly name: string; readonly type: string; readonly reason: string }[];
  };
  return (nodes ?? [])
    .slice(0, 100)
    .map(({ name, type, reason }) => `${printable(type)} ${printable(name)}: ${printable(reason)}`);
}

const COLUMNS: readonly Column[] = [{ title: 'NODE', shrinksTo: 16 }, { title: 'OPERATOR' }];

export function printNodes({ runs, nodes, problem }: Nodes, { paint, print, width }: Terminal): void {
  if (problem !== undefined) {
    for (const line of prose(`Nodes not listed: ${printable(problem, 2000)}`, width))
      print(paint('dim', line));
    return;
  }
  const title = runs
    ? `${counted(nodes.length, 'node')}, all of which run:`
    : `${counted(nodes.length, 'node')} that keep${nodes.length === 1 ? 's' : ''} the network from running:`;
  print(paint('bold', title));
  const rows = nodes.map(({ name, type, reason }) => ({
    cells: [{ text: printable(name) || '(no name)' }, { text: printable(type) }],
    ...(reason !== undefined && {
      note: { text: printable(reason, 2000), paint: (text: string) => paint('dim', text) },
    }),
  }));
  for (const line of table(COLUMNS, rows, width)) print(line);
}
