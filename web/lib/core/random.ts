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
