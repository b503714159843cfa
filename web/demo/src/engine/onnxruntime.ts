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

/** `folder` is an address of the page's own: nothing is loaded from anywhere else. */
export async function loadOnnxruntime(folder: string): Promise<OnnxRuntime> {
  const ort = await import(/* @vite-ignore */ `${folder}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = folder;
  return ort;
}
