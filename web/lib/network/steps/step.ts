import type { Runtime } from '../../runtime/runtime.js';
import type { Shape } from '../shapes.js';

export type { Of } from '../operations.js';

/** From addresses to addresses. */
export type Compute = (inputs: readonly number[], outputs: readonly number[]) => void;

/** From one address to one: lists taken apart in a parameter would be garbage of every call. */
export function oneToOne(compute: (source: number, target: number) => void): Compute {
  return (inputs, outputs) => compute(inputs[0] as number, outputs[0] as number);
}

/** What a computation is made for. */
export interface StepCall {
  readonly runtime: Runtime;
  readonly where: string;
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
}

/** Shape of a step's first input, and of its first output. */
export function shapesOf({ inputShapes, outputShapes }: StepCall): readonly [Shape, Shape] {
  return [inputShapes[0] as Shape, outputShapes[0] as Shape];
}

/** The bits of a float, as an integer of a struct. */
export function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] as number;
}

/** A struct of the core's, whose fields are integers or the bits of floats, to be staged. */
export function structOf(fields: readonly number[]): Float32Array {
  return new Float32Array(Int32Array.from(fields).buffer);
}
