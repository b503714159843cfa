import { host } from '@host';
import {
  type BinaryName,
  type BuildName,
  type InitOptions,
  init,
  type RouteName,
  shutdown,
} from 'deconv-wasm';
import { afterAll, beforeAll, beforeEach, describe, inject } from 'vitest';
import { LACKING } from './expected-skips.js';

declare module 'vitest' {
  interface ProvidedContext {
    quick: boolean;
    otherBuilds: boolean;
  }
}

export interface Build {
  readonly name: string;
  readonly options: InitOptions & { readonly build: BuildName; readonly threads: number };
}

const ALL: readonly (Build & { readonly name: BinaryName })[] = [
  { name: 'simd', options: { build: 'simd', threads: 1 } },
  { name: 'relaxed', options: { build: 'relaxed', threads: 1 } },
  { name: 'simd-threads', options: { build: 'simd', threads: 2 } },
  { name: 'relaxed-threads', options: { build: 'relaxed', threads: 2 } },
];

/** All four; in a quick run (vitest.config.ts) the first. */
export const BUILDS = inject('quick') ? ALL.slice(0, 1) : ALL;

/**
 * Two of the four, which have all kernels between them, and threads: for tests that take long, of values that threads do
 * not change (threads.test.ts). `npm run test:builds` runs these in the other two.
 */
export const SOME_BUILDS = BUILDS.filter(
  ({ options: { build, threads } }) => ((build === 'simd') === (threads === 1)) !== inject('otherBuilds'),
);

// The type makes a new route fail to compile here until the tests know it.
const ROUTES: Readonly<Record<'auto' | RouteName, true>> = {
  auto: true,
  scalar: true,
  polyphase: true,
  scatter: true,
  'winograd-line': true,
  'winograd-f45': true,
  'winograd-f43': true,
  'winograd-f42': true,
  'winograd-f22': true,
  'xnnpack-deconvolution': true,
  'implicit-gemm': true,
  depthwise: true,
};

export const ROUTE_CHOICES = Object.keys(ROUTES) as readonly (keyof typeof ROUTES)[];

/**
 * The routes whose every output is the plain sum of its own terms, with the error of one and with no
 * NaN but from its own terms. Winograd's products are not: their errors come from the whole window, they
 * take 12 input channels a group at least, and tests/conformance/winograd.test.ts has their bounds. 'auto' is
 * among these with `precision: 'exact'` only.
 */
export const PLAIN_SUMS = ROUTE_CHOICES.filter((route) => !route.startsWith('winograd'));

/**
 * The suite once on every build. One that does not start fails, unless LACKING says of this engine why it
 * cannot.
 */
export function describeEachBuild(body: (build: Build) => void, builds: readonly Build[] = BUILDS): void {
  for (const build of builds) {
    describe(build.name, () => {
      const lacking = whyLacking(build);
      beforeAll(() => lacking ?? start(build));
      beforeEach(({ skip }) => skip(lacking !== undefined, lacking));
      afterAll(shutdown);
      body(build);
    });
  }
}

/** Why this engine cannot run a build, for `skip`; undefined where it has to. */
export function whyLacking({ options }: Build): string | undefined {
  const name = options.threads > 1 ? `${options.build}-threads` : options.build;
  const reason = LACKING[host.name]?.[name];
  return reason === undefined ? undefined : `this engine lacks ${name}: ${reason}`;
}

/** The builds that this engine runs. */
export const BUILDS_HERE = BUILDS.filter((build) => whyLacking(build) === undefined);

/** What 'auto' takes. */
export const BEST: BuildName = ALL.some((build) => build.name === 'relaxed' && !whyLacking(build))
  ? 'relaxed'
  : 'simd';

/** Starts a build and makes sure that it is this one that runs. */
export async function start({ options }: Build): Promise<void> {
  const { build, threads, notes } = await init(options);
  if (build === options.build && threads === options.threads) return;
  throw new Error(
    `${host.name} runs ${build} with ${threads} threads where ${options.build} with ${options.threads} was asked for: ${notes.join('; ')}`,
  );
}
