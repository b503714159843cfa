// What crosses between a page and its worker. The worker itself carries greetings only, beside whatever else is
// posted there; all the rest goes through a port of the connection's own.

/** How far loading is. */
export interface Progress {
  /** Done so far: bytes, or whatever `progress` is told. */
  readonly loaded: number;
  /** All there is, where that is known. */
  readonly total?: number | undefined;
  /** Of what: the address of a file, or a word. */
  readonly name?: string | undefined;
}

/** The worker may begin to serve before the page connects, or after: either one's word starts the greeting. */
export type Greeting = 'who serves?' | 'I serve' | MessagePort;

const GREETING = 'deconv-wasm.worker';

export function greeting(content: Greeting): Readonly<Record<string, Greeting>> {
  return { [GREETING]: content };
}

/** Undefined for messages of others. */
export function greetingOf(message: unknown): Greeting | undefined {
  return typeof message === 'object' && message !== null
    ? (message as Readonly<Record<string, Greeting>>)[GREETING]
    : undefined;
}

export type Question =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly args: unknown }
  | { readonly kind: 'drop'; readonly id: number };

export type Answer =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'ready'; readonly members: Members; readonly text: string }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  /** The served object itself, as methods return that can be chained. */
  | { readonly kind: 'itself'; readonly id: number }
  | { readonly kind: 'error'; readonly id: number; readonly error: unknown };

/** Names of the served object. */
export type Members = ReadonlyMap<string, 'method' | 'property'>;
