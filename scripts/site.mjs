// Makes build/site: one folder of static files for any host and any path, from what scripts/build.mjs left.
//
//   index.html, docs/   README.md and the documentation
//   api/                the API reference, from the docstrings
//   page/               the page, as build/page has it
//   package/, files/    the package and what is opened by name, for examples that a reader runs
//
//   node scripts/site.mjs

import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { npmPackages } from './setup/npm-packages.mjs';
import { Reporter, SetupError } from './setup/report.mjs';

const root = path.dirname(import.meta.dirname);
const site = path.join(root, 'build', 'site');
const begun = performance.now();

for (const [folder, made] of [
  ['build/page', 'index.html'],
  ['dist', 'index.js'],
]) {
  if (!existsSync(path.join(root, folder, made))) {
    console.error(`site: there is no ${folder}. Run: node scripts/build.mjs`);
    process.exit(1);
  }
}
try {
  await bringTools();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error([`site: ${error.message}`, error.output, error.advice].filter(Boolean).join('\n'));
  process.exit(1);
}
const { writeDocumentation } = await import('./site/documentation.mjs');
const { writePackage } = await import('./site/package.mjs');
const { writeServiceWorker } = await import('./site/offline.mjs');

await rm(site, { recursive: true, force: true });
await mkdir(site, { recursive: true });
await writeDocumentation(root, site);
await cp(path.join(root, 'build', 'page'), path.join(site, 'page'), { recursive: true });
await leadBack(path.join(site, 'page', 'index.html'));
await writePackage(root, path.join(site, 'package'));
await writeServiceWorker(site);
console.log(`site: ${((performance.now() - begun) / 1000).toFixed(0)} s`);

/** The page alone knows of no documentation; here it is beside it, and the page leads there. */
async function leadBack(page) {
  const html = await readFile(page, 'utf8');
  await writeFile(page, html.replace('</head>', '<link rel="help" href="../index.html" /></head>'));
}

/** TypeDoc has a lock file of its own, because it needs another TypeScript than we do. */
async function bringTools() {
  const step = npmPackages({ root: path.join(import.meta.dirname, 'site') });
  if (step.isCurrent()) return;
  const report = new Reporter();
  await report.step('packages of the site', () => step.run(report));
}
