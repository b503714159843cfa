import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from '../../web/lib/core/version.js';

it('the version that scripts/build.mjs writes is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(VERSION).toBe(version);
});
