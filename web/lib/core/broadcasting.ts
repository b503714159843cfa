// Row-major tensors, and how those of smaller shapes are repeated in larger ones, as NumPy has it.

/** How far apart neighbours lie along each axis, in values. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

/** The same along the axes of a larger shape, 0 along those where the tensor is repeated. */
export function repeatedStrides(shape: readonly number[], whole: readonly number[]): number[] {
  const own = stridesOf(shape);
  return whole.map((_, axis) => {
    const index = axis + shape.length - whole.length;
    return index < 0 || shape[index] === 1 ? 0 : (own[index] as number);
  });
}

/** The shape that shapes broadcast to; null if they do not. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (const [index, extent] of shape.entries()) {
      const axis = rank - shape.length + index;
      if (extent === 1 || result[axis] === extent) continue;
      if (result[axis] !== 1) return null;
      result[axis] = extent;
    }
  }
  return result;
}
