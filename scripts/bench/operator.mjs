// The operator alone: values stay on the heap, nothing is copied, nothing allocated. It goes past the public
// API to the runtime that the package has loaded, and writes specs as the package does.

import { product, raised } from './geometry.mjs';
import { makeParameters } from './problem.mjs';

const LAYOUT_CODES = { 'channels-first': 0, 'channels-last': 1 };
const ANY_ROUTE = -1;
const SLOPE = 0.125;
const ADD = 0;

/**
 * `run` computes once; `dispose` frees the operator. The epilogue is a function of the core's by its number, or -1,
 * and a sum with a residual, while it writes or in passes over its result.
 */
export function operatorAlone(
  { runtime, writeSpec },
  source,
  layout,
  { op = -1, adds = false, inPasses = false } = {},
) {
  const { module } = runtime;
  const geometry = raised(source, 3);
  const { batch, groups, inChannels, outChannels, input, output, kernel, stride, dilation, padding } =
    geometry;
  writeSpec(module, {
    transposed: true,
    ...{ groups, inChannels, outChannels, kernel, stride, dilation },
    inputDilation: [1, 1, 1],
    padBefore: padding,
    padAfter: padding.map((pad, axis) => pad - geometry.outputPadding[axis]),
    relu: false,
    exact: false,
    arithmetic: 0,
  });
  const operator = module.Operator.create();
  expectOk(operator.plan(batch, ...input, LAYOUT_CODES[layout], ANY_ROUTE, true));
  const values = makeParameters(source);
  const fill = (address, data) => new Float32Array(module.wasmMemory.buffer, address, data.length).set(data);
  const weight = module.reserveParameters(values.weight.length);
  fill(weight, values.weight);
  expectOk(operator.setParameters(weight, 0));
  module.releaseParameters();
  const outputs = batch * outChannels * product(output);
  const target = module.reserveOutput(outputs);
  const residual = adds ? module.allocateFloats(outputs) : 0;
  if (adds) fill(residual, new Float32Array(outputs).fill(0.5));
  if (!inPasses) expectOk(operator.setEpilogue(op, SLOPE, 0, 0));
  const from = module.reserveInput(values.input.length);
  // Any order will do: multiplying takes as long whatever the values are.
  fill(from, values.input);
  const route = runtime.routeNames[operator.route()];
  return {
    layout,
    route,
    run: () => {
      expectOk(operator.run(from, target, inPasses ? 0 : residual));
      if (!inPasses) return;
      if (adds) module.combine(ADD, outputs, target, residual, target);
      if (op >= 0) expectOk(module.elementwise(op, 1, 1, outputs, SLOPE, 0, 0, target, 0, target));
    },
    dispose: () => {
      operator.delete();
      module.freeFloats(residual);
    },
  };
}

function expectOk(status) {
  if (status !== 0) throw new Error(`operator alone: expected status 0, got ${status}`);
}
