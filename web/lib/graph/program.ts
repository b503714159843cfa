import { product } from '../core/lists.js';
import { elementCount } from '../core/tensor.js';
import type { Place, Sink } from '../runtime/heap-tensor.js';
import { FLOAT32 } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';
import { deliver, releaseRooms } from '../runtime/staging.js';
import { atNode } from './at-node.js';
import type { Sections } from './joins.js';
import { Placement, type Places } from './placement.js';

/** What computes values of others, by their numbers, under a name for errors. */
export interface ProgramUnit {
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A step between values, whose addresses are those of the call. */
export interface ProgramStep<Unit extends ProgramUnit = ProgramUnit> {
  readonly unit: Unit;
  readonly outputShapes: readonly (readonly number[])[];
  /**
   * How many of its inputs, the first ones, it may write over where they are as large as its output. Asked once, when no
   * step has anything against its shapes: it may have to be made ready to tell.
   */
  overwrites(): number;
  /** Whether code of the user's computes it. */
  readonly foreign?: boolean;
  /** Of what only lays values elsewhere: what can lie in place needs no copy, and `run` is for the others alone. */
  readonly sections: Sections | null;
  run: (addresses: readonly number[]) => void;
}

/** A value that is the same in every call, and where on the heap it lies. */
export interface HeapConstant {
  readonly value: number;
  readonly shape: readonly number[];
  readonly address: number;
}

export interface ProgramDefinition<Step extends ProgramStep> {
  readonly where: string;
  readonly runtime: Runtime;
  readonly valueCount: number;
  readonly inputs: readonly number[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly constants?: readonly HeapConstant[];
  readonly outputs: readonly number[];
  readonly units: readonly Step['unit'][];
  /** Throws what the unit has against these shapes. */
  plan(unit: Step['unit'], inputShapes: readonly (readonly number[])[]): Step;
}

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Units for given input shapes: steps in order, and where in an arena every value lies between which of them. */
export class Program<Step extends ProgramStep = ProgramStep> {
  readonly runtime: Runtime;
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  readonly inputCounts: readonly number[];
  readonly outputCounts: readonly number[];
  /** Of every value, by its number; undefined for those within a unit. */
  readonly shapes: readonly (readonly number[] | undefined)[];
  readonly steps: readonly Step[];
  readonly foreign: boolean;
  readonly arenaFloats: number;
  readonly constants: readonly HeapConstant[];
  readonly #where: string;
  readonly #inputs: readonly number[];
  readonly #outputs: readonly number[];
  readonly #places: Places;
  /** Outputs that are written where the caller wants them, if nothing speaks against it. */
  readonly #direct: readonly boolean[];
  /** Whether an output lies in an input, and must outlive what other outputs bring there. */
  readonly #passes: boolean;
  /** Of every root and of every value in the present call. */
  readonly #rooms: number[];
  readonly #addresses: number[];

  constructor(definition: ProgramDefinition<Step>) {
    const { where, runtime, units, inputs, inputShapes, outputs, valueCount, constants = [] } = definition;
    this.#where = where;
    this.runtime = runtime;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.constants = constants;
    const shapes = new Array<readonly number[] | undefined>(valueCount).fill(undefined);
    const shapeOf = (value: number): readonly number[] => shapes[value] as readonly number[];
    for (const [index, value] of inputs.entries()) shapes[value] = inputShapes[index];
    for (const { value, shape } of constants) shapes[value] = shape;
    const attempt = <Result>(unit: Step['unit'], act: () => Result): Result => {
      try {
        return act();
      } catch (error) {
        throw atNode(where, unit, error);
      }
    };
    const steps = units.map((unit) =>
      attempt(unit, () => {
        const step = definition.plan(unit, unit.inputs.map(shapeOf));
        for (const [index, value] of unit.outputs.entries()) {
          shapes[value] = step.outputShapes[index];
          elementCount('chain', 'a value', shapeOf(value));
        }
        return step;
      }),
    );
    const sizes = shapes.map((shape) => (shape === undefined ? 0 : product(shape)));
    const fixed = constants.map(({ value }) => value);
    const placement = new Placement(sizes, units, outputs, fixed);
    for (const [index, step] of steps.entries()) {
      attempt(step.unit, () => place(runtime, placement, sizes, step, index));
    }
    const places = placement.places();
    this.#places = places;
    this.shapes = shapes;
    this.steps = steps;
    this.foreign = steps.some(({ foreign }) => foreign);
    this.arenaFloats = places.arenaFloats;
    this.inputShapes = inputs.map(shapeOf);
    this.outputShapes = outputs.map(shapeOf);
    this.inputCounts = this.inputShapes.map(product);
    this.outputCounts = this.outputShapes.map(product);
    const given = new Set([...inputs, ...fixed]);
    this.#direct = outputs.map((value, index) => {
      const root = places.roots[value] as number;
      const others = outputs.some((other, at) => at !== index && places.roots[other] === root);
      return !others && !given.has(root) && sizes[root] === sizes[value];
    });
    this.#passes =
      outputs.length > 1 && outputs.some((value) => inputs.includes(places.roots[value] as number));
    this.#rooms = new Array<number>(valueCount).fill(0);
    this.#addresses = new Array<number>(valueCount).fill(0);
  }

  /**
   * Computes between places of the caller's, outputs apart from each other, with all between in the arena at this
   * address; `ran` is told of every step behind it.
   */
  run(
    arena: number,
    inputs: readonly Place[],
    outputs: readonly Sink[],
    ran?: (index: number) => void,
  ): void {
    const { runtime, steps } = this;
    let at = 0;
    try {
      this.#bind(arena, inputs, outputs);
      for (at = 0; at < steps.length; at += 1) {
        (steps[at] as Step).run(this.#addresses);
        ran?.(at);
      }
      // What cannot be had any more is told before any is written.
      for (let index = 0; index < outputs.length; index += 1)
        (outputs[index] as Exclude<Sink, number>).ask?.();
      for (let index = 0; index < outputs.length; index += 1) {
        const address = this.#addresses[this.#outputs[index] as number] as number;
        deliver(runtime, outputs[index] as Sink, address, this.outputCounts[index] as number, FLOAT32);
      }
    } catch (error) {
      const step = steps[at];
      throw step === undefined ? runtime.asError(this.#where, error) : atNode(this.#where, step.unit, error);
    } finally {
      releaseRooms(runtime);
    }
  }

  /** Every value's address: of the caller's places, or in the arena, where inputs are copied to. */
  #bind(arena: number, inputs: readonly Place[], outputs: readonly Sink[]): void {
    const { roots, offsets, rooms } = this.#places;
    for (let value = 0; value < rooms.length; value += 1) {
      this.#rooms[value] = arena + BYTES * (rooms[value] as number);
    }
    for (let index = 0; index < this.constants.length; index += 1) {
      const { value, address } = this.constants[index] as HeapConstant;
      this.#rooms[value] = address;
    }
    for (let index = 0; index < inputs.length; index += 1) {
      const place = inputs[index] as Place;
      const value = this.#inputs[index] as number;
      const count = this.inputCounts[index] as number;
      if (typeof place !== 'number') {
        this.runtime.heap.set(place, (this.#rooms[value] as number) / BYTES);
      } else if (this.#passes) {
        const { heap } = this.runtime;
        heap.copyWithin((this.#rooms[value] as number) / BYTES, place / BYTES, place / BYTES + count);
      } else {
        this.#rooms[value] = place;
      }
    }
    const lasting = outputs.every(lasts);
    for (let index = 0; lasting && index < outputs.length; index += 1) {
      const place = outputs[index] as Sink;
      if (typeof place !== 'number' || place % 16 !== 0 || this.#direct[index] !== true) continue;
      if (!this.#meets(place, this.outputCounts[index] as number, inputs)) {
        this.#rooms[roots[this.#outputs[index] as number] as number] = place;
      }
    }
    for (let value = 0; value < roots.length; value += 1) {
      this.#addresses[value] =
        (this.#rooms[roots[value] as number] as number) + BYTES * (offsets[value] as number);
    }
  }

  /** Whether so many values at `place` overlap an input on the heap. */
  #meets(place: number, count: number, inputs: readonly Place[]): boolean {
    const end = place + BYTES * count;
    for (let index = 0; index < inputs.length; index += 1) {
      const input = inputs[index] as Place;
      if (typeof input !== 'number') continue;
      if (input < end && place < input + BYTES * (this.inputCounts[index] as number)) return true;
    }
    return false;
  }
}

/** Whether it is one at the end of the call too: beside one that may not be, none is written before all can. */
function lasts(output: Sink): boolean {
  return (output as Exclude<Sink, number>).ask === undefined;
}

/** Lets a step's values share memory where nobody needs what lay there before, and parts lie in their whole. */
function place(
  runtime: Runtime,
  placement: Placement,
  sizes: readonly number[],
  step: ProgramStep,
  index: number,
): void {
  const { unit, sections } = step;
  const { inputs, outputs } = unit;
  if (sections === null) {
    const target = outputs[0] as number;
    const overwrites = step.overwrites();
    const source = inputs.find(
      (value, at) =>
        at < overwrites &&
        sizes[value] === sizes[target] &&
        inputs.indexOf(value) === inputs.lastIndexOf(value) &&
        placement.mayOverwrite(value, index),
    );
    if (source !== undefined) placement.lay(target, source, 0);
    return;
  }
  const { rows, first, lengths, gathers } = sections;
  let begin = first;
  const copied = (gathers ? inputs : outputs).map((part, at) => {
    const offset = begin;
    begin += lengths[at] as number;
    if (rows !== 1) return true;
    if (gathers) return !placement.move(part, outputs[0] as number, offset);
    placement.lay(part, inputs[0] as number, offset);
    return false;
  });
  step.run = sectionsRun(runtime, unit, sections, copied);
}

/** Copies the parts of a whole that do not lie in it, into it or out of it. */
function sectionsRun(
  runtime: Runtime,
  { name, inputs, outputs }: ProgramUnit,
  { rows, first, stride, lengths, gathers }: Sections,
  copied: readonly boolean[],
): ProgramStep['run'] {
  const whole = (gathers ? outputs[0] : inputs[0]) as number;
  let begin = first;
  const copies = (gathers ? inputs : outputs).flatMap((part, index) => {
    const length = lengths[index] as number;
    const offset = begin;
    begin += length;
    return copied[index] === true ? { part, offset: BYTES * offset, length } : [];
  });
  return (at) => {
    try {
      const { module } = runtime;
      for (const { part, offset, length } of copies) {
        const own = at[part] as number;
        const other = (at[whole] as number) + offset;
        if (gathers) module.copyRows(rows, length, own, length, other, stride);
        else module.copyRows(rows, length, other, stride, own, length);
      }
    } catch (error) {
      throw runtime.asError(name, error);
    }
  };
}
