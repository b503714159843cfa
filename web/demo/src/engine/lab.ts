import { ConvTranspose2d, DeconvError } from 'deconv-wasm';
import {
  analyze,
  analyzeStack,
  initializeBilinear,
  initializeIcnr,
  ResizeConv2d,
  repair,
  SmoothConvTranspose2d,
} from 'deconv-wasm/checkerboard';
import type { LayerKind } from '../model/family';
import { nextEvenKernel } from '../model/geometry';
import type { PanelKind } from '../model/lab-state';
import { levelsOf, summary, toBytes } from '../model/levels';
import type { Planes } from '../model/picture';
import { uniform } from '../model/random';
import { nearestResize } from '../model/resize-stamps';
import { type Channels, sameSize, turned, withSums } from '../model/upsampling';
import { Composed } from './composed';
import type { LabPanel, LabRequest, LabResult, Report } from './protocol';
import { Run, workshop } from './workshop';

type UpLayer = ConvTranspose2d | ResizeConv2d | SmoothConvTranspose2d | Composed;

interface Made {
  readonly output: Planes;
  readonly layers: readonly UpLayer[];
  readonly report: Report;
}

/** One picture through every layer that was chosen, each as bytes for the screen and as numbers. */
export function lab(request: LabRequest): LabResult {
  const made = request.panels.map((kind): { kind: PanelKind; made?: Made; refusal?: string } => {
    if (kind === 'input') {
      return { kind, made: { output: request.picture, layers: [], report: new Run().report } };
    }
    try {
      return { kind, made: enlarge(kind, request) };
    } catch (error) {
      // What the package refuses, one panel says; the others go on.
      if (error instanceof DeconvError || error instanceof NoSuchKernel)
        return { kind, refusal: error.message };
      throw error;
    }
  });
  const outputs = made.flatMap((panel) => panel.made?.output ?? []);
  const levels = levelsOf(request.levels, outputs);
  const panels = made.map(({ kind, made: panel, refusal }): LabPanel => {
    if (!panel) return { kind, refusal: refusal ?? '', developed: null };
    const { output, layers, report } = panel;
    return {
      kind,
      refusal: null,
      developed: {
        output,
        bytes: toBytes(output, levels),
        summary: summary(output, levels),
        pattern: patternOf(layers),
        report,
      },
    };
  });
  return { scale: request.stride ** request.depth, levels, panels };
}

function patternOf(layers: readonly UpLayer[]) {
  const subjects = layers.map((layer) => (layer instanceof Composed ? layer.kernels : layer));
  const [first] = subjects;
  if (!first) return null;
  const found =
    subjects.length === 1 ? analyze(first, { gains: false }) : analyzeStack(subjects, { gains: false });
  const { unevenness, levelDbc, verdict } = found;
  return { unevenness, levelDbc, verdict };
}

function enlarge(kind: PanelKind, request: LabRequest): Made {
  const run = new Run();
  const layers: UpLayer[] = [];
  let { data, channels, height, width }: Planes = request.picture;
  for (let depth = 0; depth < request.depth; depth++) {
    const layer = made(kind, request, channels, depth);
    layers.push(layer);
    const y = run.forward(layer, data, [1, channels, height, width]);
    [, channels = 0, height = 0, width = 0] = y.shape;
    data = y.data;
  }
  return { output: { data, channels, height, width }, layers, report: run.report };
}

/** Layer number `depth` of a stack, with its weights. */
function made(kind: PanelKind, request: LabRequest, channels: number, depth: number): UpLayer {
  const { stride } = request;
  // A picture of one channel has nothing to keep apart.
  const groups = channels % request.groups === 0 ? request.groups : 1;
  // ICNR repeats a small kernel at every phase, so that all phases need as many taps.
  const icnr = kind === 'icnr' || request.fill === 'icnr';
  const even = kind === 'even' || icnr;
  const kernelSize = even ? nextEvenKernel(request.kernel, stride) : request.kernel;
  const dilation = even ? 1 : request.dilation;
  const crop =
    request.crop === 'fit'
      ? sameSize(dilation * (kernelSize - 1) + 1, stride)
      : { padding: request.padding, outputPadding: request.outputPadding };
  const common = { inChannels: channels, outChannels: channels, groups, bias: false };
  const options = { ...common, kernelSize, stride, dilation, ...crop };
  const plain = workshop.get(`lab ${kind} ${depth}`, options, (o) => new ConvTranspose2d(o));
  fill(plain, { ...request, fill: icnr ? 'icnr' : request.fill }, depth);
  if (kind === 'repaired') {
    repair(plain);
    return plain;
  }
  if (kind === 'raw' && request.kind !== 'transposed') return ofKind(request.kind, plain, depth);
  const size = { channels, groups };
  if (kind === 'resize') {
    const resize = { ...common, scaleFactor: stride, kernelSize, dilation, padding: 'same' as const };
    const layer = workshop.get(`lab resize-conv ${depth}`, resize, (o) => new ResizeConv2d(o));
    // The same taps; a convolution sums all of them where the stamps of stride x stride cells share them.
    const taps = turned(Float32Array.from(plain.weight.data), size);
    return layer.setWeight(taps.map((tap) => tap / stride ** 2));
  }
  if (kind === 'smooth') {
    const layer = workshop.get(`lab smooth layer ${depth}`, options, (o) => new SmoothConvTranspose2d(o));
    return layer.setWeight(plain.weight);
  }
  return plain;
}

/** The stamps of a transposed layer, or the nearest there are, made by another kind of layer. */
function ofKind(kind: Exclude<LayerKind, 'transposed'>, plain: ConvTranspose2d, depth: number): Composed {
  const { inChannels, outChannels, groups } = plain;
  const [kernel, stride, dilation] = [plain.kernelSize[0], plain.stride[0], plain.dilation[0]];
  const geometry = { axes: 2 as const, kernel, stride, dilation };
  if (kind === 'resize' && (kernel < stride || dilation > 1)) {
    throw new NoSuchKernel(
      'A resize leaves no holes and knows no dilation: no resize-convolution is near to these stamps.',
    );
  }
  const options = {
    ...geometry,
    kind,
    inChannels,
    outChannels,
    groups,
    padding: plain.padding[0],
    outputPadding: plain.outputPadding[0],
  };
  const stamps = Array.from(plain.weight.data);
  return workshop
    .get(`lab of kind ${depth}`, options, (o) => new Composed(o))
    .setWeight(kind === 'resize' ? nearestResize(geometry, stamps) : stamps);
}

/** A kernel from elsewhere has the taps it has, and a kind of layer the stamps that it has. */
class NoSuchKernel extends Error {}

interface Filling {
  readonly fill: LabRequest['fill'];
  readonly seed: number;
  readonly given: readonly number[] | null;
}

function fill(layer: ConvTranspose2d, { fill: rule, seed, given }: Filling, depth: number): void {
  const size: Channels = { channels: layer.inChannels, groups: layer.groups };
  const sum = layer.stride.reduce((product, stride) => product * stride, 1);
  const { length } = layer.weight.data;
  switch (rule) {
    case 'bilinear':
      initializeBilinear(layer);
      return;
    case 'icnr':
      initializeIcnr(layer, {
        seed: seed + depth,
        // The small kernel sums to 1 for each output channel, so a flat picture keeps its mean.
        values: (shape, random) =>
          withSums(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random), size, 1),
      });
      return;
    case 'random': {
      const draw = uniform(seed + depth);
      layer.setWeight(withSums(Float32Array.from({ length }, draw), size, sum));
      return;
    }
    case 'given': {
      const side = layer.kernelSize[0] ?? 0;
      const taps = given ?? [];
      if (taps.length !== side ** 2) {
        const own = Math.sqrt(taps.length);
        throw new NoSuchKernel(
          `This panel needs a kernel of ${side} × ${side} taps; the one that came here has ${own} × ${own}.`,
        );
      }
      layer.setWeight(onDiagonal(taps, size));
      return;
    }
    case 'ones':
      layer.setWeight(withSums(new Float32Array(length).fill(1), size, sum));
  }
}

/** One kernel for every channel on its own, zeros between the channels. */
function onDiagonal(taps: readonly number[], { channels, groups }: Channels): Float32Array {
  const each = channels / groups;
  const weight = new Float32Array(channels * each * taps.length);
  for (let channel = 0; channel < channels; channel++) {
    weight.set(taps, (channel * each + (channel % each)) * taps.length);
  }
  return weight;
}
