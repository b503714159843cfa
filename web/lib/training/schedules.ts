import { checkInteger, checkOptions, refuse } from '../core/checks.js';
import { checkNumber } from '../core/numbers.js';

/** The factor of the learning rate when so many steps were taken; a function of your own does as well. */
export type Schedule = (steps: number) => number;

/** Options of {@link stepSchedule}. */
export interface StepScheduleOptions {
  /** Steps between two falls. */
  readonly stepSize: number;
  /** Factor of each. Default 0.1. */
  readonly gamma?: number;
}

/** Options of {@link cosineSchedule}. */
export interface CosineScheduleOptions {
  /** Steps until the end; the factor stays as it is then. */
  readonly steps: number;
  /** The factor at the end. Default 0. */
  readonly end?: number;
}

/** Options of {@link warmupSchedule}. */
export interface WarmupScheduleOptions {
  /** Steps until the factor is 1. */
  readonly steps: number;
  /** The factor at the start. Default 1 / 3, as in PyTorch's `LinearLR`. */
  readonly start?: number;
  /** What goes on then, with its own count from 0. Default: 1 for ever. */
  readonly after?: Schedule;
}

/**
 * `gamma ** floor(steps / stepSize)`, as PyTorch's `StepLR`; with a `stepSize` of 1 its `ExponentialLR`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const schedule = stepSchedule({ stepSize: 100, gamma: 0.5 });
 * console.log([0, 99, 100, 250].map(schedule).join(' ')); // 1 1 0.5 0.25
 */
export function stepSchedule(options: StepScheduleOptions): Schedule {
  const where = 'stepSchedule';
  const checked = checkOptions<StepScheduleOptions>(where, options, ['stepSize', 'gamma']);
  const stepSize = checkInteger(where, 'stepSize', checked.stepSize, 1);
  const gamma = checkNumber(where, 'gamma', checked.gamma ?? 0.1);
  return (steps) => gamma ** Math.floor(steps / stepSize);
}

/**
 * From 1 to `end` along half a wave, as PyTorch's `CosineAnnealingLR` (Loshchilov and Hutter, SGDR, 2016):
 * `end + (1 - end) * (1 + cos(pi * t / steps)) / 2`. PyTorch's rises again behind the end; this one stays.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const schedule = cosineSchedule({ steps: 100 });
 * console.log([0, 50, 100, 150].map((steps) => schedule(steps).toFixed(2)).join(' ')); // 1.00 0.50 0.00 0.00
 */
export function cosineSchedule(options: CosineScheduleOptions): Schedule {
  const where = 'cosineSchedule';
  const checked = checkOptions<CosineScheduleOptions>(where, options, ['steps', 'end']);
  const last = checkInteger(where, 'steps', checked.steps, 1);
  const end = checkNumber(where, 'end', checked.end ?? 0);
  return (steps) => end + ((1 - end) * (1 + Math.cos((Math.PI * Math.min(steps, last)) / last))) / 2;
}

/**
 * From `start` to 1 in a straight line, as PyTorch's `LinearLR`, and then another schedule.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * const schedule = warmupSchedule({ steps: 100, start: 0, after: cosineSchedule({ steps: 900 }) });
 * console.log([0, 50, 100, 1000].map((steps) => schedule(steps).toFixed(2)).join(' ')); // 0.00 0.50 1.00 0.00
 */
export function warmupSchedule(options: WarmupScheduleOptions): Schedule {
  const where = 'warmupSchedule';
  const checked = checkOptions<WarmupScheduleOptions>(where, options, ['steps', 'start', 'after']);
  const last = checkInteger(where, 'steps', checked.steps, 1);
  const start = checkNumber(where, 'start', checked.start ?? 1 / 3);
  const { after = () => 1 } = checked;
  if (typeof after !== 'function') refuse('BAD_TYPE', where, 'after to be a schedule', after);
  return (steps) => (steps < last ? start + ((1 - start) * steps) / last : after(steps - last));
}
