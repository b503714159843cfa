// examples/upscale-png.mjs with the packed package, on pictures whose result is known; what examples say of wrong calls.

import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { makeProject, root, run, temporaryFolder } from './support.js';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const project = path.join(folder, 'consumer');
const WIDTH = 40;
const HEIGHT = 30;

beforeAll(() => {
  const examples = ['upscale-png.mjs', 'train-upsampler.mjs', 'train/vae.mjs', 'train/data.mjs'];
  makeProject(
    project,
    inject('tarball'),
    Object.fromEntries(
      examples.map((file) => [file, readFileSync(path.join(root, 'examples', file), 'utf8')]),
    ),
  );
  const pngjs = path.join('node_modules', 'pngjs');
  cpSync(path.join(root, pngjs), path.join(project, pngjs), { recursive: true });
  const ramp = draw((x, y) => [20 + 5 * x, 200 - 4 * y, 30 + 2 * x + 3 * y]);
  writeFileSync(path.join(project, 'ramp.png'), ramp);
  writeFileSync(
    path.join(project, 'flat.png'),
    draw(() => [120, 120, 120]),
  );
});

test('bilinear weights make a ramp of a ramp', () => {
  const printed = upscale('ramp.png', '--output', 'ramp');
  expect(printed).toContain(`[1,3,${HEIGHT},${WIDTH}] -> [1,3,${2 * HEIGHT},${2 * WIDTH}]`);
  expect(printed).toMatch(/bilinear[\s\S]*build, 1 thread\(s\)[\s\S]*random[\s\S]*build, 1 thread\(s\)/);
  const { width, height, data } = read('ramp/bilinear.png');
  expect([width, height]).toEqual([2 * WIDTH, 2 * HEIGHT]);
  let worst = 0;
  for (let row = 1; row < height - 1; row += 1) {
    for (let column = 1; column < width - 1; column += 1) {
      // Pixel centres: output 0 and 1 lie a quarter to the left and right of input 0.
      const x = (column - 0.5) / 2;
      const y = (row - 0.5) / 2;
      for (const [channel, wanted] of [20 + 5 * x, 200 - 4 * y, 30 + 2 * x + 3 * y].entries()) {
        worst = Math.max(worst, Math.abs((data[(row * width + column) * 4 + channel] ?? NaN) - wanted));
      }
    }
  }
  expect(worst).toBeLessThanOrEqual(1);
});

test('on a flat picture bilinear weights stay flat and random ones make four levels', () => {
  upscale('flat.png', '--output', 'flat', '--seed', '5', '--threads', '2');
  const levels = (name: string) => {
    const { width, height, data } = read(`flat/${name}.png`);
    expect([width, height]).toEqual([2 * WIDTH, 2 * HEIGHT]);
    const reds = new Set<number | undefined>();
    for (let row = 1; row < height - 1; row += 1) {
      for (let column = 1; column < width - 1; column += 1) reds.add(data[(row * width + column) * 4]);
    }
    return [...reds].map(Number);
  };
  expect(levels('bilinear')).toEqual([120]);
  const random = levels('random');
  expect(random).toHaveLength(4);
  expect(Math.max(...random) - Math.min(...random)).toBeGreaterThan(20);
});

test('without a picture it draws one, and a run can be repeated', () => {
  upscale('--output', 'one');
  upscale('--output', 'two');
  for (const name of ['bilinear', 'random']) {
    expect(read(`one/${name}.png`).width).toBe(480);
    expect(read(`one/${name}.png`).data.equals(read(`two/${name}.png`).data)).toBe(true);
  }
});

test.each([
  ['upscale-png.mjs', ['nowhere.png'], 'cannot read nowhere.png (ENOENT)'],
  ['upscale-png.mjs', ['upscale-png.mjs'], 'upscale-png.mjs is not a PNG'],
  ['upscale-png.mjs', ['ramp.png', 'flat.png'], 'expected one picture, got 2'],
  ['upscale-png.mjs', ['--seed', 'x'], 'expected --seed to be a whole number from 0 on, got x'],
  ['upscale-png.mjs', ['--colour'], "Unknown option '--colour'"],
  ['train-upsampler.mjs', ['--steps', 'many'], 'expected --steps to be a whole number from 0 on, got many'],
  ['train-upsampler.mjs', ['--images', 'nowhere'], 'ENOENT'],
  ['train-upsampler.mjs', ['--step', '3'], "Unknown option '--step'"],
  ['train/vae.mjs', ['--steps', '0'], 'expected --steps to be a whole number from 1 on, got 0'],
  ['train/vae.mjs', ['--seed', '0.5'], 'expected --seed to be a whole number from 0 on, got 0.5'],
  ['train/vae.mjs', ['--step', '3'], "Unknown option '--step'"],
])('%s %j is refused in one line', (program, args, message) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: project,
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`${path.basename(program, '.mjs')}: ${message}`);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test.each([
  ['upscale-png.mjs', ['--output', '--seed', '--threads', '--help']],
  ['train-upsampler.mjs', ['--seed', '--steps', '--images', '--help']],
])('--help of %s names every option', (program, options) => {
  const printed = run(process.execPath, [program, '--help'], project);
  for (const option of options) expect(printed).toContain(option);
});

function upscale(...args: string[]): string {
  return run(process.execPath, ['upscale-png.mjs', ...args], project);
}

function draw(colourAt: (x: number, y: number) => readonly number[]): Buffer {
  const png = new PNG({ width: WIDTH, height: HEIGHT });
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) png.data.set([...colourAt(x, y), 255], (y * WIDTH + x) * 4);
  }
  return PNG.sync.write(png);
}

function read(file: string): PNG {
  return PNG.sync.read(readFileSync(path.join(project, file)));
}
