import type { ComponentType } from 'preact';
import { later } from '../view/later';
import { LabStation } from './lab/lab-station';
import { MatrixStation } from './matrix/matrix-station';
import { OverlapStation } from './overlap/overlap-station';
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
  { id: 'overlap', name: 'Overlap', View: OverlapStation },
  { id: 'matrix', name: 'Matrix', View: MatrixStation },
  { id: 'lab', name: 'Lab', View: LabStation },
  delayed('learn', 'Learn', async () => (await import('./learn/learn-station')).LearnStation),
  delayed('model', 'Your model', async () => (await import('./model/model-station')).ModelStation),
  delayed('bench', 'Bench', async () => (await import('./bench/bench-station')).BenchStation),
];

function delayed(id: string, name: string, load: () => Promise<ComponentType>): Station {
  return { id, name, View: later(id, name, load) };
}
