// What each entry of the package exports, for tests of all that can be called.

import * as root from 'deconv-wasm';
import * as brainstate from 'deconv-wasm/brainstate';
import * as checkerboard from 'deconv-wasm/checkerboard';
import * as convert from 'deconv-wasm/convert';
import * as d2l from 'deconv-wasm/d2l';
import * as image from 'deconv-wasm/image';
import * as models from 'deconv-wasm/models';
import * as network from 'deconv-wasm/network';
import * as quantize from 'deconv-wasm/quantize';
import * as sound from 'deconv-wasm/sound';
import * as training from 'deconv-wasm/training';
import * as worker from 'deconv-wasm/worker';

export const ENTRIES: Readonly<Record<string, object>> = {
  root,
  brainstate,
  checkerboard,
  convert,
  d2l,
  image,
  models,
  network,
  quantize,
  sound,
  training,
  worker,
};
