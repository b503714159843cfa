// Networks as large as the page has to take, as ONNX files with seeded weights.

import { type OnnxNode, type OnnxValue, onnxFile } from '../../web/demo/src/engine/onnx-model';
import { uniform } from '../../web/demo/src/model/random';

type Weight = OnnxValue & { readonly data: Float32Array };

/** Layers one behind the other, each by its name. */
class Line {
  readonly nodes: OnnxNode[] = [];
  readonly weights: Weight[] = [];
  readonly #draw = uniform(1);
  last = 'x';

  /** A square kernel of random weights of about this size; near the identity where there are as many inputs as outputs. */
  layer(
    type: 'Conv' | 'ConvTranspose',
    name: string,
    [first, second]: readonly [number, number],
    kernel: number,
    attributes: NonNullable<OnnxNode['attributes']>,
    size: number,
  ): void {
    const taps = kernel ** 2;
    const middle = Math.floor(taps / 2);
    // Of a hundred megabytes: a loop takes a tenth of the time of `Float32Array.from`.
    const data = new Float32Array(first * second * taps);
    for (let index = 0; index < data.length; index++) data[index] = size * (this.#draw() - 0.5);
    if (first === second) {
      for (let pair = 0; pair < first * second; pair += second + 1) {
        const at = pair * taps + middle;
        data[at] = (data[at] ?? 0) + 1;
      }
    }
    this.weights.push({ name: `${name}.weight`, shape: [first, second, kernel, kernel], data });
    this.#add(type, name, [this.last, `${name}.weight`], { kernel_shape: [kernel, kernel], ...attributes });
  }

  add(name: string, other: string): void {
    this.#add('Add', name, [this.last, other]);
  }

  file(input: readonly number[], output: readonly number[]): Uint8Array<ArrayBuffer> {
    return onnxFile({
      name: 'large',
      inputs: [{ name: 'x', shape: input }],
      outputs: [{ name: this.last, shape: output }],
      nodes: this.nodes,
      weights: this.weights,
    });
  }

  #add(type: string, name: string, inputs: readonly string[], attributes?: OnnxNode['attributes']): void {
    this.nodes.push({ type, name, inputs, output: name, ...(attributes && { attributes }) });
    this.last = name;
  }
}

/** An upsampling layer and, behind it, as many convolutions as make 200 steps, every third with a skip over two others. */
export function longNetwork(): Uint8Array<ArrayBuffer> {
  const line = new Line();
  const same = { pads: [1, 1, 1, 1] };
  line.layer('Conv', 'enter', [6, 1], 3, same, 1);
  line.layer('ConvTranspose', 'up', [6, 6], 3, { ...same, strides: [2, 2], output_padding: [1, 1] }, 0.4);
  let skipped = 'up';
  for (let step = 3; step <= 200; step++) {
    line.layer('Conv', `step${step}`, [6, 6], 3, same, 0.02);
    if (step % 3 !== 2) continue;
    line.add(`sum${step}`, skipped);
    skipped = `sum${step}`;
  }
  return line.file([1, 1, 24, 32], [1, 6, 48, 64]);
}

/** Six layers of 17 MB between a picture and one that is drawn from what they make of it. */
export function heavyNetwork(): Uint8Array<ArrayBuffer> {
  const line = new Line();
  const width = 2048;
  line.layer('Conv', 'enter', [width, 1], 16, { strides: [16, 16] }, 0.1);
  for (let layer = 1; layer <= 6; layer++) line.layer('Conv', `dense${layer}`, [width, width], 1, {}, 0.01);
  line.layer('ConvTranspose', 'leave', [width, 3], 16, {}, 0.1);
  line.layer('ConvTranspose', 'up', [3, 3], 4, { strides: [2, 2], pads: [1, 1, 1, 1] }, 0.4);
  return line.file([1, 1, 16, 16], [1, 3, 32, 32]);
}
