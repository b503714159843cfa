import { refuse } from '../core/checks.js';
import { isRecord } from '../core/realms.js';
import { Chain, type Child } from './chain.js';
import { DEFINITION, type Definition } from './definition.js';
import { checkName, isModule, type Module } from './module.js';

/**
 * Modules one behind the other, as `torch.nn.Sequential`: a list, or an object of modules by name in its order (which
 * JavaScript begins with names that are whole numbers, from the least on). A `ReLU` behind a layer is computed by the
 * layer, at no cost.
 *
 * @throws {DeconvError} `BAD_OPTION` without modules or for a name that is none, `BAD_TYPE`
 *
 * @example
 * await init();
 * const decoder = new Sequential(
 *   new ConvTranspose2d({ inChannels: 8, outChannels: 4, kernelSize: 4, stride: 2, padding: 1 }),
 *   new ReLU(),
 *   new ConvTranspose2d({ inChannels: 4, outChannels: 1, kernelSize: 4, stride: 2, padding: 1 }),
 *   new Sigmoid(),
 * );
 * console.log(decoder.forward({ data: new Float32Array(8 * 64), shape: [1, 8, 8, 8] }).shape.join('x')); // 1x1x32x32
 * // With names, which states and summaries use:
 * const up = new ConvTranspose2d({ inChannels: 8, outChannels: 3, kernelSize: 2 });
 * console.log(Object.keys(new Sequential({ up, tanh: new Tanh() }).stateDict()).join(' ')); // up.weight up.bias
 */
export class Sequential extends Chain {
  readonly #children: readonly Child[];

  constructor(modules: Readonly<Record<string, Module>>);
  constructor(...modules: readonly Module[]);
  constructor(...modules: readonly (Module | Readonly<Record<string, Module>>)[]) {
    super('Sequential');
    this.#children = Object.freeze(readChildren(modules));
  }

  /** @internal */
  override get [DEFINITION](): Definition {
    const children = this.#children;
    return {
      nodes: children.map(({ name, module }, index) => ({
        name,
        module,
        join: null,
        inputs: [index],
        outputs: [index + 1],
      })),
      inputs: [{ name: 'input', value: 0 }],
      outputs: [{ name: 'output', value: children.length }],
    };
  }

  /** @internal */
  protected override children(): readonly Child[] {
    return this.#children;
  }
}

function readChildren(modules: readonly unknown[]): Child[] {
  const where = 'Sequential';
  if (modules.length === 0) refuse('BAD_OPTION', where, 'at least one module', modules);
  const [first] = modules;
  const listed = modules.length > 1 || !isRecord(first) || isModule(first);
  const named = listed ? [] : Object.entries(first as object);
  const entries = named.length > 0 ? named : modules.map((module, index) => [String(index), module] as const);
  return entries.map(([name, module]) => {
    checkName(where, name);
    if (isModule(module)) return Object.freeze({ name, module });
    const what = named.length > 0 ? `a module ${JSON.stringify(name)}` : `argument ${name}`;
    return refuse('BAD_TYPE', where, `${what} with methods forward and backward`, module);
  });
}
