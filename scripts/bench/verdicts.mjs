// From measurements to ratios. A run is what one environment with one number of threads gave for one case.

import { geometricMean } from './statistics.mjs';

const isOk = ({ status }) => status === 'ok';

/** The fastest peer that gave right values; with `build` only peers of that build, or undefined. */
export function bestPeer(results, build) {
  const peers = results.filter(
    (one) => one.peer && isOk(one) && (build === undefined || one.build === build),
  );
  return peers.toSorted((a, b) => a.milliseconds.median - b.milliseconds.median)[0];
}

/**
 * How many times faster than the best peer our channels-first layer is: `relaxed` against the best of all,
 * `simd` against the best that does without relaxed SIMD as well; `out` is `relaxed` when it writes into an
 * array of the caller's. Undefined where one of them is missing.
 */
export function ratiosOf({ results }) {
  const ratio = (build, peer, reuse = false) => {
    const own = results.find(
      (one) => one.ours && one.build === build && one.layout === 'channels-first' && one.reuse === reuse,
    );
    if (own === undefined || !isOk(own) || peer === undefined) return undefined;
    return peer.milliseconds.median / own.milliseconds.median;
  };
  return {
    relaxed: ratio('relaxed', bestPeer(results)),
    out: ratio('relaxed', bestPeer(results), true),
    simd: ratio('simd', bestPeer(results, 'simd')),
  };
}

/** Geometric mean of a build's ratios over the runs that have one; undefined when none has. */
export function meanRatio(runs, build) {
  const ratios = runs.map((run) => ratiosOf(run)[build]).filter((ratio) => ratio !== undefined);
  return ratios.length === 0 ? undefined : geometricMean(ratios);
}

/** What makes the whole benchmark fail: results of ours that are wrong or missing. Never a time. */
export function failures(runs) {
  return runs.flatMap((run) => {
    const where = `${run.case} in ${run.environment} with ${run.threads} ${run.threads === 1 ? 'thread' : 'threads'}`;
    if (run.error !== undefined) return [`${where}: ${run.error}`];
    return run.results
      .filter((one) => one.ours && !isOk(one))
      .map((one) => `${where}: ${one.name}: ${one.status} ${one.note || `(error ${one.error})`}`);
  });
}
