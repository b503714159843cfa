// The page in Firefox and in WebKit: each station shows its first values, and works once by mouse and once by
// keyboard. All else of the page is tested in Chromium.

import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enginesHere } from '../../scripts/browsers.mjs';
import { type Engine, launchEngine } from '../support/engines';
import { eventually, reopen } from './serve';
import { type ServedPage, servePage } from './serve-page';

interface Doing {
  /** An XPath in the station. */
  readonly on: string;
  /** Pressed while that has the focus; without any, it is clicked. */
  readonly keys: readonly Parameters<Engine['press']>[0][];
  /** What of the station is looked at. */
  readonly then: string;
  readonly is: unknown;
}

/** Expressions are the page's: in them `station` is the element of the station. */
interface Station {
  readonly id: string;
  readonly first: readonly [expression: string, value: unknown][];
  readonly doings: readonly Doing[];
}

const click = (on: string, then: string, is: unknown): Doing => ({ on, keys: [], then, is });
const press = (keys: Doing['keys'], on: string, then: string, is: unknown): Doing => ({ on, keys, then, is });

const button = (name: string) => `//button[contains(normalize-space(), "${name}")]`;
const label = (name: string) => `//label[starts-with(normalize-space(), "${name}")]`;
const slider = (name: string) =>
  `//input[@type="range"][@aria-label="${name}" or @id=//label[normalize-space()="${name}"]/@for]`;
const text = (selector: string) => `station.querySelector('${selector}')?.textContent`;
const cells = (selector: string) =>
  `[...station.querySelectorAll('${selector} [role="gridcell"]')]
    .map((cell) => Number(cell.getAttribute('aria-label').replace('\u2212', '-').split(',')[0]))`;
/** Reds of a picture away from its border, each once. */
const reds = (panel: string) => `(() => {
  const canvas = station.querySelector('[data-panel="${panel}"] .picture .pixel-canvas');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(12, 12, canvas.width - 24, canvas.height - 24);
  return [...new Set(data.filter((_, i) => i % 4 === 0))].sort((a, b) => a - b);
})()`;

/** Ones of 3x3 under a kernel of ones, 3x3 with stride 2, of which so many stamps have landed. */
function sums(stamps: number): number[] {
  const all = new Array<number>(49).fill(0);
  for (let stamp = 0; stamp < stamps; stamp++) {
    for (let tap = 0; tap < 9; tap++) {
      const row = 2 * Math.floor(stamp / 3) + Math.floor(tap / 3);
      const place = 7 * row + 2 * (stamp % 3) + (tap % 3);
      all[place] = (all[place] ?? 0) + 1;
    }
  }
  return all;
}

/** Flat grey of 0.86 where 1, 2 or 4 of the taps meet, each 4/9; bytes. */
const GREYS = [1, 2, 4].map((met) => Math.round(Math.min((met * 4 * 0.86 * 255) / 9, 255)));
/** Computed by numpy, sharing nothing with the package. */
const numpy = JSON.parse(
  readFileSync(new URL('../fixtures/models/analysis.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, { unevenness: number }>>;

const STATIONS: readonly Station[] = [
  {
    id: 'stamp',
    first: [[cells('.input-figure'), new Array(9).fill(1)]],
    doings: [
      press(['Home'], slider('Stamps landed'), cells('.output-figure'), sums(0)),
      press(['ArrowRight'], slider('Stamps landed'), cells('.output-figure'), sums(1)),
      press(['End'], slider('Stamps landed'), cells('.output-figure'), sums(9)),
      click(button('Kernel 3 \u2192 4'), text('.verdict'), 'The pattern is gone.'),
    ],
  },
  {
    id: 'overlap',
    first: [
      [text('.phases-title b'), '2/1'],
      [text('.verdict'), 'Uneven: 4 times as many on some cells.'],
    ],
    doings: [
      click('//summary', `station.querySelector('details table').checkVisibility()`, true),
      press(['ArrowRight'], slider('Kernel'), text('.phases-title b'), '2/2'),
      press(['ArrowRight'], slider('Dilation'), text('.phases-title b'), '4/0'),
    ],
  },
  {
    id: 'matrix',
    first: [
      [cells('.convention-figure'), sums(9)],
      [text('.adjoint-numbers'), '\u22121.6 = \u22121.6'],
    ],
    doings: [
      click(
        button('Another x'),
        text('.adjoint-numbers'),
        expect.stringMatching(/^(?!\u22121\.6 )(\S+) = \1$/),
      ),
      press(
        new Array(5).fill('ArrowDown'),
        '//input[@name="convention"]',
        `station.textContent.includes('The same output as station 1.')`,
        true,
      ),
    ],
  },
  {
    id: 'phases',
    first: [
      [`[...station.querySelectorAll('[data-gain]')].map((cell) => Number(cell.dataset.gain))`, [4, 2, 2, 1]],
      [`Number(station.querySelector('[data-unevenness]').dataset.unevenness)`, expect.closeTo(0.19, 6)],
    ],
    doings: [
      click(button('Repair'), `station.querySelector('[data-verdict]').dataset.verdict`, 'free'),
      press(['ArrowRight'], slider('Kernel'), `station.querySelectorAll('.tap-handle').length`, 16),
    ],
  },
  {
    id: 'lab',
    first: [[`station.querySelectorAll('.layer-name').length`, 3]],
    doings: [
      click(label('Flat colour'), reds('raw'), GREYS),
      press(['ArrowRight'], slider('Kernel'), `${reds('raw')}.length`, 1),
    ],
  },
  {
    id: 'learn',
    first: [[text('.learn-step b'), '0']],
    doings: [
      press(['Enter'], button('One step'), text('.learn-step b'), '1'),
      click(button('Go on'), `Number(${text('.learn-step b')}) > 10`, true),
    ],
  },
  {
    id: 'model',
    first: [[`station.querySelectorAll('.model-layer').length`, 0]],
    doings: [
      click(
        `//*[@class="model-examples"]${button('FSRCNN \u00d73')}`,
        text('.model-summary'),
        expect.stringMatching(/^fsrcnn-x3\.onnx has 1 transposed convolution\./),
      ),
      press(
        ['Enter'],
        button('DCGAN generator'),
        `Number(${text('[data-layer="/up0/ConvTranspose"] .model-verdict span b')})`,
        expect.closeTo(numpy.generator?.['up0.weight']?.unevenness ?? Number.NaN, 3),
      ),
    ],
  },
  {
    id: 'bench',
    first: [[`station.querySelectorAll('input[name="bench-layer"]').length`, 10]],
    doings: [
      click(
        label('FSRCNN x2'),
        `station.querySelector('input[name="bench-layer"]:checked').labels[0].textContent`,
        expect.stringMatching(/^FSRCNN x2/),
      ),
      press(
        ['Enter'],
        '//button[normalize-space()="Measure"]',
        `[...station.querySelectorAll('[data-bench="fsrcnn_x2"] [data-by]')]
          .map((row) => /right to \\de\u2212[5-9]/.test(row.textContent))`,
        [true, true],
      ),
    ],
  },
];

/**
 * Keeps what the page says on the console, does not catch, or breaks of its policy. WebDriver tells nothing of
 * that, so a script in front of the page's own listens.
 */
function listening(): Plugin {
  const script = `
    globalThis.said = [];
    for (const kind of ['error', 'warn']) console[kind] = (...words) => said.push(words.join(' '));
    addEventListener('error', (event) => said.push(event.message ?? 'cannot load ' + event.target.outerHTML), true);
    addEventListener('unhandledrejection', ({ reason }) => said.push(String(reason)));
    document.addEventListener('securitypolicyviolation', (event) => said.push(event.violatedDirective));`;
  return {
    name: 'listening',
    configurePreviewServer({ middlewares, config }) {
      const page = readFileSync(`${config.build.outDir}/index.html`, 'utf8');
      const files: Record<string, [type: string, content: string]> = {
        '/': ['text/html', page.replace('<script', '<script src="./listening.js"></script><script')],
        '/listening.js': ['text/javascript', script],
      };
      middlewares.use((request, response, next) => {
        const file = files[request.url ?? ''];
        if (file === undefined) return next();
        response.writeHead(200, { 'Content-Type': file[0] }).end(file[1]);
      });
    },
  };
}

/**
 * Clicks an element that is in view and rests. What comes later pushes it down, on a busy machine at any time: a
 * click that has gone beside it is repeated.
 */
async function clickOn(engine: Engine, path: string, element: string): Promise<void> {
  await eventually(async () => {
    await untilItRests(engine, element);
    await engine.evaluate(`(() => {
      globalThis.wasHit = false;
      ${element}.addEventListener('click', () => { globalThis.wasHit = true; }, { once: true });
    })()`);
    await engine.click(path);
    return engine.evaluate<boolean>('wasHit');
  }).toBe(true);
}

/** Brings an element into view, and waits until it moves no more. */
async function untilItRests(engine: Engine, element: string): Promise<void> {
  let before: string | undefined;
  await eventually(async () => {
    const last = before;
    before = await engine.evaluate<string>(`((element) => {
      element.scrollIntoView({ block: 'center', behavior: 'instant' });
      return JSON.stringify(element.getBoundingClientRect());
    })(${element})`);
    return before === last;
  }).toBe(true);
}

let served: ServedPage;
beforeAll(async () => {
  served = await servePage([listening()]);
});
afterAll(() => served?.close());

describe.each(enginesHere())('%s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name);
  });
  afterAll(() => engine?.close());

  it('runs the best build that it has', async () => {
    await engine.open(served.url);
    await eventually(() => engine.evaluate(`document.querySelectorAll('.is-coming').length`)).toBe(0);
    const build = name === 'webkit' ? 'SIMD' : 'relaxed SIMD';
    await eventually(() => engine.evaluate(`document.querySelector('.badge')?.textContent`)).toMatch(
      new RegExp(`^${build}\\d+ threads?`),
    );
  });

  it.each(STATIONS)('$id', async ({ id, first, doings }) => {
    const inStation = (expression: string) =>
      engine.evaluate<unknown>(`((station) => ${expression})(document.getElementById('${id}'))`);
    await engine.evaluate(`(${reopen})('#v1')`);
    for (const [expression, value] of first) await eventually(() => inStation(expression)).toEqual(value);
    for (const { on, keys, then, is } of doings) {
      const path = `//*[@id="${id}"]${on}`;
      const element = `document.evaluate(${JSON.stringify(path)}, document, null, 9).singleNodeValue`;
      if (keys.length === 0) await clickOn(engine, path, element);
      else await engine.evaluate(`${element}.focus()`);
      for (const key of keys) await engine.press(key);
      await eventually(() => inStation(then)).toEqual(is);
    }
    expect(await engine.evaluate('said')).toEqual([]);
  });
});
