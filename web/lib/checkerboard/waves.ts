/** Complex numbers. */
export interface Parts {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export function partsOf(count: number): Parts {
  return { re: new Float64Array(count), im: new Float64Array(count) };
}

/** cos and -sin of an angle times each position of an axis. */
export class Waves implements Parts {
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** Those of one turn in as many steps as the axis has: where an angle is a multiple of it, they only have to be picked. */
  readonly #roots: Parts;

  constructor(extent: number) {
    this.re = new Float64Array(extent);
    this.im = new Float64Array(extent);
    this.#roots = partsOf(extent);
    fill(this.#roots, (2 * Math.PI) / extent);
  }

  turn(angle: number): void {
    const { re, im } = this;
    const extent = re.length;
    const multiple = Math.round((angle * extent) / (2 * Math.PI));
    if (multiple < 0 || Math.abs((2 * Math.PI * multiple) / extent - angle) > 1e-15) {
      fill(this, angle);
      return;
    }
    for (let position = 0; position < extent; position += 1) {
      const root = (multiple * position) % extent;
      re[position] = this.#roots.re[root] as number;
      im[position] = this.#roots.im[root] as number;
    }
  }
}

/** The same of any angle, at each position from 0. */
export function fill({ re, im }: Parts, angle: number): void {
  for (let position = 0; position < re.length; position += 1) {
    // A product beyond a few turns would lose digits of the angle.
    const turned = (angle * position) % (2 * Math.PI);
    re[position] = Math.cos(turned);
    im[position] = -Math.sin(turned);
  }
}
