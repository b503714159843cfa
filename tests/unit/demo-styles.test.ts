// A station stands alone in another page's frame: what it looks like is in its own style sheet, in those of the
// components that it shares, or in the one of station 1, which every page has from the start.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const source = new URL('../../web/demo/src/', import.meta.url);
const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
const read = (file: string) => readFileSync(new URL(file, source), 'utf8');
const stationOf = (file: string) => /^stations\/(\w+)\//.exec(file)?.[1];

/** Which files have a rule for a class. */
const ruled = new Map<string, string[]>();
for (const file of files.filter((name) => name.endsWith('.css'))) {
  const selectors = read(file).replaceAll(/\{[^{}]*\}/g, '{}');
  for (const [, name = ''] of selectors.matchAll(/\.([a-z][\w-]*)/g)) {
    ruled.set(name, [...(ruled.get(name) ?? []), file]);
  }
}

it.each(files.filter((name) => name.endsWith('.tsx') && stationOf(name) !== undefined))(
  '%s wears no class of another station',
  (file) => {
    const worn = [...read(file).matchAll(/class="([^"]+)"|class=\{`([^`]+)`/g)].flatMap(
      ([, plain = '', template = '']) => `${plain} ${template.replaceAll(/\$\{[^}]*\}/g, ' ')}`.split(/\s+/),
    );
    const foreign = worn.filter((name) => {
      const where = ruled.get(name) ?? [];
      const own = (sheet: string) => [undefined, 'stamp', stationOf(file)].includes(stationOf(sheet));
      return where.length > 0 && !where.some(own);
    });
    expect(foreign).toEqual([]);
  },
);
