// One case in a Node process of its own.

import { watchMemories } from '../memories.mjs';
import { answer } from './answer.mjs';

watchMemories();
answer(async (job) => {
  const { runCase } = await import('../suite.mjs');
  const { nodeHost } = await import('./node.mjs');
  return runCase(job, nodeHost);
});
