import { DeconvError } from '../core/errors.js';
import type { ModelsPlatform } from './platform.js';

export const platform: ModelsPlatform = {
  openPath: async (path) => unsupported('readModel', path, 'Pass bytes, or the Blob or File itself.'),
  writeFiles: async (path) => unsupported('writeModel', path, 'Use patchModel and its streams.'),
};

function unsupported(where: string, path: string | URL, advice: string): never {
  throw new DeconvError(
    'UNSUPPORTED',
    `${where}: expected no path, as a page has no file system, got ${JSON.stringify(String(path))}. ${advice}`,
    { where },
  );
}
