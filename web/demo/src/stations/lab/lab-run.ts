import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { LabRequest, LabResult, LabScore } from '../../engine/protocol';
import { depthLimit, type PanelKind } from '../../model/lab-state';
import type { Place } from '../../model/lens';
import { type Picture, shrunk } from '../../model/picture';
import { type TestImage, testImage } from '../../model/test-images';
import { change, engineStatus, lastReport, state } from '../../store';

/** A picture a person opened. It is not part of the state: a link cannot carry it, and it stays here. */
export const ownPicture = signal<Picture | null>(null);

/** A kernel another station handed over: what Learn trained, or a layer of a model that was opened. */
export interface GivenKernel {
  readonly name: string;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** `kernel * kernel` taps, row by row; every colour goes through them. */
  readonly taps: readonly number[];
}

/** Like an own picture it is not part of the state. */
export const givenKernel = signal<GivenKernel | null>(null);

/** Opens a kernel in the lab. */
export function openInLab(given: GivenKernel): void {
  givenKernel.value = given;
  const { kernel, stride, dilation } = given;
  change((s) => ({
    ...s,
    lab: { ...s.lab, kernel, stride, dilation, fill: 'given', crop: 'fit', groups: 3 },
  }));
}

export interface Developed {
  readonly picture: Picture;
  readonly request: LabRequest;
  readonly result: LabResult;
}

/** The last finished run with what went in; the panels draw from this only. */
export const developed = signal<Developed | null>(null);
export const trouble = signal<string | null>(null);
/** Scores of the pictures of `developed`, as far as they have come. */
export const scores = signal<ReadonlyMap<PanelKind, LabScore | null>>(new Map());

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

/** Where the magnifier is, the same place of every panel. */
export const lens = signal<Place>({ x: 0.26, y: 0.34 });
/** A finger hides what is under it, so the lens then sits above. */
export const lensLifted = signal(false);

export function useOwn(picture: Picture): void {
  ownPicture.value = picture;
  trouble.value = null;
  change((s) => ({ ...s, lab: { ...s.lab, source: 'own' } }));
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
    timer = setTimeout(() => void score(now), RESTING);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    trouble.value = error.message;
  }
}

/** Panel by panel, so that a slider never waits for more than one of them. */
async function score(now: Developed): Promise<void> {
  const found = new Map<PanelKind, LabScore | null>();
  for (const { kind } of now.result.panels) {
    if (developed.peek() !== now) return;
    const result = await engine.ask('labScore', { kind, scale: now.result.scale });
    if (result === STALE || developed.peek() !== now) return;
    found.set(kind, result);
    scores.value = new Map(found);
  }
}

/** The question that the state asks; how the panels are arranged on the screen is no part of it. */
const request = computed<{ picture: Picture; request: LabRequest }>(() => {
  const { source: _, sound: __, seed, fill, ...lab } = state.value.lab;
  const given = givenKernel.value;
  const depth = Math.min(lab.depth, depthLimit(lab.stride));
  const picture = input(source.value, lab.stride ** depth);
  const fitting = given !== null && given.kernel === lab.kernel;
  return {
    picture,
    request: {
      ...lab,
      depth,
      picture,
      seed,
      // A kernel that never came, or is of another size, leaves ones.
      fill: fill === 'given' && !fitting ? 'ones' : fill,
      given: fitting ? given.taps : null,
    },
  };
});

let started = false;

export function startLab(): void {
  if (started) return;
  started = true;
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
}
