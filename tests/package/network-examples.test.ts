// examples/selfie and examples/enlarge with the packed package, built by Vite and opened in Chromium.

import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { PNG } from 'pngjs';
import { build, type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { shellOptions } from '../../scripts/browsers.mjs';
import { bytesOf } from '../support/network-onnx-cases/index.js';
import { floats, node } from '../support/onnx-writer.js';
import { PATIENCE_MS } from '../support/patience.js';
import { makeProject, root, temporaryFolder } from './support.js';

const { folder, remove } = temporaryFolder();
const EXAMPLES = ['selfie', 'enlarge'] as const;
const servers = new Map<string, PreviewServer>();
let browser: Browser;

beforeAll(async () => {
  for (const name of EXAMPLES) {
    const app = path.join(folder, name);
    mkdirSync(app);
    cpSync(path.join(root, 'examples', name), app, { recursive: true });
    makeProject(app, inject('tarball'), {});
    mkdirSync(path.join(app, 'node_modules', '@mediapipe'));
    for (const needed of ['vite', '@mediapipe/selfie_segmentation']) {
      symlinkSync(path.join(root, 'node_modules', needed), path.join(app, 'node_modules', needed));
    }
    const settings = { root: app, configFile: path.join(app, 'vite.config.js'), logLevel: 'silent' } as const;
    await build(settings);
    servers.set(name, await preview({ ...settings, preview: { port: 0, host: '127.0.0.1' } }));
  }
  browser = await chromium.launch(shellOptions());
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers.values()) await server.close();
  remove();
});

/** An example, with what went wrong in it. */
async function open(name: (typeof EXAMPLES)[number]): Promise<{ page: Page; wrong: string[] }> {
  const page = await browser.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (note) => note.type() === 'error' && wrong.push(note.text()));
  await page.goto(servers.get(name)?.resolvedUrls?.local[0] ?? '');
  return { page, wrong };
}

const status = (page: Page, text: RegExp) =>
  page.getByRole('status').filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });

function picture(width: number, height: number, colour: (x: number, y: number) => readonly number[]) {
  const png = new PNG({ width, height });
  for (let index = 0; index < width * height; index += 1) {
    png.data.set([...colour(index % width, Math.floor(index / width)), 255], 4 * index);
  }
  return { name: 'picture.png', mimeType: 'image/png', buffer: PNG.sync.write(png) };
}

const pixels = (page: Page) =>
  page.locator('canvas').evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const context = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
    return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
  });

/** A head on shoulders: hair, eyes, nose and mouth are what the network knows one by. */
function drawn(x: number, y: number): readonly number[] | null {
  const inside = (fromX: number, fromY: number, wide: number, tall: number) =>
    Math.hypot((x - fromX) / wide, (y - fromY) / tall) < 1;
  const aside = Math.abs(x - 128);
  if (Math.hypot((aside - 17) / 7, (y - 90) / 4) < 1) return [30, 20, 20];
  if (inside(128, 122, 14, 4)) return [160, 60, 60];
  if (inside(128, 80, 50, 58) && (y < 65 || aside > 38)) return [50, 35, 25];
  if (inside(128, 105, 5, 8)) return [205, 150, 120];
  if (inside(128, 95, 42, 55)) return [204, 152, 120];
  return y > 140 && inside(128, 266, 100, 125) ? [40, 60, 130] : null;
}

test('the selfie network finds a person, and blurs what is behind', async () => {
  const { page, wrong } = await open('selfie');
  await status(page, /Ready/);
  const person = picture(256, 256, (x, y) => drawn(x, y) ?? [x % 8 < 4 ? 250 : 150, 200, 210]);
  await page.getByLabel('A picture').setInputFiles(person);
  await status(page, /% of it is a person/);
  const [, share = ''] = /^(\d+) %/.exec((await page.getByRole('status').textContent()) ?? '') ?? [];
  expect(Number(share)).toBeGreaterThan(10);
  expect(Number(share)).toBeLessThan(80);
  const { width, height, data } = await pixels(page);
  expect([width, height]).toEqual([256, 256]);
  const at = (x: number, y: number) => data[4 * (256 * y + x)] as number;
  // The stripes at the top are one grey now; the forehead is as it was.
  expect(Math.abs(at(21, 20) - at(25, 20))).toBeLessThan(40);
  expect(Math.abs(at(110, 75) - 204)).toBeLessThan(8);
  expect(wrong).toEqual([]);
  await page.close();
});

test('a dropped picture is enlarged by tiles, by a network that was dropped before', async () => {
  const { page, wrong } = await open('enlarge');
  await status(page, /A network, please/);
  // Every pixel twice along both axes, and half of what the one to the left is.
  const network = bytesOf({
    parts: [
      floats('w', [1, 1, 1, 2], [0.5, 0.5]),
      node('Conv', ['x', 'w'], ['blurred'], { pads: [0, 1, 0, 0] }),
      floats('u', [1, 1, 2, 2], [1, 1, 1, 1]),
      node('ConvTranspose', ['blurred', 'u'], ['y'], { strides: [2, 2] }),
    ],
    inputs: { x: [1, 1, 8, 8] },
    declared: { x: [1, 1, 'height', 'width'] },
  });
  const files = page.getByLabel('choose one');
  await files.setInputFiles({ name: 'double.onnx', mimeType: '', buffer: Buffer.from(network) });
  await status(page, /^Network\(x \[1, 1, height, width\]/);
  const colour = (x: number, y: number) => [x % 256, y % 256, (x + y) % 256];
  await files.setInputFiles(picture(200, 150, colour));
  await status(page, /200 x 150 pixels, 2 times as wide: 400 x 300/);
  const { width, height, data } = await pixels(page);
  expect([width, height]).toEqual([400, 300]);
  // Also where tiles of 128 meet.
  for (const [x, y] of [
    [0, 0],
    [255, 100],
    [256, 255],
    [257, 256],
    [399, 299],
  ] as const) {
    const [own, left] = [colour(x >> 1, y >> 1), x < 2 ? [0, 0, 0] : colour((x >> 1) - 1, y >> 1)];
    const wanted = own.map((value, channel) => (value + (left[channel] as number)) / 2);
    for (const [channel, value] of wanted.entries()) {
      expect(Math.abs((data[4 * (400 * y + x) + channel] as number) - value)).toBeLessThanOrEqual(0.5);
    }
  }
  expect(await page.getByRole('progressbar').evaluate((bar) => (bar as HTMLProgressElement).value)).toBe(1);
  expect(wrong).toEqual([]);
  await page.close();
});
