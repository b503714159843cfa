import { computed, effect, signal } from '@preact/signals';
import { STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { PhasesRequest, PhasesResult, SeedsResult } from '../../engine/protocol';
import { unanswered } from '../../engine/unanswered';
import type { Cell } from '../../model/geometry';
import { between, type PhaseGeometry } from '../../model/phases';
import { type Drawn, withDrawn, withWeights } from '../../model/state';
import { change, engineStatus, lastReport, reducedMotion, state } from '../../store';

/** Random kernels that the mean of U is taken over. */
export const SEEDS = 400;
const REPAIR_SECONDS = 0.9;

/** A result with the question it answers: the station draws from this pair only. */
export interface Described {
  readonly request: PhasesRequest;
  readonly result: PhasesResult;
}

export const described = signal<Described | null>(null);
export const seedsResult = signal<SeedsResult | null>(null);
/** Why there is no result, if not for a layer that is refused. */
const undescribed = signal<string | null>(null);
/** The same for random kernels of its size; a newer answer about the one that is shown does not take it away. */
const unsampled = signal<string | null>(null);
export const trouble = computed(() => undescribed.value ?? unsampled.value);
/** The tap under the pointer or the focus; its phase is lit everywhere. */
export const lit = signal<Cell | null>(null);

/** Taps on their way from one kernel to its repair; the state has arrived already. */
interface Journey {
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly part: number;
}
const journey = signal<Journey | null>(null);

/** What a repair replaced, as long as its result is still the kernel. */
interface Repair {
  readonly before: Described;
  readonly weights: readonly number[];
}
const lastRepair = signal<Repair | null>(null);
export const replaced = computed(() =>
  lastRepair.value && state.value.weights === lastRepair.value.weights ? lastRepair.value.before : null,
);

/** The kernel as it is shown. */
const request = computed<PhasesRequest>(() => {
  const { layer, kind, weights } = state.value;
  const { axes, groups, kernel, stride, dilation } = layer;
  const moving = journey.value;
  const shown = moving && moving.to === weights ? between(moving.from, moving.to, moving.part) : weights;
  return { kind, axes, groups, kernel, stride, dilation, weights: shown };
});

/** The layer that the taps are drawn of; input and crop are no part of it. */
export function drawnIn({ kind, axes, groups, kernel, stride, dilation }: PhasesRequest): Drawn {
  return { kind, spec: { axes, groups, kernel, stride, dilation } };
}

export function repairTaps(): void {
  const before = described.peek();
  const repaired = before?.result.repaired;
  if (!before || !repaired) return;
  const from = state.peek().weights;
  const { weights } = repaired;
  change((s) =>
    withDrawn(s, drawnIn(before.request), (now) => {
      lastRepair.value = { before, weights };
      if (!reducedMotion.peek()) travel(from, weights);
      return withWeights(now, weights);
    }),
  );
}

function travel(from: readonly number[], to: readonly number[]): void {
  const begin = performance.now();
  journey.value = { from, to, part: 0 };
  const move = (now: number) => {
    if (journey.peek()?.to !== to) return;
    const part = Math.max(now - begin, 0) / 1000 / REPAIR_SECONDS;
    // A kernel changed on the way ends the journey, also for a redo that brings the repaired one back.
    const goesOn = part < 1 && state.peek().weights === to;
    journey.value = goesOn ? { from, to, part } : null;
    if (goesOn) requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
}

async function describe(wanted: PhasesRequest): Promise<void> {
  try {
    const result = await engine.ask('phases', wanted);
    if (result === STALE) return;
    described.value = { request: wanted, result };
    undescribed.value = null;
    lastReport.value = result.report;
  } catch (error) {
    // This station keeps its last picture.
    undescribed.value = unanswered(error);
  }
}

async function sample(geometry: PhaseGeometry): Promise<void> {
  try {
    const result = await engine.ask('seeds', { ...geometry, seeds: SEEDS });
    if (result === STALE) return;
    seedsResult.value = result;
    unsampled.value = null;
  } catch (error) {
    unsampled.value = unanswered(error);
    // Those of another size would be taken for them.
    if (unsampled.value !== null) seedsResult.value = null;
  }
}

let started = false;

export function startPhases(): void {
  if (started) return;
  started = true;
  let asked = '';
  let sampled = '';
  effect(() => {
    if (engineStatus.value.is !== 'ready') return;
    const wanted = request.value;
    const key = JSON.stringify(wanted);
    if (key === asked) return;
    asked = key;
    void describe(wanted);
    const { weights: _, kind: __, ...geometry } = wanted;
    const sampleKey = JSON.stringify(geometry);
    if (sampleKey === sampled) return;
    sampled = sampleKey;
    void sample(geometry);
  });
}
