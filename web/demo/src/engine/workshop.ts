import { ConvTranspose1d, ConvTranspose2d, type Plan, type Tensor } from 'deconv-wasm';
import type { LayerKind } from '../model/family';
import type { LayerSpec } from '../model/geometry';
import type { Report } from './protocol';

/** What the page needs of a layer of the package. */
export interface Layer {
  readonly plan: Plan | null;
  forward(x: Tensor): Tensor;
  dispose(): void;
}

/**
 * One layer for each job of the page, kept while its geometry stays the same,
 * so that dragging a tap costs new weights and not a new layer.
 */
class Workshop {
  readonly #layers = new Map<string, { geometry: string; layer: Layer }>();

  get<L extends Layer, O>(job: string, options: O, make: (options: O) => L): L {
    const geometry = JSON.stringify(options);
    const kept = this.#layers.get(job);
    if (kept?.geometry === geometry) return kept.layer as L;
    kept?.layer.dispose();
    this.#layers.delete(job);
    const layer = make(options);
    this.#layers.set(job, { geometry, layer });
    return layer;
  }
}

export const workshop = new Workshop();

interface TransposedOptions {
  stride?: number;
  padding?: number;
  outputPadding?: number;
  dilation?: number;
}

/** A layer of one or two axes whose channels know nothing of each other. */
export const lanes = (
  job: string,
  axes: 1 | 2,
  groups: number,
  options: { kernelSize: number } & TransposedOptions,
) =>
  workshop.get(job, { axes, groups, ...options }, ({ axes: rank, ...o }) => {
    const all = { ...o, inChannels: groups, outChannels: groups, bias: false };
    return rank === 1 ? new ConvTranspose1d(all) : new ConvTranspose2d(all);
  });

/** The same with given stamps, of any kind. What only the others need is loaded with the first of them. */
export async function lanesOfKind(
  job: string,
  kind: LayerKind,
  { axes, groups, kernel, stride, dilation, padding, outputPadding }: Omit<LayerSpec, 'size'>,
  stamps: readonly number[],
): Promise<Layer> {
  const crop = { padding, outputPadding };
  if (kind === 'transposed') {
    const layer = lanes(job, axes, groups, { kernelSize: kernel, stride, dilation, ...crop });
    return layer.setWeight(Float32Array.from(stamps));
  }
  const { Composed } = await import('./composed');
  const channels = { inChannels: groups, outChannels: groups, groups };
  const options = { kind, axes, kernel, stride, dilation, ...crop, ...channels };
  return workshop.get(`${job} of two parts`, options, (o) => new Composed(o)).setWeight(stamps);
}

/** Runs forward calls and notes what ran. */
export class Run {
  readonly #layers: string[] = [];
  readonly #plans: Plan[] = [];
  #milliseconds = 0;

  forward(layer: Layer, data: Float32Array, shape: readonly number[]) {
    const begin = performance.now();
    const y = layer.forward({ data, shape });
    this.#milliseconds += performance.now() - begin;
    this.#layers.push(String(layer));
    if (layer.plan) this.#plans.push(layer.plan);
    return y;
  }

  get report(): Report {
    return { layers: this.#layers, plans: this.#plans, milliseconds: this.#milliseconds };
  }
}
