import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { LabRequest, LabResult } from '../../engine/protocol';
import type { Place } from '../../model/lens';
import { levelsOf } from '../../model/levels';
import type { Picture } from '../../model/picture';
import { type TestImage, testImage } from '../../model/test-images';
import { matchedWeights, sameSize } from '../../model/upsampling';
import { change, engineStatus, lastReport, state } from '../../store';

/** A picture a person opened. It is not part of the state: a link cannot carry it, and it stays here. */
export const ownPicture = signal<Picture | null>(null);

export interface Developed {
  readonly picture: Picture;
  readonly stride: number;
  readonly result: LabResult;
}

/** The last finished run with what went in; the panels draw from this only. */
export const developed = signal<Developed | null>(null);
export const trouble = signal<string | null>(null);

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

export const levels = computed(() => {
  if (!developed.value) return { black: 0, white: 1 };
  const { picture, result } = developed.value;
  return levelsOf(state.value.lab.levels, [picture, result.raw, result.resized]);
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

async function develop(input: Picture, request: LabRequest): Promise<void> {
  try {
    const result = await engine.ask('lab', request);
    if (result === STALE) return;
    developed.value = { picture: input, stride: request.stride, result };
    trouble.value = null;
    lastReport.value = result.rawReport;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    trouble.value = error.message;
  }
}

/** The part of the state that changes the numbers; how they are shown does not. */
const settings = computed(() => {
  const { kernel, stride, fill, seed } = state.value.lab;
  return JSON.stringify({ kernel, stride, fill, seed });
});

let started = false;

export function startLab(): void {
  if (started) return;
  started = true;
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    const input = source.value;
    if (!settings.value) return;
    const { kernel, stride, fill, seed } = state.peek().lab;
    const weights = matchedWeights(fill, kernel, stride, seed);
    void develop(input, {
      picture: input,
      kernel,
      stride,
      ...sameSize(kernel, stride),
      rawWeights: weights.raw,
      resizeWeights: weights.resize,
    });
  });
}
