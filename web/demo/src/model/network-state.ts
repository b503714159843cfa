import { type MadeNetwork, madeNetworks } from './made-networks';
import type { Slice } from './slice';
import { type TestImage, testImages } from './test-images';

/** What a person has chosen of a whole network in station 7. A file of their own is no part of it. */
export interface NetworkState {
  /** One that the page makes, what station 6 has trained, or none. */
  readonly made: MadeNetwork | 'learned' | 'none';
  readonly picture: TestImage;
  /** Places of the repaired ones among its upsampling layers. */
  readonly repaired: readonly number[];
  /** Which channel the pictures of the steps show; `MEAN` for the mean of all. */
  readonly channel: number;
}

export const MEAN = -1;

/** Layers that a link can name. */
const MOST_REPAIRED = 64;
const MOST_CHANNELS = 4096;

export const networkSlice: Slice<NetworkState> = {
  key: 'N',
  defaults: { made: 'none', picture: 'landscape', repaired: [], channel: MEAN },
  fields: [
    { name: 'made', key: 'n', kind: 'choice', of: ['none', ...madeNetworks, 'learned'] },
    { name: 'picture', key: 'p', kind: 'choice', of: testImages },
    { name: 'repaired', key: 'r', kind: 'numbers', min: 0, max: MOST_REPAIRED - 1, longest: MOST_REPAIRED },
    { name: 'channel', key: 'c', kind: 'integer', min: MEAN, max: MOST_CHANNELS - 1 },
  ],
  sound: ({ repaired }) => repaired.every(Number.isInteger) && new Set(repaired).size === repaired.length,
};
