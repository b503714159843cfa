import { fill, type Parts, partsOf } from './waves.js';

/** The longest lines whose sums are as quick by their definition. */
export const MOST_BY_DEFINITION = 64;

/**
 * Makes of lines of one length, whatever its factors, their Fourier sums at all multiples of one turn over it, in place:
 * `sum over x of value[x] * exp(-2 pi i k x / length)`.
 */
export function fourier(length: number): (line: Parts) => void {
  return length > MOST_BY_DEFINITION ? byChirp(length) : byDefinition(length);
}

function byDefinition(length: number): (line: Parts) => void {
  const roots = partsOf(length);
  fill(roots, (2 * Math.PI) / length);
  const values = partsOf(length);
  return (line) => {
    values.re.set(line.re);
    values.im.set(line.im);
    for (let bin = 0; bin < length; bin += 1) {
      let re = 0;
      let im = 0;
      for (let position = 0, root = 0; position < length; position += 1) {
        const x = values.re[position] as number;
        const y = values.im[position] as number;
        const c = roots.re[root] as number;
        const s = roots.im[root] as number;
        re += x * c - y * s;
        im += x * s + y * c;
        root += bin;
        if (root >= length) root -= length;
      }
      line.re[bin] = re;
      line.im[bin] = im;
    }
  };
}

/**
 * Bluestein's transform (1970): since `2 k x = k^2 + x^2 - (k - x)^2`, the values times a chirp, convolved with the
 * chirp's conjugate, are the sums but for the chirp again. That convolution may have a length that halves well.
 */
function byChirp(length: number): (line: Parts) => void {
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const roots = partsOf(size / 2);
  fill(roots, (2 * Math.PI) / size);
  const chirp = partsOf(length);
  const filter = partsOf(size);
  // A square modulo two turns, kept in whole numbers: of the square itself the angle would lose digits.
  for (let x = 0, square = 0; x < length; square = (square + 2 * x + 1) % (2 * length), x += 1) {
    const angle = (Math.PI * square) / length;
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    chirp.re[x] = c;
    chirp.im[x] = -s;
    for (const place of [x, (size - x) % size]) {
      filter.re[place] = c / size;
      filter.im[place] = s / size;
    }
  }
  toBins(filter, roots);
  const work = partsOf(size);
  return (line) => {
    work.re.fill(0);
    work.im.fill(0);
    multiply(work, line, chirp);
    toBins(work, roots);
    multiply(work, work, filter);
    toValues(work, roots);
    multiply(line, work, chirp);
  };
}

/** Products of one by one, as many as the last has. */
function multiply(to: Parts, from: Parts, by: Parts): void {
  for (let index = 0; index < by.re.length; index += 1) {
    const x = from.re[index] as number;
    const y = from.im[index] as number;
    const c = by.re[index] as number;
    const s = by.im[index] as number;
    to.re[index] = x * c - y * s;
    to.im[index] = x * s + y * c;
  }
}

/** The transform of a power of two by halves (Gentleman and Sande), which leaves its sums in the order of reversed bits. */
function toBins({ re, im }: Parts, roots: Parts): void {
  const size = re.length;
  for (let half = size / 2; half >= 1; half /= 2) {
    const turn = size / 2 / half;
    for (let place = 0; place < size; place += 1) {
      if ((place & half) !== 0) continue;
      const other = place + half;
      const root = (place & (half - 1)) * turn;
      const a = re[place] as number;
      const b = im[place] as number;
      const x = a - (re[other] as number);
      const y = b - (im[other] as number);
      const c = roots.re[root] as number;
      const s = roots.im[root] as number;
      re[place] = a + (re[other] as number);
      im[place] = b + (im[other] as number);
      re[other] = x * c - y * s;
      im[other] = x * s + y * c;
    }
  }
}

/** Takes sums in that order back to the values (Cooley and Tukey), times how many they are. */
function toValues({ re, im }: Parts, roots: Parts): void {
  const size = re.length;
  for (let half = 1; half < size; half *= 2) {
    const turn = size / 2 / half;
    for (let place = 0; place < size; place += 1) {
      if ((place & half) !== 0) continue;
      const other = place + half;
      const root = (place & (half - 1)) * turn;
      const p = re[other] as number;
      const q = im[other] as number;
      const c = roots.re[root] as number;
      const s = roots.im[root] as number;
      const x = p * c + q * s;
      const y = q * c - p * s;
      re[other] = (re[place] as number) - x;
      im[other] = (im[place] as number) - y;
      re[place] = (re[place] as number) + x;
      im[place] = (im[place] as number) + y;
    }
  }
}
