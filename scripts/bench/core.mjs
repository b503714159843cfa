// The built core alone, without the package around it.

import { readFile } from 'node:fs/promises';

/** The module of one build (simd, relaxed), started on one thread. */
export async function loadCore(build) {
  const folder = new URL('../../dist/wasm/', import.meta.url);
  const { default: createModule } = await import(new URL('deconv.mjs', folder));
  const binary = await WebAssembly.compile(await readFile(new URL(`${build}.wasm`, folder)));
  const loaded = await createModule({
    instantiateWasm: (imports, done) => {
      WebAssembly.instantiate(binary, imports).then((instance) => done(instance, binary));
      return {};
    },
  });
  expectOk(loaded.startRuntime(1));
  return loaded;
}

/** Of this process: what others take meanwhile does not count. */
export function processorMilliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function expectOk(status) {
  if (status !== 0) throw new Error(`core: expected status 0, got ${status}`);
}
