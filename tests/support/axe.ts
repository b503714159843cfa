import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { RunOptions } from 'axe-core';
import type { Page } from 'playwright';

/** Less than half as long as what the module gives for this, and each page has to parse it. */
const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface AxeResult {
  /** What breaks a rule: `rule: element, element`. */
  readonly findings: readonly string[];
  /** So many rules had something to judge; a page in which there is none has not been looked at. */
  readonly looked: number;
}

/**
 * What axe says of a page, or of a part of it, as it stands. It is put into the page once, which takes as long as most
 * of its looks. What is in frames is a page of its own.
 */
export async function axeOf(page: Page, part?: string, options: RunOptions = {}): Promise<AxeResult> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(source);
  return page.evaluate(
    async ([root, rules]) => {
      const { run } = (globalThis as unknown as { readonly axe: typeof axe }).axe;
      const { violations, passes, incomplete } = await run(root ?? document, {
        iframes: false,
        // Nobody asks for the paths of all that passes.
        resultTypes: ['violations'],
        ...rules,
      });
      return {
        findings: violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        ),
        // Colours that axe cannot tell, behind what is transparent, it calls incomplete.
        looked: passes.length + incomplete.length,
      };
    },
    [part, options] as const,
  );
}
