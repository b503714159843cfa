import type { Page } from 'playwright';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { onePage } from './one-page';
import { eventually, type Visit } from './serve';

let open: Visit;
let page: Page;

onePage({ reducedMotion: 'reduce' }, (opened) => {
  open = opened;
  page = open.page;
});

const learn = () => page.locator('#learn');
const button = (name: string) => learn().getByRole('button', { name, exact: true });
const slider = (name: string) => learn().getByRole('slider', { name, exact: true });
/** By keyboard: the lab above is still being measured, and moves what a mouse would press. */
async function choose(name: string): Promise<void> {
  await learn().getByRole('radio', { name, exact: true }).focus();
  await page.keyboard.press('Space');
}
const step = async () => Number(await learn().locator('.learn-step b').textContent());
const trained = () => button('Train again').waitFor();

/** The numbers of a curve's table, by step. */
async function curve(title: string): Promise<Map<number, { random: number; icnr: number }>> {
  const rows = await learn()
    .locator(`[data-chart="${title}"] tbody tr`)
    .evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent ?? '')));
  return new Map(
    rows.map((cells) => {
      const [at, random, icnr] = cells.map((text) => Number(text.replaceAll('\u2212', '-')));
      return [at as number, { random: random as number, icnr: icnr as number }];
    }),
  );
}

const drawn = (side: string, which: number) =>
  learn()
    .locator(`[data-side="${side}"] canvas`)
    .nth(which)
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

const result = async () => ({
  loss: [...(await curve('Loss')).values()],
  unevenness: [...(await curve('U')).values()],
  random: await drawn('random', 1),
  icnr: await drawn('icnr', 1),
});

async function chooseSmall(): Promise<void> {
  await choose('Eight channels, then a convolution');
  await eventually(() => learn().locator('.layer-name').first().textContent()).toMatch(
    /ConvTranspose2d\(1, 8/,
  );
}

declare global {
  var drawAtOnce: () => void;
}

let ended: Awaited<ReturnType<typeof result>> | undefined;
/** How the small network ends that is trained in one go; once, for all tests that ask. */
async function trainedInOneGo(): Promise<NonNullable<typeof ended>> {
  if (ended === undefined) {
    await chooseSmall();
    await button('Train').click();
    await trained();
    ended = await result();
    await button('Reset').click();
    await eventually(step).toBe(0);
  }
  return ended;
}

beforeEach(async () => {
  await open.again();
  await learn().locator('.learn-side').first().waitFor();
  await eventually(step).toBe(0);
});
afterEach(() => open.expectSilence());

describe('training', () => {
  it('lets the loss fall on both sides, from a pattern and from none', async () => {
    expect(await step()).toBe(0);
    const [first] = [...(await curve('U')).values()];
    expect(first?.random).toBeGreaterThan(0.1);
    expect(first?.icnr).toBe(0);
    const start = await drawn('random', 0);
    expect(await drawn('random', 1)).toBe(start);
    // The charts show where both begin, and say that they will go on.
    for (const title of ['Loss', 'U']) {
      const plot = learn().locator(`[data-chart="${title}"] .chart-plot`);
      await plot.getByText('The training goes on from these points.').waitFor();
      const heights = await plot
        .locator('circle')
        .evaluateAll((marks) => marks.map((mark) => Number(mark.getAttribute('cy'))));
      expect(heights).toHaveLength(2);
      const [random = 0, icnr = 0] = heights;
      // ICNR's U is 0, which lies on the floor.
      if (title === 'U') expect(icnr - random).toBeGreaterThan(100);
    }

    await button('Train').click();
    await trained();
    expect(await step()).toBe(300);
    const losses = await curve('Loss');
    const unevenness = await curve('U');
    expect([...losses.keys()]).toEqual([0, 5, 10, 25, 50, 100, 150, 200, 250, 300]);
    for (const side of ['random', 'icnr'] as const) {
      expect(losses.get(300)?.[side]).toBeLessThan((losses.get(0)?.[side] ?? 0) / 30);
    }
    expect(unevenness.get(300)?.random).toBeLessThan(0.001);
    // Said of this step, and in the digits of the numbers beside it.
    const point = await learn().locator('.learn-point').innerText();
    expect(point).toMatch(/neither draws a grid/);
    const [left] = await learn().locator('.learn-numbers b').allInnerTexts();
    expect(point).toContain(`random weights have U ${left},`);
    // The first picture stays to be compared with.
    expect(await drawn('random', 0)).toBe(start);
    expect(await drawn('random', 1)).not.toBe(start);
    expect(await learn().locator('[data-chart="Loss"] polyline').count()).toBe(2);
    const points = await learn().locator('[data-chart="U"] polyline.is-first').getAttribute('points');
    expect(points?.split(' ')).toHaveLength(301);
    const mark = learn().locator('[data-chart="U"] circle.is-first');
    expect(points?.split(' ').at(-1)).toBe(
      (
        await Promise.all(['cx', 'cy'].map(async (name) => Number(await mark.getAttribute(name)).toFixed(1)))
      ).join(),
    );
    expect(await learn().getByText('The training goes on').count()).toBe(0);
  });

  it('gives the same numbers and pictures for a link and for a step back, and others for another seed', async () => {
    // All that it follows from is in the address.
    await chooseSmall();
    for (let count = 1; count <= 3; count++) {
      await button('One step').click();
      await eventually(step).toBe(count);
    }
    const third = await result();
    await eventually(() => page.url()).toMatch(/#v1&Tn=small&Tt=3$/);
    const link = page.url();
    await page.goto('about:blank');
    await page.goto(link);
    await eventually(step).toBe(3);
    await eventually(result).toEqual(third);
    await button('Reset').click();
    await eventually(step).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(step).toBe(3);
    await eventually(result).toEqual(third);

    await slider('Seed').fill('2');
    await eventually(step).toBe(0);
    await button('One step').click();
    await eventually(step).toBe(1);
    expect((await result()).loss[1]).not.toEqual(third.loss[1]);
  });

  it('pauses where it is, other stations are answered while it runs, and it ends as in one go', async () => {
    const whole = await trainedInOneGo();
    // As a machine that is late for each picture, so that there is time to act while it runs.
    await page.evaluate(() => {
      const { requestAnimationFrame: frame } = globalThis;
      const inFrames = (frames: number, then: FrameRequestCallback): number =>
        frame((time) => (frames === 1 ? then(time) : inFrames(frames - 1, then)));
      globalThis.requestAnimationFrame = (then) => inFrames(6, then);
      globalThis.drawAtOnce = () => {
        globalThis.requestAnimationFrame = frame;
      };
    });
    await chooseSmall();
    for (let count = 1; count <= 3; count++) {
      await button('One step').click();
      await eventually(step).toBe(count);
    }
    await button('Go on').click();
    await eventually(step).toBeGreaterThan(4);
    await learn().getByRole('button', { name: 'Pause' }).click();
    await button('Go on').waitFor();
    const stopped = await step();
    expect(stopped).toBeLessThan(300);

    await button('Go on').click();
    await page.locator('#lab').getByRole('slider', { name: 'Stride', exact: true }).fill('3');
    await eventually(() => page.locator('[data-panel="raw"] .layer-name').first().textContent()).toMatch(
      /stride=\(3, 3\)/,
    );
    expect(await step()).toBeLessThan(300);
    await page.evaluate(() => globalThis.drawAtOnce());
    await trained();
    expect(await result()).toEqual(whole);
  });

  it('holds U down by the spectral penalty where the loss alone does not', async () => {
    const free = (await trainedInOneGo()).unevenness.at(-1)?.random ?? 0;
    await chooseSmall();
    expect(free).toBeGreaterThan(0.1);
    await slider('Spectral penalty').fill('3');
    await eventually(step).toBe(0);
    expect(await slider('Spectral penalty').getAttribute('aria-valuetext')).toBe('0.1');
    await button('Train').click();
    await trained();
    expect((await curve('U')).get(300)?.random).toBeLessThan(free / 1000);
  });
});

describe('the responsiveness of the page', () => {
  it('is kept while it trains and draws', async () => {
    await page.evaluate(() => {
      const tasks: number[] = [];
      const drawn = { Loss: 0, U: 0 };
      Object.assign(globalThis, { tasks, drawn });
      for (const title of ['Loss', 'U'] as const) {
        const curve = document.querySelector(`[data-chart="${title}"] polyline`) as Element;
        new MutationObserver(() => {
          drawn[title]++;
        }).observe(curve, { attributes: true, attributeFilter: ['points'] });
      }
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
      }).observe({ type: 'longtask' });
    });
    await button('Train').click();
    await trained();
    const { tasks, drawn: drawings } = await page.evaluate(() => {
      const { tasks, drawn } = globalThis as unknown as {
        tasks: number[];
        drawn: Record<'Loss' | 'U', number>;
      };
      return { tasks, drawn };
    });
    // The browser names tasks of more than 50 ms.
    console.log(
      `Longest task of the page in 300 steps: ${tasks.length ? `${Math.max(...tasks)} ms` : 'below 50 ms'}, ` +
        `${drawings.Loss} drawings of the loss`,
    );
    // Both curves grow while it runs.
    expect(drawings.Loss).toBeGreaterThan(20);
    expect(drawings.U).toBeGreaterThan(20);
  });
});

describe('the gradient of a strided convolution', () => {
  beforeEach(async () => {
    await choose('The gradient of a strided convolution');
    await learn().locator('[data-gradient="sum"]').waitFor();
  });

  const verdict = () => learn().locator('.gradient-verdict').innerText();

  /** The middle of dL/dx as its table has it. */
  async function middle(): Promise<number[][]> {
    const figure = learn().locator('[data-gradient="sum"]');
    if ((await figure.locator('details').getAttribute('open')) === null) {
      await figure.getByText('As a table').click();
    }
    await figure.locator('tbody tr').first().waitFor();
    return figure
      .locator('tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent))),
      );
  }

  it('is the pattern of station 1: 1, 2 and 4 with kernel 3, even with kernel 4', async () => {
    expect(await verdict()).toMatch(/^U of the backward pass 0\.19\./);
    await eventually(async () => [...new Set((await middle()).flat())].sort()).toEqual([1, 2, 4]);
    const values = await middle();
    const at = (row: number, column: number) => values[row]?.[column];
    expect(at(0, 0)).toBe(at(2, 4));
    expect(at(0, 0)).not.toBe(at(0, 1));

    await slider('Kernel').fill('4');
    await eventually(verdict).toMatch(/^U of the backward pass 0\./);
    await eventually(async () => [...new Set((await middle()).flat())]).toEqual([4]);

    await choose('Random');
    await eventually(async () => new Set((await middle()).flat()).size).toBe(4);
    expect(Number(/pass (0\.\d+)/.exec(await verdict())?.[1])).toBeGreaterThan(0.1);
  });

  it('has holes where the stride is larger than the kernel', async () => {
    await slider('Kernel').fill('2');
    await slider('Stride').fill('3');
    await eventually(verdict).toMatch(/5 of 9 phases without any stamp, which no weights can mend/);
  });
});

it('axe finds nothing, and nothing sticks out', async () => {
  await button('One step').click();
  await eventually(step).toBe(1);
  for (const table of await learn().getByText('As a table').all()) await table.click();
  await expectAccessible(page, '#learn');
  await choose('The gradient of a strided convolution');
  await learn().locator('[data-gradient="sum"]').getByText('As a table').click();
  await expectAccessible(page, '#learn');
});
