import type { Answer, CallName, Calls, Progress, Question } from './protocol';

export class EngineError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}

/** The answer to a question that a newer one of the same name replaced before the worker saw it, or that was stopped. */
export const STALE = Symbol('stale');

interface Waiting {
  readonly request: unknown;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * Asks the worker, at most one question of each name at a time. While one is with the worker only
 * the newest of those that follow is kept: a slider drag never queues work nobody will look at.
 */
export class Engine {
  readonly #worker: Worker;
  readonly #sent = new Map<number, Waiting & { name: CallName }>();
  readonly #next = new Map<CallName, Waiting>();
  #id = 0;
  /** Why nothing can be asked any more; another one can. */
  broken: EngineError | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<Answer>) => this.#receive(event.data);
    // The script itself failed to load or threw: no question will ever be answered.
    worker.onerror = (event) => this.#break(event.message || 'What computes this did not load. Try again.');
  }

  /** @throws {EngineError} with the package's own code and sentence */
  ask<K extends CallName>(
    name: K,
    request: Calls[K]['request'],
    onProgress?: (progress: Progress) => void,
  ): Promise<Calls[K]['result'] | typeof STALE> {
    return new Promise((resolve, reject) => {
      if (this.broken) return reject(this.broken);
      const waiting: Waiting = { request, onProgress, resolve, reject };
      if (![...this.#sent.values()].some((sent) => sent.name === name)) {
        this.#send(name, waiting);
        return;
      }
      this.#next.get(name)?.resolve(STALE as never);
      this.#next.set(name, waiting);
    });
  }

  #send(name: CallName, waiting: Waiting): void {
    const id = ++this.#id;
    this.#sent.set(id, { ...waiting, name });
    this.#worker.postMessage({ id, name, request: waiting.request } as Question);
  }

  #receive(answer: Answer): void {
    const sent = this.#sent.get(answer.id);
    if (!sent) return;
    if ('progress' in answer) {
      sent.onProgress?.(answer.progress);
      return;
    }
    this.#sent.delete(answer.id);
    const next = this.#next.get(sent.name);
    if (next) {
      this.#next.delete(sent.name);
      this.#send(sent.name, next);
    }
    if (answer.ok) sent.resolve(answer.result as never);
    else sent.reject(new EngineError(answer.failure.code, answer.failure.message));
  }

  /** Stops whatever it does; what was asked is stale, and nothing more can be asked. */
  stop(): void {
    for (const { resolve } of [...this.#sent.values(), ...this.#next.values()]) resolve(STALE as never);
    this.#break('this worker was stopped');
  }

  #break(message: string): void {
    this.#worker.terminate();
    this.broken = new EngineError('LOAD_FAILED', message);
    for (const waiting of [...this.#sent.values(), ...this.#next.values()]) {
      waiting.reject(this.broken);
    }
    this.#sent.clear();
    this.#next.clear();
  }
}
