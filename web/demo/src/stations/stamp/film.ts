import { computed, effect, signal } from '@preact/signals';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { StampRequest, StampResult } from '../../engine/protocol';
import { largestMagnitude } from '../../model/colour';
import { type Cell, stampCounter } from '../../model/geometry';
import {
  advance,
  type Frame,
  frameAt,
  GATHER_PACE,
  isAtEnd,
  isMoving,
  isPlaying,
  type Playback,
  pause,
  play,
  playback,
  rest,
  stepBack,
  stepForward,
  stillFrameAt,
  withTotal,
} from '../../model/playback';
import type { State } from '../../model/state';
import { GONE, type Story, story } from '../../model/story';
import { lastReport, reducedMotion, state } from '../../store';

/** A result together with the question it answers: pictures are drawn from this pair only. */
export interface Stamped {
  readonly view: State['view'];
  readonly request: StampRequest;
  readonly result: StampResult;
}

export const stamped = signal<Stamped | null>(null);
/** The package's sentence when it refuses the layer; the last legal picture stays. */
export const refusal = signal<string | null>(null);

const film = signal<Playback>(playback(0));

export const position = computed(() => film.value.position);
export const total = computed(() => film.value.total);
export const playing = computed(() => isPlaying(film.value));
export const atEnd = computed(() => isAtEnd(film.value));
export const frame = computed<Frame>(() =>
  reducedMotion.value ? stillFrameAt(position.value) : frameAt(position.value),
);
export const gathering = computed(() => stamped.value?.view === 'gather');
/** The input cell whose stamp is in the air. */
export const stampingStep = computed(() => (gathering.value ? null : (frame.value.flight?.step ?? null)));
/** Steps done: stamps landed, or outputs gathered. */
export const landed = computed(() => frame.value.landed);
/** Stamps that what is shown of the output is made of. */
export const landedStamps = computed(() =>
  gathering.value ? (stamped.value?.request.input.length ?? 0) : landed.value,
);
/** How many of them an output cell has. */
export const stampsAt = computed<(cell: Cell) => number>(() =>
  stamped.value ? stampCounter(stamped.value.request.spec, landedStamps.value) : () => 0,
);
/** The output cell that was gathered last. */
export const gathered = computed<Cell | null>(() => {
  const width = stamped.value?.result.shape[1] ?? 0;
  if (!gathering.value || landed.value === 0 || width === 0) return null;
  const index = landed.value - 1;
  return { row: Math.floor(index / width), column: index % width };
});

/** Whether the end of the film has told the reader that a pattern is gone. */
const sawItGo = signal(false);

export const currentStory = computed<Story | null>(() => {
  if (!stamped.value) return null;
  const { request, result } = stamped.value;
  const output = result.states.at(-1) ?? new Float32Array();
  return story({ ...request, output, sawItGo: sawItGo.value });
});

/** The colour scale is full at the largest value of all three grids: one colour is one value everywhere. */
export const colourLimit = computed(() => {
  if (!stamped.value) return 1;
  const { request, result } = stamped.value;
  const values = [request.input, request.weights, ...result.states];
  return largestMagnitude(values);
});

export interface Pointed {
  readonly grid: 'input' | 'kernel' | 'output';
  readonly cell: Cell;
}

/** Under the pointer, under the focus, and kept by Enter or a click until Escape. */
export const hovered = signal<Pointed | null>(null);
export const focused = signal<Pointed | null>(null);
export const pinned = signal<Pointed | null>(null);
export const pointed = computed(() => hovered.value ?? focused.value ?? pinned.value);
/** What is lit: the cell in hand, or else the output that is being gathered. */
export const lighted = computed<Pointed | null>(() => {
  if (pointed.value || !gathered.value || atEnd.value) return pointed.value;
  return { grid: 'output', cell: gathered.value };
});

export const controls = {
  hold: () => run(pause),
  toggle: () => run(playing.value ? pause : play),
  start: () => run(fromTheStart),
  forward: () => run(reducedMotion.value ? jumpForward : stepForward),
  back: () => run(stepBack),
  seek: (step: number) => run((p) => rest(p, step)),
  end: () => run((p) => rest(p, p.total)),
};

const fromTheStart = (p: Playback) => play(rest(p, 0));
const jumpForward = (p: Playback) => rest(p, p.position + 1);

/** What somebody has moved once does not open by itself any more. */
let inHand = false;

function run(move: (p: Playback) => Playback): void {
  inHand = true;
  show(move);
}

function show(move: (p: Playback) => Playback): void {
  film.value = move(film.peek());
}

/** The longest jump of one picture; a tab that was hidden goes on where it was. */
const LONGEST_FRAME = 0.1;

/** Whether a board that shows the film is in view. Unseen it stands still, and goes on where it was. */
export const watched = signal(false);

function keepRolling(): void {
  let last = 0;
  let scheduled = 0;
  const roll = (now: number) => {
    // The time of a frame may lie before the moment that asked for it.
    const seconds = Math.max(now - last, 0) / 1000;
    const pace = gathering.peek() ? GATHER_PACE : 1;
    show((p) => advance(p, pace * Math.min(seconds, LONGEST_FRAME)));
    last = now;
    scheduled = isMoving(film.peek()) && watched.peek() ? requestAnimationFrame(roll) : 0;
  };
  effect(() => {
    if (!isMoving(film.value) || !watched.value || scheduled) return;
    last = performance.now();
    scheduled = requestAnimationFrame(roll);
  });
}

/** Steps of the film: input cells that stamp, or output cells that gather. */
const steps = ({ view, request, result }: Stamped) =>
  view === 'gather' ? result.shape[0] * result.shape[1] : request.input.length;

async function refresh(request: StampRequest): Promise<void> {
  try {
    const result = await engine.ask('stamp', request);
    if (result === STALE) return;
    const first = stamped.peek() === null;
    refusal.value = null;
    const next = { view: state.peek().view, request, result };
    const kept = pinned.peek()?.cell;
    // What a smaller output has no more cannot be kept.
    if (kept && (kept.row >= result.shape[0] || kept.column >= result.shape[1])) pinned.value = null;
    stamped.value = next;
    lastReport.value = result.report;
    show((p) => withTotal(p, steps(next)));
    // The page opens before the first stamp; for people who asked for less motion, with the finished picture.
    if (first) show((p) => rest(p, reducedMotion.peek() ? p.total : 0));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    refusal.value = error.message;
  }
}

/** The part of the state this station draws. */
const request = computed<StampRequest>(() => {
  const { layer, kind, input, weights } = state.value;
  return { spec: layer, kind, input, weights };
});

/** The page opens playing: from the moment that there is something to be seen of it. */
export function openFilm(): void {
  if (!inHand && !reducedMotion.peek()) show(fromTheStart);
}

let started = false;

export function startFilm(): void {
  if (started) return;
  started = true;
  keepRolling();
  let asked = '';
  effect(() => {
    // Also as an undo or a link has it.
    const { speed } = state.value;
    show((p) => (p.speed === speed ? p : { ...p, speed }));
  });
  effect(() => {
    const { view } = state.value;
    const shown = stamped.peek();
    if (!shown || shown.view === view) return;
    const next = { ...shown, view };
    stamped.value = next;
    // The other film begins where the old one was: at the start, at the end, or playing.
    show((p) => withTotal(p, steps(next)));
  });
  effect(() => {
    // A film without a step, as before the first answer, has told nothing.
    if (total.value > 0 && atEnd.value && currentStory.value?.verdict === GONE) sawItGo.value = true;
  });
  effect(() => {
    const wanted = request.value;
    // A change elsewhere in the state is no new question.
    const key = JSON.stringify(wanted);
    if (key === asked) return;
    asked = key;
    void refresh(wanted);
  });
}
