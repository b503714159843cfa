import { npmPackages } from '../setup/npm-packages.mjs';
import { Reporter } from '../setup/report.mjs';
import { folders } from './folders.mjs';

/** The peers are a package of their own, so that nobody but the benchmark downloads them. */
export async function installPeers() {
  const step = npmPackages({ root: folders.here });
  if (step.isCurrent()) return;
  const report = new Reporter();
  await report.step('peers of the benchmark', () => step.run(report));
}
