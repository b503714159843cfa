import type { KernelFill } from './kernels';
import { type Range, seedRange } from './layer-state';
import type { LevelsMode } from './levels';
import type { Slice } from './slice';
import type { TestImage } from './test-images';

export interface LabState {
  /** `own` is the picture the person opened; it stays in the page and is not part of the state. */
  readonly source: TestImage | 'own';
  readonly kernel: number;
  readonly stride: number;
  readonly fill: KernelFill;
  readonly seed: number;
  readonly levels: LevelsMode;
}

export const labLimits = {
  kernel: { min: 1, max: 9 },
  stride: { min: 1, max: 4 },
} satisfies Record<string, Range>;

export const labSlice: Slice<LabState> = {
  key: 'L',
  defaults: { source: 'landscape', kernel: 3, stride: 2, fill: 'ones', seed: 1, levels: 'unit' },
  fields: [
    { name: 'source', key: 'i', kind: 'choice', of: ['landscape', 'flat', 'ramp', 'zone', 'own'] },
    { name: 'kernel', key: 'k', kind: 'integer', ...labLimits.kernel },
    { name: 'stride', key: 's', kind: 'integer', ...labLimits.stride },
    { name: 'fill', key: 'f', kind: 'choice', of: ['ones', 'random', 'bilinear'] },
    { name: 'seed', key: 'r', kind: 'integer', ...seedRange },
    { name: 'levels', key: 'l', kind: 'choice', of: ['unit', 'shared'] },
  ],
};
