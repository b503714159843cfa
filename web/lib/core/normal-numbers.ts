import { fault } from './checks.js';
import type { RandomSource } from './random.js';

/** Normally distributed numbers of mean 0 and variance 1, by the method of Box and Muller (1958). */
export function normalSource(random: RandomSource): RandomSource {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // 1 - [0, 1) keeps the logarithm finite.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** So many tries fail by no chance: of proposals a third is accepted at the least. */
const MAX_TRIES = 1000;

/** The first proposal that is accepted. Somebody's stream may have none, and would be asked for ever. */
export function firstAccepted<Value>(where: string, propose: () => Value | undefined): Value {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const value = propose();
    if (value !== undefined) return value;
  }
  const got = `${MAX_TRIES} tries whose numbers make no value`;
  throw fault('BAD_OPTION', where, 'rng to give numbers as chance does', got, 'Pass Math.random, or a seed.');
}

/**
 * Numbers of the normal distribution of mean 0 and variance 1 cut off outside of [lower, upper],
 * which may be infinite but must hold a finite interval's worth: lower < Infinity, upper > -Infinity,
 * lower < upper. By rejection, after C. P. Robert, Simulation of truncated normal variables (1995):
 * every branch accepts at least about a third of its proposals, however far out the interval lies.
 */
export function truncatedNormalSource(
  where: string,
  lower: number,
  upper: number,
  random: RandomSource,
): RandomSource {
  if (upper <= 0 && lower < 0) {
    const mirrored = truncatedNormalSource(where, -upper, -lower, random);
    return () => -mirrored();
  }
  if (lower >= 0) return tailSource(where, lower, upper, random);
  const normal = normalSource(random);
  // Below this width a uniform proposal is accepted more often than a normal one.
  const narrow = upper - lower < Math.sqrt(2 * Math.PI);
  const propose = (): number | undefined => {
    const value = narrow ? lower + (upper - lower) * random() : normal();
    const accepted = narrow ? random() <= Math.exp((-value * value) / 2) : value >= lower && value <= upper;
    return accepted ? value : undefined;
  };
  return () => firstAccepted(where, propose);
}

/** The part of the distribution in [lower, upper] with lower >= 0: exponential proposals of the best rate. */
function tailSource(where: string, lower: number, upper: number, random: RandomSource): RandomSource {
  // Halved before they are added: the sum of the largest would be infinite.
  const rate = lower / 2 + Math.hypot(lower, 2) / 2;
  const mass = -Math.expm1(-rate * (upper - lower));
  const propose = (): number | undefined => {
    const value = lower - Math.log1p(-mass * random()) / rate;
    return random() <= Math.exp(-((value - rate) ** 2) / 2) ? value : undefined;
  };
  return () => firstAccepted(where, propose);
}
