import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import { patientEngine } from '../../engine/other-engines';
import type { LabRequest, LabResult, LabScore } from '../../engine/protocol';
import { depthLimit, type PanelKind } from '../../model/lab-state';
import { UPSAMPLER } from '../../model/learn-state';
import { count } from '../../model/numbers';
import { middle, type Picture, shrunk } from '../../model/picture';
import { showsOwn } from '../../model/share';
import type { State } from '../../model/state';
import { testImage } from '../../model/test-image';
import type { TestImage } from '../../model/test-images';
import { turns } from '../../model/turns';
import { change, engineStatus, lastReport, state } from '../../store';
import { makeMagnifier } from '../../view/magnifier';
import { openPicture } from '../../view/open-picture';
import { refuse } from '../../view/refuse';
import { learned, startLearn } from '../learn/learn-run';

/** A picture a person opened. It is not part of the state: a link cannot carry it, and it stays here. */
export const ownPicture = signal<Picture | null>(null);
showsOwn(() => state.peek().lab.source === 'own' && ownPicture.peek()?.name);

/** A kernel from another station; every colour goes through it. */
export interface TakenKernel {
  readonly kernel: number;
  /** `kernel * kernel` taps, row by row. */
  readonly taps: readonly number[];
  /** Whose it is, and what of that the lab leaves out. */
  readonly note: string;
}

/** A kernel of a model file. Like an own picture it is not part of the state. */
export const givenKernel = signal<TakenKernel | null>(null);

/** Opens a kernel of a model file in the lab, in the state that has its geometry. */
export function openInLab(given: TakenKernel, there: State): void {
  givenKernel.value = given;
  change(() => there);
}

/** The kernel that the weights are taken from, whether or not it fits the sliders. */
export const taken = computed<TakenKernel | null>(() => {
  const { fill, learned: began } = state.value.lab;
  if (fill === 'given') return givenKernel.value;
  const run = learned.value;
  const taps = run?.[began].taps;
  if (fill !== 'learned' || !run || !taps || run.step === 0) return null;
  const { seed, rate, penalty } = run.setup;
  return {
    kernel: UPSAMPLER.kernel,
    taps,
    note:
      `Trained in station 6 for ${count(run.step, 'step')}: seed ${seed}, learning rate ${rate}` +
      `${penalty > 0 ? `, spectral penalty ${penalty}` : ''}. Every colour goes through this kernel.`,
  };
});

export interface Developed {
  readonly picture: Picture;
  readonly request: LabRequest;
  readonly result: LabResult;
}

/** The last finished run with what went in; the panels draw from this only. */
export const developed = signal<Developed | null>(null);
export const trouble = signal<string | null>(null);
/** Why a picture was not taken. No answer of the engine, which may have been asked before, takes it away. */
export const pictureRefusal = signal<string | null>(null);
/** Scores of the pictures of `developed`, as far as they have come. */
export const scores = signal<ReadonlyMap<PanelKind, LabScore | null>>(new Map());
/** Whether the panels have come near. Before that nobody sees scores, which take longer than all else of the lab. */
export const near = signal(false);
/** The last of `developed` behind which a hand rested. */
const rested = signal<Developed | null>(null);

const made = new Map<TestImage, Picture>();

export function picture(which: TestImage): Picture {
  const known = made.get(which) ?? testImage(which);
  made.set(which, known);
  return known;
}

const source = computed<Picture>(() => {
  const which = state.value.lab.source;
  return which === 'own' ? (ownPicture.value ?? picture('landscape')) : picture(which);
});

/** The same place of every panel. */
export const magnifier = makeMagnifier();

/** What is chosen or refused begins one, too: a picture that was being read comes too late then. */
const begin = turns();

export function refusePicture(why: string): void {
  begin();
  refuse(pictureRefusal, why);
}

/** Reads a picture and shows it. */
export async function openOwn(file: Blob | Promise<Blob>, name: string): Promise<void> {
  const isLast = begin();
  pictureRefusal.value = null;
  try {
    const picture = await openPicture(await file, name);
    if (!isLast()) return;
    ownPicture.value = picture;
    change((s) => ({ ...s, lab: { ...s.lab, source: 'own' } }));
  } catch {
    if (isLast()) refusePicture(`${name} is not a picture this browser can read.`);
  }
}

/** A hand that rests this long has let go of the slider: time for what takes longer. */
const RESTING = 250;
/** Longest side of an output. */
const LARGEST_OUTPUT = 768;

const small = new WeakMap<Picture, Map<number, Picture>>();

/** The picture in a size whose output can be looked at. */
function input(picture: Picture, scale: number): Picture {
  const longest = Math.floor(LARGEST_OUTPUT / scale);
  const known = small.get(picture) ?? new Map<number, Picture>();
  small.set(picture, known);
  const made = known.get(longest) ?? shrunk(picture, longest);
  known.set(longest, made);
  return made;
}

let timer: ReturnType<typeof setTimeout> | undefined;

async function develop(picture: Picture, request: LabRequest): Promise<void> {
  clearTimeout(timer);
  try {
    const result = await engine.ask('lab', request);
    if (result === STALE) return;
    const now: Developed = { picture, request, result };
    developed.value = now;
    trouble.value = null;
    const report = result.panels.find(({ developed: d }) => d && d.report.plans.length > 0)?.developed
      ?.report;
    if (report) lastReport.value = report;
    clearTimeout(timer);
    timer = setTimeout(() => {
      rested.value = now;
    }, RESTING);
  } catch (error) {
    tell(error);
  }
}

function tell(error: unknown): void {
  if (!(error instanceof EngineError)) throw error;
  trouble.value = error.message;
}

/** Largest side that a score looks at: it costs a Fourier sum over all of it. */
const SCORED = 192;

/** Panel by panel, so that scores of an older picture are soon given up. */
async function score(now: Developed): Promise<void> {
  const { panels, scale } = now.result;
  const found = new Map<PanelKind, LabScore | null>();
  try {
    for (const { kind, developed: panel } of panels) {
      if (developed.peek() !== now) return;
      const picture = panel && middle(panel.output, SCORED, scale);
      const result = picture && (await patientEngine().ask('labScore', { picture, scale }));
      if (result === STALE || developed.peek() !== now) return;
      found.set(kind, result);
      scores.value = new Map(found);
    }
  } catch (error) {
    if (developed.peek() === now) tell(error);
  }
}

/** The question that the state asks; how the panels are arranged on the screen is no part of it. */
const request = computed<{ picture: Picture; request: LabRequest }>(() => {
  const { source: _, sound: __, learned: ___, seed, fill, ...lab } = state.value.lab;
  const given = taken.value;
  const depth = Math.min(lab.depth, depthLimit(lab.stride));
  const picture = input(source.value, lab.stride ** depth);
  const fitting = given !== null && given.kernel === lab.kernel;
  return {
    picture,
    request: {
      ...lab,
      kind: state.value.kind,
      depth,
      picture,
      seed,
      // A kernel that never came, or is of another size, leaves ones.
      fill: fill !== 'given' && fill !== 'learned' ? fill : fitting ? 'given' : 'ones',
      given: fitting ? given.taps : null,
    },
  };
});

let started = false;

export function startLab(): void {
  if (started) return;
  started = true;
  // The kernel that a link asks for is trained again even where station 6 is not on the page.
  effect(() => {
    if (state.value.lab.fill === 'learned') startLearn();
  });
  const chosen = computed(() => state.value.lab.source);
  effect(() => {
    void chosen.value;
    begin();
  });
  const lab = computed(() => state.value.lab);
  effect(() => {
    // What was refused is of no interest any more once something else is chosen.
    void lab.value;
    pictureRefusal.value = null;
  });
  let asked = '';
  let shown: Picture | null = null;
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    const { picture: wanted, request: question } = request.value;
    const key = JSON.stringify({ ...question, picture: null });
    if (key === asked && wanted === shown) return;
    asked = key;
    shown = wanted;
    void develop(wanted, question);
  });
  effect(() => {
    if (near.value && rested.value) void score(rested.value);
  });
}
