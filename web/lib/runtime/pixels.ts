import type { Place, Sink } from './heap-tensor.js';
import { codeOf, FLOAT32, type Layout } from './operation.js';
import type { Runtime } from './runtime.js';
import { deliver, fill, stageInput, stageOutput, withParameters } from './staging.js';

/** RGBA bytes on one side, floats on the other: what is the same both ways. */
export interface PixelConversion {
  /** Names the public function in errors. */
  readonly where: string;
  readonly pixels: number;
  readonly channels: number;
  readonly layout: Layout;
  /** What the value of each of four channels is multiplied by, and then what is added to it, behind each other. */
  readonly factors: readonly number[];
}

/** Floats of the bytes of pixels. */
export function pixelsToFloats(
  runtime: Runtime,
  { where, pixels, channels, layout, factors }: PixelConversion,
  bytes: Uint8Array,
  output: Sink,
): void {
  const count = pixels * channels;
  withParameters(runtime, where, pixels + factors.length, (address) => {
    const target = stageOutput(runtime, where, output, count, FLOAT32, address, 0);
    const factorsAddress = address + 4 * pixels;
    runtime.heapBytes.set(bytes, address);
    runtime.heap.set(factors, factorsAddress / 4);
    runtime.module.pixelsToFloats(pixels, channels, codeOf(layout), address, factorsAddress, target);
    deliver(runtime, output, target, count, FLOAT32);
  });
}

/** Bytes of pixels of their floats; with a null `alpha`, the bytes keep theirs. */
export function floatsToPixels(
  runtime: Runtime,
  { where, pixels, channels, layout, factors }: PixelConversion,
  input: Place,
  alpha: number | null,
  bytes: Uint8Array,
): void {
  withParameters(runtime, where, pixels + factors.length, (address) => {
    const count = pixels * channels;
    const source = stageInput(runtime, where, 'input', input, count, FLOAT32, false);
    fill(runtime, input, source, count, FLOAT32, false);
    const factorsAddress = address + 4 * pixels;
    if (alpha === null) runtime.heapBytes.set(bytes, address);
    runtime.heap.set(factors, factorsAddress / 4);
    runtime.module.floatsToPixels(
      pixels,
      channels,
      codeOf(layout),
      source,
      factorsAddress,
      alpha ?? -1,
      address,
    );
    bytes.set(new Uint8Array(runtime.heapBytes.buffer, address, bytes.length));
  });
}
