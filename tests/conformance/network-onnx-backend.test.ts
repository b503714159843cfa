// onnx's own tests of every operator that networks run: passed, or refused with a sentence. Their models take weights
// as inputs; here all inputs but the first are constants of the file, or all are inputs, or none.

import { init, isDeconvError } from 'deconv-wasm';
import { loadNetwork } from 'deconv-wasm/network';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesSource, ModelFile } from '../../web/lib/models/source.js';
import { readOnnxNetwork } from '../../web/lib/network/onnx/read.js';
import { compareWith, within } from '../support/compare.js';
import { ONNX_OPERATORS } from '../support/network-onnx-cases/index.js';
import { evaluate } from '../support/network-reference.js';
import {
  bfloatOf,
  type OnnxTest,
  onnxTests,
  type StoredTensor,
  withInitializers,
} from '../support/onnx-test-data.js';

/**
 * A size of 2.4 counts as such in the places that these have been made with. ONNX Runtime and PyTorch take the size
 * that comes out.
 */
const OTHERWISE = /test_resize_downsample_scales_(linear|cubic)_align_corners$/;

/** Doubles of some tests are beyond float32, in which networks compute. */
const beyond = ({ outputs }: OnnxTest) =>
  outputs.some(({ data }) => data.some((value) => Number.isFinite(value) && Math.abs(value) > 3e38));

const tests = onnxTests(ONNX_OPERATORS)?.filter((test) => !OTHERWISE.test(test.name) && !beyond(test));

beforeAll(async () => {
  await init();
});

describe("onnx's own tests", () => {
  const counts = { passed: 0, refused: 0 };
  const reasons = new Map<string, string[]>();
  const passedOf = new Set<string>();

  it('are installed', () => {
    expect(tests?.length, 'npm run setup installs libonnx-testdata').toBeGreaterThan(300);
  });

  for (const test of tests ?? []) {
    it(test.name, async () => {
      const refusals: string[] = [];
      let passed = false;
      for (const constants of [test.inputNames.slice(1), [], test.inputNames]) {
        let refusal = await refusalOf(test, new Set(constants), test.outputs.length);
        // Statistics and masks are further outputs of what otherwise runs.
        if (refusal?.includes('its output')) refusal = await refusalOf(test, new Set(constants), 1);
        if (refusal === null) passed = true;
        else refusals.push(refusal);
        if (passed) break;
      }
      if (passed) {
        counts.passed += 1;
        for (const type of test.operators) passedOf.add(type);
        return;
      }
      counts.refused += 1;
      const [reason = ''] = refusals;
      expect(reason).toMatch(/\w+ .* \w+/);
      reasons.set(reason, [...(reasons.get(reason) ?? []), test.name]);
    });
  }

  it('are passed by every operator that has some', () => {
    console.log(`onnx's own tests: ${counts.passed} passed, ${counts.refused} refused`);
    for (const [reason, names] of reasons) console.log(`  ${names.length} × ${reason} (${names[0]})`);
    const tested = new Set(
      (tests ?? []).flatMap(({ operators }) => (operators.length === 1 ? operators : [])),
    );
    expect([...tested].filter((type) => !passedOf.has(type))).toEqual([]);
  });
});

/** What rounding to a type may change. */
const HALVES: Readonly<Record<string, number>> = { float16: 1e-3, bfloat16: 1e-2 };

/** Values of what a network declares as this type; NumPy has no bfloat16, and files have its bits. */
function numbersOf({ type, data }: StoredTensor, declared: string | undefined): readonly number[] {
  return declared === 'bfloat16' && type === 4 ? data.map(bfloatOf) : data;
}

/** Null for the outputs that onnx has; else why the network does not run. */
async function refusalOf(
  test: OnnxTest,
  constants: ReadonlySet<string>,
  outputs: number,
): Promise<string | null> {
  const given = test.inputNames.map((name, place) => ({
    name,
    tensor: test.inputs[place] as OnnxTest['inputs'][0],
  }));
  const fixed = given.filter(({ name, tensor }) => constants.has(name) && tensor !== undefined);
  const model = withInitializers(test.model, fixed);
  try {
    const names = test.outputNames.slice(0, outputs);
    const network = await readOnnxNetwork(
      new ModelFile(bytesSource(model), null),
      async () => {
        throw new Error('no external data');
      },
      names,
    );
    const shapes = given.flatMap(({ name, tensor }) =>
      constants.has(name) || tensor === undefined ? [] : [[name, tensor.shape] as const],
    );
    const graph = network.lower(new Map(shapes), names);
    const fed = network.inputs.map(({ name, type }) => {
      const { tensor } = given.find((one) => one.name === name) as (typeof given)[0];
      return numbersOf(tensor, type);
    });
    const plain = evaluate(graph, fed);
    using net = await loadNetwork(model, { outputs: names });
    const run = net.run(
      Object.fromEntries(
        network.inputs.map(({ name }, place) => {
          const { tensor } = given.find((one) => one.name === name) as (typeof given)[0];
          return [name, { data: Float32Array.from(fed[place] as ArrayLike<number>), shape: tensor.shape }];
        }),
      ),
    );
    for (const [place, name] of names.entries()) {
      const wanted = test.outputs[place];
      if (wanted === undefined) continue;
      const type = network.outputs[place]?.type;
      for (const result of [plain[place], run[name]]) {
        expectClose(result, wanted.shape, numbersOf(wanted, type), HALVES[type ?? ''] ?? 1e-4);
      }
    }
    return null;
  } catch (error) {
    if (!isDeconvError(error) || error.code === 'INTERNAL') throw error;
    const [node] = (error.detail.nodes as { reason: string; type: string }[] | undefined) ?? [];
    return node === undefined ? error.message : `${node.type}: ${node.reason}`;
  }
}

function expectClose(
  result: { readonly shape: readonly number[]; readonly data: ArrayLike<number> } | undefined,
  shape: readonly number[],
  wanted: readonly number[],
  tolerance: number,
): void {
  expect(result).toBeDefined();
  expect(
    compareWith(result as NonNullable<typeof result>, shape, wanted, within(tolerance, 1, wanted)),
  ).toBeUndefined();
}
