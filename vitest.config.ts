import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import type { Plugin } from 'vite';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type BrowserProviderOption, type TestSpecification } from 'vitest/node';
import { chromiumOptions, type EngineName, enginesHere } from './scripts/browsers.mjs';
import { ALONE_IN_A_BROWSER, BROWSER_TESTS } from './tests/support/browser-core.js';
import { engineProvider } from './tests/support/engine-provider.js';
import { hasPassed } from './tests/support/passed-files.js';
import { PATIENCE_MS } from './tests/support/patience.js';
import RunReporter from './tests/support/run-reporter.js';

const root = import.meta.dirname;

// One seed for a whole run: DECONV_TEST_SEED brings a run back that failed.
const seed = Number(process.env.DECONV_TEST_SEED ?? 20_240_607);
console.log(`DECONV_TEST_SEED=${seed}`);

/**
 * `virtual:case-files`: the golden cases, read here so that a page gets them as Node does. Upstream
 * suites stay outside the repository and are null in a checkout without them.
 */
function caseFiles(): Plugin {
  const id = 'virtual:case-files';
  const resolved = `\0${id}`;
  const upstream = path.join(root, '..', 'shared', 'cases');
  return {
    name: 'case-files',
    resolveId: (source) => (source === id ? resolved : undefined),
    load(source) {
      if (source !== resolved) return undefined;
      const own = readCases(path.join(root, 'tests', 'fixtures'), () => true);
      const foreign = existsSync(upstream) ? readCases(upstream, (name) => !(name in own)) : null;
      return `export const fixtures = ${inline(own)};\nexport const upstream = ${inline(foreign)};\n`;
    },
  };
}

function readCases(folder: string, wanted: (name: string) => boolean): Record<string, unknown> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => path.basename(file, '.json'))
    .filter(wanted);
  return Object.fromEntries(
    names.map((name) => [name, JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'))]),
  );
}

// A string literal parses much faster than an object literal of a megabyte.
function inline(value: unknown): string {
  return `JSON.parse(${JSON.stringify(JSON.stringify(value))})`;
}

// What `npm run test:quick` runs: one build, where all four run else.
const quick = process.env.DECONV_TEST_QUICK === '1';
// What `npm run test:builds` runs: the builds that npm test leaves out of its longest tests.
const otherBuilds = process.env.DECONV_TEST_BUILDS === 'others';

const shared = {
  testTimeout: 4 * PATIENCE_MS,
  hookTimeout: 4 * PATIENCE_MS,
  provide: { seed, quick, otherBuilds },
  setupFiles: ['./tests/support/equality.ts'],
};
// The tests' own lines (how many cases ran on which route) go to the terminal as they are.
const inNode = { ...shared, environment: 'node', disableConsoleIntercept: true } as const;
// What files import, and what that compiles, is loaded once for many of them.
const inSharedProcesses = { ...inNode, isolate: false } as const;

function inBrowser(
  name: 'chromium' | EngineName,
  provider: BrowserProviderOption,
): TestProjectInlineConfiguration {
  return {
    plugins: [caseFiles()],
    resolve: {
      alias: [
        { find: '@host', replacement: path.join(root, 'tests/support/host-browser.ts') },
        { find: /^deconv-wasm$/, replacement: path.join(root, 'dist/index.js') },
        {
          find: /^deconv-wasm\/(brainstate|checkerboard|convert|d2l|image|models|network|quantize|sound|training|worker)$/,
          replacement: path.join(root, 'dist/$1/index.js'),
        },
      ],
    },
    // Found while the tests run, it would be bundled then, and the page reloaded under them.
    optimizeDeps: { include: ['fast-check', 'fflate'] },
    server: {
      // Shared memory, and so threads, exist on isolated pages only.
      headers: {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
        // By another name of this machine, for pictures of another origin.
        'Cross-Origin-Resource-Policy': 'cross-origin',
      },
    },
    test: {
      ...shared,
      name,
      fileParallelism: false,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        connectTimeout: PATIENCE_MS,
        provider,
        instances: [
          { browser: name, name, include: BROWSER_TESTS, exclude: ALONE_IN_A_BROWSER },
          { browser: name, name: `${name} alone`, include: ALONE_IN_A_BROWSER },
        ],
      },
    },
  };
}

/**
 * Leaves out what has passed with all that it reads (tests/support/passed-files.ts), unless files or tests are named,
 * or watched.
 */
class WhatChanged extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const passed = files.filter(({ project, moduleId }) => hasPassed(project.name, moduleId));
    // Vitest keeps the names of the command line there, but not among its types.
    const names = (this.ctx as unknown as { readonly filenamePattern?: readonly string[] }).filenamePattern;
    const { testNamePattern, watch } = this.ctx.config;
    const left = names !== undefined || testNamePattern !== undefined || watch ? [] : passed;
    if (left.length > 0) this.ctx.config.passWithNoTests = true;
    for (const name of new Set(left.map(({ project }) => project.name))) {
      const [of, all] = [left, files].map(
        (some) => some.filter(({ project }) => project.name === name).length,
      );
      console.log(
        `${name}: ${of} of ${all} files have passed with all that they read, and are not run again (CI=true runs them, too)`,
      );
    }
    const sorted = await super.sort(files.filter((file) => !left.includes(file)));
    // What compiles its programs takes longest: it comes first, beside tests that wait for browsers.
    return [true, false].flatMap((first) =>
      sorted.filter((file) => (file.project.name === 'native') === first),
    );
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: WhatChanged },
    // Three files of any projects at a time, whatever the machine has: two left a third of two cores idle, waiting
    // for browsers and links, and more make each other slow. At the end come the projects that take one file at a
    // time, a browser's beside the consumers'.
    maxWorkers: 3,
    reporters: ['default', new RunReporter()],
    projects: [
      {
        test: { ...inSharedProcesses, name: 'unit', include: ['tests/unit/**/*.test.ts'] },
      },
      {
        plugins: [caseFiles()],
        resolve: { alias: { '@host': path.join(root, 'tests/support/host-node.ts') } },
        test: {
          ...inSharedProcesses,
          name: 'node',
          include: ['tests/{conformance,fuzz}/**/*.test.ts'],
          exclude: quick
            ? [
                ...['threads', '*garbage', '*onnxruntime', 'attribution'].map((name) => `**/${name}.test.ts`),
                'tests/fuzz/**',
              ]
            : [],
          pool: 'forks',
          setupFiles: [...shared.setupFiles, './tests/support/afresh.ts'],
          // The package is loaded by Node itself, from its exports map, as a user's import is.
          server: { deps: { external: [/\/dist\//] } },
        },
      },
      inBrowser('chromium', playwright({ launchOptions: chromiumOptions() })),
      ...enginesHere().map((engine) => inBrowser(engine, engineProvider(engine))),
      {
        resolve: { alias: { '@host': path.join(root, 'tests/support/host-node.ts') } },
        test: {
          ...inNode,
          name: 'memory',
          include: ['tests/memory/**/*.test.ts'],
          // A process of its own for each file: they read its heap and drive its garbage collector.
          pool: 'forks',
          execArgv: ['--expose-gc'],
          server: { deps: { external: [/\/dist\//] } },
        },
      },
      {
        test: {
          ...inNode,
          name: 'native',
          include: ['tests/native/**/*.test.ts'],
          maxConcurrency: 2,
        },
      },
      {
        test: {
          ...inNode,
          name: 'package',
          include: ['tests/package/*.test.ts'],
          globalSetup: 'tests/package/pack-once.ts',
        },
      },
      {
        test: {
          ...inNode,
          name: 'consumers',
          include: ['tests/package/consumers/*.test.ts'],
          globalSetup: 'tests/package/pack-once.ts',
          // They install into one folder.
          fileParallelism: false,
        },
      },
      {
        test: {
          ...inSharedProcesses,
          name: 'demo',
          include: ['tests/demo/**/*.test.ts'],
          globalSetup: 'tests/demo/serve-once.ts',
        },
      },
    ],
  },
});
