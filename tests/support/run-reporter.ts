import { basename } from 'node:path';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';
import { missingEngines } from '../../scripts/browsers.mjs';
import { whySkipped } from './expected-skips.js';
import { noteOutcome } from './passed-files.js';

/**
 * Notes which files have passed (passed-files.ts), and ends the run with where its seconds went, with every skip that nobody expected (which fails the run), and
 * with one plain line that any tool can read: `tests: 12 passed, 0 failed`.
 */
export default class RunReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    printSeconds(modules);
    // Tests that a name on the command line left out are skipped, too.
    const named = this.#vitest?.config.testNamePattern !== undefined;
    const unexpected = named ? [] : modules.flatMap(unexpectedSkips);
    // Files that are watched change after they were digested.
    if (!named && !this.#vitest?.config.watch) for (const module of modules) note(module);
    for (const line of unexpected) console.log(`skipped, and not expected to be: ${line}`);
    if (unexpected.length > 0) process.exitCode = 1;

    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that could not be loaded has no tests, and has failed all the same.
      if (module.state() === 'failed' && module.children.size === 0) count.failed += 1;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    const skipped = count.skipped + count.pending;
    for (const engine of missingEngines()) console.log(`${engine} is not installed: its tests did not run`);
    console.log(
      `\ntests: ${count.passed} passed, ${count.failed + unexpected.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    );
  }
}

function note(module: TestModule): void {
  const passed = module.state() === 'passed' && unexpectedSkips(module).length === 0;
  noteOutcome(module.project.name, module.moduleId, passed);
}

function secondsOf(module: TestModule): number {
  const { collectDuration, duration, environmentSetupDuration, prepareDuration, setupDuration } =
    module.diagnostic();
  return (collectDuration + duration + environmentSetupDuration + prepareDuration + setupDuration) / 1000;
}

/** Projects overlap, so their seconds are more than the run took. */
function printSeconds(modules: readonly TestModule[]): void {
  console.log('\nseconds by project, and its slowest files:');
  for (const name of new Set(modules.map(({ project }) => project.name))) {
    const slowest = modules
      .filter(({ project }) => project.name === name)
      .map((module) => ({
        file: basename(module.relativeModuleId, '.test.ts'),
        seconds: secondsOf(module),
      }))
      .sort((a, b) => b.seconds - a.seconds);
    const total = slowest.reduce((sum, { seconds }) => sum + seconds, 0);
    const shown = slowest.slice(0, 4).map(({ file, seconds }) => `${file} ${seconds.toFixed(0)}`);
    console.log(`${name.padEnd(14)}${total.toFixed(0).padStart(5)}  ${shown.join(', ')}`);
  }
}

function unexpectedSkips(module: TestModule): string[] {
  // What a failure kept from running is not what is looked for here.
  if (module.state() === 'failed') return [];
  return [...module.children.allTests('skipped')].flatMap((test) => describeUnexpected(module, test));
}

function describeUnexpected({ project, relativeModuleId: file }: TestModule, test: TestCase): string[] {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  if (whySkipped({ project: project.name, file, test: test.fullName, note }) !== undefined) return [];
  return [`${project.name} ${file} > ${test.fullName}${note === undefined ? '' : ` (${note})`}`];
}
