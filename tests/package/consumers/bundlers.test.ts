// The packed package in the bundlers, with no more configuration than docs/loading.md says.

import { cpSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { shellOptions } from '../../../scripts/browsers.mjs';
import { run, writeFiles } from '../support.js';
import {
  connectingProgram,
  consumerProject,
  expectExample,
  firstLine,
  NODE,
  program,
  serve,
  servedProgram,
  versionOfConsumer,
} from './support.js';

let folder: string;
let browser: Browser;

beforeAll(async () => {
  folder = consumerProject('bundlers', {
    'app.js': program(),
    'threads.js': program('deconv-wasm', '{ threads: 2 }'),
    'standalone.js': program('deconv-wasm/standalone'),
    'address.js': program('deconv-wasm', "{ build: 'simd', wasm: '/simd.wasm' }"),
    'connecting.js': connectingProgram(),
    'served.js': servedProgram(),
  });
  browser = await chromium.launch(shellOptions());
});
afterAll(() => browser?.close());

/** Runs a build script as a module of the project. */
function build(script: string): void {
  writeFiles(folder, { 'build.mjs': script });
  run(NODE, ['build.mjs'], folder);
}

async function openIn(out: string, script: string, headers: Record<string, string> = {}): Promise<string> {
  const target = path.join(folder, out);
  writeFiles(target, {
    'index.html': `<!doctype html><script type="module" src="${script}"></script>`,
  });
  const site = await serve(target, headers);
  const context = await browser.newContext();
  try {
    return await firstLine(context, site.url);
  } finally {
    await context.close();
    await site.close();
  }
}

const POLICY = { 'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

describe('webpack', () => {
  const webpack = (target: string, entry: string, out: string) => `
    import webpack from 'webpack';
    const compiler = webpack({
      mode: 'production', target: '${target}', entry: './${entry}', context: import.meta.dirname,
      output: { path: import.meta.dirname + '/${out}' },
    });
    compiler.run((error, stats) => {
      const problems = [error, ...(stats?.compilation.errors ?? []), ...(stats?.compilation.warnings ?? [])].filter(Boolean);
      const real = problems.filter(({ name }) => !/Limit|Recommendation|NoAsync/.test(name));
      if (real.length > 0) throw new Error(real.join('\\n'));
    });
  `;

  test('for the web', async () => {
    build(webpack('web', 'app.js', 'webpack-web'));
    const printed = await openIn('webpack-web', 'main.js', POLICY);
    expectExample('webpack, target web', versionOfConsumer('webpack'), printed, 'relaxed, threads: 1');
  });

  test('for the web, with threads', async () => {
    build(webpack('web', 'threads.js', 'webpack-threads'));
    const printed = await openIn('webpack-threads', 'main.js', ISOLATED);
    expectExample(
      'webpack, target web, threads',
      versionOfConsumer('webpack'),
      printed,
      'relaxed, threads: 2',
    );
  });

  test('for the web, in a worker', async () => {
    build(webpack('web', 'connecting.js', 'webpack-worker'));
    const printed = await openIn('webpack-worker', 'main.js', POLICY);
    expectExample('webpack, served worker', versionOfConsumer('webpack'), printed, 'relaxed, threads: 1');
  });

  test('for Node', () => {
    build(webpack('node', 'threads.js', 'webpack-node'));
    writeFiles(path.join(folder, 'webpack-node'), { 'package.json': '{ "type": "commonjs" }' });
    const printed = run(NODE, ['main.js'], path.join(folder, 'webpack-node'));
    expectExample('webpack, target node', versionOfConsumer('webpack'), printed, 'relaxed, threads: 2');
  });
});

describe('esbuild without plugins', () => {
  const esbuild = (options: string) => `
    import { build } from 'esbuild';
    const { warnings } = await build({ bundle: true, absWorkingDir: import.meta.dirname, logLevel: 'silent', ${options} });
    if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
  `;
  const version = () => versionOfConsumer('esbuild');

  test('for the web, by deconv-wasm/standalone', async () => {
    build(esbuild("format: 'esm', entryPoints: ['standalone.js'], outdir: 'esbuild-standalone'"));
    const printed = await openIn('esbuild-standalone', 'standalone.js', POLICY);
    expectExample('esbuild, standalone', version(), printed, 'simd, threads: 1');
  });

  test('for the web, with the folder of binaries copied', async () => {
    build(esbuild("format: 'esm', entryPoints: ['app.js'], outdir: 'esbuild-copied/js'"));
    const wasm = path.join(folder, 'node_modules', 'deconv-wasm', 'dist', 'wasm');
    cpSync(wasm, path.join(folder, 'esbuild-copied', 'wasm'), { recursive: true });
    const printed = await openIn('esbuild-copied', 'js/app.js', POLICY);
    expectExample('esbuild, files copied', version(), printed, 'relaxed, threads: 1');
  });

  test('for the web, from an address', async () => {
    build(esbuild("format: 'esm', entryPoints: ['address.js'], outdir: 'esbuild-served'"));
    const wasm = path.join(folder, 'node_modules', 'deconv-wasm', 'dist', 'wasm', 'simd.wasm');
    cpSync(wasm, path.join(folder, 'esbuild-served', 'simd.wasm'));
    const printed = await openIn('esbuild-served', 'address.js', POLICY);
    expectExample('esbuild, address given', version(), printed, 'simd, threads: 1');
  });

  test.each(['esm', 'cjs'])('for Node, as %s', (format) => {
    const end = format === 'cjs' ? 'cjs' : 'mjs';
    const quiet = format === 'cjs' ? ", logOverride: { 'empty-import-meta': 'silent' }" : '';
    build(
      esbuild(
        `platform: 'node', format: '${format}', entryPoints: ['threads.js'], outfile: 'esbuild-node/app.${end}'${quiet}`,
      ),
    );
    const printed = run(NODE, [`esbuild-node/app.${end}`], folder);
    expectExample(`esbuild, Node, ${format}`, version(), printed, 'relaxed, threads: 2');
  });
});

describe('Rollup', () => {
  const rollup = (entry: string, out: string) => `
    import { rollup } from 'rollup';
    import resolve from '@rollup/plugin-node-resolve';
    const bundle = await rollup({ input: '${entry}', plugins: [resolve()], onwarn: (warning) => { throw new Error(warning.message); } });
    await bundle.write({ dir: '${out}', format: 'es' });
  `;
  const version = () => versionOfConsumer('rollup');

  test('for the web, by deconv-wasm/standalone', async () => {
    build(rollup('standalone.js', 'rollup-standalone'));
    const printed = await openIn('rollup-standalone', 'standalone.js', POLICY);
    expectExample('Rollup, standalone', version(), printed, 'simd, threads: 1');
  });

  test('for the web, with the folder of binaries copied', async () => {
    build(rollup('app.js', 'rollup-copied/js'));
    const wasm = path.join(folder, 'node_modules', 'deconv-wasm', 'dist', 'wasm');
    cpSync(wasm, path.join(folder, 'rollup-copied', 'wasm'), { recursive: true });
    const printed = await openIn('rollup-copied', 'js/app.js', POLICY);
    expectExample('Rollup, files copied', version(), printed, 'relaxed, threads: 1');
  });

  test('for Node', () => {
    build(rollup('threads.js', 'rollup-node'));
    const printed = run(NODE, ['rollup-node/threads.js'], folder);
    expectExample('Rollup, Node', version(), printed, 'relaxed, threads: 2');
  });
});
