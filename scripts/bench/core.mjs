// The built core alone, without the package around it.

import { readFile } from 'node:fs/promises';

export { writeSpec } from '../../dist/shared/runtime.js';

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

/** The names of its routes, by their numbers. */
export function routeNamesOf(module) {
  const bytes = new Uint8Array(module.wasmMemory.buffer);
  const names = [];
  for (;;) {
    const address = module.routeName(names.length);
    if (address === 0) return names;
    names.push(String.fromCharCode(...bytes.subarray(address, bytes.indexOf(0, address))));
  }
}

/** Of this process: what others take meanwhile does not count. */
export function processorMilliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function expectOk(status) {
  if (status !== 0) throw new Error(`core: expected status 0, got ${status}`);
}
