import type { Page } from 'playwright';
import { expect } from 'vitest';
import { axeOf } from '../support/axe';

const HEIGHT = 800;

/**
 * Expects that axe finds nothing in a part of the page, or in several (default: all of it) and that nothing sticks out, in both
 * themes, on a wide screen and on a narrow one.
 */
export async function expectAccessible(page: Page, part?: string): Promise<void> {
  const before = page.viewportSize();
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // Only what looks at colours can come out otherwise in the other theme.
      const rules = colorScheme === 'dark' ? { runOnly: ['color-contrast', 'link-in-text-block'] } : {};
      const { findings, looked } = await axeOf(page, part, rules);
      const where = `${part ?? 'the page'}, ${colorScheme}, ${width} px`;
      expect(looked, where).toBeGreaterThan(colorScheme === 'dark' ? 0 : 5);
      expect(findings, where).toEqual([]);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth), part).toBe(width);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}
