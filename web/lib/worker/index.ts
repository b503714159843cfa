/** deconv-wasm/worker: a module off the main thread, with the same interface, asynchronous. */
export { type ConnectOptions, connect, type WorkerLike } from './connect.js';
export type { Progress } from './messages.js';
export type { CallOptions, Remote } from './remote.js';
export { type Loading, serve } from './serve.js';
export { transfer } from './transfer.js';
