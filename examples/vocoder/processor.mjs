// A vocoder in an AudioWorklet: one file once it is bundled. The page compiles the binary and hands the module over:
//
//   const wasm = await WebAssembly.compileStreaming(fetch('/wasm/relaxed.wasm'));
//   new AudioWorkletNode(context, 'vocoder', { processorOptions: { build: 'relaxed', wasm, seed: 1 } });

import { init, memoryUsage } from 'deconv-wasm';
import { makeStream } from './stream.mjs';

class Vocoder extends AudioWorkletProcessor {
  #calls = 0;
  #milliseconds = 0;
  #longest = 0;
  #stream;

  constructor({ processorOptions: { build, wasm, seed } }) {
    super();
    init({ build, wasm }).then(
      () => {
        this.#stream = makeStream({ seed });
        this.port.postMessage({ ready: true });
      },
      (error) => this.port.postMessage({ error: error.message }),
    );
    // A worklet has no better clock: whole milliseconds, whose sum is right over many calls.
    this.port.onmessage = () =>
      this.port.postMessage({
        calls: this.#calls,
        milliseconds: this.#milliseconds,
        longest: this.#longest,
        memory: memoryUsage(),
      });
  }

  process(_inputs, outputs) {
    if (this.#stream === undefined) return true;
    const started = Date.now();
    this.#stream.read(outputs[0]);
    const took = Date.now() - started;
    this.#calls += 1;
    this.#milliseconds += took;
    this.#longest = Math.max(this.#longest, took);
    return true;
  }
}

registerProcessor('vocoder', Vocoder);
