import { checkInteger, refuse } from '../core/checks.js';
import { product, settle } from '../core/lists.js';
import { elementCount } from '../core/tensor.js';
import type { Layout } from '../runtime/operation.js';
import { readOptions } from './activation.js';
import { type GradientPlaces, HeapModule, type Pass, readLayout, type ShapePlan } from './heap-module.js';
import type { SpatialModuleOptions } from './spatial-module.js';

/** Both tensors in the core's terms: channels of the wide one, height and width of the deep one. */
interface Squares {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Both directions between a deep tensor and a wide one. */
abstract class Shuffle extends HeapModule<Squares> {
  readonly layout: Layout;
  readonly #factor: number;
  readonly #widens: boolean;

  /** @internal `factor` is the side of the squares that a deep pixel's channels become. */
  protected constructor(name: string, options: SpatialModuleOptions, factor: number, widens: boolean) {
    super(name, options);
    this.layout = readLayout(name, options.layout);
    this.#factor = factor;
    this.#widens = widens;
    settle(this);
  }

  /** @internal */
  protected override planShape(where: string, shape: readonly number[]): ShapePlan<Squares> {
    const first = this.layout === 'channels-first';
    const factor = this.#factor;
    const square = factor ** 2;
    const arranged = <Size>([channels, ...spatial]: readonly Size[]) =>
      first ? [channels, ...spatial] : [...spatial, channels];
    const own = shape.slice(-3);
    const [depth = 0, rows = 0, columns = 0] = first ? own : [...own.slice(2), ...own.slice(0, 2)];
    const channels = this.#widens ? depth / square : depth;
    const [height, width] = this.#widens ? [rows, columns] : [rows / factor, columns / factor];
    if (shape.length < 3 || ![channels, height, width].every(Number.isInteger)) {
      const sizes = this.#widens ? [`${square} * C`, 'H', 'W'] : ['C', `${factor} * H`, `${factor} * W`];
      refuse('BAD_SHAPE', where, `input of shape [..., ${arranged(sizes).join(', ')}]`, [...shape]);
    }
    const output = this.#widens
      ? [channels, height * factor, width * factor]
      : [channels * square, height, width];
    const outputShape = [...shape.slice(0, -3), ...(arranged(output) as number[])];
    elementCount(where, 'an output', outputShape);
    return { outputShape, geometry: { batch: product(shape.slice(0, -3)), channels, height, width } };
  }

  /** @internal */
  protected override compute(pass: Pass<Squares>, source: number, target: number): void {
    this.#move(pass, this.#widens, source, target);
  }

  /** @internal */
  protected override computeGradients(pass: Pass<Squares>, { gradient, target }: GradientPlaces): null {
    this.#move(pass, !this.#widens, gradient, target);
    return null;
  }

  #move(
    { where, runtime, geometry: { batch, channels, height, width } }: Pass<Squares>,
    widens: boolean,
    source: number,
    target: number,
  ): void {
    const layout = this.layout === 'channels-first' ? 0 : 1;
    runtime.check(
      where,
      runtime.module.pixelShuffle(
        widens,
        batch,
        channels,
        height,
        width,
        this.#factor,
        layout,
        source,
        target,
      ),
    );
  }
}

/** Options of {@link PixelShuffle}. */
export interface PixelShuffleOptions extends SpatialModuleOptions {
  /** How many times higher and wider the output is. */
  readonly upscaleFactor: number;
}

/**
 * Makes squares of pixels of the channels: `[..., C * r², H, W]` becomes `[..., C, H * r, W * r]`, and with
 * `layout: 'channels-last'` `[..., H, W, C * r²]` `[..., H * r, W * r, C]` (Shi et al., 2016). Channel
 * `(c * r + i) * r + j` lies at row i and column j of a square, in both layouts.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const up = new PixelShuffle({ upscaleFactor: 2 });
 * const y = up.forward({ data: [1, 2, 3, 4], shape: [1, 4, 1, 1] });
 * console.log(y.shape.join('x'), y.data.join(' ')); // 1x1x2x2 1 2 3 4
 */
export class PixelShuffle extends Shuffle {
  readonly upscaleFactor: number;

  constructor(options: PixelShuffleOptions) {
    const name = 'PixelShuffle';
    const checked = readOptions(name, options, ['upscaleFactor', 'layout']);
    const factor = checkInteger(name, 'upscaleFactor', checked.upscaleFactor, 1, MOST);
    super(name, checked, factor, true);
    this.upscaleFactor = factor;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** Options of {@link PixelUnshuffle}. */
export interface PixelUnshuffleOptions extends SpatialModuleOptions {
  /** How many times lower and narrower the output is. */
  readonly downscaleFactor: number;
}

/**
 * The inverse of PixelShuffle: `[..., C, H * r, W * r]` becomes `[..., C * r², H, W]`, and with
 * `layout: 'channels-last'` `[..., H * r, W * r, C]` `[..., H, W, C * r²]`.
 *
 * @throws {DeconvError} `BAD_OPTION`, `BAD_TYPE`
 *
 * @example
 * await init();
 * const down = new PixelUnshuffle({ downscaleFactor: 2 });
 * const y = down.forward({ data: new Float32Array(3 * 16 * 16), shape: [1, 3, 16, 16] });
 * console.log(y.shape.join('x')); // 1x12x8x8
 */
export class PixelUnshuffle extends Shuffle {
  readonly downscaleFactor: number;

  constructor(options: PixelUnshuffleOptions) {
    const name = 'PixelUnshuffle';
    const checked = readOptions(name, options, ['downscaleFactor', 'layout']);
    const factor = checkInteger(name, 'downscaleFactor', checked.downscaleFactor, 1, MOST);
    super(name, checked, factor, false);
    this.downscaleFactor = factor;
    settle(this);
  }

  /** @internal */
  protected override repr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}

/** Beyond it no tensor holds a square. */
const MOST = 2 ** 14;
