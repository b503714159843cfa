import { product } from '../core/lists.js';
import { checkTensorOf, elementCount } from '../core/tensor.js';
import { STEP, type Step, stepModuleOf } from '../layers/step.js';
import type { Place, Sink } from '../runtime/heap-tensor.js';
import { FLOAT32 } from '../runtime/operation.js';
import type { Runtime } from '../runtime/runtime.js';
import { deliver, releaseRooms } from '../runtime/staging.js';
import { atNode, type FlatDefinition, type ModuleNode, type Node, type Unit } from './definition.js';
import type { ChainFusion } from './fusions.js';
import { type Join, joinedShapes, type Sections, sectionsOf } from './joins.js';
import { forwardOf, type Module } from './module.js';
import { Placement, type Places } from './placement.js';

export interface ProgramDefinition {
  readonly where: string;
  readonly runtime: Runtime;
  readonly chain: FlatDefinition;
  readonly units: readonly Unit[];
  readonly inputShapes: readonly (readonly number[])[];
  /** For the units that compute more than a sum and a ReLU beside themselves. */
  readonly fusionOf: (unit: Unit & ModuleNode) => ChainFusion;
}

/** A step between values, whose addresses are those of the call. */
export interface ProgramStep {
  readonly unit: Unit;
  readonly outputShapes: readonly (readonly number[])[];
  readonly inPlace: boolean;
  /** A module's own step. */
  readonly module: Step | null;
  readonly fusion: ChainFusion | null;
  run: (addresses: readonly number[]) => void;
}

/** Number of the core's sum among its combinations. */
const ADD = 0;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Whether a module can be one of a program's steps: what it gives is known before it runs. */
export function isProgrammable({ module }: Unit): boolean {
  return module === null || stepModuleOf(module) !== undefined || typeof module.outputShape === 'function';
}

/** A chain for given input shapes: steps in order, and where in an arena every value lies between which of them. */
export class Program {
  readonly runtime: Runtime;
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  readonly inputCounts: readonly number[];
  readonly outputCounts: readonly number[];
  /** Of every value, by its number; undefined for those within a unit. */
  readonly shapes: readonly (readonly number[] | undefined)[];
  readonly steps: readonly ProgramStep[];
  readonly arenaFloats: number;
  readonly #where: string;
  readonly #inputs: readonly number[];
  readonly #outputs: readonly number[];
  readonly #places: Places;
  /** Outputs that are written where the caller wants them, if nothing speaks against it. */
  readonly #direct: readonly boolean[];
  /** Of every root and of every value in the present call. */
  readonly #rooms: number[];
  readonly #addresses: number[];

  constructor(definition: ProgramDefinition) {
    const { where, runtime, chain, units, inputShapes } = definition;
    const { inputs, outputs, valueCount } = chain;
    this.#where = where;
    this.runtime = runtime;
    this.#inputs = inputs.map(({ value }) => value);
    this.#outputs = outputs.map(({ value }) => value);
    const shapes = new Array<readonly number[] | undefined>(valueCount).fill(undefined);
    const shapeOf = (value: number): readonly number[] => shapes[value] as readonly number[];
    for (const [index, value] of this.#inputs.entries()) shapes[value] = inputShapes[index];
    const steps = units.map((unit) => {
      try {
        const taken = unit.inputs.map(shapeOf);
        const step =
          unit.module === null
            ? joinStep(runtime, unit, unit.join, taken)
            : moduleStep(definition, unit, taken);
        for (const [index, value] of unit.outputs.entries()) {
          shapes[value] = step.outputShapes[index];
          elementCount('chain', 'a value', shapeOf(value));
        }
        return step;
      } catch (error) {
        throw atNode(where, unit, error);
      }
    });
    const sizes = shapes.map((shape) => (shape === undefined ? 0 : product(shape)));
    const placement = new Placement(sizes, units, this.#outputs);
    for (const [index, step] of steps.entries()) place(runtime, placement, sizes, step, index, shapeOf);
    const places = placement.places();
    this.#places = places;
    this.shapes = shapes;
    this.steps = steps;
    this.arenaFloats = places.arenaFloats;
    this.inputShapes = this.#inputs.map(shapeOf);
    this.outputShapes = this.#outputs.map(shapeOf);
    this.inputCounts = this.inputShapes.map(product);
    this.outputCounts = this.outputShapes.map(product);
    this.#direct = this.#outputs.map((value, index) => {
      const root = places.roots[value] as number;
      const others = this.#outputs.some((other, at) => at !== index && places.roots[other] === root);
      return !others && !this.#inputs.includes(root) && sizes[root] === sizes[value];
    });
    this.#rooms = new Array<number>(valueCount).fill(0);
    this.#addresses = new Array<number>(valueCount).fill(0);
  }

  /** Computes between places of the caller's, with all between in the arena at this address. */
  run(arena: number, inputs: readonly Place[], outputs: readonly Sink[]): void {
    const { runtime } = this;
    const { steps } = this;
    let at = 0;
    try {
      this.#bind(arena, inputs, outputs);
      for (at = 0; at < steps.length; at += 1) (steps[at] as ProgramStep).run(this.#addresses);
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
    for (let index = 0; index < inputs.length; index += 1) {
      const place = inputs[index] as Place;
      const value = this.#inputs[index] as number;
      if (typeof place === 'number') this.#rooms[value] = place;
      else this.runtime.heap.set(place, (this.#rooms[value] as number) / BYTES);
    }
    for (let index = 0; index < outputs.length; index += 1) {
      const place = outputs[index] as Sink;
      if (typeof place !== 'number' || place % 16 !== 0 || this.#direct[index] !== true) continue;
      if (this.#isFree(place, index, inputs, outputs)) {
        this.#rooms[roots[this.#outputs[index] as number] as number] = place;
      }
    }
    for (let value = 0; value < roots.length; value += 1) {
      this.#addresses[value] =
        (this.#rooms[roots[value] as number] as number) + BYTES * (offsets[value] as number);
    }
  }

  /** Whether an output's place lies apart from all others of the call. */
  #isFree(place: number, own: number, inputs: readonly Place[], outputs: readonly Sink[]): boolean {
    const end = place + BYTES * (this.outputCounts[own] as number);
    for (let index = 0; index < inputs.length; index += 1) {
      const other = inputs[index] as Place;
      if (typeof other !== 'number') continue;
      if (other < end && place < other + BYTES * (this.inputCounts[index] as number)) return false;
    }
    for (let index = 0; index < outputs.length; index += 1) {
      const other = outputs[index] as Sink;
      if (typeof other !== 'number' || index === own) continue;
      if (other < end && place < other + BYTES * (this.outputCounts[index] as number)) return false;
    }
    return true;
  }
}

function moduleStep(
  { where, runtime, fusionOf }: ProgramDefinition,
  unit: Unit & ModuleNode,
  [inputShape, residualShape]: readonly (readonly number[])[],
): ProgramStep {
  const { module, norm, sum, activation } = unit;
  const relu = unit.relu !== null;
  const shape = inputShape as readonly number[];
  const fusion = norm === null && activation === null ? undefined : fusionOf(unit);
  const step =
    stepModuleOf(module)?.[STEP]({ runtime, inputShape: shape, relu, fusion }) ??
    tensorStep(runtime, module, shape, relu);
  const { outputShape, inPlace } = step;
  // What is fused computes nothing by itself, but refuses what it would refuse.
  const refuseAt = (node: Node | null, act: (node: Node) => unknown): void => {
    try {
      if (node !== null) act(node);
    } catch (error) {
      throw atNode(where, node as Node, error);
    }
  };
  for (const node of [norm, activation]) {
    refuseAt(node, () =>
      stepModuleOf((node as ModuleNode).module)?.[STEP]({ runtime, inputShape: outputShape, relu: false }),
    );
  }
  refuseAt(sum, () => joinedShapes({ kind: 'add' }, [outputShape, residualShape as readonly number[]]));
  const [source, residual = -1] = unit.inputs as readonly [number, number?];
  const target = unit.outputs[0] as number;
  return {
    unit,
    outputShapes: [outputShape],
    inPlace,
    module: step,
    fusion: fusion ?? null,
    run: (at) => {
      if (fusion !== undefined) fusion.refresh(step);
      step.run(at[source] as number, at[target] as number, residual < 0 ? 0 : (at[residual] as number));
    },
  };
}

/** A module that computes with tensors of JavaScript's: one of the user's own, or of another copy of the package. */
function tensorStep(runtime: Runtime, module: Module, inputShape: readonly number[], relu: boolean): Step {
  const outputShape = [...(module as Required<Module>).outputShape(inputShape)];
  const [inputCount, outputCount] = [product(inputShape), product(outputShape)];
  return {
    outputShape,
    inPlace: true,
    run: (source, target) => {
      const x = { data: Float32Array.from(runtime.floats(source, inputCount)), shape: [...inputShape] };
      const y = forwardOf(module, x, relu);
      const values = checkTensorOf(String(module), 'what its forward gives', y, outputShape, outputCount);
      runtime.heap.set(values, target / BYTES);
    },
  };
}

function joinStep(
  runtime: Runtime,
  unit: Unit,
  join: Join,
  shapes: readonly (readonly number[])[],
): ProgramStep {
  const outputShapes = joinedShapes(join, shapes);
  const nothing = { unit, outputShapes, module: null, fusion: null };
  if (join.kind === 'add') {
    const count = product(outputShapes[0] as readonly number[]);
    return { ...nothing, inPlace: true, run: sumRun(runtime, unit, count) };
  }
  // What is laid in place needs no copy: `place` says what is left to do.
  return { ...nothing, inPlace: false, run: () => {} };
}

function sumRun(runtime: Runtime, { name, inputs, outputs }: Unit, count: number): ProgramStep['run'] {
  const [one, other, target] = [...inputs, ...outputs] as [number, number, number];
  return (at) => {
    try {
      runtime.module.combine(ADD, count, at[one] as number, at[other] as number, at[target] as number);
    } catch (error) {
      throw runtime.asError(name, error);
    }
  };
}

/** Copies the parts of a whole that do not lie in it, into it or out of it. */
function sectionsRun(
  runtime: Runtime,
  { name, inputs, outputs }: Unit,
  join: Exclude<Join, { kind: 'add' }>,
  { rows, stride, lengths }: Sections,
  copied: readonly boolean[],
): ProgramStep['run'] {
  const gathers = join.kind === 'concat';
  const whole = (gathers ? outputs[0] : inputs[0]) as number;
  let begin = 0;
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

/** Lets a step's values share memory where nobody needs what lay there before, and parts lie in their whole. */
function place(
  runtime: Runtime,
  placement: Placement,
  sizes: readonly number[],
  step: ProgramStep,
  index: number,
  shapeOf: (value: number) => readonly number[],
): void {
  const { unit } = step;
  const { inputs, outputs, join } = unit;
  if (join === null || join.kind === 'add') {
    if (!step.inPlace) return;
    const target = outputs[0] as number;
    const source = inputs.find(
      (value) =>
        sizes[value] === sizes[target] &&
        inputs.indexOf(value) === inputs.lastIndexOf(value) &&
        placement.mayOverwrite(value, index),
    );
    if (source !== undefined) placement.lay(target, source, 0);
    return;
  }
  const gathers = join.kind === 'concat';
  const parts = gathers ? inputs : outputs;
  const sections = sectionsOf(join, parts.map(shapeOf));
  let begin = 0;
  const copied = parts.map((part, at) => {
    const offset = begin;
    begin += sections.lengths[at] as number;
    if (sections.rows !== 1) return true;
    if (gathers) return !placement.move(part, outputs[0] as number, offset);
    placement.lay(part, inputs[0] as number, offset);
    return false;
  });
  step.run = sectionsRun(runtime, unit, join, sections, copied);
}
