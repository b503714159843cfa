import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Plugin, preview } from 'vite';

const inRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

/** The built page on a free port, with the headers of `vite preview`. */
export async function servePage(plugins: readonly Plugin[] = []): Promise<ServedPage> {
  if (!existsSync(inRoot('build/page/index.html'))) {
    throw new Error('build/page is missing: run `vite build -c web/demo/vite.config.ts` first');
  }
  const server = await preview({
    configFile: inRoot('web/demo/vite.config.ts'),
    preview: { port: 0, host: '127.0.0.1', strictPort: false, open: false },
    logLevel: 'silent',
    plugins: [...plugins],
  });
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error('vite preview gave no address');
  return { url, close: () => server.close() };
}
