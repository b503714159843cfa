import type { MainModule } from './bindings.js';

/** A loaded module: what cpp/bindings registers, and what cpp/cmake/wasm_module.cmake has exported. */
export interface DeconvModule extends MainModule {
  readonly wasmMemory: WebAssembly.Memory;
  /** Only in builds with threads. */
  readonly PThread?: { terminateAllThreads(): void };
}

/** The arguments that cpp/cmake/wasm_module.cmake lets in. */
export interface GlueArguments {
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): Record<string, never>;
  pthreadPoolSize?: number;
  /** Set by the glue, on this very object, long before the module is ready. */
  readonly PThread?: DeconvModule['PThread'];
}

export type GlueFactory = (options: GlueArguments) => Promise<DeconvModule>;
