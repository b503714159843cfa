import { defineBrowserProvider } from '@vitest/browser';
import type { BrowserProviderOption } from 'vitest/node';
import type { EngineName } from '../../scripts/browsers.mjs';
import type { Engine } from './engines.js';

/** Vitest's browser mode in an engine that its own providers cannot drive: one window, which opens the tests. */
export function engineProvider(name: EngineName): BrowserProviderOption {
  return defineBrowserProvider({
    name: 'engine',
    supportedBrowser: [name],
    providerFactory(project) {
      // Vitest asks for the frame's size; the window has the one it is to have.
      project.browser?.registerCommand('__vitest_viewport' as never, (async () => {}) as never);
      let engine: Engine | undefined;
      return {
        name: 'engine',
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        async openPage(_session, url) {
          if (engine === undefined) {
            const { launchEngine } = await import('./engines.js');
            engine = await launchEngine(name);
            console.log(`${name}: ${engine.version}`);
          }
          await engine.open(url);
        },
        async close() {
          await engine?.close();
          engine = undefined;
        },
      };
    },
  });
}
