// Maps along the axes of a tensor, in float64: what a resize, a repeated edge or a fixed filter does.

/** Rows are places of the result, columns places of what comes in. */
export type Matrix = readonly (readonly number[])[];

export interface Grid {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** The last axes of `grid`, one matrix for each. Zeros of a matrix take nothing, not even of an infinity. */
export function along(grid: Grid, matrices: readonly Matrix[]): Grid {
  const first = grid.shape.length - matrices.length;
  return matrices.reduce((from, matrix, index) => alongAxis(from, first + index, matrix), grid);
}

function alongAxis({ data, shape }: Grid, axis: number, matrix: Matrix): Grid {
  const columns = shape[axis] as number;
  const outer = shape.slice(0, axis).reduce((product, extent) => product * extent, 1);
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const result = new Float64Array(outer * matrix.length * inner);
  for (let block = 0; block < outer; block += 1) {
    for (const [row, factors] of matrix.entries()) {
      for (let column = 0; column < columns; column += 1) {
        const factor = factors[column] as number;
        if (factor === 0) continue;
        for (let at = 0; at < inner; at += 1) {
          const target = (block * matrix.length + row) * inner + at;
          const value = data[(block * columns + column) * inner + at] as number;
          result[target] = (result[target] as number) + factor * value;
        }
      }
    }
  }
  return { data: result, shape: shape.with(axis, matrix.length) };
}

export function transposed(matrix: Matrix): Matrix {
  return Array.from(matrix[0] ?? [], (_, column) => matrix.map((row) => row[column] as number));
}

export function mapped(matrix: Matrix, change: (factor: number) => number): Matrix {
  return matrix.map((row) => row.map(change));
}

export function product(one: Matrix, other: Matrix): Matrix {
  const columns = other[0]?.length ?? 0;
  return one.map((row) =>
    Array.from({ length: columns }, (_, column) =>
      row.reduce((sum, factor, index) => sum + factor * (other[index]?.[column] as number), 0),
    ),
  );
}

function matrixOf(rows: number, columns: number, entry: (row: number, column: number) => number): Matrix {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => entry(row, column)),
  );
}

/** PyTorch's nn.Upsample by a whole factor, linear with align_corners=False. */
export function upsampling(n: number, factor: number, linear: boolean): Matrix {
  return matrixOf(n * factor, n, (row, column) => {
    if (!linear) return Math.floor(row / factor) === column ? 1 : 0;
    const at = Math.max((row + 0.5) / factor - 0.5, 0);
    const below = Math.floor(at);
    const above = Math.min(below + 1, n - 1);
    return (column === below ? 1 - (at - below) : 0) + (column === above ? at - below : 0);
  });
}

/** The ends repeated. */
export function replication(n: number, before: number, after: number): Matrix {
  return matrixOf(before + n + after, n, (row, column) =>
    Math.min(Math.max(row - before, 0), n - 1) === column ? 1 : 0,
  );
}

/** Taps spread by a dilation, then convolved `times` times with a box of `stride` ones over `stride`. */
export function smoothing(k: number, dilation: number, stride: number, times: number): Matrix {
  const spread = matrixOf(dilation * (k - 1) + 1, k, (row, column) => (row === column * dilation ? 1 : 0));
  let matrix = spread;
  for (let time = 0; time < times; time += 1) {
    const box = matrixOf(matrix.length + stride - 1, matrix.length, (row, column) =>
      row >= column && row < column + stride ? 1 / stride : 0,
    );
    matrix = product(box, matrix);
  }
  return matrix;
}
