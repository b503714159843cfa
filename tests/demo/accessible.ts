import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import { expect } from 'vitest';

const HEIGHT = 800;

/**
 * Expects that axe finds nothing in a part of the page (default: all of it) and that nothing sticks out, in both
 * themes, on a wide screen and on a narrow one.
 */
export async function expectAccessible(page: Page, part?: string): Promise<void> {
  const before = page.viewportSize();
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // One script does, because what is in frames is a page of its own; and nobody asks for the paths of all that
      // passes.
      const builder = new AxeBuilder({ page })
        .setLegacyMode()
        .options({ iframes: false, resultTypes: ['violations'] });
      if (part !== undefined) builder.include(part);
      // Only what looks at colours can come out otherwise in the other theme.
      if (colorScheme === 'dark') builder.withRules(['color-contrast', 'link-in-text-block']);
      const { violations, passes, incomplete } = await builder.analyze();
      const where = `${part ?? 'the page'}, ${colorScheme}, ${width} px`;
      // Colours that axe cannot tell, behind what is transparent, it calls incomplete.
      expect(passes.length + incomplete.length, where).toBeGreaterThan(colorScheme === 'dark' ? 0 : 5);
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`),
        where,
      ).toEqual([]);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth), part).toBe(width);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}
