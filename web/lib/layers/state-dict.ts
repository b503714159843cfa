import {
  checkBoolean,
  checkInteger,
  checkOptions,
  describe,
  fault,
  refuse,
  shapeText,
} from '../core/checks.js';
import { givesState } from '../core/foreign.js';
import type { HalfTensor } from '../core/half-tensor.js';
import { bytesOf, isBlob, isRecord, isResponse, isUrl, memberOf } from '../core/realms.js';
import { checkTensor, sameList, shapeOf, type Tensor, type TensorLike } from '../core/tensor.js';

/** Tensors by name, as PyTorch's `state_dict()` gives them and safetensors files hold them. */
export type StateDict = Readonly<Record<string, Tensor | HalfTensor>>;

/** The same with names in groups: `{ weight: { bias } }` is the name `weight.bias`. */
export interface NestedState {
  readonly [name: string]: TensorLike | NestedState;
}

/** How strictly `loadStateDict` takes a state. */
export interface LoadStateOptions {
  /**
   * Whether the names must be exactly the module's. Default true; without, missing names keep what they have and
   * unexpected ones are passed over. Shapes must fit in either case.
   */
  readonly strict?: boolean;
}

/** What a state that was loaded without `strict` did not match. */
export interface LoadedState {
  /** Names of the module that the state has not. */
  readonly missing: readonly string[];
  /** Names of the state that the module has not. */
  readonly unexpected: readonly string[];
}

/**
 * What has a state by names: every layer, `Sequential`, or an object of your own.
 *
 * @example
 * const up = new ConvTranspose2d({ inChannels: 2, outChannels: 1, kernelSize: 2, seed: 1 });
 * const state = { weight: up.weight, gain: up.bias };
 * const { missing, unexpected } = up.loadStateDict(state, { strict: false });
 * console.log(missing.join(), unexpected.join()); // bias gain
 * console.log(Object.keys(up.stateDict()).join()); // weight,bias
 */
export interface Stateful {
  /** Copies of the parameters by name. */
  stateDict(): StateDict;
  loadStateDict(state: StateDict | NestedState, options?: LoadStateOptions): LoadedState;
}

export interface FittingState extends LoadedState {
  /** Those that the module has, checked, by the module's names. */
  readonly found: StateDict;
}

/** Batches seen so far: older files have none, and those of PyTorch may leave them out. */
const COUNT = /\bnum_batches_tracked$/;

/** Sentences of one error; a state of another network would have thousands. */
const MAX_SENTENCES = 12;

/** States in groups lie in few of them; one that holds itself has no end. */
const MAX_DEPTH = 32;

/**
 * Compares a state with the names and shapes that a module has.
 *
 * @throws {DeconvError} `BAD_OPTION` (names) or `BAD_SHAPE` with a sentence for everything that does not fit;
 * `BAD_TYPE`, `BAD_BUFFER`
 */
export function fitState(
  where: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  state: unknown,
  options: unknown,
): FittingState {
  const checked = checkOptions<LoadStateOptions>(where, options ?? {}, ['strict']);
  const strict = checkBoolean(where, 'strict', checked.strict, true);
  const given = new Map<string, unknown>();
  collect(where, state, '', 0, given);
  const missing = Object.keys(shapes).filter((name) => !given.has(name) && !COUNT.test(name));
  const unexpected = [...given.keys()].filter((name) => !Object.hasOwn(shapes, name));
  const found: Record<string, Tensor | HalfTensor> = {};
  const misshapen: string[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    if (!given.has(name)) continue;
    const value = given.get(name);
    const { shape: own, data } = checkTensor(where, describe(name), value);
    if (COUNT.test(name)) checkInteger(where, describe(name), data[0], 0);
    if (sameList(own, shape)) found[name] = value as Tensor | HalfTensor;
    else misshapen.push(`${describe(name)} has shape ${shapeText(own)} instead of ${shapeText(shape)}`);
  }
  const names = [
    ...missing.map((name) => `${describe(name)} is missing`),
    ...unexpected.map((name) => `${describe(name)} is unexpected`),
  ];
  const sentences = [...misshapen, ...(strict ? names : [])];
  if (sentences.length === 0) return { found, missing, unexpected };
  const more = sentences.length - MAX_SENTENCES;
  const advice =
    misshapen.length > 0
      ? 'Make the layer that the state was saved from.'
      : 'Mend the names, or pass { strict: false } to load those that there are.';
  throw fault(
    misshapen.length > 0 ? 'BAD_SHAPE' : 'BAD_OPTION',
    where,
    `a state of ${listed(Object.keys(shapes))}`,
    `one that differs: ${sentences.slice(0, MAX_SENTENCES).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    advice,
    { missing, unexpected, misshapen },
  );
}

/** A tensor of the state as float32. */
export function widened(where: string, tensor: Tensor | HalfTensor): Tensor {
  return checkTensor(where, 'a tensor', tensor);
}

/** Names of a part of a module, behind the part's own. */
export function prefixed<Value>(
  prefix: string,
  values: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

function collect(
  where: string,
  state: unknown,
  prefix: string,
  depth: number,
  into: Map<string, unknown>,
): void {
  // What iterates (a list, a Map, a typed array) has its values elsewhere than in properties, and so have files.
  if (
    !isRecord(state) ||
    Symbol.iterator in state ||
    isFile(state) ||
    givesState(state) ||
    depth > MAX_DEPTH
  ) {
    const whole = depth === 0;
    const what = whole ? 'a state: an object of tensors by name' : `${describe(prefix)} to be a tensor`;
    refuse('BAD_TYPE', where, what, state, whole ? adviceFor(state) : '');
  }
  for (const [name, value] of Object.entries(state)) {
    const whole = depth === 0 ? name : `${prefix}.${name}`;
    if (!isTensorLike(value)) collect(where, value, whole, depth + 1, into);
    else if (into.has(whole)) refuse('BAD_OPTION', where, 'each name once', whole);
    else into.set(whole, value);
  }
}

const isFile = (value: unknown): boolean =>
  typeof value === 'string' ||
  isUrl(value) ||
  isBlob(value) ||
  isResponse(value) ||
  bytesOf(value) !== undefined;

function adviceFor(state: unknown): string {
  if (givesState(state)) return 'Pass what its stateDict() gives; that of a file is awaited.';
  if (isFile(state)) return 'Read it first: loadStateDict(await (await readModel(file)).stateDict()).';
  return memberOf(state, Symbol.iterator) !== undefined ? 'Object.fromEntries(…) makes one of a Map.' : '';
}

function isTensorLike(value: unknown): boolean {
  return isRecord(value) && 'data' in value && shapeOf(value) !== undefined;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'no tensors';
  const shown = names.slice(0, 6).map((name) => describe(name));
  return names.length > 6 ? `${shown.join(', ')} and ${names.length - 6} more` : shown.join(' and ');
}
