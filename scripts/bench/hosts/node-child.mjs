// One case in a Node process of its own: started by runners.mjs, answers with the result.

import { watchMemories } from '../memories.mjs';

watchMemories();
process.once('message', async (job) => {
  const { runCase } = await import('../suite.mjs');
  const { nodeHost } = await import('./node.mjs');
  const answer = await runCase(job, nodeHost).then(
    (result) => ({ result }),
    (error) => ({ error: error.stack ?? String(error) }),
  );
  process.send(answer, () => process.exit(0));
});
