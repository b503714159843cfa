// Every golden case through every route of every build, against the numbers in the file.

import { fixtures, upstream } from 'virtual:case-files';
import { host } from '@host';
import { Conv2d, ConvTranspose2d, type Tensor } from 'deconv-wasm';
import { describe, expect, it } from 'vitest';
import { describeEachBuild, ROUTE_CHOICES } from '../support/builds.js';
import {
  type CaseFile,
  type GoldenCase,
  type Problem,
  problemOf,
  problemOfWebnn,
  type WebnnCaseFile,
} from '../support/cases.js';
import { type RouteChoice, runFunctional, unlessRefused } from '../support/run.js';

/** Runs every problem through every route; what is wrong, and how many runs each route made. */
function runAll<Case>(
  cases: readonly Case[],
  identify: (golden: Case) => string,
  run: (golden: Case, route: RouteChoice) => { readonly y: Tensor; readonly problem: Problem },
): { readonly failures: string[]; readonly runs: ReadonlyMap<RouteChoice, number> } {
  const failures: string[] = [];
  const runs = new Map<RouteChoice, number>();
  for (const golden of cases) {
    for (const route of ROUTE_CHOICES) {
      try {
        const result = unlessRefused(() => run(golden, route));
        if (result === null) continue;
        runs.set(route, (runs.get(route) ?? 0) + 1);
        const difference = result.problem.compare(result.y);
        if (difference !== undefined) failures.push(`${identify(golden)} by ${route}: ${difference}`);
      } catch (error) {
        failures.push(`${identify(golden)} by ${route}: ${error}`);
      }
    }
  }
  return { failures, runs };
}

function report(file: string, count: number, runs: ReadonlyMap<RouteChoice, number>, build: string): void {
  const total = [...runs.values()].reduce((sum, one) => sum + one, 0);
  const routes = [...runs].map(([route, one]) => `${route} ${one}`).join(', ');
  console.log(`${file}: ${count} cases, ${total} runs (${routes}), ${build} in ${host.name}`);
}

/** Neither the planner nor the scalar route may refuse anything. */
function expectComplete(count: number, runs: ReadonlyMap<RouteChoice, number>): void {
  expect(count).toBeGreaterThan(0);
  expect(runs.get('auto')).toBe(count);
  expect(runs.get('scalar')).toBe(count);
}

/** A layer as a PyTorch user makes it from the case's own arguments. */
function runLayer(golden: GoldenCase, route: RouteChoice): { y: Tensor; problem: Problem } {
  const problem = problemOf(golden);
  const attrs = golden.attrs as {
    readonly stride: number[];
    readonly padding: number[];
    readonly dilation: number[];
    readonly groups: number;
    readonly output_padding?: number[];
  };
  const [rows = 0, columns = 0, ...kernelSize] = problem.weight.shape;
  const { output_padding, ...words } = attrs;
  const shared = { ...words, kernelSize, bias: problem.bias !== null, route };
  using layer = problem.geometry.transposed
    ? new ConvTranspose2d({
        ...shared,
        inChannels: rows,
        outChannels: columns * attrs.groups,
        outputPadding: output_padding ?? 0,
      })
    : new Conv2d({ ...shared, inChannels: columns * attrs.groups, outChannels: rows });
  layer.setWeight(problem.weight);
  if (problem.bias !== null) layer.setBias(problem.bias);
  const shape = layer.outputShape(problem.x.shape);
  const y = layer.forward(problem.x);
  expect(y.shape).toEqual(shape);
  if (route !== 'auto') expect(layer.plan?.route).toBe(route);
  return { y, problem };
}

function problemsOf(file: CaseFile | WebnnCaseFile): readonly Problem[] {
  if (!('operation' in file)) return file.cases.map(problemOf);
  return file.cases.map((golden) => problemOfWebnn(file.operation, golden));
}

if (upstream === null) console.log('upstream suites: not beside this checkout (../shared/cases), left out');

describeEachBuild((build) => {
  describe('layers', () => {
    for (const file of ['torch_conv2d', 'torch_conv_transpose2d', 'torch_edges']) {
      it(file, () => {
        const { cases } = fixtures[file] as CaseFile;
        const { failures, runs } = runAll(cases, (golden) => golden.id, runLayer);
        report(`${file} (layers)`, cases.length, runs, build.name);
        expect(failures).toEqual([]);
        expectComplete(cases.length, runs);
        // Ours take every case; XNNPACK's refuses output padding from the stride on.
        for (const route of ['polyphase', 'implicit-gemm'] as const)
          expect(runs.get(route)).toBe(cases.length);
        const transposed = file !== 'torch_conv2d';
        const theirs = runs.get('xnnpack-deconvolution') ?? 0;
        expect(theirs).toBeGreaterThanOrEqual(transposed ? cases.length - 2 : 0);
      });
    }
  });

  describe('conv and convTranspose', () => {
    for (const file of Object.keys(fixtures).filter((name) => name !== 'init')) {
      it(file, () => {
        const { cases } = fixtures[file] as CaseFile;
        const { failures, runs } = runAll(
          cases,
          (golden) => golden.id,
          (golden, route) => {
            const problem = problemOf(golden);
            return { y: runFunctional(problem, route), problem };
          },
        );
        report(file, cases.length, runs, build.name);
        expect(failures).toEqual([]);
        expectComplete(cases.length, runs);
      });
    }

    for (const [file, content] of Object.entries(upstream ?? {})) {
      if (file === 'bad_inputs') continue;
      it(file, () => {
        const problems = problemsOf(content);
        const { failures, runs } = runAll(
          problems,
          (problem) => problem.id,
          (problem, route) => ({ y: runFunctional(problem, route), problem }),
        );
        report(file, problems.length, runs, build.name);
        expect(failures).toEqual([]);
        expectComplete(problems.length, runs);
      });
    }
  });
});
