import { inputCells, tapCount } from '../../web/demo/src/model/geometry';
import { bounded, fitted, type flatLayer } from '../../web/demo/src/model/layer-state';
import { uniform } from '../../web/demo/src/model/random';
import type { Field } from '../../web/demo/src/model/slice';
import { opening, type State, slices } from '../../web/demo/src/model/state';

/** A state with about half of its fields drawn at random from all that they may be. */
export function randomState(seed: number): State {
  const draw = uniform(seed);
  const below = (amount: number) => Math.floor(draw() * amount);
  const between = (min: number, max: number) => min + below(max - min + 1);
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const real = (min: number, max: number) =>
    one([between(Math.ceil(min), Math.floor(max)), min + draw() * (max - min), Math.fround(draw()), 1 / 3]);

  function value(field: Field<object>): unknown {
    switch (field.kind) {
      case 'integer':
        return between(field.min, field.max);
      case 'number':
        return Math.min(Math.max(real(field.min, field.max), field.min), field.max);
      case 'flag':
        return draw() < 0.5;
      case 'choice':
        return one(field.of);
      case 'choices':
        return Array.from({ length: below(field.longest + 1) }, () => one(field.of));
      case 'numbers':
        return numbers(field, below(field.longest + 1));
    }
  }

  function numbers({ min, max }: { min: number; max: number }, amount: number): number[] {
    const usual = real(min, max);
    return Array.from({ length: amount }, () => (draw() < 0.5 ? usual : real(min, max)));
  }

  let state = opening;
  for (const { slice, read, write } of slices) {
    const fields = slice.fields as readonly Field<object>[];
    let part: object = { ...read(state) };
    // Values that do not belong together are drawn again.
    do {
      for (const field of fields) {
        if (draw() < 0.5) part = { ...part, [field.name]: value(field) };
      }
      if (slice.key === '') part = fitting(part as ReturnType<typeof flatLayer>);
    } while (slice.sound?.(part as never) === false);
    state = write(state, part);
  }
  return state;

  function fitting(part: ReturnType<typeof flatLayer>): ReturnType<typeof flatLayer> {
    const layer = bounded(part, part.kind);
    const range = { min: -1000, max: 1000 };
    return {
      ...part,
      ...layer,
      input: numbers(range, inputCells(layer)),
      weights: fitted(layer, part.kind, numbers(range, tapCount(layer))),
    };
  }
}
