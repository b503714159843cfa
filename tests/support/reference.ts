// The two canonical operators straight from their definition: scatter for the transposed one,
// gather for the other, and their gradients, in float64. Shares no code with the product, and is meant to be read.

export interface Geometry {
  readonly transposed: boolean;
  readonly groups: number;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
  /** Transposed only. */
  readonly outputPadding: readonly number[];
  /** Convolution only. */
  readonly inputDilation: readonly number[];
}

export interface Reference {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Sum of the absolute values of every term of each value, and how many terms there are. */
  readonly magnitude: Float64Array;
  readonly terms: Float64Array;
}

/** One output axis as semantics.md has it; may be below 1. */
export function referenceExtent(geometry: Geometry, axis: number, n: number, k: number): number {
  const of = (values: readonly number[]): number => values[axis] as number;
  const pads = of(geometry.padBefore) + of(geometry.padAfter);
  const ke = of(geometry.dilation) * (k - 1) + 1;
  if (geometry.transposed) return (n - 1) * of(geometry.stride) + ke + of(geometry.outputPadding) - pads;
  const padded = (n - 1) * of(geometry.inputDilation) + 1 + pads;
  return padded < ke ? 0 : Math.floor((padded - ke) / of(geometry.stride)) + 1;
}

/** `x` is [N, I, ...], channels first; the weight is canonical. */
export function reference(
  geometry: Geometry,
  x: Values,
  weight: Values,
  bias: ArrayLike<number> | null,
): Reference {
  const problem = problemOf(geometry, x.shape, weight.shape);
  const sums = new Sums(problem.outputShape);
  if (bias !== null) {
    const { outChannels, points } = problem;
    for (let index = 0; index < sums.data.length; index += 1) {
      sums.add(index, bias[Math.floor(index / points) % outChannels] as number);
    }
  }
  eachProduct(problem, (input, output, tap) => {
    sums.add(output, (x.data[input] as number) * (weight.data[tap] as number));
  });
  return sums;
}

/** Gradients of `sum(reference(...) * g)`, each as a Reference. */
export function referenceGradients(
  geometry: Geometry,
  x: Values,
  weight: Values,
  g: Values,
): { readonly input: Reference; readonly weight: Reference; readonly bias: Reference } {
  const problem = problemOf(geometry, x.shape, weight.shape);
  const { outChannels, points } = problem;
  const gradients = {
    input: new Sums(x.shape),
    weight: new Sums(weight.shape),
    bias: new Sums([outChannels]),
  };
  for (let index = 0; index < g.data.length; index += 1) {
    gradients.bias.add(Math.floor(index / points) % outChannels, g.data[index] as number);
  }
  eachProduct(problem, (input, output, tap) => {
    const grad = g.data[output] as number;
    gradients.input.add(input, grad * (weight.data[tap] as number));
    gradients.weight.add(tap, grad * (x.data[input] as number));
  });
  return gradients;
}

/** Row-major values of either precision. */
interface Values {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

class Sums implements Reference {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  readonly magnitude: Float64Array;
  readonly terms: Float64Array;

  constructor(shape: readonly number[]) {
    const count = sizeOf(shape);
    this.shape = shape;
    this.data = new Float64Array(count);
    this.magnitude = new Float64Array(count);
    this.terms = new Float64Array(count);
  }

  add(index: number, term: number): void {
    this.data[index] = (this.data[index] as number) + term;
    this.magnitude[index] = (this.magnitude[index] as number) + Math.abs(term);
    this.terms[index] = (this.terms[index] as number) + 1;
  }
}

interface Problem {
  readonly geometry: Geometry;
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly extents: readonly number[];
  readonly kernel: readonly number[];
  readonly outExtents: readonly number[];
  readonly outputShape: readonly number[];
  /** Places of one channel of the output. */
  readonly points: number;
}

function problemOf(geometry: Geometry, inputShape: readonly number[], weight: readonly number[]): Problem {
  const [batch = 0, inChannels = 0, ...extents] = inputShape;
  const [rows = 0, columns = 0, ...kernel] = weight;
  const outChannels = geometry.transposed ? columns * geometry.groups : rows;
  const outExtents = extents.map((n, axis) => referenceExtent(geometry, axis, n, kernel[axis] as number));
  const outputShape = [batch, outChannels, ...outExtents];
  const points = sizeOf(outExtents);
  return { geometry, batch, inChannels, outChannels, extents, kernel, outExtents, outputShape, points };
}

/** Calls `visit` with the indices of the three values of every product. */
function eachProduct(problem: Problem, visit: (input: number, output: number, tap: number) => void): void {
  const { geometry, batch, inChannels, outChannels, extents, kernel, points } = problem;
  const { groups, transposed } = geometry;
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  const [inputs, taps] = [sizeOf(extents), sizeOf(kernel)];
  // Which input and which output place each tap joins does not depend on the channels.
  const joints = jointsOf(problem);
  for (let n = 0; n < batch; n += 1) {
    for (let i = 0; i < inChannels; i += 1) {
      for (let local = 0; local < groupOut; local += 1) {
        const o = Math.floor(i / groupIn) * groupOut + local;
        const matrix = transposed ? i * groupOut + local : o * groupIn + (i % groupIn);
        const from = (n * inChannels + i) * inputs;
        const to = (n * outChannels + o) * points;
        for (const { input, output, tap } of joints) visit(from + input, to + output, matrix * taps + tap);
      }
    }
  }
}

interface Joint {
  readonly input: number;
  readonly output: number;
  readonly tap: number;
}

/**
 * On every axis `p = i * s + t * d - pb` for a transposed operator, which stamps input place i onto the output;
 * for the other `p * s + t * d - pb` is a place of the input with its zeros inserted.
 */
function jointsOf({ geometry, extents, kernel, outExtents }: Problem): Joint[] {
  const { transposed, stride, dilation, padBefore, inputDilation } = geometry;
  let joints: Joint[] = [{ input: 0, output: 0, tap: 0 }];
  for (const [axis, n] of extents.entries()) {
    const [k, o] = [kernel[axis] as number, outExtents[axis] as number];
    const lines: Joint[] = [];
    for (let near = 0; near < (transposed ? n : o); near += 1) {
      for (let tap = 0; tap < k; tap += 1) {
        const place =
          near * (stride[axis] as number) + tap * (dilation[axis] as number) - (padBefore[axis] as number);
        const far = transposed ? place : place / (inputDilation[axis] as number);
        if (!Number.isInteger(far) || far < 0 || far >= (transposed ? o : n)) continue;
        lines.push(transposed ? { input: near, output: far, tap } : { input: far, output: near, tap });
      }
    }
    joints = joints.flatMap((head) =>
      lines.map(({ input, output, tap }) => ({
        input: head.input * n + input,
        output: head.output * o + output,
        tap: head.tap * k + tap,
      })),
    );
  }
  return joints;
}

function sizeOf(extents: readonly number[]): number {
  return extents.reduce((product, extent) => product * extent, 1);
}
