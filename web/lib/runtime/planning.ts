import { fault } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { median, now } from '../core/timing.js';
import type { Operator, QuantizedOperator } from './bindings.js';
import type { RouteName } from './execution.js';
import { type Operation, writeSpec } from './operation.js';
import type { BuildName } from './options.js';
import type { Runtime } from './runtime.js';

/** How the last forward was computed, and why so. */
export interface Plan {
  readonly route: RouteName;
  readonly build: BuildName;
  readonly threads: number;
  readonly reason: string;
  /** Every route there is, and what it would cost. */
  readonly candidates: readonly Candidate[];
}

/** One route for one input size. */
export interface Candidate {
  readonly route: RouteName;
  /** Milliseconds on one thread by the cost model; null where the route refuses. */
  readonly estimate: number | null;
  /** Milliseconds measured with the threads at hand; null where it was not measured. */
  readonly measured: number | null;
  /** Why the route does not take this geometry; null where it does. */
  readonly refusal: string | null;
}

type PlannedOperator = Operator | QuantizedOperator;

/** Plans as forced, by what was measured before, or by the cost model. */
export function planOperation(
  runtime: Runtime,
  operator: PlannedOperator,
  operation: Operation<unknown>,
): Plan {
  const { where, execution } = operation;
  const { route } = execution;
  if (route !== 'auto') {
    const forced = runtime.routeNames.indexOf(route);
    const refusal = refusalsOf(runtime, operation)(forced);
    if (refusal !== null) {
      throw fault(
        'UNSUPPORTED',
        where,
        `a geometry that the route ${route} takes`,
        `one that it refuses: it ${refusal}`,
        "Use route: 'auto'.",
        { route, refusal },
      );
    }
    choose(runtime, operator, operation, forced);
    return planOf(runtime, operator, candidatesOf(runtime, operator, operation), 'forced by the caller');
  }
  const measured = execution.planning === 'measure' ? runtime.measurements.get(keyOf(operation)) : undefined;
  if (measured !== undefined) return planMeasured(runtime, operator, operation, measured);
  choose(runtime, operator, operation, -1);
  return planByModel(runtime, operator, candidatesOf(runtime, operator, operation));
}

function planByModel(runtime: Runtime, operator: PlannedOperator, candidates: readonly Candidate[]): Plan {
  return planOf(runtime, operator, candidates, reasonOf('estimate', candidates, operator.route()));
}

/** The plan, or what is true once other routes took the place of one that found no memory. */
export function planAfterRun(runtime: Runtime, operator: PlannedOperator, plan: Plan): Plan {
  const now = plan.candidates[operator.route()] as Candidate;
  if (now.route === plan.route) return plan;
  // It gave way to the cheapest first.
  const candidates = plan.candidates.map((candidate) => {
    const { route, estimate, refusal } = candidate;
    if (refusal !== null || candidate === now) return candidate;
    const tried = route === plan.route || (estimate as number) < (now.estimate as number);
    return tried ? withoutRoom(candidate) : candidate;
  });
  return planByModel(runtime, operator, candidates);
}

function withoutRoom(candidate: Candidate): Candidate {
  return { ...candidate, refusal: 'found no room on the heap' };
}

/** Whether the plan waits for `measureOperation`: measuring needs the data in place. */
export function wantsMeasurement({ execution, batch }: Operation<unknown>, plan: Plan): boolean {
  if (execution.planning === 'model' || execution.route !== 'auto' || batch === 0) return false;
  return plan.candidates.every(({ measured }) => measured === null);
}

/**
 * Times the likely routes and plans the best one. `run` computes the operation on the route that
 * `operator` is planned for; it leaves a packed copy for each route that it has tried.
 */
export function measureOperation(
  runtime: Runtime,
  operator: PlannedOperator,
  operation: Operation<unknown>,
  run: () => void,
): Plan {
  const candidates = candidatesOf(runtime, operator, operation);
  const meters = candidates.flatMap((candidate, index) => {
    if (!isLikely(candidate, candidates)) return [];
    try {
      choose(runtime, operator, operation, index);
      run();
      // A clock may tick in tenths of a millisecond: short runs are timed many at a time.
      const once = Math.max(timed(1, run), 0.01);
      const repeats = Math.min(Math.ceil(MINIMUM_SAMPLE / once), 100);
      return [{ index, repeats, samples: [] as number[] }];
    } catch (error) {
      if (!(isDeconvError(error) && error.code === 'OUT_OF_MEMORY')) throw error;
      candidates[index] = withoutRoom(candidate);
      return [];
    }
  });
  // The others are worth a try without being measured: what the model chooses gives way to them.
  if (meters.length === 0) {
    choose(runtime, operator, operation, -1);
    return planByModel(runtime, operator, candidates);
  }
  // In turns, so that a slow moment of the machine hits all of them.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { index, repeats, samples } of meters) {
      choose(runtime, operator, operation, index);
      samples.push(timed(repeats, run) / repeats);
    }
  }
  for (const { index, samples } of meters) {
    candidates[index] = { ...(candidates[index] as Candidate), measured: median(samples) };
  }
  const plan = planMeasured(runtime, operator, operation, freezeAll(candidates));
  const { measurements } = runtime;
  measurements.set(keyOf(operation), candidates);
  if (measurements.size > KEPT_MEASUREMENTS) measurements.delete(measurements.keys().next().value as string);
  return plan;
}

const ROUNDS = 5;
/** Milliseconds. */
const MINIMUM_SAMPLE = 1;

/** Of the newest geometries; each takes some 2 KB. */
const KEPT_MEASUREMENTS = 1000;

/** Estimates may be wrong, but not by this much. */
function isLikely({ route, estimate }: Candidate, all: readonly Candidate[]): boolean {
  if (estimate === null) return false;
  const best = Math.min(...all.map((candidate) => candidate.estimate ?? Number.POSITIVE_INFINITY));
  return estimate <= best * (route === 'scalar' ? 20 : 4);
}

function timed(repeats: number, run: () => void): number {
  const started = now();
  for (let count = 0; count < repeats; count += 1) run();
  return now() - started;
}

function planMeasured(
  runtime: Runtime,
  operator: PlannedOperator,
  operation: Operation<unknown>,
  candidates: readonly Candidate[],
): Plan {
  const costs = candidates.map(({ measured }) => measured ?? Number.POSITIVE_INFINITY);
  const best = costs.indexOf(Math.min(...costs));
  choose(runtime, operator, operation, best, false);
  return planOf(runtime, operator, candidates, reasonOf('measured', candidates, best));
}

/** What was measured holds for all layers of this geometry. */
function keyOf({ spec, batch, extents, layout }: Operation<unknown>): string {
  return JSON.stringify([spec, batch, extents, layout]);
}

/** `route` below 0 lets the cost model choose; one that is not forced gives way where memory is short. */
function choose(
  runtime: Runtime,
  operator: PlannedOperator,
  { where, batch, extents, layout }: Operation<unknown>,
  route: number,
  forced = true,
): void {
  runtime.check(where, operator.plan(batch, ...extents, layout, route, forced));
}

/** Why each route does not take the operation, null where it does: to be asked before another spec is written. */
export function refusalsOf(
  runtime: Runtime,
  { spec, batch, extents, layout }: Operation<unknown>,
): (route: number) => string | null {
  const { module } = runtime;
  writeSpec(module, spec);
  return (route) => runtime.text(module.refusal(batch, ...extents, layout, route));
}

function candidatesOf(
  runtime: Runtime,
  operator: PlannedOperator,
  operation: Operation<unknown>,
): Candidate[] {
  const refusalOf = refusalsOf(runtime, operation);
  return runtime.routeNames.map((name, index) => {
    const estimate = operator.estimate(index);
    const refuses = estimate < 0;
    return {
      route: name as RouteName,
      estimate: refuses ? null : estimate,
      measured: null,
      refusal: refuses ? refusalOf(index) : null,
    };
  });
}

/** A plan as users see it, who cannot change it. */
function planOf(
  { info }: Runtime,
  operator: PlannedOperator,
  candidates: readonly Candidate[],
  reason: string,
): Plan {
  return Object.freeze({
    route: (candidates[operator.route()] as Candidate).route,
    build: info.build,
    threads: info.threads,
    reason: [reason, ...info.notes].join('; '),
    candidates: freezeAll(candidates),
  });
}

/** Plans go out to users, and what was measured to every layer of its geometry: nobody changes them. */
function freezeAll(candidates: readonly Candidate[]): readonly Candidate[] {
  for (const candidate of candidates) Object.freeze(candidate);
  return Object.freeze(candidates);
}

/** `estimated 0.31 ms; scalar 7.9 ms` or `measured 0.2 ms; xnnpack-deconvolution cannot …` */
function reasonOf(by: 'estimate' | 'measured', candidates: readonly Candidate[], chosen: number): string {
  const words = candidates.flatMap((candidate, index) => {
    const { route, estimate, refusal } = candidate;
    if (index === chosen) return [];
    if (refusal !== null) return FOREIGN.test(refusal) ? [] : [`${route} ${refusal}`];
    const cost = candidate[by];
    if (cost !== null) return [`${route} ${milliseconds(cost)}`];
    return [`${route} estimated ${milliseconds(estimate as number)}`];
  });
  const cost = milliseconds((candidates[chosen] as Candidate)[by] as number);
  return [`${by === 'estimate' ? 'estimated' : by} ${cost}`, ...words].join('; ');
}

// Of routes for the other kind of operator there is nothing to tell.
const FOREIGN = /^takes (transposed )?convolutions only$/;

function milliseconds(value: number): string {
  return `${Number(value.toPrecision(2))} ms`;
}
