// deconv-wasm/standalone: one file with its binary inside, for places that load one script and for
// lessons. What other entries export stands under the entry's name; reading model files is left out, as it
// needs packages of others.
export * as brainstate from './brainstate/index.js';
export * as checkerboard from './checkerboard/index.js';
export * as convert from './convert/index.js';
export * as d2l from './d2l/index.js';
export * as image from './image/index.js';
export * from './index.js';
export * as quantize from './quantize/index.js';
export * as sound from './sound/index.js';
export * as training from './training/index.js';
export * as worker from './worker/index.js';
