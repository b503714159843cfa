// What lives while a program runs, and what holds of it after every step.

import {
  createRuntime,
  DeconvError,
  type DeconvErrorCode,
  type HeapTensor,
  init,
  type MemoryUsage,
  memoryUsage,
  type Runtime,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import type { QuantizedLayer } from 'deconv-wasm/quantize';
import { withFreeMemory, withSmallArrays } from '../support/scarce-memory.js';
import type { Scarcity } from './actions.js';
import type { Subject } from './subjects.js';

/** What the package did that it must not do. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

export function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Finding(what);
}

/** Why a call must fail, and what else it may fail with. */
export interface Reasons {
  readonly must: DeconvErrorCode[];
  readonly may: DeconvErrorCode[];
}

/** A place for a runtime; the first is the default one's. */
interface Seat {
  /** Undefined for the default one. */
  runtime: Runtime | undefined;
  running: boolean;
  /** Which of the runtimes that sat there it is. */
  generation: number;
  start: MemoryUsage;
}

interface Kept {
  readonly tensor: HeapTensor;
  readonly seat: number;
  readonly generation: number;
  /** What must lie there. */
  contents: Float32Array;
  disposed: boolean;
}

export interface Quantized {
  readonly layer: QuantizedLayer;
  readonly from: Subject;
  disposed: boolean;
}

/** Blocks that moved may keep some bytes too small to be a block. */
const SLACK_BYTES = 64;
const MOST_SEATS = 3;

export class World {
  readonly build: 'simd' | 'relaxed';
  readonly seats: Seat[] = [{ runtime: undefined, running: false, generation: 0, start: memoryUsage() }];
  readonly subjects: Subject[] = [];
  readonly quantized: Quantized[] = [];
  readonly tensors: Kept[] = [];
  readonly counts: Record<string, number> = {};
  readonly #wasm: (name: string) => Promise<WebAssembly.Module>;

  constructor(build: 'simd' | 'relaxed', wasm: (name: string) => Promise<WebAssembly.Module>) {
    this.build = build;
    this.#wasm = wasm;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  seat(index: number): Seat {
    return this.seats[index] as Seat;
  }

  /** A seat that was drawn, as long as there is one. */
  seatFor(drawn: number): number {
    return drawn % this.seats.length;
  }

  usage(index: number): MemoryUsage {
    const { runtime } = this.seat(index);
    return runtime === undefined ? memoryUsage() : runtime.memoryUsage();
  }

  async init(threads: number, race: boolean): Promise<void> {
    const seat = this.seat(0);
    const options = { build: this.build, threads, wasm: this.#wasm };
    if (race && !seat.running) {
      const starting = init(options).then(
        () => undefined,
        (error: unknown) => error,
      );
      await shutdown();
      const error = await starting;
      expectThat(
        error instanceof DeconvError && error.code === 'NOT_INITIALIZED',
        `an init that a shutdown overtook ended in ${error}`,
      );
      return;
    }
    await init(options);
    if (seat.running) return;
    seat.running = true;
    seat.generation += 1;
    seat.start = memoryUsage();
  }

  async shutdown(): Promise<void> {
    await shutdown();
    this.seat(0).running = false;
  }

  async createRuntime(threads: number): Promise<void> {
    const free = this.seats.findIndex(({ running }, index) => index > 0 && !running);
    if (free < 0 && this.seats.length === MOST_SEATS) return;
    const runtime = await createRuntime({ build: this.build, threads, wasm: this.#wasm });
    const index = free < 0 ? this.seats.length : free;
    const generation = (this.seats[index]?.generation ?? 0) + 1;
    this.seats[index] = { runtime, running: true, generation, start: runtime.memoryUsage() };
  }

  async endRuntime(index: number): Promise<void> {
    const seat = this.seat(index);
    if (seat.runtime === undefined) return this.shutdown();
    await seat.runtime.shutdown();
    seat.running = false;
    return undefined;
  }

  /** Whether a layer's runtime is the one that it was made for and runs. */
  runs(subject: Subject): boolean {
    const seat = this.seat(subject.seat);
    const bound = subject.seat === 0 || seat.runtime === subject.runtime;
    return bound && seat.running;
  }

  keep(tensor: HeapTensor, seat: number): void {
    const { generation } = this.seat(seat);
    this.tensors.push({ tensor, seat, generation, contents: tensor.data.slice(), disposed: false });
  }

  lives({ disposed, seat, generation }: Kept): boolean {
    return !disposed && this.seat(seat).running && this.seat(seat).generation === generation;
  }

  /**
   * Calls `act`, and gives what it returned, or null if it was refused with a code among the reasons; anything else
   * is a finding.
   */
  attempt<Result>(what: string, { must, may }: Reasons, act: () => Result): Result | null {
    let result: Result;
    try {
      result = act();
    } catch (error) {
      const code = this.checkError(what, error);
      const allowed = [...must, ...may];
      expectThat(
        allowed.includes(code),
        `${what}: ${error}, where ${allowed.join(', ') || 'nothing'} may come`,
      );
      this.count(`${what}: ${code}`);
      return null;
    }
    expectThat(must.length === 0, `${what}: no error, where ${must.join(' or ')} must come`);
    this.count(what);
    return result;
  }

  checkError(what: string, error: unknown): DeconvErrorCode {
    if (!(error instanceof DeconvError)) {
      throw new Finding(`${what}: a bare ${error instanceof Error ? error.stack : String(error)}`);
    }
    const { code, message } = error;
    expectThat(code !== 'INTERNAL' && code !== 'RUNTIME_FAILED', `${what}: ${code} ${message}`);
    expectThat(
      /^[\w.]+( step)?: .*expected .*, got\b.*\.$/s.test(message) && message.length < 800,
      `${what}: an error that does not say where, what was expected and what came: ${message}`,
    );
    expectThat(
      code === 'OUT_OF_MEMORY' || !/core status (?!not_finite)/.test(message),
      `${what}: the core had to refuse: ${message}`,
    );
    return code;
  }

  /** Calls `act` where memory is as scarce as was drawn. */
  scarcely<Result>({ room, arrays }: Scarcity, seat: number, act: () => Result): Result {
    const inner = arrays === null ? act : () => withSmallArrays(2 ** arrays, act);
    if (room === null || !this.seat(seat).running) return inner();
    return withFreeMemory(2 ** room, inner, this.seat(seat).runtime);
  }

  /** What holds after every step. */
  check(): void {
    for (const [index, kept] of this.tensors.entries()) {
      if (!this.lives(kept)) continue;
      expectSameBits(kept.tensor.data, kept.contents, `tensor ${index}, which nobody wrote to`);
    }
    for (const [index, seat] of this.seats.entries()) {
      const { liveLayers, liveTensors } = this.usage(index);
      const tensors = this.tensors.filter((kept) => kept.seat === index && this.lives(kept)).length;
      expectThat(
        liveTensors === tensors,
        `${liveTensors} live tensors on runtime ${index} instead of ${tensors}`,
      );
      const layers = [
        ...this.subjects.filter((subject) => !subject.disposed && subject.seat === index),
        ...this.quantized.filter(({ disposed, from }) => !disposed && from.seat === index),
      ];
      // A ResizeConv in two steps holds up to three.
      const most = seat.running ? 3 * layers.length : 0;
      expectThat(liveLayers <= most, `${liveLayers} live layers on runtime ${index}, of at most ${most}`);
    }
  }

  /** Frees everything, and looks for what is left. */
  async end(): Promise<void> {
    for (const { layer } of [...this.subjects, ...this.quantized]) layer.dispose();
    for (const { tensor } of this.tensors) tensor.dispose();
    for (const [index, { running, start }] of this.seats.entries()) {
      if (!running) continue;
      const { liveLayers, liveTensors, usedBytes } = this.usage(index);
      expectThat(liveLayers === 0, `${liveLayers} layers left on runtime ${index}`);
      expectThat(liveTensors === 0, `${liveTensors} tensors left on runtime ${index}`);
      const left = usedBytes - start.usedBytes;
      expectThat(Math.abs(left) < SLACK_BYTES, `${left} bytes left on runtime ${index}`);
    }
  }

  /** Ends all runtimes, whatever state they are in. */
  async abandon(): Promise<void> {
    await Promise.all(this.seats.map(({ runtime }) => runtime?.shutdown()));
    await shutdown();
  }
}

export function expectSameBits(got: Float32Array, wanted: Float32Array, what: string): void {
  const [one, other] = [got, wanted].map(
    ({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length),
  ) as [Int32Array, Int32Array];
  expectThat(one.length === other.length, `${what} has ${one.length} values instead of ${other.length}`);
  for (let index = 0; index < one.length; index += 1) {
    expectThat(one[index] === other[index], `${what} changed at ${index}: ${wanted[index]} to ${got[index]}`);
  }
}

export function copyOf({ data, shape }: Tensor): Tensor {
  return { data: data.slice(), shape };
}
