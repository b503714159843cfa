/** What of onnxruntime-web is used; its own types are those of a build of the whole. */
export interface OnnxRuntime {
  readonly env: { logLevel: string; readonly wasm: { wasmPaths: string; numThreads: number } };
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        readonly executionProviders: readonly string[];
        readonly graphOptimizationLevel: string;
        readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
      },
    ): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: string, data: Float32Array, dims: readonly number[]) => OnnxTensor;
}

export interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

export interface OnnxTensor {
  readonly data: ArrayLike<number>;
  dispose(): void;
}

export const NOT_LOADED = 'it could not be loaded from this page\u2019s own server.';

/** `file` lies on the page's own server: nothing is loaded from anywhere else. Without a network it is not there. */
export async function loadPeer<T>(file: string): Promise<T> {
  return await import(/* @vite-ignore */ file).catch(() => Promise.reject(new Error(NOT_LOADED)));
}

export async function loadOnnxruntime(folder: string): Promise<OnnxRuntime> {
  const ort = await loadPeer<OnnxRuntime>(`${folder}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = folder;
  return ort;
}
