import type { ComponentType } from 'preact';
import { lazyStation } from '../view/lazy-station';
import { StampStation } from './stamp/stamp-station';

export interface Station {
  /** Of its section, and of `?embed=`. */
  readonly id: string;
  readonly name: string;
  readonly View: ComponentType;
}

/** In the order of the page. */
export const stations: readonly Station[] = [
  { id: 'stamp', name: 'Stamp', View: StampStation },
  later('overlap', 'Overlap', 2, async () => (await import('./overlap/overlap-station')).OverlapStation),
  later('matrix', 'Matrix', 3, async () => (await import('./matrix/matrix-station')).MatrixStation),
  later('phases', 'Phases', 4, async () => (await import('./phases/phases-station')).PhasesStation),
  later('lab', 'Lab', 5, async () => (await import('./lab/lab-station')).LabStation),
  later('learn', 'Learn', 6, async () => (await import('./learn/learn-station')).LearnStation),
  later('model', 'Your model', 7, async () => (await import('./model/model-station')).ModelStation),
  later('bench', 'Bench', 8, async () => (await import('./bench/bench-station')).BenchStation),
];

function later(id: string, name: string, number: number, load: () => Promise<ComponentType>): Station {
  return { id, name, View: lazyStation(id, name, number, load) };
}
