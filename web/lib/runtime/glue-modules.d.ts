// The glue files that scripts/build.mjs puts beside the compiled TypeScript.
declare module '*/web.mjs' {
  const createDeconvModule: import('./glue.js').GlueFactory;
  export default createDeconvModule;
}

declare module '*/node.mjs' {
  const createDeconvModule: import('./glue.js').GlueFactory;
  export default createDeconvModule;
}
