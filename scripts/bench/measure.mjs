// Candidates take turns in one process: every round gives each of them one turn, every second round in the
// opposite order, so that a slow moment of the machine, a warm cache or a thread that still spins hits all
// of them alike. A turn counts as the median of its runs; the result is the median of the turns.

import { median, summary } from './statistics.mjs';

const WARM_UP_MS = 100;
const WARM_UP_RUNS = 30;
const MOST_RUNS_A_TURN = 50;
/** Candidates this much slower than the fastest, and slow in themselves, take fewer turns. */
const SLOW = 4;
const SLOW_MS = 40;

/**
 * @param entries `{ run, usual?, first? }` each; `run` computes once and may be asynchronous; one that took `usual`
 * milliseconds, too many to do it again without need, is not warmed up, and one that took `first` has had its first turn
 * @param rounds turns of each candidate
 * @param milliseconds for all turns of all candidates together, roughly
 * @param rest milliseconds to wait before each turn
 * @param slowRounds turns of a slow candidate
 * @param failed is called with the index of an entry that throws, which takes no turn any more, and what it threw;
 * without it the measurement ends there
 * @returns a summary in milliseconds for each entry, in order; null for one that failed
 */
export async function measure(entries, { rounds, milliseconds, rest = 0, slowRounds = 3, failed = rethrow }) {
  const states = [];
  const attempt = async (state, run) => {
    try {
      await run();
    } catch (error) {
      state.out = true;
      failed(states.indexOf(state), error);
    }
  };
  for (const { run, first, usual = first } of entries) {
    const state = { run, turns: first === undefined ? [] : [first], usual, out: false };
    states.push(state);
    if (usual !== undefined) continue;
    await attempt(state, async () => {
      state.usual = await warmUp(run);
    });
  }
  const fastest = Math.min(...states.filter(({ out }) => !out).map(({ usual }) => usual));
  const turnMs = milliseconds / rounds / states.length;
  const every = Math.ceil(rounds / slowRounds);
  for (let round = 0; round < rounds; round += 1) {
    for (const state of round % 2 === 0 ? states : states.toReversed()) {
      if (state.out) continue;
      const slow = state.usual > Math.max(SLOW * fastest, SLOW_MS);
      if (slow && round % every !== 0) continue;
      if (state.turns.length === (slow ? slowRounds : rounds)) continue;
      if (rest > 0) await pause(rest);
      await attempt(state, async () => {
        // The first run brings code and data back into the caches; where that would cost too much, it counts.
        if (state.usual < turnMs) await state.run();
        state.turns.push(await turn(state.run, turnMs));
      });
    }
  }
  return states.map(({ turns, out }) => (out ? null : summary(turns)));
}

function rethrow(_index, error) {
  throw error;
}

async function turn(run, turnMs) {
  const times = [];
  const started = performance.now();
  while (times.length === 0 || (performance.now() - started < turnMs && times.length < MOST_RUNS_A_TURN)) {
    times.push(await timed(run));
  }
  return median(times);
}

/** Engines compile what is hot again; the last runs are the usual ones. */
async function warmUp(run) {
  const times = [];
  const started = performance.now();
  while (times.length === 0 || (performance.now() - started < WARM_UP_MS && times.length < WARM_UP_RUNS)) {
    times.push(await timed(run));
  }
  return median(times.slice(Math.floor(times.length / 2)));
}

async function timed(run) {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
