// ONNX Runtime, as tests take it.

import type { Tensor } from 'deconv-wasm';

type Runtime = typeof import('onnxruntime-web');

let loading: Promise<Runtime> | undefined;

async function load(): Promise<Runtime> {
  const name = 'onnxruntime-web';
  const ort = (await import(/* @vite-ignore */ name)) as Runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return ort;
}

/** What it computes for inputs of float32, or why it does not. */
export async function runOnnx(
  bytes: Uint8Array,
  inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array;
  }[],
  wanted?: readonly string[],
): Promise<Readonly<Record<string, Tensor>> | string> {
  loading ??= load();
  const ort = await loading;
  try {
    const session = await ort.InferenceSession.create(bytes);
    const feeds = inputs.map(({ name, shape, data }) => [name, new ort.Tensor('float32', data, shape)]);
    const results = await session.run(Object.fromEntries(feeds), wanted ?? session.outputNames);
    await session.release();
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        { data: Float32Array.from(data as Float32Array), shape: [...dims] },
      ]),
    );
  } catch (error) {
    return String(error);
  }
}
