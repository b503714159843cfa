// Two copies of the package in one program, as two libraries of a page may bring along: neither harms the other.

import { cpSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root, run, temporaryFolder, writeFiles } from './support.js';

const { folder, remove } = temporaryFolder();
afterAll(remove);

beforeAll(() => {
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const copy of ['one', 'two']) {
    cpSync(path.join(root, 'dist'), path.join(folder, copy, 'dist'), { recursive: true });
    cpSync(path.join(root, 'package.json'), path.join(folder, copy, 'package.json'));
  }
});

const PRELUDE = `
import assert from 'node:assert/strict';
import * as one from './one/dist/index.js';
import * as two from './two/dist/index.js';
assert.notEqual(one.ConvTranspose2d, two.ConvTranspose2d);
const options = { inChannels: 2, outChannels: 2, kernelSize: 4, stride: 2, seed: 1 };
const x = { data: Float32Array.from({ length: 40 }, (_, index) => index % 7 - 3), shape: [1, 2, 4, 5] };
const onHeap = (copy, runtime) => {
  const tensor = new copy.HeapTensor(x.shape, { runtime });
  tensor.data.set(x.data);
  return tensor;
};
const codeOf = (act) => {
  try {
    act();
  } catch (error) {
    return [error.code, error.message];
  }
  return ['none', ''];
};
`;

const PROGRAMS: Readonly<Record<string, string>> = {
  'a HeapTensor of the other copy is a tensor like any other': `
await Promise.all([one.init(), two.init()]);
const up = new one.ConvTranspose2d(options);
const wanted = up.forward(x);
const out = new two.HeapTensor(wanted.shape);
for (const tensor of [onHeap(one), onHeap(two)]) {
  assert.deepEqual([...up.forward(tensor).data], [...wanted.data]);
  assert.deepEqual([...up.forward(tensor, { out }).data], [...wanted.data]);
  assert.deepEqual([...up.backward(tensor, out).weight.data], [...up.backward(x, wanted).weight.data]);
}
const { heapBytes } = one.memoryUsage();
const large = { data: new Float32Array(2 ** 22), shape: [1, 2, 2 ** 10, 2 ** 11] };
up.forward(large);
assert.ok(one.memoryUsage().heapBytes > heapBytes);
assert.deepEqual([...up.forward(onHeap(two), { out }).data], [...wanted.data]);
`,
  'threads of the other copy may write to its memory: it is refused in words that say so': `
await Promise.all([one.init({ threads: 2 }), two.init({ threads: 2 })]);
const up = new one.ConvTranspose2d(options);
const wanted = up.forward(x);
const [code, message] = codeOf(() => up.forward(onHeap(two)));
assert.equal(code, 'BAD_BUFFER');
assert.match(message, /copy of this package/);
const tensor = onHeap(two);
assert.deepEqual([...up.forward({ data: tensor.data.slice(), shape: tensor.shape }).data], [...wanted.data]);
assert.deepEqual([...up.forward(onHeap(one)).data], [...wanted.data]);
`,
  'init and shutdown of one are no matter to the other': `
await one.init({ build: 'simd' });
assert.equal(codeOf(() => two.runtimeInfo())[0], 'NOT_INITIALIZED');
await two.init({ threads: 2 });
const layers = [new one.ConvTranspose2d(options), new two.ConvTranspose2d(options)];
const [first, second] = layers.map((layer) => [...layer.forward(x).data]);
assert.deepEqual(one.memoryUsage().liveLayers, 1);
await two.shutdown();
assert.equal(codeOf(() => layers[1].forward(x))[0], 'NOT_INITIALIZED');
assert.deepEqual([...layers[0].forward(x).data], first);
await two.init({ build: 'simd' });
await one.shutdown();
assert.deepEqual([...layers[1].forward(x).data], first);
`,
  'a runtime of the other copy is none for a layer of this one': `
const runtime = await two.createRuntime();
const [code, message] = codeOf(() => new one.ConvTranspose2d({ ...options, runtime }));
assert.equal(code, 'BAD_TYPE');
assert.match(message, /another/);
assert.deepEqual(new two.ConvTranspose2d({ ...options, runtime }).forward(x).shape, [1, 2, 10, 12]);
await runtime.shutdown();
`,
  'layers of the other copy are quantized, chained and judged': `
const { quantize } = await import('./two/dist/quantize/index.js');
const { Sequential } = await import('./two/dist/training/index.js');
const { ReLU } = await import('./one/dist/training/index.js');
const { analyze } = await import('./two/dist/checkerboard/index.js');
await Promise.all([one.init(), two.init()]);
const up = new one.ConvTranspose2d(options);
const own = new two.ConvTranspose2d(options);
assert.deepEqual([...quantize(up).forward(x).data], [...quantize(own).forward(x).data]);
assert.deepEqual(analyze(up), analyze(own));
const passes = [up, own].map((layer) => new Sequential(layer, new ReLU()).trace(x));
const [got, wanted] = passes.map(({ output, backward }) => backward(output).layers[0].weight.data);
assert.deepEqual([...got], [...wanted]);
`,
  'every function takes the layers, models and errors of the other copy': `
const entry = async (copy, name) => import('./' + copy + '/dist/' + name + '/index.js');
const [checks, checks2] = await Promise.all([entry('one', 'checkerboard'), entry('two', 'checkerboard')]);
const [training, training2] = await Promise.all([entry('one', 'training'), entry('two', 'training')]);
const [quantized, quantized2] = await Promise.all([entry('one', 'quantize'), entry('two', 'quantize')]);
const [models, models2] = await Promise.all([entry('one', 'models'), entry('two', 'models')]);
const convert = await entry('one', 'convert');
await Promise.all([one.init(), two.init()]);
const values = (tensor) => [...tensor.data];
const foreign = () => new two.ConvTranspose2d(options);
const own = () => new one.ConvTranspose2d(options);
const same = (act, read = values) => assert.deepEqual(read(act(foreign())), read(act(own())));

// A penalty is added and a ReLU is fused, not silently left out.
const pass = new training.Sequential(own(), new training2.ReLU()).trace(x);
const { layers } = pass.backward(pass.output);
same((layer) => checks.spectralPenalty(layer).gradient);
same((layer) => checks.addSpectralPenalty([layer], layers).gradients[0].weight);
assert.ok(checks.addSpectralPenalty([foreign()], layers).loss > 0);
const asked = [];
const watched = foreign();
// In place of the class's own: one that stood before it would not be asked.
let theirs = watched;
while (!Object.hasOwn(theirs, 'forward')) theirs = Object.getPrototypeOf(theirs);
const { forward } = theirs;
theirs.forward = function (input, settings) {
  if (this === watched) asked.push(settings?.activation);
  return forward.call(this, input, settings);
};
const net = new training.Sequential(new training2.Sequential(watched, new training2.ReLU()), new training.Tanh());
net.forward(x);
assert.deepEqual(asked, ['relu']);
assert.equal(net.layers.length, 1);
same((layer) => {
  training.adam([layer])([layer.backward(x, pass.output)]);
  return layer.weight;
});
same((layer) => {
  layer.loadStateDict(own().stateDict());
  return layer.stateDict().weight;
});

same((layer) => (checks.repair(layer), layer.weight));
same((layer) => checks.initializeIcnr(layer, { seed: 1 }).weight);
same((layer) => checks.initializeBilinear(layer).weight);
same((layer) => checks.analyzeStack([layer, layer]).layers, (list) => list.length);
for (const Kind of ['ResizeConv2d', 'SmoothConvTranspose2d']) {
  const settings = { inChannels: 2, outChannels: 2, kernelSize: 3, seed: 1, ...(Kind === 'ResizeConv2d' ? { scaleFactor: 2 } : { stride: 2 }) };
  const [a, b] = [checks, checks2].map((from) => checks.toConvTranspose(new from[Kind](settings)));
  assert.deepEqual(values(b.weight), values(a.weight));
}
const [back, back2] = [own(), foreign()].map((layer) => {
  checks.initializeIcnr(layer, { seed: 1 });
  return checks.toResizeConv(layer).weight;
});
assert.deepEqual(values(back2), values(back));

for (const to of ['toTorch', 'toOnnx', 'toFlax', 'toKeras', 'toJax', 'toBrainstate']) {
  same((layer) => convert[to](layer).weight);
}
const small = quantized2.quantize(foreign());
assert.deepEqual([...quantized.saveQuantized(small)], [...quantized2.saveQuantized(small)]);
assert.deepEqual(values(quantized.loadQuantized(foreign(), quantized.saveQuantized(small)).forward(x)), values(small.forward(x)));
assert.equal(quantized.compareToFloat32(foreign(), small, [x]).count, 240);
assert.deepEqual(quantized.calibrate(foreign(), [x]), quantized2.calibrate(foreign(), [x]));

const bytes = models.writeSafetensors(foreign().stateDict());
const model = await models2.readModel(bytes, { geometry: { weight: { transposed: true, stride: 2 } } });
const [layer] = model.layers;
const { stored } = await models.patchModel(model, [{ layer, weight: await layer.weight() }]);
assert.deepEqual(values(stored[0]), values(own().weight));

const [error] = [() => two.conv(x, x, { stride: 0 })].map((act) => {
  try {
    return act();
  } catch (thrown) {
    return thrown;
  }
});
assert.ok(!(error instanceof one.DeconvError));
assert.ok(one.isDeconvError(error));
assert.equal(one.DeconvError.from(error), error);
assert.equal(one.DeconvError.from(structuredClone(error)).code, error.code);
`,
};

it.each(Object.entries(PROGRAMS))('%s', (_, program) => {
  writeFiles(folder, { 'program.mjs': `${PRELUDE}${program}\nconsole.log('done');` });
  expect(run(process.execPath, ['program.mjs'], folder)).toBe('done\n');
});
