// The operator alone: values stay on the heap, nothing is copied, nothing allocated. It goes past the public
// API to the module that the package has loaded.

import { product, raised } from './geometry.mjs';
import { makeParameters } from './problem.mjs';

const LAYOUT_CODES = { 'channels-first': 0, 'channels-last': 1 };
const ANY_ROUTE = -1;

/** `run` computes once; `dispose` frees the operator. */
export function operatorAlone(module, source, layout) {
  const geometry = raised(source, 3);
  const { batch, groups, inChannels, outChannels, input, output, kernel, stride, dilation, padding } =
    geometry;
  const operator = module.Operator.create({
    transposed: true,
    ...{ groups, inChannels, outChannels, kernel, stride, dilation },
    inputDilation: [1, 1, 1],
    padBefore: padding,
    padAfter: padding.map((pad, axis) => pad - geometry.outputPadding[axis]),
    relu: false,
    exact: false,
    arithmetic: 0,
  });
  expectOk(operator.plan(batch, input, LAYOUT_CODES[layout], ANY_ROUTE));
  const values = makeParameters(source);
  const fill = (address, data) => new Float32Array(module.wasmMemory.buffer, address, data.length).set(data);
  const weight = module.reserveParameters(values.weight.length);
  fill(weight, values.weight);
  expectOk(operator.setParameters(weight, 0));
  module.releaseParameters();
  const target = module.reserveOutput(batch * outChannels * product(output));
  const from = module.reserveInput(values.input.length);
  // Any order will do: multiplying takes as long whatever the values are.
  fill(from, values.input);
  const route = module.routeNames().trimEnd().split('\n')[operator.route()];
  return {
    layout,
    route,
    run: () => expectOk(operator.run(from, target)),
    dispose: () => operator.delete(),
  };
}

function expectOk(status) {
  if (status !== 0) throw new Error(`operator alone: expected status 0, got ${status}`);
}
