// A network in a Node process of its own: by everybody in turns, or the first output of one.

import { watchMemories } from '../memories.mjs';
import { answer } from './answer.mjs';

watchMemories();
answer(async (job) => {
  const { firstOutput, runNetwork } = await import('../networks/run.mjs');
  const { nodeHost } = await import('./node.mjs');
  return job.name === undefined ? runNetwork(job, nodeHost) : firstOutput(job, nodeHost);
});
