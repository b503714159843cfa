// The house of CONTRIBUTING.md: which folder stands on which floor, and what each one imports. Arrows go
// down only; the picture is drawn from the imports themselves.
//
//   node scripts/house.mjs            writes docs/pictures/house.svg
//   node scripts/house.mjs --check    fails on an import that goes up or sideways, on a folder without a
//                                     floor, and where the picture is not what would be drawn now

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as svg from './svg.mjs';

const root = path.dirname(import.meta.dirname);
const PICTURE = path.join(root, 'docs', 'pictures', 'house.svg');

/** From the ground up. A room may use what stands below its floor, and nothing else. */
const FLOORS = [
  [{ folder: 'cpp/include', what: 'the core in plain C++' }],
  [
    { folder: 'cpp/src', what: 'routes, planner, gradients' },
    { folder: 'cpp/bindings', what: 'Embind classes' },
  ],
  [{ folder: 'web/lib/core', what: 'shapes, checks, errors: pure' }],
  [{ folder: 'web/lib/runtime', what: 'loading, heap, ownership' }],
  [
    { folder: 'web/lib/layers', what: "PyTorch's six layers" },
    { folder: 'web/lib/functional', what: 'calls without a layer' },
  ],
  [
    { folder: 'web/lib/d2l', what: 'to be read and taught' },
    { folder: 'web/lib/brainstate', what: "brainstate's words" },
    { folder: 'web/lib/modules', what: 'what stands between layers' },
  ],
  [{ folder: 'web/lib/graph', what: 'chains of layers and modules' }],
  [
    { folder: 'web/lib/convert', what: 'every other system' },
    { folder: 'web/lib/quantize', what: 'int8 and float16' },
    { folder: 'web/lib/training', what: 'losses, optimizers' },
  ],
  [
    { folder: 'web/lib/checkerboard', what: 'analysis and cures' },
    { folder: 'web/lib/models', what: 'convolutions of files' },
    { folder: 'web/lib/image', what: 'pixels' },
    { folder: 'web/lib/sound', what: 'AudioBuffers' },
    { folder: 'web/lib/worker', what: 'modules in a worker' },
  ],
  [{ folder: 'web/lib/network', what: 'whole networks of files' }],
  [
    { folder: 'web/cli', what: 'inspect, repair, run' },
    { folder: 'web/demo', what: 'the page' },
  ],
];

/** What the package's own name leads to. */
const ENTRIES = { 'deconv-wasm': 'web/lib/layers' };

const rooms = FLOORS.flatMap((floor, level) => floor.map((room) => ({ ...room, level })));
const files = rooms.flatMap(({ folder }) => sourcesIn(folder));
const faults = [...importsOf(files), ...strangers()];
const drawn = draw();

if (process.argv.includes('--check')) {
  if (readFileSync(PICTURE, 'utf8') !== drawn)
    faults.push('docs/pictures/house.svg is stale: run node scripts/house.mjs');
} else {
  writeFileSync(PICTURE, drawn);
}
for (const fault of faults) console.error(`house: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;

function sourcesIn(folder) {
  return readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.(ts|tsx|h|cpp)$/.test(name))
    .map((name) => path.posix.join(folder, name));
}

function roomOf(file) {
  return rooms.find(({ folder }) => file.startsWith(`${folder}/`));
}

/** Notes what every room uses, and gives the imports that do not go down. */
function importsOf(sources) {
  const wrong = [];
  for (const file of sources) {
    const room = roomOf(file);
    room.uses ??= new Set();
    for (const target of targetsOf(file)) {
      const used = roomOf(target);
      if (used === undefined || used === room) continue;
      if (used.level >= room.level) wrong.push(`${file} imports ${target}, which is not below it`);
      room.uses.add(used);
    }
  }
  return wrong;
}

/** The files of ours that a file imports or includes, as paths from the root. */
function targetsOf(file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  if (/\.(h|cpp)$/.test(file)) {
    return [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => {
      // As a compiler looks for it: beside the file first.
      const beside = path.posix.join(path.posix.dirname(file), name);
      if (name.startsWith('.') || existsSync(path.join(root, beside))) return beside;
      return name.startsWith('deconv/') ? `cpp/include/${name}` : `cpp/src/${name}`;
    });
  }
  const names = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name);
  return names.flatMap((name) => {
    if (name.startsWith('.')) return [path.posix.join(path.posix.dirname(file), name)];
    if (!/^deconv-wasm(\/|$)/.test(name)) return [];
    return [`${ENTRIES[name] ?? name.replace('deconv-wasm', 'web/lib')}/index.ts`];
  });
}

/** Folders of the published TypeScript that stand on no floor. */
function strangers() {
  return readdirSync(path.join(root, 'web/lib'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && roomOf(`web/lib/${entry.name}/`) === undefined)
    .map(({ name }) => `web/lib/${name} has no floor: give it one in scripts/house.mjs`);
}

function draw() {
  const [width, height, margin, gap] = [900, 62, 16, 10];
  const parts = FLOORS.flatMap((floor, level) => {
    const y = margin + (FLOORS.length - 1 - level) * (height + gap);
    const side = (width - 2 * margin - (floor.length - 1) * gap) / floor.length;
    return floor.map((_, index) => {
      const room = rooms.filter((one) => one.level === level)[index];
      const x = margin + index * (side + gap);
      const uses = [...room.uses].sort((one, other) => one.level - other.level);
      return [
        svg.rect(x, y, side, height, '#f6f8fa', { stroke: svg.GRID, rx: 6 }),
        svg.text(x + 10, y + 20, room.folder, { weight: 600 }),
        svg.text(x + 10, y + 37, room.what, { fill: svg.MUTED, size: 12 }),
        uses.length === 0
          ? []
          : svg.text(x + 10, y + 53, `uses ${uses.map(({ folder }) => path.basename(folder)).join(', ')}`, {
              fill: svg.BLUE,
              size: 11,
            }),
      ];
    });
  });
  const label = `The folders of the project by floor, with what each uses: ${rooms.map(({ folder, uses }) => `${folder} uses ${[...uses].map((one) => path.basename(one.folder)).join(', ') || 'nothing of ours'}`).join('; ')}.`;
  return svg.picture(width, 2 * margin + FLOORS.length * (height + gap) - gap, label, parts);
}
