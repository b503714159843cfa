// What scripts/build.mjs puts beside the compiled TypeScript.
declare module '*/wasm/deconv.mjs' {
  const createDeconvModule: import('./glue.js').GlueFactory;
  export default createDeconvModule;
}

declare module '*/wasm/simd.wasm' {
  const base64: string;
  export default base64;
}
