// What the benchmark calls in the page.

import { watchMemories } from '../memories.mjs';

watchMemories();

globalThis.runJob = async (job) => {
  const { runCase } = await import('../suite.mjs');
  const { pageHost } = await import('./page.mjs');
  return runCase(job, pageHost);
};

globalThis.firstResult = async (name) => {
  const { firstResult } = await import('../first-result.mjs');
  const { pageHost } = await import('./page.mjs');
  return firstResult(name, pageHost);
};

globalThis.chains = async (options) => {
  const { measureChains } = await import('../chains.mjs');
  const { pageHost } = await import('./page.mjs');
  return measureChains(pageHost, options);
};

globalThis.network = async (job) => {
  const { firstOutput, runNetwork } = await import('../networks/run.mjs');
  const { pageHost } = await import('./page.mjs');
  return job.name === undefined ? runNetwork(job, pageHost) : firstOutput(job, pageHost);
};

globalThis.vocoder = async (options) => {
  const { streamVocoder } = await import('./vocoder.mjs');
  return streamVocoder(options);
};

globalThis.picture = async (place, options) => {
  if (place === 'worker') {
    const worker = new Worker(new URL('./picture-worker.mjs', import.meta.url), { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(options);
    });
  }
  const { pictureAndLayer } = await import('../picture.mjs');
  const { pageHost } = await import('./page.mjs');
  return pictureAndLayer(pageHost, options);
};
