import type { Tensor, TensorLike } from '../core/tensor.js';
import type { LayerGradients } from '../layers/layer.js';
import { requireRuntime } from '../runtime/lifecycle.js';
import {
  checkShapes,
  evaluate,
  gradientsOf,
  neededBehind,
  ownTensors,
  plainTensor,
  type Recorded,
} from './evaluation.js';
import { byName, type NamedInputs, type NamedTensors, readGiven, requireOneOutput } from './named.js';
import type { Prepared } from './prepared.js';

/** What `backward` of a {@link Trace} gives. */
export interface SequentialGradients {
  readonly input: Tensor<ArrayBuffer>;
  /** Of the modules with parameters, in the order of `layers`: what an optimizer's step takes. */
  readonly layers: readonly LayerGradients[];
}

/** One pass through a chain, with what its gradients need. */
export interface Trace {
  readonly output: Tensor<ArrayBuffer>;
  /**
   * Gradients of `sum(output * gradOutput)` without computing the pass again: in the mode of the pass, and of what it
   * dropped, whatever came since. Valid until a weight or the input's values change: take them before the optimizer's
   * step.
   *
   * @throws {DeconvError} as a layer's backward
   */
  backward(gradOutput: TensorLike): SequentialGradients;
}

/** What `backward` of a {@link NamedTrace} gives. */
export interface NamedGradients {
  readonly inputs: NamedTensors<ArrayBuffer>;
  /** As in `SequentialGradients`. */
  readonly layers: readonly LayerGradients[];
}

/** The same of a graph whose values are given by name; outputs left out of `gradOutputs` have a gradient of 0. */
export interface NamedTrace {
  readonly outputs: NamedTensors<ArrayBuffer>;
  backward(gradOutputs: NamedInputs): NamedGradients;
}

/**
 * A pass through a chain, module by module.
 *
 * @param name of the chain's class
 * @param again of `evaluate`
 */
export function traceOf(
  where: string,
  name: string,
  prepared: Prepared,
  x: TensorLike | NamedInputs,
  again: boolean,
): Trace | NamedTrace {
  const { inputNames, inputLabels, outputNames, programmable, bound } = prepared;
  const given: unknown[] = [];
  const named = readGiven(where, 'input', x, inputNames, given);
  if (!named) requireOneOutput(where, outputNames);
  const inputs = inputLabels.map((label, index) => plainTensor(where, label, given[index]));
  if (programmable && !again) checkShapes(where, requireRuntime(where, bound), prepared, inputs);
  const records: Recorded[] = [];
  const results = evaluate(where, prepared, inputs, (record) => records.push(record), again);
  const outputs = again ? results : ownTensors(results, records.flatMap(neededBehind));
  const backward = (given: TensorLike | NamedInputs): SequentialGradients | NamedGradients => {
    const method = `${name}.backward`;
    const behind: unknown[] = [];
    readGiven(method, 'gradOutput', given, outputNames, behind, named);
    const gradients = gradientsOf(method, prepared, { inputs, outputs: results, records }, behind, named);
    const { inputs: before, layers: own } = gradients;
    return named
      ? { inputs: byName(inputNames, before), layers: own }
      : { input: before[0] as Tensor<ArrayBuffer>, layers: own };
  };
  // No module takes a tensor on a shared buffer, so none gives one on.
  return (named ? { outputs: byName(outputNames, outputs), backward } : { output: outputs[0], backward }) as
    | Trace
    | NamedTrace;
}
