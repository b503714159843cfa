export interface Endless {
  readonly response: Response;
  /** Why nobody reads on; undefined as long as somebody may. */
  readonly left: () => unknown;
}

/** Turns of the event loop: whoever reads so far never stops. */
const TURNS = 500;

/** A response that sends as long as anybody reads, after `first`. */
export function endlessResponse(init: ResponseInit = {}, first?: Uint8Array): Endless {
  let [turns, left] = [0, undefined as unknown];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      turns += 1;
      if (left !== undefined) return;
      if (turns > TURNS) controller.close();
      else controller.enqueue((turns === 1 && first) || new Uint8Array(1000));
    },
    cancel(reason) {
      left = reason ?? 'cancelled';
    },
  });
  return { response: new Response(body, init), left: () => left };
}
