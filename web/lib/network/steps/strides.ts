// Tensors as the core's strided loops see them: extents, and for each tensor how far apart values lie.

import { at } from '../../core/lists.js';
import { MOST_AXES } from '../shapes.js';

export interface Strided {
  readonly extents: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The same with as few axes as possible: those of one place are gone, and those that continue each other are one. */
export function collapsed({ extents, strides }: Strided): Strided {
  const axes: { extent: number; steps: number[] }[] = [];
  for (const [axis, extent] of extents.entries()) {
    const steps = strides.map((own) => at(own, axis));
    const last = axes.at(-1);
    if (extent === 1) continue;
    if (last?.steps.every((step, which) => step === at(steps, which) * extent)) {
      last.extent *= extent;
      last.steps = steps;
    } else {
      axes.push({ extent, steps });
    }
  }
  return {
    extents: axes.map(({ extent }) => extent),
    strides: strides.map((_, which) => axes.map(({ steps }) => at(steps, which))),
  };
}

/** The last integers of a struct of the core's: the number of axes, their extents, and all strides. */
export function axesStruct({ extents, strides }: Strided): number[] {
  const whole = (values: readonly number[]): number[] => [
    ...values,
    ...new Array<number>(MOST_AXES - values.length).fill(0),
  ];
  return [extents.length, ...whole(extents), ...strides.flatMap(whole)];
}
