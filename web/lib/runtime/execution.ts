import { hasBrand, RUNTIME } from '../core/brands.js';
import { checkChoice, fault, refuse } from '../core/checks.js';
import { Runtime } from './runtime.js';

/** Ways to compute an operator; see `Plan`. */
export type RouteName = (typeof ROUTE_NAMES)[number];

export const ROUTE_NAMES = [
  'xnnpack-deconvolution',
  'implicit-gemm',
  'depthwise',
  'polyphase',
  'scatter',
  'winograd-line',
  'winograd-f45',
  'winograd-f43',
  'winograd-f42',
  'winograd-f22',
  'scalar',
] as const;

/** How an operator is computed, which is no matter of any convention. */
export interface ExecutionOptions {
  /** Forces a route, for tests and measurements. Default `'auto'`. */
  readonly route?: 'auto' | RouteName;
  /**
   * How the route is chosen: `'model'` (default) by its estimated cost; `'measure'` by timing the
   * likely ones on the first forward of an input size, which takes that forward some dozen runs. What
   * was measured holds for every layer of the same geometry until `shutdown`.
   */
  readonly planning?: 'model' | 'measure';
  /**
   * `'exact'` keeps away routes that trade rounding error for speed: every result is then a plain
   * float32 sum of products. Default `'fast'`.
   */
  readonly precision?: 'fast' | 'exact';
  /**
   * `'flush'` takes values below 2^-126 for 0 in the input, the output's gradient and the parameters: with
   * them many processors calculate up to two hundred times slower. Costs a copy of what lies on the heap;
   * nobody's own values change. Default `'keep'`.
   */
  readonly denormals?: 'keep' | 'flush';
  /** Where it is computed: a runtime of `createRuntime`. Default: the default one at the time of the call. */
  readonly runtime?: Runtime | undefined;
}

/** The checked form of ExecutionOptions. */
export type Execution = Required<Omit<ExecutionOptions, 'runtime'>> & {
  readonly runtime: Runtime | undefined;
};

export const EXECUTION_OPTION_NAMES = [
  'route',
  'planning',
  'precision',
  'denormals',
  'runtime',
] as const satisfies readonly (keyof ExecutionOptions)[];

export function readExecution(where: string, options: ExecutionOptions): Execution {
  return {
    route: checkChoice(where, 'route', options.route ?? 'auto', ['auto', ...ROUTE_NAMES]),
    planning: checkChoice(where, 'planning', options.planning ?? 'model', ['model', 'measure']),
    precision: checkChoice(where, 'precision', options.precision ?? 'fast', ['fast', 'exact']),
    denormals: checkChoice(where, 'denormals', options.denormals ?? 'keep', ['keep', 'flush']),
    runtime: checkRuntime(where, options.runtime),
  };
}

export function checkRuntime(where: string, runtime: unknown): Runtime | undefined {
  if (runtime === undefined || Runtime.isOwn(runtime)) return runtime;
  if (!hasBrand(runtime, RUNTIME)) refuse('BAD_TYPE', where, 'runtime to be one of createRuntime', runtime);
  throw fault(
    'BAD_TYPE',
    where,
    'a runtime of this copy of the package',
    'one of another',
    'Import createRuntime from where the layer comes from.',
  );
}
