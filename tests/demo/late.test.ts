import type { Locator, Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { madeNetwork } from '../../web/demo/src/engine/made-networks';
import { PATIENCE_MS } from '../support/patience';
import { onePage } from './one-page';
import { eventually, type Served, untilAnswered, type Visit, visit } from './serve';

// What comes late overwrites, hides and takes away nothing that is newer.

let served: Served;
let open: Visit;
let page: Page;

onePage({ reducedMotion: 'reduce' }, (...opened) => {
  [open, served] = opened;
  page = open.page;
});
beforeEach(async () => {
  await open.again();
  await page.locator('#bench .bench-layers').waitFor();
});
afterEach(async () => {
  // What a test has left, as one that fails does.
  await pass();
  open.expectSilence();
});

const slider = (station: string, name: string) =>
  page.locator(station).getByRole('slider', { name, exact: true });
const radio = (station: string, name: string) =>
  page.locator(station).getByRole('radio', { name, exact: true });
const button = (station: string, name: string) =>
  page.locator(station).getByRole('button', { name, exact: true });
/** Some frames after the last answer: what was to come has come. */
const answered = () => page.evaluate(untilAnswered);

interface HeldBack {
  readonly worker: Worker;
  readonly id: unknown;
  pass(): void;
}

declare global {
  /** Questions of one name that have not been given to their workers. */
  var heldBack: HeldBack[];
  /** Questions go to their workers again. */
  var holdNoMore: () => void;
  /** Calls of a function of the browser that are answered late. */
  var late: PromiseWithResolvers<void>;
}

/** Keeps questions of a name from their workers, so that their answers come when a test says so. */
async function holdBack(...names: string[]): Promise<void> {
  await page.evaluate((held) => {
    const { postMessage } = Worker.prototype;
    globalThis.heldBack = [];
    Worker.prototype.postMessage = function (this: Worker, message, ...rest: never[]) {
      if (!held.includes(message.name)) return postMessage.call(this, message, ...rest);
      heldBack.push({
        worker: this,
        id: message.id,
        pass: () => postMessage.call(this, message, ...rest),
      });
    };
    globalThis.holdNoMore = () => {
      Worker.prototype.postMessage = postMessage;
    };
  }, names);
}

const held = (amount: number) => eventually(() => page.evaluate(() => heldBack.length)).toBe(amount);

/** Gives what was held back to the workers, and holds nothing any more. */
const pass = () =>
  page.evaluate(() => {
    globalThis.holdNoMore?.();
    for (const question of globalThis.heldBack?.splice(0) ?? []) question.pass();
  });

/** Answers what was held back as a worker does that could not, and holds nothing any more. */
const fail = (sentence: string) =>
  page.evaluate((message) => {
    holdNoMore();
    for (const { worker, id } of heldBack.splice(0)) {
      const data = { id, ok: false, failure: { code: 'INTERNAL', message } };
      worker.dispatchEvent(new MessageEvent('message', { data }));
    }
  }, sentence);

/** Pictures are read when a test says so. */
const readPicturesLate = () =>
  page.evaluate(() => {
    const { createImageBitmap } = globalThis;
    globalThis.late = Promise.withResolvers();
    globalThis.createImageBitmap = async (...given: unknown[]) => {
      globalThis.createImageBitmap = createImageBitmap;
      await late.promise;
      return createImageBitmap(...(given as [Blob]));
    };
  });
const readPicturesNow = () => page.evaluate(() => late.resolve());

function picture(name: string) {
  const png = new PNG({ width: 20, height: 10 });
  png.data.fill(255);
  return { name, mimeType: 'image/png', buffer: PNG.sync.write(png) };
}
const noPicture = { name: 'none.png', mimeType: 'image/png', buffer: Buffer.from('none') };
const give = (within: string, file: ReturnType<typeof picture>) =>
  page.locator(`${within} input[type="file"]`).setInputFiles(file);

const pixels = (canvas: Locator) => canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());

describe('an address', () => {
  it('that is open already and gone to again leaves nothing to undo', async () => {
    const { page, leave } = await visit(
      { ...served, url: `${served.url}?again#v1&k=4` },
      { reducedMotion: 'reduce' },
    );
    const undo = page.getByRole('button', { name: 'Undo' });
    await page.evaluate(async () => {
      const told = () => new Promise((tell) => addEventListener('hashchange', tell, { once: true }));
      const there = told();
      location.hash = '#lab';
      await there;
      const back = told();
      history.back();
      await back;
    });
    await page.evaluate(untilAnswered);
    expect(await undo.isDisabled()).toBe(true);
    // Another one can be undone.
    await page.evaluate(() => {
      location.hash = '#v1&k=5';
    });
    await eventually(() => undo.isDisabled()).toBe(false);
    await leave();
  });

  it.each([
    ['a reload follows at once', false],
    ['a reload follows, which is answered when the last address has been written', true],
  ])('of a drag that %s is that of its end', async (_, answeredLate) => {
    const own = await visit({ ...served, url: `${served.url}?reload` }, { reducedMotion: 'reduce' });
    const { page } = own;
    const reloaded = Promise.withResolvers<void>();
    await page.route(/[?]reload/, async (route) => {
      if (answeredLate) await eventually(() => new URL(page.url()).hash).toBe('#v1&k=6');
      reloaded.resolve();
      await route.continue();
    });
    const kernel = page.locator('#stamp').getByRole('slider', { name: 'Kernel', exact: true });
    // What writes addresses is there once it has written one.
    await kernel.fill('2');
    await eventually(() => new URL(page.url()).hash).toBe('#v1&k=2');
    await page.evaluate(() => {
      const sliders = [...document.querySelectorAll<HTMLInputElement>('#stamp input[type="range"]')];
      const dragged = sliders.find(({ labels }) => labels?.[0]?.textContent === 'Kernel');
      if (!dragged) throw new Error('no slider of the kernel');
      for (const value of ['4', '5', '6']) {
        dragged.value = value;
        dragged.dispatchEvent(new Event('input', { bubbles: true }));
      }
      Object.assign(globalThis, { before: true });
      location.reload();
    });
    await reloaded.promise;
    await page.waitForFunction(() => !('before' in globalThis) && document.querySelector('.drawn'));
    await eventually(() => kernel.inputValue()).toBe('6');
    expect(new URL(page.url()).hash).toBe('#v1&k=6');
    await own.leave();
  });
});

describe('an undo', () => {
  it('of the speed is one of the film, too', async () => {
    const own = await visit(served, { ownClock: true });
    const { page } = own;
    const film = page.locator('#stamp .transport');
    const landed = () => film.locator('input[type="range"]').inputValue();
    await film.getByRole('button', { name: 'Pause' }).click();
    await film.getByRole('radio', { name: '4\u00d7' }).check();
    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(() => film.getByRole('radio', { name: '1\u00d7', exact: true }).isChecked()).toBe(true);
    await film.locator('input[type="range"]').fill('0');
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + PATIENCE_MS);
    await film.getByRole('button', { name: 'Play', exact: true }).click();
    // Half of a stamp's way at the speed that is chosen, two stamps at the other.
    await page.clock.runFor(700);
    expect(await landed()).toBe('0');
    await page.clock.runFor(1400);
    expect(await landed()).toBe('1');
    await page.clock.resume();
    await own.leave();
  });

  it('on the way of a repair ends it: done again, the repaired kernel is there', async () => {
    const own = await visit(served, { ownClock: true });
    const { page } = own;
    const unevenness = async () =>
      Number(await page.locator('#phases [data-unevenness]').first().getAttribute('data-unevenness'));
    await page.locator('#phases .gains').waitFor();
    const before = await unevenness();
    await page.locator('#phases').getByRole('button', { name: 'Weights at random' }).click();
    await eventually(unevenness).not.toBe(before);
    const random = await unevenness();
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + PATIENCE_MS);
    await page.locator('#phases').getByRole('button', { name: 'Repair' }).click();
    const run = async () => {
      await page.clock.runFor(50);
      return unevenness();
    };
    await eventually(run).not.toBe(random);
    expect(await unevenness()).toBeGreaterThan(1e-3);
    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(run).toBe(random);
    await page.getByRole('button', { name: 'Redo' }).click();
    await eventually(run).toBeLessThan(1e-10);
    await page.clock.resume();
    await own.leave();
  });
});

/** On a page of its own, where the first change is never one with what was there before. */
async function alone(address: string): Promise<void> {
  const shared = page;
  const own = await visit({ ...served, url: `${served.url}?alone${address}` }, { reducedMotion: 'reduce' });
  page = own.page;
  onTestFinished(async () => {
    page = shared;
    await own.leave();
  });
  await page.locator('#bench .bench-layers').waitFor();
  await answered();
}

describe('a training', () => {
  const step = () => page.locator('#learn .learn-step').textContent();
  const undo = () => page.getByRole('button', { name: 'Undo' });
  const redo = () => page.getByRole('button', { name: 'Redo' });

  it('that ends leaves what can be done again, and comes with it', async () => {
    await alone('#v1');
    await holdBack('learn');
    // By keyboard: on a page that has just opened, stations above that answer late move what a mouse would press.
    await button('#learn', 'Train').press('Enter');
    await held(1);
    await button('#learn', 'Pause').press('Enter');
    await button('#learn', 'Train').waitFor();
    await slider('#stamp', 'Kernel').fill('5');
    await undo().click();
    await eventually(() => slider('#stamp', 'Kernel').inputValue()).toBe('3');
    await pass();
    await eventually(step).toBe('Step 5 of 300');
    await answered();
    expect(await redo().isDisabled()).toBe(false);
    await redo().click();
    await eventually(() => slider('#stamp', 'Kernel').inputValue()).toBe('5');
    await answered();
    expect(await step()).toBe('Step 5 of 300');
  });

  it('that an undo brings back leaves what can be done again', async () => {
    await alone('#v1&Tt=5');
    await eventually(step).toBe('Step 5 of 300');
    await button('#learn', 'Reset').click();
    await eventually(step).toBe('Step 0 of 300');
    await undo().click();
    await eventually(step).toBe('Step 5 of 300');
    await answered();
    expect(await redo().isDisabled()).toBe(false);
    await redo().click();
    await eventually(step).toBe('Step 0 of 300');
  });
});

it('a link that could not be copied is shown for as long as it is one to what is shown', async () => {
  const link = page.getByLabel('Link to this state');
  await page.evaluate(() => {
    const value = () => Promise.reject(new Error('not allowed'));
    Object.defineProperty(navigator.clipboard, 'writeText', { configurable: true, value });
  });
  await page.getByRole('button', { name: 'Share' }).click();
  await link.waitFor();
  await slider('#stamp', 'Kernel').fill('5');
  await eventually(() => link.count()).toBe(0);
  await page.evaluate(() => Reflect.deleteProperty(navigator.clipboard, 'writeText'));
});

describe('a picture that is still being read', () => {
  it('comes too late for the lab once another is chosen', async () => {
    await readPicturesLate();
    await give('#lab', picture('slow.png'));
    await radio('#lab', 'Ramp').check();
    await readPicturesNow();
    await answered();
    expect(await radio('#lab', 'Ramp').isChecked()).toBe(true);
    expect(await page.locator('#lab').getByText('slow.png').count()).toBe(0);
  });

  it('does not take away why what was dropped after it is refused', async () => {
    await readPicturesLate();
    await give('#lab', picture('slow.png'));
    await page.locator('#lab').evaluate((lab) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['words'], 'words.txt', { type: 'text/plain' }));
      lab.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    await page.getByText('Only a picture file can be dropped here.').waitFor();
    await readPicturesNow();
    await answered();
    expect(await page.getByText('Only a picture file can be dropped here.').count()).toBe(1);
    await radio('#lab', 'Ramp').check();
  });

  it('comes too late for a network once another is chosen', async () => {
    await runNetwork();
    await readPicturesLate();
    await give('#model .network', picture('slow.png'));
    await radio('#model', 'Flat colour').check();
    await readPicturesNow();
    await answered();
    expect(await radio('#model', 'Flat colour').isChecked()).toBe(true);
    expect(await page.locator('#model').getByText('slow.png').count()).toBe(0);
  });
});

/** The first network of the page that takes a picture, as it runs when a person asks for it. */
async function runNetwork(): Promise<void> {
  await page
    .locator('#model .network-choice')
    .getByRole('button', { name: 'FSRCNN \u00d73', exact: true })
    .click();
  await page.locator('#model [data-step="deconv"]').waitFor();
  await answered();
}

describe('station 7', () => {
  beforeEach(runNetwork);

  const alerts = () => page.locator('#model .network').getByRole('alert').allInnerTexts();
  const steps = () =>
    page
      .locator('#model .network-steps canvas')
      .evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()).join());

  it('says why a picture was refused for longer than a run takes that began before', async () => {
    await holdBack('trace');
    await radio('#model', 'Flat colour').check();
    await held(1);
    await give('#model .network', noPicture);
    const refusal = 'none.png is not a picture this browser can read.';
    await eventually(alerts).toEqual([refusal]);
    await fail('The run failed.');
    await eventually(alerts).toEqual(['The run failed.', refusal]);
    await runNetwork();
    expect(await alerts()).toEqual([]);
  });

  it('says that steps could not be drawn until they are', async () => {
    await holdBack('stepPictures');
    await radio('#model', 'One channel').check();
    await held(1);
    await fail('They cannot be drawn.');
    await eventually(alerts).toEqual(['They cannot be drawn.']);
    await radio('#model', 'Mean of channels').check();
    await eventually(alerts).toEqual([]);
  });

  it('draws the channel that was chosen during a run that was then stopped', async () => {
    await radio('#model', 'One channel').check();
    await answered();
    const first = await steps();
    await radio('#model', 'Mean of channels').check();
    await answered();
    expect(await steps()).not.toBe(first);
    await holdBack('trace', 'stepPictures');
    await radio('#model', 'Ramp').check();
    await radio('#model', 'One channel').check();
    await held(2);
    await page.evaluate(() => {
      holdNoMore();
      // A worker that is stopped answers nothing any more.
      heldBack = [];
    });
    await button('#model', 'Stop it').click();
    await eventually(steps).toBe(first);
    expect(await alerts()).toEqual([]);
  });

  it("does not take an older run's progress for that of the newest", async () => {
    const running = page.locator('#model .network-running');
    await holdBack('trace');
    await radio('#model', 'Flat colour').check();
    await held(1);
    const tell = () =>
      page.evaluate(() => {
        const [{ worker, id } = {}] = heldBack;
        worker?.dispatchEvent(new MessageEvent('message', { data: { id, progress: { done: 3, of: 4 } } }));
      });
    await tell();
    await eventually(() => running.textContent()).toContain(': 3 of 4');
    await radio('#model', 'Ramp').check();
    await eventually(() => running.textContent()).toContain('repaired \u2026');
    await tell();
    await answered();
    expect(await running.textContent()).toContain('repaired \u2026');
    await pass();
    await eventually(() => running.count()).toBe(0);
  });

  it('says nothing of a comparison that failed when something else is shown', async () => {
    const comparison = page.locator('#model .network-comparison');
    await holdBack('compareRuns');
    await comparison.getByRole('button', { name: /^Compare with/ }).click();
    await held(1);
    // Nothing is read aloud that is inside of what is busy.
    const said = page.getByRole('status').filter({ hasText: 'Running it in both' });
    await said.waitFor();
    expect(await said.evaluate((status) => status.closest('[aria-busy="true"]'))).toBeNull();
    await radio('#model', 'Flat colour').check();
    await answered();
    expect(await comparison.textContent()).not.toContain('Running it in both');
    await fail('They cannot be compared.');
    await eventually(() => comparison.getAttribute('aria-busy')).toBe('false');
    expect(await comparison.textContent()).not.toContain('They cannot be compared.');
  });

  it('goes to no layer of a file that another one was opened after', async () => {
    await holdBack('model');
    await button('#model [data-step="deconv"]', 'Kernels of deconv').click();
    await held(1);
    await button('#model .model-examples', 'Vocoder, 1-D').click();
    await eventually(() => page.locator('#model .open-file-hint').last().textContent()).toContain(
      'vocoder.onnx',
    );
    await pass();
    await eventually(() => page.locator('#model .model-summary').textContent()).toContain('vocoder.onnx');
    const file = { name: 'fsrcnn.onnx', mimeType: '', buffer: Buffer.from(madeNetwork('fsrcnn', 7)) };
    await page.locator('#model .model-choice input[type="file"]').setInputFiles(file);
    await page.locator('#model [data-layer="deconv"]').waitFor();
    await answered();
    expect(await page.evaluate(() => document.activeElement?.textContent)).not.toBe('deconv');
  });
});

describe('a sentence about what the worker could not', () => {
  const alerts = (station: string) => page.locator(station).getByRole('alert').allInnerTexts();

  it('of random kernels stays though the kernel that is shown has been described', async () => {
    await holdBack('seeds');
    await slider('#phases', 'Kernel').fill('5');
    await held(1);
    await fail('They cannot be drawn at random.');
    await eventually(() => alerts('#phases')).toEqual(['They cannot be drawn at random.']);
    await button('#phases', 'Weights at random').click();
    await answered();
    expect(await alerts('#phases')).toEqual(['They cannot be drawn at random.']);
    expect(await page.locator('#phases .seeds').count()).toBe(0);
    await slider('#phases', 'Kernel').fill('4');
    await page.locator('#phases .seeds').waitFor();
    expect(await alerts('#phases')).toEqual([]);
  });

  it('of a gradient is gone with the gradient that there is', async () => {
    await radio('#learn', 'The gradient of a strided convolution').check();
    await answered();
    await holdBack('gradient');
    await slider('#learn', 'Kernel').fill('5');
    await held(1);
    await fail('There is no gradient.');
    await eventually(() => alerts('#learn')).toEqual(['There is no gradient.']);
    await slider('#learn', 'Kernel').fill('4');
    await eventually(() => alerts('#learn')).toEqual([]);
  });

  it('of the scores of an older picture is not said of a newer one', async () => {
    await page.locator('#lab .panels').scrollIntoViewIfNeeded();
    await page.locator('[data-panel="resize"] [data-line]').waitFor();
    await holdBack('labScore');
    await slider('#lab', 'Kernel').fill('5');
    await held(1);
    const developed = () => pixels(page.locator('[data-panel="input"] .picture .pixel-canvas'));
    const before = await developed();
    await radio('#lab', 'Ramp').check();
    await eventually(developed).not.toBe(before);
    await fail('It cannot be scored.');
    await answered();
    expect(await alerts('#lab')).toEqual([]);
  });
});

it('of an output that has become smaller nothing is said of a cell that is gone', async () => {
  const said = page.locator('#stamp').getByText('Output, row 7, column 7.');
  await page.locator('.output-figure [data-cell="6,6"]').click();
  await said.waitFor();
  await page.mouse.move(0, 0);
  await slider('#stamp', 'Kernel').fill('2');
  await eventually(() => page.locator('.output-figure [role="gridcell"]').count()).toBe(36);
  await answered();
  expect(await said.count()).toBe(0);
  expect(await page.locator('#stamp .neighbours').count()).toBe(0);
});

it('the name of a system is that of the one whose rules were followed', async () => {
  const output = () => page.locator('.convention-figure [role="grid"]').getAttribute('aria-label');
  await eventually(output).toContain('Output by PyTorch');
  const note = page.locator('.convention-result .explanation');
  const before = await note.textContent();
  await holdBack('convention');
  await radio('#matrix', 'Keras').check();
  await held(1);
  await eventually(() => note.textContent()).not.toBe(before);
  expect(await output()).toContain('Output by PyTorch');
  await pass();
  await eventually(output).toContain('Output by Keras');
});

it('what is measured next is asked for after the stop of what is measured now', async () => {
  const busy = page.locator('#bench .bench-progress').first();
  await page.locator('#bench').scrollIntoViewIfNeeded();
  await page.locator('#bench .bench-results').waitFor();
  await eventually(() => busy.textContent()).toBe('');
  await holdBack('bench');
  await page
    .locator('#bench')
    .getByRole('radio', { name: /^FSRCNN x2/ })
    .check();
  await button('#bench', 'Measure').click();
  await held(1);
  await button('#bench', 'Stop after this layer').click();
  await eventually(() => busy.textContent()).toBe('Measuring FSRCNN x2 \u2026, the last one');
  await page
    .locator('#bench')
    .getByRole('radio', { name: /^FSRCNN x3/ })
    .check();
  // A press is noted, and the reader sees that it is.
  await button('#bench', 'Measure').click();
  await eventually(() => busy.textContent()).toBe('Measuring FSRCNN x2 \u2026, then FSRCNN x3');
  await pass();
  await page.locator('[data-bench="fsrcnn"]').waitFor();
});

it('what is said to be copied is what is shown', async () => {
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.evaluate(() => {
    globalThis.late = Promise.withResolvers();
    const { clipboard } = navigator;
    Object.defineProperty(clipboard, 'writeText', { configurable: true, value: () => late.promise });
  });
  await dialog.getByRole('button', { name: /^Copy/ }).click();
  await dialog.getByRole('radio', { name: 'Keras' }).check();
  await page.evaluate(() => late.resolve());
  await answered();
  expect(await dialog.getByRole('status').textContent()).toBe('');
  await dialog.getByRole('button', { name: /^Copy/ }).click();
  await dialog.getByText('Copied.').waitFor();
  await page.evaluate(() => Reflect.deleteProperty(navigator.clipboard, 'writeText'));
  await dialog.getByRole('button', { name: 'Close' }).click();
});
