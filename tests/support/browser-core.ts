// What of tests/conformance runs in browsers, too. Node runs all of it, in every build. A browser repeats what
// it can do otherwise than Node: load and compile, share memory and grow it, start workers, meet values of
// other realms and of its own file types, and compile SIMD by another engine or for another processor. What is
// TypeScript's alone, or the core's with the same instructions, comes out as in Node.

/** Files of tests/conformance, without `.test.ts`, and what a browser may do otherwise there. */
export const BROWSER_CORE = {
  cases: 'SIMD of the engine, on every route of every build, against golden numbers',
  denormals: 'how the engine and its threads treat denormal numbers',
  'half-weights': 'Float16Array',
  'heap-tensors': 'views of a heap that grows, shared and not',
  image: 'canvases and what they draw',
  init: 'loading, by addresses, bytes and modules; isolation',
  'models-formats': 'Blob, File, Response, fetch',
  'out-of-memory': 'the limits to which a memory grows',
  quantize: 'the relaxed dot product, of which each engine takes the one of its processor',
  realms: 'frames',
  relu: 'NaN and signed zeros through minimum and maximum',
  runtimes: 'several modules and their workers side by side, and their end',
  sound: 'AudioBuffer',
  threads: 'workers on shared memory',
  worker: 'what crosses to a worker, what is handed over, and how a worker ends',
} as const;

/** As globs for Vitest; DECONV_BROWSER_TESTS=all is everything that Node runs. */
export const BROWSER_TESTS = globs(
  process.env.DECONV_BROWSER_TESTS === 'all' ? ['*'] : Object.keys(BROWSER_CORE),
);

/**
 * Those that take all the memory that a browser gives. WebKit gives back late what a closed page had: they have a
 * browser to themselves.
 */
export const ALONE_IN_A_BROWSER = globs(['out-of-memory']);

function globs(names: readonly string[]): string[] {
  return names.map((name) => `tests/conformance/${name}.test.ts`);
}
