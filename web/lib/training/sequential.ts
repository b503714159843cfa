import { hasBrand, QUANTIZED_LAYER, RELU, SEQUENTIAL } from '../core/brands.js';
import { refuse } from '../core/checks.js';
import { DisposableObject } from '../core/disposable.js';
import { guardReceivers } from '../core/receivers.js';
import type { Tensor } from '../core/tensor.js';
import { isLayer, type LayerGradients } from '../layers/layer.js';
import {
  fitState,
  type LoadedState,
  type LoadStateOptions,
  type NestedState,
  prefixed,
  type StateDict,
  type Stateful,
  widened,
} from '../layers/state-dict.js';
import { isNormalization } from '../modules/normalization.js';
import type { Trainable } from './optimizer.js';

/** What a `Sequential` chains: a layer, an activation, a normalization, or an object of your own. */
export interface Module {
  forward(x: Tensor): Tensor;
  /** Gradients of `sum(forward(x) * gradOutput)`; with `weight` and `bias` where it has parameters. */
  backward(x: Tensor, gradOutput: Tensor): { readonly input: Tensor };
  toString(): string;
  /** For modules that compute otherwise in training. */
  train?(mode: boolean): unknown;
  dispose?(): void;
}

export interface SequentialGradients {
  readonly input: Tensor<ArrayBuffer>;
  /** Of the modules with parameters, in the order of `Sequential.layers`: what an optimizer's step takes. */
  readonly layers: readonly LayerGradients[];
}

/** One pass through a `Sequential`, with what its gradients need. */
export interface Trace {
  readonly output: Tensor<ArrayBuffer>;
  /**
   * Gradients of `sum(output * gradOutput)` without computing the pass again. Valid until a weight
   * changes: take them before the optimizer's step.
   *
   * @throws {DeconvError} as a layer's backward
   */
  backward(gradOutput: Tensor): SequentialGradients;
}

/**
 * Modules one behind the other. A `ReLU` behind a layer is computed by the layer, at no cost. The
 * modules of a `Sequential` among the arguments become its own.
 *
 * @throws {DeconvError} `BAD_OPTION` without modules, `BAD_TYPE`
 *
 * @example
 * const decoder = new Sequential(
 *   new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, padding: 1 }),
 *   new ReLU(),
 *   new ConvTranspose2d({ inChannels: 4, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 }),
 *   new Sigmoid(),
 * );
 */
export class Sequential extends DisposableObject {
  readonly modules: readonly Module[];
  /** The modules with parameters, in order. */
  readonly layers: readonly (Module & Trainable)[];

  static {
    guardReceivers(Sequential.prototype, 'Sequential', (value) => #run in value);
  }

  constructor(...modules: readonly (Module | Sequential)[]) {
    super();
    if (modules.length === 0) refuse('BAD_OPTION', 'Sequential', 'at least one module', modules);
    this.modules = Object.freeze(
      modules.flatMap((module, index) => {
        if (isSequential(module)) return module.modules;
        if (typeof module?.forward !== 'function' || typeof module.backward !== 'function') {
          refuse('BAD_TYPE', 'Sequential', `argument ${index} with methods forward and backward`, module);
        }
        return module;
      }),
    );
    this.layers = Object.freeze(this.modules.filter(hasParameters));
  }

  /** @throws {DeconvError} as a layer's forward */
  forward(x: Tensor): Tensor<ArrayBuffer> {
    return this.#run(x, () => {}, false);
  }

  /**
   * Computes the modules and keeps what came between them, so that a training step computes them once.
   *
   * @throws {DeconvError} as a layer's forward
   *
   * @example
   * const pass = decoder.trace(x);
   * const { loss, gradient } = meanSquaredError(pass.output, target);
   * step(pass.backward(gradient).layers);
   */
  trace(x: Tensor): Trace {
    return this.#trace(x, false);
  }

  /**
   * Gradients of `sum(forward(x) * gradOutput)`: pure, so it computes the modules again, without moving running
   * statistics on. In training use `trace`.
   *
   * @throws {DeconvError} as a layer's backward
   */
  backward(x: Tensor, gradOutput: Tensor): SequentialGradients {
    return this.#trace(x, true).backward(gradOutput);
  }

  /**
   * Copies of all parameters by PyTorch's names: `0.weight`, `0.bias`, `2.weight` … by the places in `modules`.
   *
   * @throws {DeconvError} `DISPOSED`
   */
  stateDict(): StateDict {
    return Object.assign({}, ...this.#parts().map(({ place, part }) => prefixed(place, part.stateDict())));
  }

  /**
   * Replaces the parameters of all modules by copies of those in `state`, or nothing where they do not fit.
   *
   * @throws {DeconvError} as a layer's loadStateDict
   */
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState {
    const parts = this.#parts();
    const shapes: Record<string, readonly number[]> = {};
    for (const { place, part } of parts) {
      for (const [name, { shape }] of Object.entries(part.stateDict())) shapes[`${place}.${name}`] = shape;
    }
    const { found, missing, unexpected } = fitState('Sequential.loadStateDict', shapes, state, options);
    for (const { place, part } of parts) {
      const own = Object.entries(found)
        .filter(([name]) => name.startsWith(`${place}.`))
        .map(([name, tensor]) => [name.slice(place.length + 1), tensor]);
      part.loadStateDict(Object.fromEntries(own), { strict: false });
    }
    return { missing, unexpected };
  }

  /** The modules that have a state, under their places. */
  #parts(): { readonly place: string; readonly part: Stateful }[] {
    return this.modules.flatMap((module, index) => {
      const part = statefulOf(module);
      return part === null ? [] : [{ place: String(index), part }];
    });
  }

  /**
   * Puts normalizations among the modules into training, in which they compute with the statistics of their input, or
   * with `false` out of it. They are made in training.
   *
   * @throws {DeconvError} `BAD_TYPE`
   */
  train(mode = true): this {
    for (const module of this.modules) module.train?.(mode);
    return this;
  }

  /** `train(false)`: normalizations compute with their running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Disposes every module. May be called again. */
  override dispose(): void {
    for (const module of this.modules) module.dispose?.();
  }

  /** One line a module, numbered as PyTorch does. */
  override toString(): string {
    return `Sequential(\n${this.modules.map((module, index) => `  (${index}): ${module}\n`).join('')})`;
  }

  /** @internal */
  get [SEQUENTIAL](): true {
    return true;
  }

  #trace(x: Tensor, again: boolean): Trace {
    const steps: Step[] = [];
    const output = this.#run(x, (step) => steps.push(step), again);
    return { output, backward: (gradOutput) => gradientsOf(steps, gradOutput) };
  }

  /**
   * Hands every module's step to `keep`; a ReLU that the layer before it computes has none of its own. `again` repeats
   * a pass that running statistics have seen.
   */
  #run(x: Tensor, keep: (step: Step) => void, again: boolean): Tensor<ArrayBuffer> {
    let value = x;
    for (let index = 0; index < this.modules.length; index += 1) {
      const module = this.modules[index] as Module;
      const input = value;
      if (fusesReLU(module) && hasBrand(this.modules[index + 1], RELU)) {
        value = (module as FusingModule).forward(input, FUSED);
        keep({ module, input, output: value, fused: true });
        index += 1;
      } else {
        value = again && isNormalization(module) ? module.forwardAgain(input) : module.forward(input);
        keep({ module, input, output: value, fused: false });
      }
    }
    // No module takes a tensor on a shared buffer, so none gives one on.
    return value as Tensor<ArrayBuffer>;
  }
}

const FUSED = { activation: 'relu' } as const;

/** What one module did. */
interface Step {
  readonly module: Module;
  readonly input: Tensor;
  readonly output: Tensor;
  /** Whether it computed the ReLU behind it as well. */
  readonly fused: boolean;
}

function gradientsOf(steps: readonly Step[], gradOutput: Tensor): SequentialGradients {
  const layers: LayerGradients[] = [];
  let gradient = gradOutput;
  for (const { module, input, output, fused } of [...steps].reverse()) {
    const gradients = isLayer(module)
      ? module.backward(input, gradient, fused ? { ...FUSED, output } : { output })
      : module.backward(input, gradient);
    if (hasParameters(module)) layers.unshift(gradients as LayerGradients);
    gradient = gradients.input;
  }
  return { input: gradient as Tensor<ArrayBuffer>, layers };
}

interface FusingModule {
  forward(x: Tensor, options: typeof FUSED): Tensor;
}

/** Layers of float32 and of int8 compute a ReLU at no cost. */
function fusesReLU(module: Module): boolean {
  return isLayer(module) || hasBrand(module, QUANTIZED_LAYER);
}

function isSequential(value: unknown): value is Sequential {
  return hasBrand(value, SEQUENTIAL);
}

/** A module's own state, or that of an object of the user's with a weight and a bias; null for neither. */
function statefulOf(module: Module): Stateful | null {
  if ('stateDict' in module && 'loadStateDict' in module) return module as Module & Stateful;
  if (!hasParameters(module)) return null;
  return {
    stateDict: () => ({
      weight: module.weight,
      ...(module.bias === null ? {} : { bias: module.bias }),
    }),
    loadStateDict: ({ weight, bias }) => {
      const where = 'Sequential.loadStateDict';
      if (weight !== undefined) module.setWeight(widened(where, weight as Tensor).data);
      if (bias !== undefined) module.setBias(widened(where, bias as Tensor).data);
      return { missing: [], unexpected: [] };
    },
  };
}

function hasParameters(module: Module): module is Module & Trainable {
  return 'setWeight' in module && (module as { readonly affine?: boolean }).affine !== false;
}
