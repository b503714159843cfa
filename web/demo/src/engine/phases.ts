import { DeconvError } from 'deconv-wasm';
import {
  amplitudeSpectrum,
  analyze,
  type Kernels,
  phaseGains,
  repairKernels,
  unevenness,
} from 'deconv-wasm/checkerboard';
import { signedTaps } from '../model/kernels';
import { FLAT_SIDE, flatWindow } from '../model/phases';
import type { PhasesRequest, PhasesResult, SeedsRequest, SeedsResult } from './protocol';
import { Run, transposed } from './workshop';

/** Frequencies of a map on each axis: every stride from 1 to 4 has its harmonics among them. */
const SPECTRUM_SIZE = 96;

/** Everything station 4 shows of one kernel. */
export function phases(request: PhasesRequest): PhasesResult {
  const { kernel, stride, dilation, weights } = request;
  const axis = { kernelSize: kernel, stride, dilation };
  const subject: Kernels = {
    geometry: { stride, dilation },
    weight: { data: weights, shape: [1, 1, kernel, kernel] },
  };
  const found = analyze(subject);
  const run = new Run();
  const flat = flatOutput(request, weights, run);
  return {
    gains: found.gains[0]?.[0] ?? [],
    unevenness: found.unevenness,
    levelDbc: found.levelDbc,
    verdict: found.verdict,
    sentence: found.sentence,
    spectrum: amplitudeSpectrum(weights, [axis, axis], SPECTRUM_SIZE),
    spectrumSize: SPECTRUM_SIZE,
    flat,
    repaired: repaired(request, subject, run),
    report: run.report,
  };
}

/** Float32 is what the layer computes in, so the gains must be equal in that. */
function repaired(request: PhasesRequest, subject: Kernels, run: Run): PhasesResult['repaired'] {
  try {
    const { weight, report } = repairKernels(subject, { precision: 'float32' });
    const weights = Array.from(weight.data);
    return {
      weights,
      flat: flatOutput(request, weights, run),
      largestChange: report.largestChange,
      relativeChange: report.relativeChange,
    };
  } catch (error) {
    if (error instanceof DeconvError && error.code === 'UNSUPPORTED') return null;
    throw error;
  }
}

/** A window of whole periods out of the interior of the layer's answer to ones. */
function flatOutput(request: PhasesRequest, weights: readonly number[], run: Run): Float32Array {
  const { kernel, stride, dilation } = request;
  const { from, size } = flatWindow(request);
  const layer = transposed('flat', { kernelSize: kernel, stride, dilation });
  layer.setWeight(Float32Array.from(weights));
  const y = run.forward(layer, new Float32Array(size * size).fill(1), [1, 1, size, size]);
  const width = y.shape[3] ?? 0;
  const window = new Float32Array(FLAT_SIDE * FLAT_SIDE);
  for (let row = 0; row < FLAT_SIDE; row++) {
    const begin = (from + row) * width + from;
    window.set(y.data.subarray(begin, begin + FLAT_SIDE), row * FLAT_SIDE);
  }
  return window;
}

/** How uneven random kernels are, over seeds 1, 2, ... of the page's own generator. */
export function seeds({ kernel, stride, dilation, seeds: amount }: SeedsRequest): SeedsResult {
  const axis = { kernelSize: kernel, stride, dilation };
  const tenths = new Array<number>(10).fill(0);
  let sum = 0;
  for (let seed = 1; seed <= amount; seed++) {
    const gains = phaseGains(signedTaps(kernel, seed), [axis, axis]);
    const share = unevenness(gains, stride * stride).unevenness;
    sum += share;
    const tenth = Math.min(Math.floor(share * 10), 9);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  return { mean: sum / amount, tenths };
}
