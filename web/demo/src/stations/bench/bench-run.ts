import { signal } from '@preact/signals';
import { type Engine, EngineError, STALE } from '../../engine/client';
import { lasting } from '../../engine/other-engines';
import { type PeerName, peerFolder, peersThere } from '../../engine/peers';
import type { BenchRequest, BenchResult } from '../../engine/protocol';
import { type BenchLayer, benchLayers } from '../../model/bench-state';
import { state } from '../../store';

/** Peers that a person has asked for by their button; before, nothing of them is fetched. */
export const wanted = signal<readonly PeerName[]>([]);

export const measured = signal<readonly BenchResult[]>([]);
export const measuring = signal<BenchLayer | null>(null);
export const trouble = signal<string | null>(null);

let worker: Engine | undefined;
/** Whether the layer that is measured is the last one, because a person has said so. */
export const stopped = signal(false);
/** What was asked for while something else is measured. */
export const next = signal<readonly BenchLayer[] | null>(null);

export function toggle(peer: PeerName): void {
  const now = wanted.value;
  wanted.value = now.includes(peer) ? now.filter((name) => name !== peer) : [...now, peer];
}

export function stop(): void {
  stopped.value = true;
  next.value = null;
}

/** Who only scrolls sees what this machine does with the chosen layer, once. */
export function measureFirst(): void {
  if (measured.value.length === 0) void run([state.peek().bench.layer], true);
}

/** One layer after the other, each by all candidates, in a worker of their own. */
export async function run(layers: readonly BenchLayer[], unasked = false): Promise<void> {
  if (measuring.value !== null) {
    next.value = layers;
    return;
  }
  stopped.value = false;
  trouble.value = null;
  worker = lasting(worker);
  try {
    for (const layer of layers) {
      if (stopped.peek()) break;
      measuring.value = layer;
      const result = await worker.ask('bench', { layer, peers: folders(), unasked });
      if (result === STALE) continue;
      const others = measured.value.filter((one) => one.layer !== layer);
      measured.value = [...others, result].sort(
        (a, b) => benchLayers.indexOf(a.layer) - benchLayers.indexOf(b.layer),
      );
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    trouble.value = error.message;
  } finally {
    measuring.value = null;
    const waiting = next.value;
    next.value = null;
    if (waiting !== null) void run(waiting);
  }
}

function folders(): BenchRequest['peers'] {
  return Object.fromEntries(wanted.value.map((name) => [name, peerFolder(name)]));
}

/** Everything that was measured, for others to read. */
export function report(results: readonly BenchResult[]): string {
  const peers = Object.fromEntries(Object.entries(peersThere).map(([name, { version }]) => [name, version]));
  return JSON.stringify(
    {
      page: 'deconv-wasm bench',
      browser: navigator.userAgent,
      cores: navigator.hardwareConcurrency,
      peers,
      unit: 'milliseconds of one run, one thread',
      results,
    },
    null,
    1,
  );
}
