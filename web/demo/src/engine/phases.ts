import { DeconvError } from 'deconv-wasm';
import {
  type AxisGeometry,
  amplitudeSpectrum,
  analyze,
  type Kernels,
  phaseGains,
  repairKernels,
  unevenness,
} from 'deconv-wasm/checkerboard';
import { signedTaps } from '../model/kernels';
import { flatSide, flatWindow, spectrumSize } from '../model/phases';
import { kernelsOf } from './composed';
import type { PhasesRequest, PhasesResult, SeedsRequest, SeedsResult } from './protocol';
import { lanesOfKind, Run } from './workshop';

/** Everything station 4 shows of one kernel. */
export async function phases(request: PhasesRequest): Promise<PhasesResult> {
  const { kind, axes, groups, kernel, stride, dilation, weights } = request;
  const axis = { kernelSize: kernel, stride, dilation };
  const subject: Kernels = {
    geometry: { stride, dilation, groups },
    weight: { data: weights, shape: [groups, 1, ...new Array<number>(axes).fill(kernel)] },
  };
  const channels = { inChannels: groups, outChannels: groups, groups };
  // Each kind by its own weights, which come to the same stamps.
  const found = analyze(
    kind === 'transposed' ? subject : kernelsOf({ ...request, ...channels, kind }, weights),
  );
  const run = new Run();
  const taps = weights.length / groups;
  return {
    gains: found.gains.flatMap((pairs) => pairs[0] ?? []),
    unevenness: found.unevenness,
    levelDbc: found.levelDbc,
    verdict: found.verdict,
    sentence: found.sentence,
    spectra: Array.from({ length: groups }, (_, lane) =>
      amplitudeSpectrum(
        weights.slice(lane * taps, (lane + 1) * taps),
        new Array<typeof axis>(axes).fill(axis),
        spectrumSize(request),
      ),
    ),
    flat: await flatOutput(request, weights, run),
    repaired: await repaired(request, subject, run),
    report: run.report,
  };
}

/** Float32 is what the layer computes in, so the gains must be equal in that. */
async function repaired(
  request: PhasesRequest,
  subject: Kernels,
  run: Run,
): Promise<PhasesResult['repaired']> {
  try {
    const { weight, report } = repairKernels(subject, { precision: 'float32' });
    const weights = Array.from(weight.data);
    return {
      weights,
      flat: await flatOutput(request, weights, run),
      largestChange: report.largestChange,
      relativeChange: report.relativeChange,
    };
  } catch (error) {
    if (error instanceof DeconvError && error.code === 'UNSUPPORTED') return null;
    throw error;
  }
}

/** A window of whole periods out of the interior of the layer's answer to ones. */
async function flatOutput(
  request: PhasesRequest,
  weights: readonly number[],
  run: Run,
): Promise<Float32Array> {
  const { kind, axes, groups } = request;
  const { from, size } = flatWindow(request);
  const side = flatSide(request);
  const lines = axes === 1 ? 1 : side;
  const layer = await lanesOfKind('flat', kind, { ...request, padding: 0, outputPadding: 0 }, weights);
  const ones = new Float32Array(groups * size ** axes).fill(1);
  const y = run.forward(layer, ones, [1, groups, ...new Array<number>(axes).fill(size)]);
  const width = y.shape.at(-1) ?? 0;
  const window = new Float32Array(groups * lines * side);
  for (let row = 0; row < groups * lines; row++) {
    const begin = (axes === 1 ? row : from + row) * width + from;
    window.set(y.data.subarray(begin, begin + side), row * side);
  }
  return window;
}

/** How uneven random kernels are, over seeds 1, 2, ... of the page's own generator. */
export function seeds(request: SeedsRequest): SeedsResult {
  const { axes, kernel, stride, dilation, seeds: amount } = request;
  const every = new Array<AxisGeometry>(axes).fill({ kernelSize: kernel, stride, dilation });
  const tenths = new Array<number>(10).fill(0);
  let sum = 0;
  for (let seed = 1; seed <= amount; seed++) {
    const gains = phaseGains(signedTaps(kernel ** axes, seed), every);
    const share = unevenness(gains, stride ** axes).unevenness;
    sum += share;
    const tenth = Math.min(Math.floor(share * 10), 9);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  return { mean: sum / amount, tenths };
}
