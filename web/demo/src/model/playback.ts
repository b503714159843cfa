/**
 * The film of station 1. `position` counts stamps: 4.3 means that four have landed
 * and the fifth is at 30 % of its way. It moves towards `target` and rests there.
 */
export interface Playback {
  readonly position: number;
  readonly target: number;
  readonly total: number;
  readonly speed: number;
}

/** What is on screen at one position. */
export interface Frame {
  /** Stamps that the sums show. */
  readonly landed: number;
  readonly flight: Flight | null;
}

export interface Flight {
  readonly step: number;
  /** 0 at the input cell, 1 over its place in the output. */
  readonly travel: number;
  /** How far the stamp is above the paper, 0 to 1. */
  readonly height: number;
  readonly opacity: number;
}

/** Seconds a stamp takes at speed 1. */
export const SECONDS_PER_STAMP = 1.4;

const LIFT_END = 0.14;
const TRAVEL_END = 0.56;
const PRESS_START = 0.74;
/** From here on the sums include the stamp. */
const LANDING = 0.84;

export function playback(total: number, speed = 1): Playback {
  return { position: 0, target: 0, total, speed };
}

export const isMoving = (p: Playback): boolean => p.position !== p.target;
export const isPlaying = (p: Playback): boolean => isMoving(p) && p.target === p.total;
export const isAtEnd = (p: Playback): boolean => p.position === p.total;

/** Plays to the end; from the end, again from the start. */
export function play(p: Playback): Playback {
  return { ...p, position: isAtEnd(p) ? 0 : p.position, target: p.total };
}

/** Lets a stamp in flight fall back to where it came from, so that a rest is always a whole step. */
export function pause(p: Playback): Playback {
  return rest(p, frameAt(p.position).landed);
}

/** One stamp forward, in flight; a second press completes a flight under way and starts the next. */
export function stepForward(p: Playback): Playback {
  const from = isMoving(p) ? Math.ceil(p.position) : p.position;
  return { ...p, position: from, target: Math.min(from + 1, p.total) };
}

export function stepBack(p: Playback): Playback {
  return rest(p, Math.ceil(p.position) - 1);
}

/** Jumps to a whole step and rests. */
export function rest(p: Playback, step: number): Playback {
  const position = Math.min(Math.max(Math.round(step), 0), p.total);
  return { ...p, position, target: position };
}

/** Another film of `total` stamps: playing if the old one did, or else resting at its start or end like it. */
export function withTotal(p: Playback, total: number): Playback {
  if (total === p.total) return p;
  if (isPlaying(p)) return { ...p, position: 0, target: total, total };
  return rest({ ...p, total }, isAtEnd(p) ? total : 0);
}

export function advance(p: Playback, seconds: number): Playback {
  if (!isMoving(p)) return p;
  const position = Math.min(p.position + (seconds * p.speed) / SECONDS_PER_STAMP, p.target);
  return { ...p, position };
}

/** How many times faster outputs are gathered than stamps fly: there are more of them, and less to see. */
export const GATHER_PACE = 2.5;

export function frameAt(position: number): Frame {
  const step = Math.floor(position);
  const t = position - step;
  if (t === 0) return { landed: step, flight: null };
  return {
    landed: t < LANDING ? step : step + 1,
    flight: {
      step,
      travel: ease(span(t, LIFT_END, TRAVEL_END)),
      height: ease(span(t, 0, LIFT_END)) * (1 - ease(span(t, PRESS_START, LANDING))),
      opacity: span(t, 0, LIFT_END) * (1 - span(t, LANDING, 1)),
    },
  };
}

/** Frames without flight, for people who asked for less motion. */
export function stillFrameAt(position: number): Frame {
  return { landed: Math.floor(position), flight: null };
}

function span(t: number, from: number, to: number): number {
  return Math.min(Math.max((t - from) / (to - from), 0), 1);
}

function ease(t: number): number {
  return t * t * (3 - 2 * t);
}
