/** @internal */
interface NodeModules {
  'node:fs': typeof import('node:fs');
  'node:fs/promises': typeof import('node:fs/promises');
  'node:module': typeof import('node:module');
  'node:os': typeof import('node:os');
  'node:path': typeof import('node:path');
  'node:url': typeof import('node:url');
  'node:worker_threads': typeof import('node:worker_threads');
}

/**
 * One of Node's own modules; undefined in a page. It is asked for while running, so that no import names
 * it: one build serves pages, Node, Deno and Bun, and no bundler has to know for which it works.
 *
 * @internal
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}
