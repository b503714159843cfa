import { host } from '@host';
import { type BuildName, type InitOptions, init, type RouteName, shutdown } from 'deconv-wasm';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';

export interface Build {
  readonly name: string;
  readonly options: InitOptions & { readonly build: BuildName; readonly threads: number };
}

export const BUILDS: readonly Build[] = [
  { name: 'simd', options: { build: 'simd', threads: 1 } },
  { name: 'relaxed', options: { build: 'relaxed', threads: 1 } },
  { name: 'simd-threads', options: { build: 'simd', threads: 2 } },
  { name: 'relaxed-threads', options: { build: 'relaxed', threads: 2 } },
];

// The type makes a new route fail to compile here until the tests know it.
const ROUTES: Readonly<Record<'auto' | RouteName, true>> = {
  auto: true,
  scalar: true,
  polyphase: true,
  scatter: true,
  'winograd-f43': true,
  'winograd-f42': true,
  'winograd-f22': true,
  'xnnpack-deconvolution': true,
  'xnnpack-convolution': true,
  depthwise: true,
};

export const ROUTE_CHOICES = Object.keys(ROUTES) as readonly (keyof typeof ROUTES)[];

/**
 * The routes whose every output is the plain sum of its own terms, with the error of one and with no
 * NaN but from its own terms. Winograd's products are not: their errors come from the whole window, they
 * take 16 channels a group at least, and tests/conformance/winograd.test.ts has their bounds. 'auto' is
 * among these with `precision: 'exact'` only.
 */
export const PLAIN_SUMS = ROUTE_CHOICES.filter((route) => !route.startsWith('winograd'));

/** The suite once on every build; a build that the environment lacks is named and left out. */
export function describeEachBuild(body: (build: Build) => void, builds: readonly Build[] = BUILDS): void {
  for (const build of builds) {
    describe(build.name, () => {
      let missing = '';
      beforeAll(async () => {
        const info = await init(build.options);
        if (info.build === build.options.build && info.threads === build.options.threads) return;
        missing = `${host.name} cannot run ${build.name}: ${info.notes.join('; ')}`;
        console.log(missing);
      });
      beforeEach(({ skip }) => skip(missing !== '', missing));
      afterAll(shutdown);
      body(build);
    });
  }
}
