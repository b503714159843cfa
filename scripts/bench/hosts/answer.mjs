/** The other end of `inChild`: takes one job, sends its result or its error, and ends the process. */
export function answer(work) {
  process.once('message', async (job) => {
    const message = await work(job).then(
      (result) => ({ result }),
      (error) => ({ error: error.stack ?? String(error) }),
    );
    process.send(message, () => process.exit(0));
  });
}
