import type { StampRequest, StampResult } from './protocol';
import { lanes, Run, transposed } from './workshop';

/** The film of station 1: the output after each stamp, and each stamp as it leaves the input. */
export function stamp(request: StampRequest): StampResult {
  return request.spec.axes === 1 ? stampLanes(request) : stampPlane(request);
}

function stampPlane({ spec, input, weights }: StampRequest): StampResult {
  const { size, kernel: kernelSize, dilation } = spec;
  const kernel = Float32Array.from(weights);
  const cells = input.length;
  const run = new Run();
  const layer = transposed('stamp', optionsOf(spec)).setWeight(kernel);
  const y = run.forward(layer, states(input), [cells + 1, 1, size, size]);

  // One input cell on its own, uncropped.
  const single = transposed('single stamp', { kernelSize, dilation }).setWeight(kernel);
  const stamps = single.forward({ data: Float32Array.from(input), shape: [cells, 1, 1, 1] });
  return {
    shape: [y.shape[2] ?? 0, y.shape[3] ?? 0],
    states: split(y.data, cells + 1),
    stamps: split(stamps.data, cells),
    report: run.report,
  };
}

/** The same for one axis: every lane is a channel in a group of its own. */
function stampLanes({ spec, input, weights }: StampRequest): StampResult {
  const { groups, size, kernel: kernelSize, dilation } = spec;
  const kernel = Float32Array.from(weights);
  const cells = input.length;
  const run = new Run();
  const layer = lanes('lanes', 1, groups, optionsOf(spec)).setWeight(kernel);
  const y = run.forward(layer, states(input), [cells + 1, groups, size]);

  // Place by place, one input cell of every lane at a time.
  const columns = Float32Array.from(
    input,
    (_, i) => input[(i % groups) * size + Math.floor(i / groups)] ?? 0,
  );
  const single = lanes('single lane stamp', 1, groups, { kernelSize, dilation }).setWeight(kernel);
  const places = split(single.forward({ data: columns, shape: [size, groups, 1] }).data, cells);
  return {
    shape: [groups, y.shape[2] ?? 0],
    states: split(y.data, cells + 1),
    stamps: input.map((_, i) => places[(i % size) * groups + Math.floor(i / size)] ?? new Float32Array()),
    report: run.report,
  };
}

function optionsOf({ kernel: kernelSize, stride, padding, outputPadding, dilation }: StampRequest['spec']) {
  return { kernelSize, stride, padding, outputPadding, dilation };
}

/** All states of the film in one batch: sample t has the first t input cells and zeros after them. */
function states(input: readonly number[]): Float32Array {
  const cells = input.length;
  const samples = new Float32Array((cells + 1) * cells);
  for (let t = 0; t <= cells; t++) samples.set(input.slice(0, t), t * cells);
  return samples;
}

function split(data: Float32Array, parts: number): Float32Array[] {
  const length = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * length, (i + 1) * length));
}
