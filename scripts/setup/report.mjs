import { AsyncLocalStorage } from 'node:async_hooks';

/** A failure that a person can act on: what failed, what to do, and the end of the tool's output. */
export class SetupError extends Error {
  constructor(message, { advice = '', output = '' } = {}) {
    super(message);
    this.name = 'SetupError';
    this.advice = advice;
    this.output = output;
  }
}

const seconds = (since) => `${Math.round((performance.now() - since) / 1000)} s`;

/**
 * Shows steps as they run, also several at once: one line that is redrawn on a terminal, a line every few
 * seconds elsewhere, so that a log of a long run stays short but never silent.
 */
export class Reporter {
  #stream;
  #redraws;
  #active = new Set();
  /** The step that the code at hand runs for. */
  #own = new AsyncLocalStorage();

  constructor(stream = process.stdout) {
    this.#stream = stream;
    this.#redraws = Boolean(stream.isTTY);
  }

  /** Prints a line of its own, also in the middle of a step. */
  say(line) {
    this.#stream.write(`${this.#redraws ? '\r\x1b[2K' : ''}${line}\n`);
  }

  /** What the running step is doing now, e.g. "120 of 237 MB". */
  note(detail) {
    const own = this.#own.getStore();
    if (own !== undefined) own.detail = detail;
  }

  async step(name, work) {
    const started = performance.now();
    const active = { name, started, detail: '' };
    this.#active.add(active);
    const draw = () => {
      // The oldest of those that run draws for all.
      if (this.#active.values().next().value !== active) return;
      const line = [...this.#active]
        .map((one) => `${one.name}: ${one.detail || 'working'} (${seconds(one.started)})`)
        .join(', ');
      if (this.#redraws) {
        this.#stream.write(`\r\x1b[2K${line.slice(0, (this.#stream.columns || 80) - 1)}`);
      } else {
        this.say(line);
      }
    };
    if (!this.#redraws) this.say(`${name}: start`);
    const timer = setInterval(draw, this.#redraws ? 200 : 4000);
    try {
      const result = await this.#own.run(active, work);
      this.say(`${name}: done (${seconds(started)})`);
      return result;
    } catch (error) {
      this.say(`${name}: failed (${seconds(started)})`);
      throw error;
    } finally {
      clearInterval(timer);
      this.#active.delete(active);
    }
  }
}
