// What every format gives: a network whose sizes are not known yet, to be lowered once they are.

import { describe, fault } from '../core/checks.js';
import type { SliceChange } from './lowering.js';
import type { NetworkGraph } from './operations.js';
import type { PortInfo } from './ports.js';

/** A node as its file has it. */
export interface NodeInfo {
  readonly name: string;
  /** What the file calls the operator. */
  readonly type: string;
}

/** A network of a file, its weights read and everything in it known to be of the closed set of operations. */
export interface FrontEnd {
  readonly format: 'onnx' | 'tflite';
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  /** What its outputs need, in an order in which it can be computed; what is made of constants alone is left out. */
  readonly nodes: readonly NodeInfo[];
  /** Whether a value of the file has this name and can be asked for. */
  has(name: string): boolean;
  /**
   * The network for these sizes of its inputs, all of them numbers from here on.
   *
   * @param wanted names of any values of the file
   * @throws {DeconvError} `BAD_SHAPE` with the node for what does not go together, `BAD_OPTION` for names that are none
   */
  lower(
    inputShapes: ReadonlyMap<string, readonly number[]>,
    wanted: readonly string[],
    changeSlice?: SliceChange,
  ): NetworkGraph;
}

/** A node that is not run. */
export interface UnsupportedNode extends NodeInfo {
  readonly reason: string;
}

/**
 * Refuses a file for nodes that its outputs need, if there are any.
 *
 * @param inFront the values in front of them, which can be asked for instead
 */
export function refuseNodes(nodes: readonly UnsupportedNode[], inFront: () => readonly string[]): void {
  const [first] = nodes;
  if (first === undefined) return;
  const outputs = inFront();
  const others = nodes.length === 1 ? '' : ` and ${nodes.length - 1} more nodes`;
  const some = outputs.slice(0, 3).map((name) => describe(name));
  const asked = `What is in front of them can be run: load it with outputs: [${some.join(', ')}].`;
  throw fault(
    'UNSUPPORTED',
    'loadNetwork',
    'nodes that networks run',
    `node ${describe(first.name)} (${first.type}): ${first.reason}${others}`,
    `detail.nodes lists all.${some.length === 0 ? '' : ` ${asked}`}`,
    { nodes, outputs },
  );
}
