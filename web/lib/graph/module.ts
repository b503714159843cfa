import { hasBrand, LAYER, QUANTIZED_LAYER } from '../core/brands.js';
import { refuse } from '../core/checks.js';
import { memberOf } from '../core/realms.js';
import { checkShape, type Tensor } from '../core/tensor.js';
import { type Stateful, widened } from '../layers/state-dict.js';

/** What a chain is made of: a layer, a module, another chain, or an object of your own. */
export interface Module {
  forward(x: Tensor): Tensor;
  /** Gradients of `sum(forward(x) * gradOutput)`; with `weight` and `bias` where it has parameters. */
  backward(x: Tensor, gradOutput: Tensor): { readonly input: Tensor };
  toString(): string;
  /** Lets a chain with an object of your own keep all else on the heap. */
  outputShape?(inputShape: readonly number[]): readonly number[];
  /** For modules that compute otherwise in training. */
  train?(mode: boolean): unknown;
  dispose?(): void;
}

/** What has parameters: every layer of this package, or an object of your own. */
export interface Trainable {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  setWeight(weight: Float32Array): unknown;
  setBias(bias: Float32Array): unknown;
}

export function isModule(value: unknown): value is Module {
  return (
    typeof memberOf(value, 'forward') === 'function' && typeof memberOf(value, 'backward') === 'function'
  );
}

export function hasParameters(module: Module): module is Module & Trainable {
  return 'setWeight' in module && (module as { readonly affine?: boolean }).affine !== false;
}

/** Whether it is known what a module gives before it runs. */
export function tellsShape(module: Module): module is Module & Required<Pick<Module, 'outputShape'>> {
  return typeof module.outputShape === 'function';
}

/** What that is. */
export function shapeBehind(
  module: Required<Pick<Module, 'outputShape'>>,
  inputShape: readonly number[],
): readonly number[] {
  return checkShape(String(module), 'outputShape', module.outputShape(inputShape));
}

/** Whether it is of the class that carries `brand`, and passes forward and backward as that does. */
export function passesAs(module: unknown, brand: symbol): boolean {
  return keepsMethods(module, brand, ['forward', 'backward']);
}

/**
 * Whether it is of the class that carries `brand`, with that one's methods of these names. Somebody's own before them may
 * do more, less with options that they do not know of, and throw what they like.
 */
export function keepsMethods(module: unknown, brand: symbol, names: readonly string[]): boolean {
  if (!hasBrand(module, brand)) return false;
  let at = module as object;
  while (!Object.hasOwn(at, brand)) {
    for (const name of names) if (Object.hasOwn(at, name)) return false;
    at = Object.getPrototypeOf(at) as object;
  }
  return true;
}

/** Layers of float32 and of int8 compute a ReLU at no cost. */
export function fusesReLU(module: Module): boolean {
  return passesAs(module, LAYER) || passesAs(module, QUANTIZED_LAYER);
}

/** A name that stands in a state, where points part it from others. */
export function checkName(where: string, name: unknown): string {
  if (typeof name !== 'string') refuse('BAD_TYPE', where, 'a name to be a string', name);
  if (name === '' || name.includes('.')) refuse('BAD_OPTION', where, 'a name without points', name);
  return name;
}

export const FUSED = { activation: 'relu' } as const;

interface FusingModule {
  forward(x: Tensor, options: typeof FUSED): Tensor;
}

/** A module's forward, with the ReLU behind it where it computes that. */
export function forwardOf(module: Module, x: Tensor, relu: boolean): Tensor {
  return relu ? (module as FusingModule).forward(x, FUSED) : module.forward(x);
}

/** A module's own state, or that of an object of the user's with a weight and a bias; null for neither. */
export function statefulOf(module: Module, where: string): Stateful | null {
  if ('stateDict' in module && 'loadStateDict' in module) return module as Module & Stateful;
  if (!hasParameters(module)) return null;
  return {
    stateDict: () => ({
      ...(module.weight && { weight: module.weight }),
      ...(module.bias && { bias: module.bias }),
    }),
    loadStateDict: ({ weight, bias }) => {
      if (weight !== undefined) module.setWeight(widened(where, weight as Tensor).data);
      if (bias !== undefined) module.setBias(widened(where, bias as Tensor).data);
      return { missing: [], unexpected: [] };
    },
  };
}
