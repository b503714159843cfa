import { describe, expect, it } from 'vitest';
import { Engine, EngineError, STALE } from '../../web/demo/src/engine/client';
import type { Question } from '../../web/demo/src/engine/protocol';

/** A worker that answers when it is told to. */
class HeldWorker {
  readonly asked: Question[] = [];
  isEnded = false;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  postMessage(question: Question) {
    this.asked.push(question);
  }
  terminate() {
    this.isEnded = true;
  }
  answer(index: number) {
    this.onmessage?.({ data: { id: this.asked[index]?.id, ok: true, result: `answer ${index}` } });
  }
  refuse(index: number) {
    const failure = { code: 'BAD_SHAPE', message: 'no such output' };
    this.onmessage?.({ data: { id: this.asked[index]?.id, ok: false, failure } });
  }
}

function held() {
  const worker = new HeldWorker();
  return { worker, engine: new Engine(worker as unknown as Worker) };
}

const question = (threads: number) => ({ threads });

describe('the engine', () => {
  it('drops what a newer question replaced before the worker saw it', async () => {
    const { worker, engine } = held();
    const answers = [1, 2, 3].map((threads) => engine.ask('start', question(threads)));
    expect(worker.asked).toHaveLength(1);
    worker.answer(0);
    expect(worker.asked.map(({ request }) => request)).toEqual([question(1), question(3)]);
    worker.answer(1);
    expect(await Promise.all(answers)).toEqual(['answer 0', STALE, 'answer 1']);
  });

  it('does not let one kind of question wait for another', () => {
    const { worker, engine } = held();
    void engine.ask('start', question(1));
    void engine.ask('lab', {} as never);
    expect(worker.asked.map(({ name }) => name)).toEqual(['start', 'lab']);
  });

  it("passes on the package's own code and sentence", async () => {
    const { worker, engine } = held();
    const answer = engine.ask('start', question(1));
    worker.refuse(0);
    await expect(answer).rejects.toMatchObject({ code: 'BAD_SHAPE', message: 'no such output' });
    await expect(answer).rejects.toBeInstanceOf(EngineError);
  });

  it('answers nothing once the worker script has failed, and says so at once', async () => {
    const { worker, engine } = held();
    const answer = engine.ask('start', question(1));
    expect(engine.broken).toBe(null);
    worker.onerror?.({ message: '' });
    expect(worker.isEnded).toBe(true);
    await expect(answer).rejects.toMatchObject({ code: 'LOAD_FAILED' });
    await expect(answer).rejects.toBe(engine.broken);
    await expect(engine.ask('start', question(1))).rejects.toMatchObject({ code: 'LOAD_FAILED' });
  });
});
