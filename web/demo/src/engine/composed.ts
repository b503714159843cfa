import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  PixelShuffle,
  type Tensor,
  Upsample,
} from 'deconv-wasm';
import type { Kernels } from 'deconv-wasm/checkerboard';
import type { LayerKind, StampGeometry } from '../model/family';
import {
  type ChannelCounts,
  framing,
  ownKernel,
  resizeWeight,
  subpixelWeight,
} from '../model/family-weights';

export interface ComposedOptions extends StampGeometry, ChannelCounts {
  readonly kind: Exclude<LayerKind, 'transposed'>;
  readonly padding: number;
  readonly outputPadding: number;
}

/** A convolution and what makes it enlarge, with the stamps and the output of a transposed convolution. */
export class Composed {
  readonly #options: ComposedOptions;
  /** Tells the sizes, and refuses what is no layer. */
  readonly #outline: ConvTranspose1d | ConvTranspose2d;
  readonly #convolution: Conv1d | Conv2d;
  readonly #enlarge: PixelShuffle | Upsample | null;
  readonly #from: number;
  #kernels: Kernels | null = null;

  constructor(options: ComposedOptions) {
    const { axes, kind, kernel, stride, dilation, padding, outputPadding } = options;
    const { inChannels, outChannels, groups } = options;
    const channels = { inChannels, groups, bias: false };
    const outline = {
      ...channels,
      outChannels,
      kernelSize: kernel,
      stride,
      dilation,
      padding,
      outputPadding,
    };
    this.#options = options;
    this.#outline = axes === 1 ? new ConvTranspose1d(outline) : new ConvTranspose2d(outline);
    const { pad, from } = framing(options, kind);
    const convolution = {
      ...channels,
      outChannels: kind === 'subpixel' ? outChannels * stride ** axes : outChannels,
      kernelSize: ownKernel(options, kind),
      padding: pad,
    };
    this.#convolution = axes === 1 ? new Conv1d(convolution) : new Conv2d(convolution);
    if (kind === 'resize') this.#enlarge = new Upsample({ scaleFactor: stride });
    else this.#enlarge = axes === 1 ? null : new PixelShuffle({ upscaleFactor: stride });
    this.#from = from;
  }

  /** Sets the weight by the stamps, `[in, out/groups, ...kernel]`. */
  setWeight(stamps: ArrayLike<number>): this {
    this.#kernels = kernelsOf(this.#options, stamps);
    this.#convolution.setWeight(Float32Array.from(this.#kernels.weight.data));
    return this;
  }

  /** What `analyze` takes, in double precision; without a weight there is nothing to analyse. */
  get kernels(): Kernels {
    if (!this.#kernels) throw new Error('the layer has no weight yet');
    return this.#kernels;
  }

  get plan() {
    return this.#convolution.plan;
  }

  toString(): string {
    const { kind, stride } = this.#options;
    if (kind === 'resize') return `${this.#enlarge}, then ${this.#convolution}`;
    return `${this.#convolution}, then ${this.#enlarge ?? `every ${stride} channels in turn`}`;
  }

  forward(x: Tensor): Tensor {
    const { kind, stride } = this.#options;
    const shape = this.#outline.outputShape(x.shape);
    if (kind === 'resize') {
      return cropped(this.#convolution.forward((this.#enlarge as Upsample).forward(x)), this.#from, shape);
    }
    const deep = this.#convolution.forward(x);
    return cropped(this.#enlarge?.forward(deep) ?? interleaved(deep, stride), this.#from, shape);
  }

  dispose(): void {
    this.#outline.dispose();
    this.#convolution.dispose();
  }
}

/** The same layer as what `analyze` takes, in double precision. */
export function kernelsOf(
  { kind, ...options }: Omit<ComposedOptions, 'padding' | 'outputPadding'>,
  stamps: ArrayLike<number>,
): Kernels {
  const { axes, stride, inChannels, outChannels, groups } = options;
  const own = ownKernel(options, kind);
  const subpixel = kind === 'subpixel';
  return {
    geometry: {
      groups,
      ...(subpixel ? { pixelShuffle: { upscaleFactor: stride } } : { upsample: { scaleFactor: stride } }),
    },
    weight: {
      data: (subpixel ? subpixelWeight : resizeWeight)(options, stamps, options),
      shape: [
        subpixel ? outChannels * stride ** axes : outChannels,
        inChannels / groups,
        ...new Array<number>(axes).fill(own),
      ],
    },
  };
}

/** What a pixel shuffle is on one axis, `[N, C * factor, L]` to `[N, C, L * factor]`; PixelShuffle has two. */
function interleaved({ data, shape }: Tensor, factor: number): Tensor {
  const [batch = 0, deep = 0, length = 0] = shape;
  const made = new Float32Array(data.length);
  for (let line = 0; line < batch * deep; line++) {
    const begin = Math.floor(line / factor) * factor * length + (line % factor);
    for (let at = 0; at < length; at++) made[begin + at * factor] = data[line * length + at] ?? 0;
  }
  return { data: made, shape: [batch, deep / factor, length * factor] };
}

/** The window of a shape that begins at `from` on every spatial axis. */
function cropped({ data, shape }: Tensor, from: number, wanted: readonly number[]): Tensor {
  const spatial = (sizes: readonly number[]) =>
    sizes.length === 3 ? [1, ...sizes.slice(2)] : sizes.slice(2);
  const [rows = 0, columns = 0] = spatial(shape);
  const [height = 0, width = 0] = spatial(wanted);
  const top = wanted.length === 3 ? 0 : from;
  const planes = (wanted[0] ?? 0) * (wanted[1] ?? 0);
  const window = new Float32Array(planes * height * width);
  for (let line = 0; line < planes * height; line++) {
    const begin = (Math.floor(line / height) * rows + top + (line % height)) * columns + from;
    window.set(data.subarray(begin, begin + width), line * width);
  }
  return { data: window, shape: wanted };
}
