// Made by vitest.config.ts.
declare module 'virtual:case-files' {
  import type { CaseFile, WebnnCaseFile } from './cases.js';

  /** Cases that may be copied: tests/fixtures. By file name without its ending. */
  export const fixtures: Readonly<Record<string, CaseFile>>;
  /** Cases of upstream suites, run in place; null where the checkout has none beside it. */
  export const upstream: Readonly<Record<string, CaseFile | WebnnCaseFile>> | null;
}
