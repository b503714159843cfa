import { expect, it } from 'vitest';
import type { OperatorSpec } from '../../web/lib/core/spec.js';
import { readExecution } from '../../web/lib/runtime/execution.js';
import {
  type CanonicalParameters,
  Operation,
  type OperationFields,
} from '../../web/lib/runtime/operation.js';

const SPEC: OperatorSpec = {
  transposed: true,
  groups: 1,
  inChannels: 2,
  outChannels: 3,
  kernel: [4],
  stride: [2],
  dilation: [1],
  inputDilation: [1],
  padBefore: [1],
  padAfter: [0],
  relu: false,
};

function operation(more: Partial<OperationFields<CanonicalParameters>> = {}): Operation {
  return new Operation({
    where: 'test',
    spec: SPEC,
    batch: 1,
    extents: [5],
    layout: 'channels-last',
    execution: readExecution('test', {}),
    inputCount: 10,
    outputCount: 33,
    parameters: () => ({ weight: new Float32Array(24), bias: null }),
    ...more,
  });
}

it('leading axes of a lower rank are neutral', () => {
  const { spec, extents, layout } = operation();
  expect(spec).toEqual({
    ...SPEC,
    kernel: [1, 1, 4],
    stride: [1, 1, 2],
    dilation: [1, 1, 1],
    inputDilation: [1, 1, 1],
    padBefore: [0, 0, 1],
    padAfter: [0, 0, 0],
    exact: false,
    arithmetic: 0,
    compactPositions: 0,
  });
  expect([extents, layout]).toEqual([[1, 1, 5], 1]);
});

it('the core is told how many positions an operator that is one of many has', () => {
  expect(operation({ compact: true }).spec.compactPositions).toBe(11);
});

it('the precision reaches the core', () => {
  for (const precision of ['fast', 'exact'] as const) {
    const execution = readExecution('test', { precision });
    expect(operation({ execution }).spec.exact).toBe(precision === 'exact');
  }
});

it('one operator and one plan for what they serve, others for the rest', () => {
  const one = operation();
  const same = operation({ where: 'elsewhere' });
  expect([same.operatorKey, same.planKey]).toEqual([one.operatorKey, one.planKey]);
  for (const spec of [
    { ...SPEC, relu: true },
    { ...SPEC, transposed: false },
    { ...SPEC, padBefore: [0], padAfter: [1] },
  ]) {
    expect(operation({ spec }).operatorKey).not.toBe(one.operatorKey);
  }
  for (const more of [
    { batch: 2 },
    { extents: [6] },
    { layout: 'channels-first' },
    { execution: readExecution('test', { route: 'scalar' }) },
  ] as const) {
    expect(operation(more).planKey).not.toBe(one.planKey);
  }
});
