/** Row-major index within `room` of every combination of one place from each axis's list, in row-major order. */
export function gridIndices(places: readonly ArrayLike<number>[], room: readonly number[]): Uint32Array {
  let indices = Uint32Array.of(0);
  for (const [axis, own] of places.entries()) {
    const next = new Uint32Array(indices.length * own.length);
    for (let outer = 0; outer < indices.length; outer += 1) {
      for (let place = 0; place < own.length; place += 1) {
        next[outer * own.length + place] =
          (indices[outer] as number) * (room[axis] as number) + (own[place] as number);
      }
    }
    indices = next;
  }
  return indices;
}
