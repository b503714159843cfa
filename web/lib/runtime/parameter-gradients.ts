import type { OperatorSpec } from '../core/spec.js';
import type { Execution } from './execution.js';
import type { Place } from './heap-tensor.js';
import { requireRuntime } from './lifecycle.js';
import {
  type CanonicalParameters,
  codeOf,
  FLOAT32,
  type Layout,
  toAxes,
  toNativeSpec,
  writeSpec,
} from './operation.js';
import { fill, stageInput, withParameters } from './staging.js';

/** Gradients of the parameters of one operator at one input. */
export function parameterGradients(request: {
  readonly where: string;
  readonly execution: Execution;
  readonly spec: OperatorSpec;
  readonly batch: number;
  readonly extents: readonly number[];
  readonly layout: Layout;
  readonly input: Place;
  readonly inputCount: number;
  readonly gradOutput: Place;
  readonly outputCount: number;
  readonly weightElements: number;
  readonly withBias: boolean;
}): CanonicalParameters<ArrayBuffer> {
  const { where, execution, spec, inputCount, outputCount, weightElements, withBias } = request;
  const runtime = requireRuntime(where, execution.runtime);
  const flush = execution.denormals === 'flush';
  const count = weightElements + (withBias ? spec.outChannels : 0);
  return withParameters(runtime, where, count, (gradient) => {
    const { module } = runtime;
    const input = stageInput(runtime, where, 'input', request.input, inputCount, FLOAT32, flush);
    const gradOutput = stageInput(runtime, where, 'output', request.gradOutput, outputCount, FLOAT32, flush);
    fill(runtime, request.input, input, inputCount, FLOAT32, flush);
    fill(runtime, request.gradOutput, gradOutput, outputCount, FLOAT32, flush);
    writeSpec(module, toNativeSpec(spec, false));
    const status = module.parameterGradients(
      request.batch,
      ...toAxes(request.extents, 1),
      codeOf(request.layout),
      input,
      gradOutput,
      gradient,
      withBias,
    );
    runtime.check(where, status);
    const values = runtime.floats(gradient, count);
    return {
      weight: values.slice(0, weightElements),
      bias: withBias ? values.slice(weightElements) : null,
    };
  });
}
