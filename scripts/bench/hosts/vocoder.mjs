// In the page: the processor's own account, and the audio thread's.

const SETTLING_MS = 1000;

export async function streamVocoder({ build, seconds }) {
  const context = new AudioContext({ sampleRate: 22050 });
  const wasm = await WebAssembly.compileStreaming(fetch(`/vocoder/${build}.wasm`));
  await context.audioWorklet.addModule('/vocoder/processor.js');
  const node = new AudioWorkletNode(context, 'vocoder', {
    numberOfInputs: 0,
    outputChannelCount: [1],
    processorOptions: { build, wasm, seed: 1 },
  });
  const { error } = await next(node.port);
  if (error !== undefined) throw new Error(error);
  node.connect(context.destination);
  await context.resume();
  await pause(SETTLING_MS);
  const before = await account(context, node);
  await pause(1000 * seconds);
  const after = await account(context, node);
  await context.close();
  const passed = after.now - before.now;
  return {
    build,
    seconds: passed,
    share: (after.milliseconds - before.milliseconds) / 1000 / passed,
    longest: after.longest,
    gaps: after.gaps - before.gaps,
    gapMilliseconds: 1000 * (after.gapSeconds - before.gapSeconds),
    samples: 128 * (after.calls - before.calls),
    steady: after.memory.usedBytes === before.memory.usedBytes,
  };
}

async function account(context, node) {
  node.port.postMessage(null);
  const { calls, milliseconds, longest, memory } = await next(node.port);
  // What the device asked for and did not get in time.
  const { underrunEvents, underrunDuration } = context.playbackStats;
  return {
    ...{ calls, milliseconds, longest, memory, gaps: underrunEvents, gapSeconds: underrunDuration },
    now: performance.now() / 1000,
  };
}

function next(port) {
  return new Promise((resolve) => {
    port.onmessage = ({ data }) => resolve(data);
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
