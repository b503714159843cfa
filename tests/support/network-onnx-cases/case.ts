// What a case is, and the words that its parts are made of.

import { type Attribute, floats, input, int64s, node, onnx, output, type Write } from '../onnx-writer.js';
import { mulberry32 } from '../random.js';

export interface NetworkCase {
  readonly parts: readonly Write[];
  /** Sizes of the calls, by the names of inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** As the file declares them, where that is otherwise. */
  readonly declared?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly opset?: number;
  readonly functions?: readonly Write[];
  readonly version?: number;
  readonly outputs?: readonly string[];
  /** Values from 0.5 to 1.5 instead of those around 0. */
  readonly positive?: boolean;
  readonly factor?: number;
  /** In parts of the rms, where ONNX Runtime rounds more than others do. */
  readonly tolerance?: number;
}

export function bytesOf({ parts, inputs, declared = inputs, outputs = ['y'], ...options }: NetworkCase) {
  const ports = Object.entries(declared).map(([name, shape]) => input(name, shape));
  return onnx([...ports, ...parts, ...outputs.map((name) => output(name))], options);
}

export function valuesFor({ inputs, positive = false, factor = 3 }: NetworkCase, seed: number) {
  const random = mulberry32(seed);
  return Object.entries(inputs).map(([name, shape]) => {
    const count = shape.reduce((all, extent) => all * extent, 1);
    const data = Float32Array.from({ length: count }, () =>
      positive ? 0.5 + random() : factor * (2 * random() - 1),
    );
    return { name, shape, data };
  });
}

const random = mulberry32(7);
export const numbers = (count: number, low = -1, high = 1) =>
  Array.from({ length: count }, () => low + (high - low) * random());
export const sizeOf = (shape: readonly number[]) => shape.reduce((all, extent) => all * extent, 1);
export const weights = (name: string, shape: readonly number[], low = -1, high = 1) =>
  floats(name, shape, numbers(sizeOf(shape), low, high));
export const scalar = (name: string, value: number) => floats(name, [], [value]);
export const float = (value: number): Attribute => ({ float: value });

/** Every case by its title: the files of this folder add theirs. */
export const cases: Record<string, NetworkCase> = {};

/** One operator of `x`, with constants by their names behind it. */
export function one(
  title: string,
  type: string,
  shape: readonly number[],
  attributes: Readonly<Record<string, Attribute>> = {},
  constants: Readonly<Record<string, (name: string) => Write>> = {},
  rest: Partial<NetworkCase> & { readonly order?: readonly string[] } = {},
) {
  const { order = ['x', ...Object.keys(constants)], ...others } = rest;
  cases[title] = {
    inputs: { x: shape },
    parts: [
      ...Object.entries(constants).map(([name, make]) => make(name)),
      node(type, order, others.outputs ?? ['y'], attributes),
    ],
    ...others,
  };
}

export const w =
  (...shape: number[]) =>
  (name: string) =>
    weights(name, shape);
export const list =
  (...values: number[]) =>
  (name: string) =>
    int64s(name, values);
export const reals =
  (...values: number[]) =>
  (name: string) =>
    floats(name, [values.length], values);
export const positives =
  (...shape: number[]) =>
  (name: string) =>
    weights(name, shape, 0.5, 1.5);
