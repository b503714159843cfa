import { fault } from './checks.js';

/** A stream of numbers in [0, 1). */
export type RandomSource = () => number;

/**
 * The same numbers for the same seed on every machine: sfc32 by Chris Doty-Humphrey
 * (PractRand, public domain), seeded through splitmix32 so that near seeds differ.
 */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  let a = next();
  let b = next();
  let c = next();
  let counter = 1;
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A seed that differs from call to call. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

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
