// Inputs and outputs as a file declares them, and shapes that are to fit there.

import { fault, refuse, shapeText } from '../core/checks.js';
import { isRecord } from '../core/realms.js';
import { checkShape } from '../core/tensor.js';
import { ownValue, refuseOtherNames } from '../graph/named.js';

/** An input or output of a network, as its file declares it. */
export interface PortInfo {
  readonly name: string;
  /**
   * A length, or the file's name of one that calls may choose; those without a name are called by the input and the
   * axis.
   */
  readonly shape: readonly (number | string)[];
  /** The type of its values in the file; calls take and give float32. */
  readonly type: string;
}

/** Those of a file, which may list one twice: calls name each once. */
export function listedOnce<Port extends PortInfo>(ports: readonly Port[]): readonly Port[] {
  return [...new Map(ports.map((port) => [port.name, port])).values()];
}

/** The shapes of inputs by their names, where the file leaves no length open. */
export function declaredShapes(ports: readonly PortInfo[]): Map<string, readonly number[]> | null {
  const fixed = ports.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));
  return fixed ? new Map(ports.map(({ name, shape }) => [name, shape as readonly number[]])) : null;
}

/** Of a value whose shape the file does not declare. */
export function innerPort(name: string): PortInfo {
  return { name, shape: [], type: 'float32' };
}

/** Shapes of ports by their names, in their order. */
export function shapesByName(
  where: string,
  names: readonly string[],
  labels: readonly string[],
  shapes: Readonly<Record<string, readonly number[]>>,
): (readonly number[])[] {
  if (!isRecord(shapes)) {
    refuse('BAD_TYPE', where, `shapes by name: ${names.join(', ')}`, shapes);
  }
  refuseOtherNames(where, 'shapes', shapes, names);
  return names.map((name, index) => checkShape(where, `${labels[index]}'s shape`, ownValue(shapes, name)));
}

/** Checks shapes against what the file says of the inputs: lengths of one name are one. */
export function checkPorts(
  where: string,
  ports: readonly PortInfo[],
  labels: readonly string[],
  shapes: readonly (readonly number[])[],
): void {
  const known = new Map<string, number>();
  for (const [index, { shape: declared }] of ports.entries()) {
    const shape = shapes[index] as readonly number[];
    // A file may leave the axes open as well.
    if (declared.length === 0) continue;
    const good =
      shape.length === declared.length &&
      declared.every((extent, axis) => {
        const own = shape[axis] as number;
        if (typeof extent === 'number') return extent === own;
        const first = known.get(extent) ?? own;
        known.set(extent, first);
        return own === first;
      });
    if (good) continue;
    const sizes = [...known].map(([name, extent]) => `${name} = ${extent}`).join(', ');
    throw fault(
      'BAD_SHAPE',
      where,
      `${labels[index]} of shape [${declared.join(', ')}]${sizes === '' ? '' : ` with ${sizes}`}`,
      shapeText(shape),
      'The file fixes the lengths that are numbers.',
      { shape, declared },
    );
  }
}
