// One thread or two: work is cut elsewhere, every sum stays in its order.

import { host } from '@host';
import {
  Conv2d,
  ConvTranspose2d,
  conv,
  convTranspose,
  init,
  type RouteName,
  shutdown,
  type Tensor,
} from 'deconv-wasm';
import { expect, it, onTestFinished } from 'vitest';
import { BUILDS, start, whyLacking } from '../support/builds.js';
import { unlessRefused } from '../support/run.js';
import { seed } from '../support/seed.js';
import { randomTensor } from '../support/tensors.js';

const ROUTES: readonly RouteName[] = [
  'implicit-gemm',
  'polyphase',
  'scatter',
  'depthwise',
  'winograd-line',
  'winograd-f45',
  'winograd-f43',
  'winograd-f42',
  'winograd-f22',
];

// Odd sizes, so that no cut falls on whole tiles. One image is cut in itself, groups and images apart.
const LAYERS = [
  { name: 'k4 s2', x: [1, 24, 37, 41], w: [24, 20, 4, 4], options: { stride: 2, padBefore: 1, padAfter: 1 } },
  { name: 'k5 s2, batch', x: [3, 16, 19, 23], w: [16, 17, 5, 5], options: { stride: 2, padBefore: 2 } },
  { name: 'k3 s1', x: [1, 33, 45, 50], w: [33, 19, 3, 3], options: { padBefore: 1, padAfter: 1 } },
  { name: 'k2 s1', x: [1, 20, 33, 29], w: [20, 18, 2, 2], options: {} },
  { name: 'groups', x: [1, 34, 40, 31], w: [34, 16, 3, 3], options: { groups: 2 } },
  { name: 'few channels', x: [2, 8, 61, 53], w: [8, 3, 4, 4], options: { stride: 2, groups: 2 } },
  {
    name: 'depthwise',
    x: [1, 26, 67, 59],
    w: [26, 1, 5, 5],
    options: { stride: 2, groups: 26, padBefore: 2 },
  },
  { name: '1-D', x: [1, 16, 3001], w: [16, 12, 8], options: { stride: 4, padBefore: 2 } },
  { name: '1-D, dilation', x: [2, 20, 1501], w: [20, 14, 7], options: { dilation: 3, padBefore: 4 } },
  { name: '3-D', x: [1, 16, 9, 11, 13], w: [16, 10, 3, 3, 3], options: { stride: 2, dilation: 2 } },
];

interface Result {
  readonly name: string;
  readonly route: RouteName;
  readonly y: Tensor;
}

/** Forward and the convolution back, of every layer on every route that takes it, in both layouts. */
function results(): Result[] {
  return LAYERS.flatMap(({ name, x: xShape, w: wShape, options }) => {
    const w = randomTensor(wShape, seed + 1);
    const x = randomTensor(xShape, seed);
    const last = { data: x.data, shape: [xShape[0] as number, ...xShape.slice(2), xShape[1] as number] };
    const grad = convTranspose(x, w, { ...options, route: 'scalar' });
    const gradLast = {
      data: grad.data,
      shape: [grad.shape[0] as number, ...grad.shape.slice(2), grad.shape[1] as number],
    };
    const layout = 'channels-last';
    return ROUTES.flatMap((route) =>
      Object.entries({
        forward: () => convTranspose(x, w, { ...options, route }),
        'forward, channels last': () => convTranspose(last, w, { ...options, route, layout }),
        back: () => conv(grad, w, { ...options, route }),
        'back, channels last': () => conv(gradLast, w, { ...options, route, layout }),
      }).flatMap(([way, run]) => {
        const y = unlessRefused(run);
        return y === null ? [] : [{ name: `${name}, ${way}, by ${route}`, route, y }];
      }),
    );
  });
}

// Fewer taps and groups than threads, whose sums are cut by channels; as many; more.
const GRADIENTS = [
  { kernelSize: 1, inChannels: 19, outChannels: 21 },
  { kernelSize: 3, inChannels: 16, outChannels: 9, stride: 2, padding: 1 },
  { kernelSize: [1, 2] as const, inChannels: 12, outChannels: 18, groups: 6 },
];

/** Gradients of the parameters of every layer. */
function gradients(): { name: string; y: Tensor }[] {
  return GRADIENTS.flatMap((options) =>
    [Conv2d, ConvTranspose2d].flatMap((Layer) => {
      using layer = new Layer(options);
      const shape = [2, options.inChannels, 23, 17];
      const x = randomTensor(shape, seed);
      const { weight, bias } = layer.backward(x, randomTensor(layer.outputShape(shape), seed + 1));
      return [
        { name: `${layer}, weight`, y: weight },
        { name: `${layer}, bias`, y: bias as Tensor },
      ];
    }),
  );
}

function bitsOf({ data }: Tensor): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

it.for(BUILDS.filter(({ options }) => options.threads === 2))(
  '$name: the same bits from one thread and from two',
  async (build, { skip }) => {
    const lacking = whyLacking(build);
    skip(lacking !== undefined, lacking);
    onTestFinished(shutdown);
    await start(build);
    const two = [...results(), ...gradients()];
    await shutdown();
    await init({ ...build.options, threads: 1 });
    const routed = results();
    const one = [...routed, ...gradients()];
    expect(two.length).toBe(one.length);
    const counts = new Map(ROUTES.map((route) => [route, 0]));
    for (const { route } of routed) counts.set(route, (counts.get(route) as number) + 1);
    const wrong = one.flatMap(({ name, y }, index) => {
      const other = bitsOf((two[index] as Result).y);
      const at = bitsOf(y).findIndex((bits, place) => bits !== other[place]);
      return at === -1 ? [] : [`${name} differs at ${at}`];
    });
    const told = [...counts].map(([route, count]) => `${route} ${count}`).join(', ');
    console.log(`one thread and two: ${one.length} results (${told}), ${build.name} in ${host.name}`);
    expect(wrong).toEqual([]);
    for (const [route, count] of counts) expect(count, route).toBeGreaterThanOrEqual(6);
  },
);
