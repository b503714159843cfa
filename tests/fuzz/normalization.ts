// Normalization modules of deconv-wasm/training: calls in any order, against the definition in float64.

import type { Tensor } from 'deconv-wasm';
import { BatchNorm2d, GroupNorm, InstanceNorm2d } from 'deconv-wasm/training';
import type { Action } from './actions.js';
import { valuesOf } from './places.js';
import { expectSameBits, expectThat, type Reasons, type World } from './world.js';

type Drawn = Extract<Action, { readonly do: 'normalize' }>;
type Module = BatchNorm2d | InstanceNorm2d | GroupNorm;

const MOMENTUM = 0.1;
const NONE = { must: [], may: [] };
const RUNNING = ['running_mean', 'running_var'] as const;

export function normalizations(world: World, drawn: Drawn): void {
  const { kind, channels, groups, affine, tracks, batch, height, width } = drawn;
  const options = { numFeatures: channels * groups, affine, trackRunningStats: tracks };
  const make = (): Module => {
    if (kind === 'batch') return new BatchNorm2d(options);
    if (kind === 'instance') return new InstanceNorm2d(options);
    return new GroupNorm({ numGroups: groups, numChannels: channels * groups, affine });
  };
  const module = make();
  const size = channels * groups;
  const shape = [batch, size, height, width];
  let weight = new Float32Array(size).fill(1);
  let bias = new Float32Array(size);
  const running = { running_mean: new Float32Array(size), running_var: new Float32Array(size).fill(1) };
  const keeps = kind !== 'group' && tracks;
  let training = true;

  const expectState = (): void => {
    const state = module.stateDict();
    if (affine) expectSameBits((state.weight as Tensor).data as Float32Array, weight, 'a weight');
    if (affine) expectSameBits((state.bias as Tensor).data as Float32Array, bias, 'a bias');
    for (const name of RUNNING) {
      expectThat(name in state === keeps, `${module} ${keeps ? 'has no' : 'has'} ${name}`);
      if (keeps) expectNear(name, (state[name] as Tensor).data as Float32Array, running[name]);
    }
  };

  for (const { what, seed } of drawn.steps) {
    const x = valuesOf('random', shape, seed);
    const before = x.data.slice();
    switch (what) {
      case 'train':
      case 'eval':
        training = what === 'train';
        module.train(training);
        break;
      case 'parameters': {
        const given = valuesOf('random', [2, size], seed).data;
        const reasons = { must: affine ? [] : ['BAD_OPTION' as const], may: [] };
        const set = world.attempt('norm, parameters', reasons, () =>
          module.setWeight(given.slice(0, size)).setBias({ data: given.slice(size), shape: [size] }),
        );
        if (set !== null) [weight, bias] = [given.slice(0, size), given.slice(size)];
        break;
      }
      case 'misshapen': {
        const state = module.stateDict();
        const [name] = Object.keys(state);
        const wrong = { data: new Float32Array(size + 1), shape: [size + 1] };
        if (name === undefined) break;
        world.attempt('norm, state misshapen', { must: ['BAD_SHAPE'], may: [] }, () =>
          module.loadStateDict({ ...state, [name]: wrong }),
        );
        break;
      }
      case 'moved': {
        const other = make();
        other.loadStateDict(module.stateDict());
        const [one, two] = [other.train(training), module].map((each) =>
          world.attempt('norm, moved', reasonsOf(world, drawn, training), () => each.forward(x)),
        );
        if (one && two) expectSameBits(one.data, two.data, 'a module with the state of another');
        if (one && two && training && keeps) moveOn(drawn, x, running);
        break;
      }
      case 'forward': {
        const y = world.attempt('norm, forward', reasonsOf(world, drawn, training), () => module.forward(x));
        if (y === null) break;
        const own = training || !keeps;
        const wanted = normalized(drawn, x, own ? null : running, weight, bias);
        expectNear(`${module} of [${shape}]`, y.data, wanted);
        if (training && keeps) moveOn(drawn, x, running);
        break;
      }
      case 'backward': {
        const g = valuesOf('random', shape, seed + 1);
        const given = world.attempt('norm, backward', reasonsOf(world, drawn, training), () =>
          module.backward(x, g),
        );
        if (given === null) break;
        // Neither a constant added to an input that is normalized, nor a bias, meets another slope.
        for (let channel = 0; channel < size && given.bias !== null; channel += 1) {
          const sum = plane(drawn, channel).reduce((all, at) => all + (g.data[at] as number), 0);
          expectThat(Math.abs(sum - (given.bias.data[channel] as number)) < 1e-4, `${module}: bias's slope`);
        }
        if (!training && keeps) break;
        for (const set of setsOf(drawn)) {
          const sum = set.reduce((all, at) => all + (given.input.data[at] as number), 0);
          const most = set.reduce((all, at) => Math.max(all, Math.abs(given.input.data[at] as number)), 1);
          expectThat(
            Math.abs(sum) < 1e-5 * most * set.length,
            `${module}: slopes of the input sum to ${sum}`,
          );
        }
        break;
      }
      case 'proxy': {
        const member = ['forward', 'weight', 'stateDict', 'training', 'toString'][seed % 5] as 'forward';
        for (const strange of [new Proxy(module, {}), Object.create(module) as Module]) {
          world.attempt('norm, proxy', { must: ['BAD_TYPE'], may: [] }, () => {
            const value = Reflect.get(strange, member) as unknown;
            return typeof value === 'function' ? Reflect.apply(value, strange, [x]) : value;
          });
        }
        break;
      }
    }
    expectSameBits(x.data, before, 'the input of a normalization');
    expectState();
    world.attempt('norm, print', NONE, () => String(module));
  }
}

/** Statistics of a single value are refused, where they are taken of the input. */
function reasonsOf(
  world: World,
  { kind, batch, height, width, channels, tracks }: Drawn,
  training: boolean,
): Reasons {
  const own = training || kind === 'group' || !tracks;
  const values = height * width * (kind === 'batch' ? batch : kind === 'group' ? batch * channels : 1);
  const must: Reasons['must'] = own && values === 1 ? ['BAD_SHAPE'] : [];
  if (!world.seat(0).running) must.push('NOT_INITIALIZED');
  return { must, may: [] };
}

/** The places of a channel of one entry, or of all. */
function plane({ channels, groups, batch, height, width }: Drawn, channel: number, entry?: number): number[] {
  const points = height * width;
  const entries = entry === undefined ? Array.from({ length: batch }, (_, at) => at) : [entry];
  return entries.flatMap((at) =>
    Array.from({ length: points }, (_, point) => (at * channels * groups + channel) * points + point),
  );
}

/** The places of the values that are normalized together. */
function setsOf(drawn: Drawn): number[][] {
  const { kind, channels, groups, batch } = drawn;
  const all = Array.from({ length: channels * groups }, (_, channel) => channel);
  if (kind === 'batch') return all.map((channel) => plane(drawn, channel));
  const entries = Array.from({ length: batch }, (_, entry) => entry);
  if (kind === 'instance')
    return entries.flatMap((entry) => all.map((channel) => plane(drawn, channel, entry)));
  return entries.flatMap((entry) =>
    Array.from({ length: groups }, (_, group) =>
      all.slice(group * channels, (group + 1) * channels).flatMap((channel) => plane(drawn, channel, entry)),
    ),
  );
}

function momentsOf(data: Float32Array, set: readonly number[]): { mean: number; variance: number } {
  const mean = set.reduce((sum, at) => sum + (data[at] as number), 0) / set.length;
  const variance = set.reduce((sum, at) => sum + ((data[at] as number) - mean) ** 2, 0) / set.length;
  return { mean, variance };
}

type Running = Readonly<Record<(typeof RUNNING)[number], Float32Array>>;

function normalized(
  drawn: Drawn,
  x: Tensor,
  running: Running | null,
  weight: Float32Array,
  bias: Float32Array,
): Float64Array {
  const data = x.data as Float32Array;
  const result = new Float64Array(data.length);
  const points = drawn.height * drawn.width;
  for (const set of setsOf(drawn)) {
    const own = momentsOf(data, set);
    for (const at of set) {
      const channel = Math.floor(at / points) % weight.length;
      const mean = running === null ? own.mean : (running.running_mean[channel] as number);
      const variance = running === null ? own.variance : (running.running_var[channel] as number);
      const value = ((data[at] as number) - mean) / Math.sqrt(variance + 1e-5);
      result[at] = value * (weight[channel] as number) + (bias[channel] as number);
    }
  }
  return result;
}

/** The mean over the entries' statistics, the variance unbiased. */
function moveOn(drawn: Drawn, x: Tensor, running: Running): void {
  const size = drawn.channels * drawn.groups;
  const sets = setsOf(drawn);
  for (let channel = 0; channel < size; channel += 1) {
    const own = sets.filter((_, index) => index % size === channel);
    if (own.length === 0) return;
    const moments = own.map((set) => momentsOf(x.data as Float32Array, set));
    const count = (own[0] as number[]).length;
    const mean = moments.reduce((sum, each) => sum + each.mean, 0) / own.length;
    const variance = moments.reduce((sum, each) => sum + each.variance, 0) / own.length;
    const blend = (old: number, value: number): number => (1 - MOMENTUM) * old + MOMENTUM * value;
    running.running_mean[channel] = blend(running.running_mean[channel] as number, mean);
    running.running_var[channel] = blend(
      running.running_var[channel] as number,
      (variance * count) / (count - 1),
    );
  }
}

function expectNear(what: string, got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expectThat(got.length === wanted.length, `${what}: ${got.length} values instead of ${wanted.length}`);
  for (let at = 0; at < got.length; at += 1) {
    const [one, other] = [got[at] as number, wanted[at] as number];
    const near =
      Math.abs(one - other) <= 2e-5 * (1 + Math.abs(other)) || (Number.isNaN(one) && Number.isNaN(other));
    expectThat(near, `${what}: ${one} at ${at} instead of ${other}`);
  }
}
