// The packed package in Next, by both of its bundlers: in a client component and on the server.

import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellOptions } from '../../../scripts/browsers.mjs';
import { PATIENCE_MS } from '../../support/patience.js';
import { run } from '../support.js';
import { consumerFile, consumerProject, D2L, expectExample, NODE, versionOfConsumer } from './support.js';

const FILES = {
  'app/layout.js':
    'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }',
  'app/d2l.js': `
    import { convTranspose, init } from 'deconv-wasm';
    export async function d2l(options) {
      const { build, threads } = await init(options);
      const x = { data: Float32Array.of(0, 1, 2, 3), shape: [1, 1, 2, 2] };
      return [...convTranspose(x, x).data].join(' ') + ' | ' + build + ', threads: ' + threads;
    }
  `,
  'app/page.js': `
    'use client';
    import { useEffect, useState } from 'react';
    import { d2l } from './d2l.js';
    export default function Page() {
      const [text, setText] = useState('');
      useEffect(() => { d2l().then(setText, (error) => setText(error.message)); }, []);
      return <output>{text}</output>;
    }
  `,
  'app/server/page.js': `
    import { d2l } from '../d2l.js';
    export const dynamic = 'force-dynamic';
    export default async function Page() {
      return <output>{await d2l({ threads: 2 }).catch((error) => error.message)}</output>;
    }
  `,
};

let folder: string;
let browser: Browser;

beforeAll(async () => {
  folder = consumerProject('next', FILES);
  browser = await chromium.launch(shellOptions());
});
afterAll(() => browser?.close());

function next(...args: string[]): string[] {
  return [consumerFile('next', 'dist', 'bin', 'next') ?? 'next is not installed', ...args];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs `next start` or `next dev` until `body` is done. */
async function whileServing(args: string[], body: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const server: ChildProcess = spawn(NODE, next(...args, '-H', '127.0.0.1', '-p', String(port)), {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  });
  try {
    let said = '';
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer): void => {
        said += chunk;
        if (said.includes('Ready')) resolve();
      };
      server.stdout?.on('data', listen);
      server.stderr?.on('data', listen);
      server.on('exit', () => reject(new Error(`next ${args.join(' ')} ended: ${said}`)));
    });
    await body(`http://127.0.0.1:${port}/`);
  } finally {
    server.removeAllListeners('exit');
    server.kill();
  }
}

async function outputOf(url: string): Promise<string> {
  const page = await browser.newPage();
  try {
    await page.goto(url, { timeout: PATIENCE_MS });
    const output = page.locator('output');
    await expect.poll(() => output.textContent(), { timeout: PATIENCE_MS }).not.toBe('');
    return (await output.textContent()) ?? '';
  } finally {
    await page.close();
  }
}

describe.each(['--turbopack', '--webpack'])('next build %s', (bundler) => {
  test('builds and serves a client component and a page of the server', async () => {
    const printed = run('env', ['NEXT_TELEMETRY_DISABLED=1', NODE, ...next('build', bundler)], folder);
    expect(printed).not.toMatch(/warning|can't resolve/i);
    await whileServing(['start'], async (url) => {
      const name = `Next ${bundler.slice(2)}`;
      const version = versionOfConsumer('next');
      expectExample(`${name}, client component`, version, await outputOf(url), 'relaxed, threads: 1');
      const server = await outputOf(`${url}server`);
      expectExample(`${name}, server`, version, server);
      expect(server).toMatch(new RegExp(`^${D2L} \\| \\w+, threads: 2$`));
    });
  });
});

test('next dev', async () => {
  await whileServing(['dev'], async (url) => {
    const version = versionOfConsumer('next');
    expectExample('Next dev, client component', version, await outputOf(url), 'relaxed, threads: 1');
    expectExample('Next dev, server', version, await outputOf(`${url}server`));
  });
});
