import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible } from './accessible';
import { heavyNetwork, longNetwork } from './large-networks';
import { onePage } from './one-page';
import { eventually, type Visit } from './serve';

let open: Visit;
let folder: string;

onePage({ reducedMotion: 'reduce' }, (opened) => {
  open = opened;
});
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'deconv-wasm-large-'));
});
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true });
});

const model = () => open.page.locator('#model');

/** Opens a file and runs it; says how many frames the page has drawn meanwhile. */
async function run(name: string, bytes: Uint8Array): Promise<number | undefined> {
  const { page } = open;
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  await model().locator('.model-choice').waitFor();
  await model().locator('.model-choice input[type="file"]').setInputFiles(file);
  const button = model().getByRole('button', { name: `Run ${name}` });
  await button.waitFor();
  await page.evaluate(countFrames);
  await button.click();
  await eventually(() => model().locator('.network-verdict, .network .refusal').count()).toBe(1);
  expect(await model().locator('.network .refusal').count()).toBe(0);
  return page.evaluate(() => globalThis.framesWhileRunning);
}

it('runs 200 steps and shows them all, in a page that goes on meanwhile', async () => {
  expect(await run('long.onnx', longNetwork())).toBeGreaterThan(5);
  expect(await model().locator('.network-verdict').textContent()).toMatch(/^up draws the grid/);
  // And what went in.
  expect(await model().locator('.network-steps li').count()).toBe(201);
  await eventually(() => model().locator('.network-steps canvas').count()).toBe(201);
  await model().locator('[data-step="step200"]').getByText('Also takes step197').waitFor();
  // The list scrolls by itself, by the keys as well: what follows is not thousands of pixels below.
  const list = model().getByRole('group', { name: 'Steps of the network, to scroll' });
  const { height = 0 } = (await list.boundingBox()) ?? {};
  expect(height).toBeLessThan(1000);
  await list.focus();
  await open.page.keyboard.press('End');
  await eventually(() => list.evaluate((element) => element.scrollTop)).toBeGreaterThan(5000);
  await expectAccessible(open.page, '#model');
});

it('opens and runs a file of more than 100 MB', async () => {
  const bytes = heavyNetwork();
  expect(bytes.length).toBeGreaterThan(100e6);
  expect(await run('heavy.onnx', bytes)).toBeGreaterThan(5);
  expect(await model().locator('.network-verdict').textContent()).toMatch(/^up draws the grid/);
  await model().getByRole('checkbox', { name: /^up/ }).click();
  await eventually(() => model().locator('.network-after').textContent()).toMatch(/^The pattern/);
});

declare global {
  var framesWhileRunning: number | undefined;
}

/** In the page: from now on, the frames that are drawn while a network runs. */
function countFrames(): void {
  const isCounting = globalThis.framesWhileRunning !== undefined;
  globalThis.framesWhileRunning = 0;
  if (isCounting) return;
  const frame = () => {
    const network = document.querySelector('#model .network');
    if (network?.getAttribute('aria-busy') === 'true') globalThis.framesWhileRunning += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
