import type { DeconvModule } from './glue.js';
import type { Place, Sink } from './heap-tensor.js';
import { type Element, INT8 } from './operation.js';
import { outOfMemory, type Runtime } from './runtime.js';

/** Room that all operators of a runtime share; a call that needs more of it makes the heap grow. */
type Room = 'parameters' | 'input' | 'output';

/** The address of room for `elements` floats. */
function reserve(runtime: Runtime, where: string, room: Room, elements: number): number {
  const { module } = runtime;
  const address =
    room === 'parameters'
      ? module.reserveParameters(elements)
      : room === 'input'
        ? module.reserveInput(elements)
        : module.reserveOutput(elements);
  if (address === 0) throw outOfMemory(where, `the ${room}`, elements);
  return address;
}

/** Room is counted in floats. */
function floatsFor(count: number, element: Element): number {
  return element === INT8 ? Math.ceil(count / 4) : count;
}

/**
 * The address where a route reads the values of `place`: where they lie, or room that `fill` copies them to. All room
 * of a call comes first: where the last of it is missing, copying a gigabyte was for nothing. `flush` makes zeros of
 * denormals, in a copy always: values of the caller's stay as they are.
 */
export function stageInput(
  runtime: Runtime,
  where: string,
  room: 'input' | 'output',
  place: Place,
  count: number,
  element: Element,
  flush: boolean,
): number {
  return isUsable(place) && !flush ? place : reserve(runtime, where, room, floatsFor(count, element));
}

/** Copies the values of `place` to the `address` that `stageInput` gave for them, if they do not lie there. */
export function fill(
  runtime: Runtime,
  place: Place,
  address: number,
  count: number,
  element: Element,
  flush: boolean,
): void {
  if (place === address) return;
  // Views are taken now and not before: the room may have been made by growth.
  if (typeof place !== 'number') {
    if (element === INT8) runtime.heapBytes.set(place, address);
    else runtime.heap.set(place, address / 4);
  } else if (!flush) {
    runtime.heap.copyWithin(address / 4, place / 4, place / 4 + count);
  }
  if (flush) runtime.module.flushDenormals(count, typeof place === 'number' ? place : address, address);
}

/**
 * The address where a route writes values for `output`: their own, or room beside it, from which `deliver`
 * takes them. An output that overlaps the input at `source` is written only when that is no longer needed.
 */
export function stageOutput(
  runtime: Runtime,
  where: string,
  output: Sink,
  count: number,
  element: Element,
  source: number,
  sourceBytes: number,
): number {
  const bytes = floatsFor(count, element) * 4;
  const direct = isUsable(output) && (source + sourceBytes <= output || output + bytes <= source);
  return direct ? output : reserve(runtime, where, 'output', floatsFor(count, element));
}

/** Takes what a route has written at `address` to where it belongs. */
export function deliver(
  runtime: Runtime,
  output: Sink,
  address: number,
  count: number,
  element: Element,
): void {
  if (output === address) return;
  if (typeof output === 'number') runtime.heap.copyWithin(output / 4, address / 4, address / 4 + count);
  else output.set(element === INT8 ? runtime.bytes(address, count) : runtime.floats(address, count));
}

/**
 * Hands room for parameters, on their way in or out, to `use` and gives it back whatever happens: with
 * packed copies made it would only double the memory of large layers. Where no operator lives, what else was
 * staged for the call goes too.
 */
export function withParameters<Result>(
  runtime: Runtime,
  where: string,
  elements: number,
  use: (address: number) => Result,
): Result {
  try {
    const address = reserve(runtime, where, 'parameters', elements);
    return use(address);
  } catch (error) {
    // First of all: a module that has trapped is asked for nothing more.
    throw runtime.asError(where, error);
  } finally {
    releaseRooms(runtime);
  }
}

/** Gives back the room of parameters and, where no operator lives, what else was staged for the call. */
export function releaseRooms(runtime: Runtime): void {
  runtime.release(releaseParameters);
}

// Not made anew by every call.
const releaseParameters = (module: DeconvModule): void => module.releaseParameters();

/** Copies values into the room of parameters, with room for `more` behind them; their address. */
export function stageParameters(runtime: Runtime, where: string, values: Float32Array, more = 0): number {
  const address = reserve(runtime, where, 'parameters', values.length + more);
  runtime.heap.set(values, address / 4);
  return address;
}

/** Hands a block of its own to `use`, and gives it and the rooms back whatever happens. */
export function withBlock<Result>(
  runtime: Runtime,
  where: string,
  elements: number,
  use: (address: number) => Result,
): Result {
  let block = 0;
  try {
    block = runtime.module.allocateFloats(elements);
    if (block === 0) throw outOfMemory(where, 'a tensor', elements);
    return use(block);
  } catch (error) {
    throw runtime.asError(where, error);
  } finally {
    runtime.release((module) => module.freeFloats(block));
    releaseRooms(runtime);
  }
}

/** Whether a route may work in this place; part of a tensor may begin anywhere. */
function isUsable(place: Sink): place is number {
  return typeof place === 'number' && place % 16 === 0;
}
