// The command line of the packed package in an empty project. Its command lines run in the process of the tests; what
// only a process shows (exit codes, signals, screens, pipes, full disks, other Nodes, npx) has one of its own.

import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  floats,
  initializer,
  input,
  int64s,
  onnx,
  node as operator,
  output,
  type Write,
} from '../support/onnx-writer.js';
import { commandLine, environment, fixture, node } from './command-line.js';
import { findNode20, root, run, versionOf } from './support.js';

interface Facts {
  readonly transposed: boolean;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly groups: number;
  readonly overlap: readonly number[];
  readonly unevenness: number;
  readonly worstPair: number;
}

interface LayerResult {
  readonly name: string;
  readonly problem: string | null;
  readonly weight: { readonly name: string; readonly shape: readonly number[] } | null;
  readonly geometry: { readonly stride: readonly number[]; readonly groups: number };
  readonly pass: string;
  readonly overlap: { readonly perAxis: readonly (readonly number[])[] };
  readonly unevenness: number;
  readonly levelDbc: number;
  readonly verdict: string;
  readonly worstPair: { readonly deviation: number };
  readonly aboveLimit: boolean | null;
  readonly fix: { readonly action: string };
}

interface Inspection {
  readonly version: number;
  readonly models: readonly {
    readonly file: string;
    readonly error: { readonly code: string } | null;
    readonly summary: Readonly<Record<'output' | 'gradients', Readonly<Record<string, number | null>>>>;
    readonly layers: readonly LayerResult[];
    readonly unread: readonly object[];
  }[];
}

interface Repair {
  readonly written: readonly string[];
  readonly layers: readonly {
    readonly name: string;
    readonly action: string;
    readonly reason: string | null;
    readonly unevenness: { readonly before: number; readonly after: number };
    readonly largestChange: number;
    readonly dcGain: { readonly before: number; readonly after: number; readonly largestChange: number };
    readonly sharedWith: readonly string[];
    readonly changesWith: readonly string[];
  }[];
}

const analysis = JSON.parse(readFileSync(fixture('analysis.json'), 'utf8')) as Record<
  string,
  Record<string, Facts>
>;
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

const { folder, inFolder, script, cli, fine, spawned } = commandLine();

async function inspected(...args: string[]): Promise<Inspection['models']> {
  return (JSON.parse(await fine('inspect', '--json', ...args)) as Inspection).models;
}

describe('in an empty project', () => {
  it('npx finds it', () => {
    const printed = run('npx', ['--no-install', 'deconv-wasm', 'inspect', fixture('unet.onnx')], folder);
    expect(printed).toMatch(/^LAYER +OPERATOR +GEOMETRY +PASS +OVERLAP +VERDICT +U +dBc$/m);
    expect(printed).toMatch(
      /^\/up1\/ConvTranspose +ConvTranspose +12>4 k3x3 s2 p1\/0 +fwd +1 to 4 +overlap +0\.752 +4\.8$/m,
    );
    expect(printed).toMatch(
      /^\/down2\/Conv +Conv +6>8 k4x4 s2 p1 +bwd +4 even +weights-only +0\.776 +5\.4$/m,
    );
    // What shows in the output comes first, and each has a count of its own.
    const sections =
      /^In the output:\n[\s\S]*^2 layers: 0 free, 2 with a pattern\nIn gradients only, of strided convolutions:\n[\s\S]*^2 layers: 0 free, 2 with a pattern$/m;
    expect(printed).toMatch(sections);
    expect(printed.indexOf('/up1/')).toBeLessThan(printed.indexOf('/down1/'));
  });

  it('runs on the oldest Node as on the newest', async () => {
    const old = findNode20();
    for (const args of [
      ['--version'],
      ['inspect', fixture('generator.onnx')],
      ['repair', fixture('unet.onnx'), '--dry-run'],
    ]) {
      expect(spawned(args, old)).toEqual(await cli(args));
    }
    console.log(`command line on Node ${versionOf(old)}`);
  });

  it.each([
    [0, '--help'],
    [0, '--version'],
    [0, 'inspect MODELS/unet.onnx'],
    [1, 'inspect MODELS/unet.onnx --fail-above -40 --json'],
    [2, 'inspect missing.onnx'],
    [3, 'inspect MODELS/not-constant.onnx --fail-above -40'],
    [0, 'repair MODELS/unet.onnx --dry-run'],
    [1, 'repair MODELS/int8.onnx --dry-run'],
    [2, 'repair missing.onnx --dry-run'],
  ])('a process ends with %i and says what it says here: %s', async (wanted, line) => {
    const args = line.split(' ').map((word) => word.replace('MODELS/', fixture('/')));
    const ended = spawned(args);
    expect(ended.status).toBe(wanted);
    expect(ended).toEqual(await cli(args));
  });
});

describe('inspect agrees with numpy', () => {
  it.each(Object.keys(analysis))('%s', async (name) => {
    const facts = Object.entries(analysis[name] ?? {});
    const [model] = await inspected(fixture(`${name}.onnx`));
    const layers = model?.layers ?? [];
    expect(layers).toHaveLength(facts.length);
    for (const [weight, wanted] of facts) {
      const layer = facts.length === 1 ? layers[0] : layers.find((one) => one.weight?.name === weight);
      expect(layer?.geometry).toMatchObject({ stride: wanted.stride, groups: wanted.groups });
      expect(layer?.pass).toBe(wanted.transposed ? 'forward' : 'backward');
      const counts = layer?.overlap.perAxis.reduce(
        (all, axis) => all.flatMap((one) => axis.map((two) => one * two)),
        [1],
      );
      expect(counts).toEqual(wanted.overlap);
      // Scales of int8 are applied in float32 here and in float64 there; the exporter folds weight norm itself.
      const digits = { int8: 6, vocoder: 8 }[name] ?? 12;
      expect(layer?.unevenness).toBeCloseTo(wanted.unevenness, digits);
      expect(layer?.worstPair.deviation).toBeCloseTo(wanted.worstPair, digits);
      const level =
        wanted.unevenness === 0 ? -320 : 10 * Math.log10(wanted.unevenness / (1 - wanted.unevenness));
      expect(layer?.levelDbc).toBeCloseTo(level, 5);
    }
  });
});

describe('--json', () => {
  it('has the keys that version 1 promises, for layers that were read and for others', async () => {
    const {
      version: schema,
      models,
      ...rest
    } = JSON.parse(
      await fine('inspect', '--json', fixture('unet.onnx'), fixture('not-constant.onnx')),
    ) as Inspection;
    expect(schema).toBe(1);
    expect(rest).toEqual({ tool: `deconv-wasm ${version}`, failAbove: null });
    for (const model of models) {
      expect(Object.keys(model)).toEqual([
        'file',
        'format',
        'producer',
        'error',
        'summary',
        'layers',
        'candidates',
        'unread',
      ]);
      for (const layer of model.layers) {
        expect(Object.keys(layer)).toEqual([
          'name',
          'operator',
          'problem',
          'geometry',
          'weight',
          'pass',
          'overlap',
          'verdict',
          'unevenness',
          'levelDbc',
          'order',
          'phaseShift',
          'harmonics',
          'worstPair',
          'sentence',
          'fix',
          'aboveLimit',
        ]);
      }
    }
    expect(models.map(({ file }) => file)).toEqual(['unet.onnx', 'not-constant.onnx']);
    const none = { layers: 0, free: 0, withPattern: 0, notJudged: 0, aboveLimit: null };
    expect(models.map(({ summary }) => summary)).toEqual([
      {
        output: { ...none, layers: 2, withPattern: 2 },
        gradients: { ...none, layers: 2, withPattern: 2 },
      },
      { output: { ...none, layers: 2, free: 1, notJudged: 1 }, gradients: none },
    ]);
    const unread = models[1]?.layers[0];
    expect(unread).toMatchObject({ name: 'by-input', verdict: null, unevenness: null, fix: null });
    expect(unread?.problem).toBe('its weight "given" is an input of the model');
  });

  it('names the layers of every kind of file, and those of stride 1 on demand', async () => {
    expect((await inspected(fixture('layers.tflite')))[0]?.layers.map(({ name }) => name)).toContain(
      'quantized',
    );
    expect((await inspected('--layers', 'all', fixture('unet.onnx')))[0]?.layers).toHaveLength(6);
    const geometry = inFolder('geometry.json');
    writeFileSync(geometry, '{ "up0.weight": { "stride": 2, "padding": 1 } }');
    const [bare] = await inspected('--geometry', geometry, fixture('generator.safetensors'));
    expect(bare?.layers.map(({ name }) => name)).toEqual(['up0.weight']);
    expect(bare?.layers[0]?.unevenness).toBeCloseTo(
      analysis.generator?.['up0.weight']?.unevenness ?? NaN,
      12,
    );
  });
});

describe('tensors of types that are not read', () => {
  it('are named, on the screen, in JSON and on the page', async () => {
    const header = JSON.stringify({ phase: { dtype: 'C64', shape: [1], data_offsets: [0, 8] } });
    writeFileSync(
      inFolder('phase.safetensors'),
      Uint8Array.from([header.length, ...Array(7).fill(0), ...Buffer.from(header), ...Array(8).fill(0)]),
    );
    const line = '1 tensor of types that are not read: phase (C64)';
    expect(await fine('inspect', 'phase.safetensors', '--html', 'phase.html')).toContain(line);
    expect(readFileSync(inFolder('phase.html'), 'utf8')).toContain(line);
    const [model] = await inspected('phase.safetensors');
    expect(model?.unread).toEqual([{ name: 'phase', dtype: 'C64' }]);
  });
});

describe('exit codes of inspect', () => {
  it.each([
    [0, 'a level that all keep', ['--fail-above', '20']],
    [1, 'a level that some do not', ['--fail-above', '-40']],
    [1, 'the same with =', ['--fail-above=-40']],
    [1, 'among numbers', ['--fail-above', '5', '--json']],
    [2, 'a level that is none', ['--fail-above', 'loud']],
    [2, 'an empty level', ['--fail-above=']],
    [2, 'an unknown option', ['--htlm', 'x']],
    [2, 'a choice that is none', ['--layers', 'some']],
    [2, 'a pass that is none', ['--pass', 'sideways']],
    [2, 'geometry for what has its own', ['--geometry', 'empty.json']],
    [2, 'a geometry file that is missing', ['--geometry', 'missing.json']],
  ])('%i: %s', async (wanted, _, options) => {
    writeFileSync(inFolder('empty.json'), '{}');
    const { status, stderr } = await cli(['inspect', fixture('unet.onnx'), ...options]);
    expect(status).toBe(wanted);
    if (wanted < 2) expect(stderr).toBe('');
    else expect(stderr).toMatch(/^deconv-wasm: .+/);
  });

  it('geometry may begin with the mark of an editor', async () => {
    writeFileSync(inFolder('marked.json'), `\ufeff${JSON.stringify({ 'up0.weight': { stride: 2 } })}`);
    expect(await fine('inspect', fixture('generator.safetensors'), '--geometry', 'marked.json')).toContain(
      'ConvTranspose2d',
    );
  });

  it('what is wrong with one geometry of several is said with its name', async () => {
    const both = { 'up0.weight': { stride: 2 }, 'up1.weight': { stride: '2' } };
    writeFileSync(inFolder('wrong.json'), JSON.stringify(both));
    const of = await cli(['inspect', fixture('generator.safetensors'), '--geometry', 'wrong.json']);
    expect(of.status).toBe(2);
    expect(of.stderr).toMatch(
      /generator\.safetensors: "up1\.weight" ConvTranspose2d: expected stride to be .*, got "2"/,
    );
  });

  it('--pass forward judges outputs alone: a repaired model keeps the limit that its encoder does not', async () => {
    await cli(['repair', fixture('unet.onnx'), '-o', 'gate.onnx']);
    const gate = async (...args: string[]) =>
      (await cli(['inspect', 'gate.onnx', '--fail-above', '-40', ...args])).status;
    expect([await gate(), await gate('--pass', 'forward'), await gate('--pass', 'backward')]).toEqual([
      1, 0, 1,
    ]);
    const [backward] = await inspected(fixture('unet.onnx'), '--pass', 'backward');
    expect(backward?.layers.map(({ name }) => name)).toEqual(['/down1/Conv', '/down2/Conv']);
    const [unread] = await inspected(fixture('not-constant.onnx'), '--pass', 'forward');
    expect(unread?.layers).toHaveLength(2);
  });

  it('3 where not all could be judged, unless that is accepted; 1 where one of the others is above', async () => {
    const gate = (...args: string[]) => cli(['inspect', '--fail-above', '-40', ...args]);
    const { status, stdout, stderr } = await gate(fixture('not-constant.onnx'));
    expect(status).toBe(3);
    expect(stdout).toContain('2 layers: 1 free, 0 with a pattern, 1 not judged; 0 above -40 dBc');
    expect(stderr).toMatch(
      /not-constant\.onnx: 1 layer could not be judged; --allow-unjudged accepts that$/m,
    );
    expect(await gate(fixture('not-constant.onnx'), '--allow-unjudged')).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect((await gate(fixture('not-constant.onnx'), fixture('unet.onnx'))).status).toBe(1);
    expect((await gate(fixture('not-constant.onnx'), '--pass', 'backward')).status).toBe(0);
    expect((await cli(['inspect', fixture('not-constant.onnx')])).status).toBe(0);
  });

  it('what is a transposed convolution in all but name is judged and repaired, and what cannot be is told', async () => {
    const weight = floats(
      'w',
      [8, 1, 3, 3],
      Float32Array.from({ length: 72 }, (_, at) => Math.sin(3 * at + 1)),
    );
    const bias = floats(
      'b',
      [8],
      Float32Array.from({ length: 8 }, (_, at) => at),
    );
    const parts = [
      operator('Conv', ['x', 'w', 'b'], ['c'], { pads: [1, 1, 1, 1] }),
      operator('DepthToSpace', ['c'], ['y'], { blocksize: 2, mode: 'CRD' }),
    ];
    const graph = [input('x', [1, 1, 6, 6]), weight, bias, ...parts, output('y')];
    writeFileSync(inFolder('sub-pixel.onnx'), onnx(graph));
    const gate = (...args: string[]) => cli(['inspect', '--fail-above', '-40', '--pass', 'forward', ...args]);
    const before = await gate('sub-pixel.onnx');
    expect(before.status).toBe(1);
    expect(before.stdout).toMatch(
      /^c +Conv \+ DepthToSpace +1>8 k3x3 s1 p1 shuffle 2 +fwd +9 even +weights-only/m,
    );
    expect((await cli(['repair', 'sub-pixel.onnx', '-o', 'sub-pixel-even.onnx', '--html'])).status).toBe(2);
    expect(await cli(['repair', 'sub-pixel.onnx', '-o', 'sub-pixel-even.onnx'])).toMatchObject({
      status: 0,
      stderr: '',
    });
    const after = await gate('sub-pixel-even.onnx', '--html', 'sub-pixel.html');
    expect([after.status, after.stdout]).toEqual([0, expect.stringMatching(/ free +0 +none$/m)]);
    // Nothing but the two arrays has changed.
    const [one, other] = ['sub-pixel.onnx', 'sub-pixel-even.onnx'].map((name) =>
      readFileSync(inFolder(name)),
    );
    const changed = [...(one as Buffer)].filter((byte, at) => byte !== other?.[at]).length;
    expect(changed).toBeLessThanOrEqual(4 * (72 + 8));

    // Even weights, and a bias of its own for each phase.
    const even = floats('w', [8, 1, 3, 3], new Float32Array(72).fill(1));
    writeFileSync(inFolder('bias.onnx'), onnx([input('x', [1, 1, 6, 6]), even, bias, ...parts, output('y')]));
    expect((await gate('bias.onnx', '--html', 'bias.html')).status).toBe(1);
    expect(readFileSync(inFolder('bias.html'), 'utf8')).toContain('and its bias');

    const strange = operator('NhwcFusedConv', ['x', 'w'], ['y'], { strides: [2, 2] }, 'com.microsoft');
    writeFileSync(inFolder('strange.onnx'), onnx([input('x', [1, 1, 6, 6]), weight, strange, output('y')]));
    const unjudged = await cli([
      'inspect',
      'strange.onnx',
      '--fail-above',
      '-40',
      '--json',
      '--html',
      'strange.html',
    ]);
    expect(unjudged.status).toBe(3);
    const reason = 'the operator NhwcFusedConv of the domain "com.microsoft" is not read';
    expect((JSON.parse(unjudged.stdout) as Inspection).models[0]?.layers[0]?.problem).toBe(reason);
    expect(readFileSync(inFolder('strange.html'), 'utf8')).toContain(
      'the operator NhwcFusedConv of the domain',
    );
    expect((await cli(['inspect', 'strange.onnx'])).stdout).toContain(`not judged: ${reason}`);
  });

  it('a pass that nothing takes says what there is instead', async () => {
    await cli(['repair', fixture('raw.onnx'), '-o', 'up-only.onnx', '--force']);
    const { status, stdout } = await cli('inspect up-only.onnx --pass backward --fail-above -40'.split(' '));
    expect(status).toBe(0);
    expect(stdout).toContain(
      'No strided convolutions; 1 layer with what shows in the output (--pass forward).',
    );
    writeFileSync(inFolder('down.json'), '{ "array": { "transposed": false, "stride": 2 } }');
    const down = await cli(['inspect', fixture('array.npy'), '--geometry', 'down.json', '--pass', 'forward']);
    expect(down.stdout).toContain(
      'Nothing that shows in the output; 1 strided convolution with what shows in gradients (--pass backward).',
    );
  });

  it('reports name files, not places on a machine', async () => {
    mkdirSync(inFolder('one/deep'), { recursive: true });
    mkdirSync(inFolder('two/deep'), { recursive: true });
    const files = ['one/deep/same.onnx', 'two/deep/same.onnx'].map((name) => inFolder(name));
    for (const file of files) copyFileSync(fixture('raw.onnx'), file);
    const missing = inFolder('two/missing.onnx');
    const { stdout } = await cli(['inspect', ...files, missing, '--json', '--html', 'names.html']);
    const named = (JSON.parse(stdout) as Inspection).models.map(({ file }) => file);
    expect(named).toEqual(['one/deep/same.onnx', 'two/deep/same.onnx', 'missing.onnx']);
    const page = readFileSync(inFolder('names.html'), 'utf8');
    expect(page).toContain(
      '<title>Checkerboard report: one/deep/same.onnx, two/deep/same.onnx, missing.onnx',
    );
    for (const text of [stdout, page, (await cli(['inspect', ...files, missing])).stdout]) {
      expect(text).not.toContain(folder);
    }
  });

  it('a layer at the limit keeps it, one hair above does not', async () => {
    const [layer] = (await inspected(fixture('vocoder.onnx')))[0]?.layers ?? [];
    const level = layer?.levelDbc ?? NaN;
    expect((await cli(['inspect', fixture('vocoder.onnx'), '--fail-above', String(level)])).status).toBe(0);
    expect(
      (await cli(['inspect', fixture('vocoder.onnx'), '--fail-above', String(level - 1e-9)])).status,
    ).toBe(1);
  });

  it('2 for files that cannot be read, and the others are told all the same', async () => {
    writeFileSync(inFolder('damaged.onnx'), readFileSync(fixture('unet.onnx')).subarray(0, 4000));
    const { status, stdout, stderr } = await cli([
      'inspect',
      '--json',
      'damaged.onnx',
      'missing.onnx',
      fixture('raw.onnx'),
    ]);
    expect(status).toBe(2);
    const { models } = JSON.parse(stdout) as Inspection;
    expect(models.map(({ error }) => error?.code)).toEqual(['BAD_MODEL', 'LOAD_FAILED', undefined]);
    expect(models[2]?.layers).toHaveLength(1);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr).toContain('missing.onnx');
  });

  it('2 where a limit is given and nothing can be held against it', async () => {
    expect((await cli(['inspect', fixture('array.npy')])).status).toBe(0);
    const { status, stderr } = await cli(['inspect', fixture('array.npy'), '--fail-above', '-40']);
    expect(status).toBe(2);
    expect(stderr).toContain('--geometry');
  });

  it('2 and a guess for slips, 0 for help and version', async () => {
    expect(await cli([])).toMatchObject({ status: 2, stdout: '' });
    expect((await cli(['inpsect', 'x'])).stderr).toContain('Did you mean inspect?');
    expect((await cli([fixture('raw.onnx')])).stderr).toContain('Did you mean: deconv-wasm inspect');
    expect(await cli(['inspect'])).toMatchObject({ status: 2, stdout: '' });
    expect(await cli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    for (const args of [
      ['--help'],
      ['help', 'repair'],
      ['inspect', '--help'],
      ['repair', '-h'],
      ['run', '-h'],
    ]) {
      const { status, stdout, stderr } = await cli(args);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('Usage: deconv-wasm');
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    }
    expect((await cli(['help', 'inspect'])).stdout).toBe((await cli(['inspect', '-h'])).stdout);
  });

  it('--html replaces no file but a page', async () => {
    copyFileSync(fixture('raw.onnx'), inFolder('raw.onnx'));
    const before = readFileSync(inFolder('raw.onnx'));
    const { status, stderr } = await cli(['inspect', '--html', 'raw.onnx', fixture('unet.onnx')]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('not replaced')]);
    expect(readFileSync(inFolder('raw.onnx'))).toEqual(before);
    expect((await cli(['inspect', '--force', '--html', 'raw.onnx', fixture('unet.onnx')])).status).toBe(2);
    expect(readFileSync(inFolder('raw.onnx'))).toEqual(before);
    for (let time = 0; time < 2; time += 1) {
      expect((await cli(['inspect', '--force', '--html', 'page.html', fixture('raw.onnx')])).status).toBe(0);
    }
  });
});

describe('screens and pipes', () => {
  const esc = '\x1b';
  const coloured = new RegExp(`${esc}\\[\\d+m`);

  it('colours on demand only where there is no screen', async () => {
    const args = ['inspect', fixture('unet.onnx'), '--fail-above', '-40'];
    expect((await cli(args)).stdout).not.toMatch(coloured);
    expect((await cli(args, { FORCE_COLOR: '1' })).stdout).toMatch(coloured);
    expect((await cli(['inspect', 'missing'], { FORCE_COLOR: '1' })).stderr).toMatch(coloured);
    expect((await cli([...args, '--json'], { FORCE_COLOR: '1' })).stdout).not.toMatch(coloured);
  });

  it.skipIf(!existsSync('/usr/bin/script'))('a screen has colours and its width, NO_COLOR none', () => {
    const on = (columns: number, env: Record<string, string>): string => {
      const command = `stty cols ${columns}; '${node}' '${script}' inspect '${fixture('unet.onnx')}'`;
      const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
        encoding: 'utf8',
        cwd: folder,
        env: { ...environment, TERM: 'xterm', ...env },
      });
      return stdout;
    };
    expect(on(100, {})).toMatch(coloured);
    const plain = on(80, { NO_COLOR: '1' });
    expect(plain).not.toMatch(coloured);
    const lines = plain.split(/\r?\n/).slice(1);
    expect(lines.some((line) => line.startsWith('/up1/ConvTranspose'))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(on(40, { NO_COLOR: '1' })).toMatch(/^VERDICT +overlap\r?$/m);
  });

  it.each([
    ['inspect', fixture('unet.onnx'), '--run'],
    ['inspect', fixture('subgraph.onnx'), '--run', '--all'],
    ['inspect', fixture('generator.safetensors')],
    ['repair', fixture('unet.onnx'), '--dry-run', '--run'],
    ['repair', fixture('unet.onnx'), '--force', '-o', 'a-name-that-leaves-room.onnx'],
  ])('sentences break between words on a screen, and nowhere else: %s %s %s', async (...args) => {
    const [screen, file] = [await cli(args, { NO_COLOR: '1' }, 80), await cli(args)].map(({ stdout }) =>
      stdout.trimEnd().split('\n'),
    ) as [string[], string[]];
    for (const line of screen) expect(line.length, line).toBeLessThanOrEqual(80);
    // What says something in more than a screen's width and is no row of a table.
    const sentences = file.filter((line) => line.length > 80 && !line.includes('  '));
    const said = screen.join(' ');
    for (const sentence of sentences) expect(said).toContain(sentence);
  });

  it('names cannot steer the screen', async () => {
    const name = '\x1b[2Jcleared\u202e\n.weight';
    writeSafetensors(inFolder('steer.safetensors'), { [name]: [1, 1, 4, 4] });
    writeFileSync(inFolder('steer.json'), JSON.stringify({ [name]: { stride: 2 } }));
    const { stdout } = await cli(['inspect', 'steer.safetensors', '--geometry', 'steer.json']);
    expect(stdout).toContain('\\u{1b}[2Jcleared\\u{202e}\\u{a}.weight');
    for (const character of [esc, '\u202e']) expect(stdout).not.toContain(character);
  });

  it.skipIf(!existsSync('/dev/full'))('a disk that is full is a failure, not a finding', () => {
    const { stderr } = spawnSync(
      'sh',
      ['-c', `'${node}' '${script}' inspect '${fixture('raw.onnx')}' > /dev/full; echo "code $?" >&2`],
      { encoding: 'utf8', cwd: folder },
    );
    expect(stderr).toBe(
      'deconv-wasm: what goes to stdout could not be written: ENOSPC, the disk is full\ncode 2\n',
    );
  });

  it('a reader that has seen enough is no error', () => {
    const many = Array.from({ length: 200 }, () => `'${fixture('unet.onnx')}'`).join(' ');
    const { stdout, stderr } = spawnSync(
      'sh',
      [
        '-c',
        `('${node}' '${script}' inspect --json --fail-above -40 ${many}; echo "code $?" >&2) | head -n 1`,
      ],
      { encoding: 'utf8', cwd: folder },
    );
    expect([stdout, stderr]).toEqual(['{\n', 'code 1\n']);
  });
});

describe('repair', () => {
  it.each(['unet', 'generator', 'fsrcnn-x2', 'vocoder', 'depthwise', 'raw', 'half', 'bfloat16', 'double'])(
    '%s: U below 1e-10 in the file that it writes, the same sums',
    async (name) => {
      const output = inFolder(`${name}-fixed.onnx`);
      const told = await fine('repair', fixture(`${name}.onnx`), '-o', output, '--json');
      const { layers, written } = JSON.parse(told) as Repair;
      expect(written).toEqual([output]);
      expect(layers.length).toBeGreaterThan(0);
      const [before] = await inspected(fixture(`${name}.onnx`));
      const [after] = await inspected(output);
      for (const { name: layer, action, unevenness, largestChange, dcGain } of layers) {
        expect([layer, action]).toEqual([layer, 'repaired']);
        const find = (model: typeof before) => model?.layers.find((one) => one.name === layer);
        expect(find(after)).toMatchObject({ verdict: 'free', unevenness: unevenness.after });
        expect(find(before)?.unevenness).toBe(unevenness.before);
        expect(unevenness.before).toBeGreaterThan(0.1);
        expect(unevenness.after).toBeLessThan(1e-10);
        // Halves are rounded more coarsely than floats.
        const rounding = { half: 2 ** -9, bfloat16: 2 ** -6 }[name] ?? 2 ** -20;
        expect(dcGain.largestChange).toBeLessThan(rounding * Math.max(1, dcGain.before));
        expect(Math.abs(dcGain.after - dcGain.before)).toBeLessThan(rounding * dcGain.before);
        expect(largestChange).toBeGreaterThan(0);
      }
      // Layers that were not to be repaired, and the file's length, are as they were.
      expect(statSync(output).size).toBe(statSync(fixture(`${name}.onnx`)).size);
      for (const layer of after?.layers ?? []) {
        if (layers.some((one) => one.name === layer.name)) continue;
        expect(layer).toEqual(before?.layers.find((one) => one.name === layer.name));
      }
    },
  );

  it('prints what changed, and the advice', async () => {
    const { stdout } = await cli(['repair', fixture('unet.onnx'), '-o', 'printed.onnx']);
    expect(stdout).toMatch(
      /^\/up2\/ConvTranspose +repaired +0\.785 +0 +5\.6 +none +0\.276 +88\.6 % +0\.400377 +0\.400377$/m,
    );
    expect(stdout).toContain('2 layers repaired of 2.');
    expect(stdout).toMatch(/^Wrote printed\.onnx\. .*train the model on for a while\.$/m);
  });

  /** A sub-pixel convolution, and what else takes its weight. */
  function tied(...others: readonly Write[]): Write[] {
    const values = Array.from({ length: 16 }, (_, index) => 1 + index);
    return [
      input('x', [1, 4, 6, 6]),
      floats('w', [4, 4, 1, 1], values),
      operator('Conv', ['x', 'w'], ['own']),
      operator('DepthToSpace', ['own'], ['wide'], { blocksize: 2 }),
      output('y'),
      ...others,
    ];
  }

  it.each<[string, string, Write[]]>([
    ['a convolution of stride 1', 'other', [operator('Conv', ['x', 'w'], ['other'])]],
    ['no convolution', 'other', [operator('Mul', ['x', 'w'], ['other'])]],
    [
      'a node in a branch',
      'branched/else_branch/other',
      [
        initializer('c', 'bool', [], Uint8Array.of(1)),
        operator('If', ['c'], ['branched'], {
          then_branch: { graph: [operator('Neg', ['x'], ['first']), output('first')] },
          else_branch: { graph: [operator('Mul', ['x', 'w'], ['other']), output('other')] },
        }),
      ],
    ],
    ['an output of the network', 'w', [output('w')]],
    ['another behind an Identity', 'moved', [operator('Identity', ['w'], ['moved']), output('moved')]],
    [
      'a node that moves it',
      'other',
      [operator('Reshape', ['w', 's'], ['other']), int64s('s', [16]), output('other')],
    ],
  ])('gives a layer a weight of its own whose old one is also that of %s', async (_, name, others) => {
    writeFileSync(inFolder('tied.onnx'), onnx([...tied(...others), operator('Neg', ['wide'], ['y'])]));
    const args = ['repair', 'tied.onnx', '--force', '-o', 'untied.onnx'];
    const { layers } = JSON.parse(await fine(...args, '--json')) as Repair;
    expect(layers).toMatchObject([{ name: 'own', action: 'repaired', sharedWith: [name], changesWith: [] }]);
    expect(await fine(...args)).toContain(
      `it gets a weight of its own, as the old one is also that of ${name}\n`,
    );
    // All that was there is there still, but for the name by which the layer takes its weight.
    const [before, after] = [readFileSync(inFolder('tied.onnx')), readFileSync(inFolder('untied.onnx'))];
    expect(after.length).toBeGreaterThan(before.length + 64);
    expect([...before].filter((byte, at) => byte !== after[at])).toHaveLength(1);
    expect((await inspected('untied.onnx'))[0]?.layers).toMatchObject([{ name: 'own', verdict: 'free' }]);
  });

  it('takes no convolution without a pattern for a layer', async () => {
    writeFileSync(
      inFolder('plain.onnx'),
      onnx([...tied(operator('Conv', ['x', 'w'], ['other'])), operator('Neg', ['wide'], ['y'])]),
    );
    expect(await cli(['repair', 'plain.onnx', '--dry-run', '--layer', 'other'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no layer with a pattern to judge is called other'),
    });
  });

  it('changes a weight once for two layers that are repaired', async () => {
    const two = [
      operator('Conv', ['x', 'w'], ['second']),
      operator('DepthToSpace', ['second'], ['y'], { blocksize: 2 }),
    ];
    writeFileSync(inFolder('both.onnx'), onnx([...tied(...two), output('wide')]));
    const args = ['repair', 'both.onnx', '--force', '-o', 'evened.onnx'];
    expect((JSON.parse(await fine(...args, '--json')) as Repair).layers).toMatchObject([
      { name: 'own', sharedWith: ['second'], changesWith: ['second'] },
      { name: 'second', sharedWith: ['own'], changesWith: ['own'] },
    ]);
    expect(await fine(...args)).toContain('the same weight is that of second, and changes there too\n');
    expect(statSync(inFolder('evened.onnx')).size).toBe(statSync(inFolder('both.onnx')).size);
    // Named alone, one leaves the other as it is.
    const alone = JSON.parse(await fine(...args, '--layer', 'own', '--json')) as Repair;
    expect(alone.layers).toMatchObject([{ name: 'own', sharedWith: ['second'], changesWith: [] }]);
    expect((await inspected('evened.onnx'))[0]?.layers.map(({ verdict }) => verdict)).toEqual([
      'free',
      'weights-only',
    ]);
  });

  it('a second repair finds nothing to do', async () => {
    await cli(['repair', fixture('raw.onnx'), '-o', 'once.onnx']);
    const { status, stdout } = await cli(['repair', 'once.onnx', '-o', 'twice.onnx']);
    expect(status).toBe(0);
    expect(stdout).toContain('it leaves no pattern');
    expect(existsSync(inFolder('twice.onnx'))).toBe(false);
  });

  it('takes the named layers only, strided convolutions among them', async () => {
    const args = [
      'repair',
      fixture('unet.onnx'),
      '-o',
      'named.onnx',
      '--layer',
      '/down1/Conv',
      '--layer',
      '/up2/ConvTranspose',
    ];
    expect((await cli(args)).status).toBe(0);
    expect((await inspected('named.onnx'))[0]?.layers.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['/up2/ConvTranspose', 'free'],
      ['/up1/ConvTranspose', 'overlap'],
      ['/down1/Conv', 'free'],
      ['/down2/Conv', 'weights-only'],
    ]);
    const { status, stderr } = await cli([
      'repair',
      fixture('unet.onnx'),
      '--dry-run',
      '--layer',
      '/up3/ConvTranspose',
    ]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/Did you mean \/up[12]\/ConvTranspose\?/)]);
  });

  it('refuses holes, with the reason, and repairs the others', async () => {
    writeSafetensors(inFolder('holes.safetensors'), {
      'gap.weight': [2, 2, 2, 2],
      'up.weight': [2, 2, 4, 4],
    });
    writeFileSync(inFolder('holes.json'), '{ "gap.weight": { "stride": 3 }, "up.weight": { "stride": 2 } }');
    const base = ['repair', 'holes.safetensors', '--geometry', 'holes.json', '-o'];
    const both = await cli([...base, 'part.safetensors', '--json']);
    expect([both.status, both.stderr]).toEqual([1, '']);
    const { layers, written } = JSON.parse(both.stdout) as Repair;
    expect(written).toEqual(['part.safetensors']);
    expect(layers.map(({ action }) => action)).toEqual(['refused', 'repaired']);
    expect(layers[0]?.reason).toMatch(/^holes: .*no weights can mend/);
    const alone = await cli([...base, 'none.safetensors', '--layer', 'gap.weight']);
    expect(alone.status).toBe(1);
    expect(alone.stdout).toContain('Nothing to write.');
    expect(existsSync(inFolder('none.safetensors'))).toBe(false);
  });

  it('refuses quantized and computed weights, with the reason', async () => {
    const quantized = await cli(['repair', fixture('int8.onnx'), '-o', 'int8.onnx']);
    expect([quantized.status, quantized.stdout]).toEqual([1, expect.stringContaining('its values are int8')]);
    const computed = await cli(['repair', fixture('not-constant.onnx'), '-o', 'computed.onnx']);
    expect([computed.status, computed.stdout]).toEqual([
      1,
      expect.stringContaining('is an input of the model'),
    ]);
    expect(readdirSync(folder)).not.toContain('int8.onnx');
  });

  it('replaces a file with --force only, the model itself with it', async () => {
    copyFileSync(fixture('raw.onnx'), inFolder('mine.onnx'));
    const before = readFileSync(inFolder('mine.onnx'));
    const refused = await cli(['repair', 'mine.onnx', '-o', 'mine.onnx']);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('--force')]);
    expect(readFileSync(inFolder('mine.onnx'))).toEqual(before);
    expect((await cli(['repair', 'mine.onnx', '-o', 'mine.onnx', '--force'])).status).toBe(0);
    expect((await inspected('mine.onnx'))[0]?.layers[0]?.verdict).toBe('free');
  });

  it('--dry-run tells the same and writes nothing', async () => {
    const files = () => readdirSync(folder).sort();
    const before = files();
    const args = ['repair', fixture('unet.onnx'), '-o', 'dry.onnx', '--json'];
    const dry = await fine(...args, '--dry-run');
    expect(files()).toEqual(before);
    const wet = await fine(...args);
    expect((JSON.parse(dry) as Repair).layers).toEqual((JSON.parse(wet) as Repair).layers);
  });

  it('takes external data along, into a folder without them', async () => {
    const beside = inFolder('external');
    mkdirSync(beside);
    for (const name of ['external.onnx', 'external.bin'])
      copyFileSync(fixture(name), path.join(beside, name));
    const there = await cli(['repair', 'external/external.onnx', '-o', 'external/fixed.onnx']);
    expect([there.status, there.stderr]).toEqual([2, expect.stringContaining('another folder')]);
    const told = await fine('repair', 'external/external.onnx', '-o', 'elsewhere/fixed.onnx', '--json');
    expect((JSON.parse(told) as Repair).written).toEqual(['elsewhere/fixed.onnx', 'elsewhere/external.bin']);
    expect((await inspected('elsewhere/fixed.onnx'))[0]?.layers[0]?.verdict).toBe('free');
  });

  it.each([
    ['no model', ['repair'], 'expected a model file'],
    ['no output', ['repair', 'a.onnx'], 'expected -o FIXED'],
    ['two models', ['repair', 'a.onnx', 'b.onnx'], 'named by -o'],
    ['a missing model', ['repair', 'missing.onnx', '-o', 'x.onnx'], 'ENOENT'],
  ])('%s is refused', async (_, args, message) => {
    const { status, stdout, stderr } = await cli(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('interrupted, leaves no file and ends by the signal', async () => {
    writeSafetensors(inFolder('huge.safetensors'), { 'up.weight': [1, 1, 4, 4] }, 2 ** 30);
    writeFileSync(inFolder('huge.json'), '{ "up.weight": { "stride": 2 } }');
    const args = ['repair', 'huge.safetensors', '--geometry', 'huge.json', '-o', 'huge-fixed.safetensors'];
    await expectNothingLeft(args, folder, 'huge-fixed');
  });

  it('interrupted while it runs the network, leaves no copy of the model', async () => {
    copyFileSync(fixture('unet.onnx'), inFolder('large.onnx'));
    // A field that nobody knows, of 512 MB.
    appendFileSync(inFolder('large.onnx'), Uint8Array.of(0xc2, 0x3e, 0x80, 0x80, 0x80, 0x80, 0x02));
    truncateSync(inFolder('large.onnx'), statSync(inFolder('large.onnx')).size + 2 ** 29);
    mkdirSync(inFolder('temporary'));
    await expectNothingLeft(['repair', 'large.onnx', '--dry-run', '--run'], inFolder('temporary'), '');
  });

  /** Interrupts the command as soon as there is a file in `where` whose name begins so. */
  async function expectNothingLeft(args: readonly string[], where: string, start: string): Promise<void> {
    const env = { ...process.env, TMPDIR: inFolder('temporary') };
    const child = spawn(node, [script, ...args], { cwd: folder, env, stdio: 'ignore' });
    const parts = () => readdirSync(where).filter((name) => name.startsWith(start));
    const ended = new Promise<NodeJS.Signals | null>((resolve) =>
      child.on('close', (_code, signal) => resolve(signal)),
    );
    while (parts().length === 0 && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(parts()).toEqual([]);
  }
});

/** A file of float32 weights that are all different, and so many bytes of zeros behind them. */
function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, readonly number[]>>,
  padding = 0,
): void {
  const header: Record<string, object> = {};
  const values: number[] = [];
  for (const [name, shape] of Object.entries(tensors)) {
    const from = values.length;
    const count = shape.reduce((product, size) => product * size, 1);
    for (let index = 0; index < count; index += 1) values.push(Math.sin(1 + from + index));
    header[name] = { dtype: 'F32', shape, data_offsets: [4 * from, 4 * values.length] };
  }
  const data = Buffer.from(Float32Array.from(values).buffer);
  if (padding > 0) {
    header.padding = { dtype: 'U8', shape: [padding], data_offsets: [data.length, data.length + padding] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const bytes = Buffer.concat([length, text, data]);
  writeFileSync(file, bytes);
  // Sparse: it takes no room.
  if (padding > 0) truncateSync(file, bytes.length + padding);
}
