import { afterAll, beforeAll } from 'vitest';
import { type Served, serve, type Visit, type VisitOptions, visit } from './serve';

/** One page for the tests of a file, or of a suite: it is opened before the first of them, and left behind the last. */
export function onePage(options: VisitOptions, opened: (open: Visit, served: Served) => void): void {
  let served: Served | undefined;
  let open: Visit | undefined;
  beforeAll(async () => {
    served = await serve();
    open = await visit(served, options);
    opened(open, served);
  });
  afterAll(async () => {
    await open?.leave();
    await served?.close();
  });
}
