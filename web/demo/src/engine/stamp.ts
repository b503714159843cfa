import type { StampRequest, StampResult } from './protocol';
import { lanesOfKind, Run } from './workshop';

/** The film of station 1: the output after each stamp, and each stamp as it leaves the input. */
export function stamp(request: StampRequest): Promise<StampResult> {
  return request.spec.axes === 1 ? stampLanes(request) : stampPlane(request);
}

async function stampPlane({ spec, kind, input, weights }: StampRequest): Promise<StampResult> {
  const { size } = spec;
  const cells = input.length;
  const run = new Run();
  const layer = await lanesOfKind('stamp', kind, spec, weights);
  const y = run.forward(layer, states(input), [cells + 1, 1, size, size]);

  const single = await lanesOfKind('single stamp', kind, uncropped(spec), weights);
  const stamps = single.forward({ data: Float32Array.from(input), shape: [cells, 1, 1, 1] });
  return {
    shape: [y.shape[2] ?? 0, y.shape[3] ?? 0],
    states: split(y.data, cells + 1),
    stamps: split(stamps.data, cells),
    report: run.report,
  };
}

/** The same for one axis: every lane is a channel in a group of its own. */
async function stampLanes({ spec, kind, input, weights }: StampRequest): Promise<StampResult> {
  const { groups, size } = spec;
  const cells = input.length;
  const run = new Run();
  const layer = await lanesOfKind('lanes', kind, spec, weights);
  const y = run.forward(layer, states(input), [cells + 1, groups, size]);

  // Place by place, one input cell of every lane at a time.
  const columns = Float32Array.from(
    input,
    (_, i) => input[(i % groups) * size + Math.floor(i / groups)] ?? 0,
  );
  const single = await lanesOfKind('single lane stamp', kind, uncropped(spec), weights);
  const places = split(single.forward({ data: columns, shape: [size, groups, 1] }).data, cells);
  return {
    shape: [groups, y.shape[2] ?? 0],
    states: split(y.data, cells + 1),
    stamps: input.map((_, i) => places[(i % size) * groups + Math.floor(i / size)] ?? new Float32Array()),
    report: run.report,
  };
}

const uncropped = (spec: StampRequest['spec']) => ({ ...spec, padding: 0, outputPadding: 0 });

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
