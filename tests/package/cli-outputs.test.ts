// Files that the command line writes: whole or not at all, and told of by their option.

import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { beforeAll, expect, it } from 'vitest';
import { npy } from '../support/npy.js';
import { floats, input, onnx, node as operator, output } from '../support/onnx-writer.js';
import { commandLine, fixture, node } from './command-line.js';

const { folder, inFolder, script, cli, fine } = commandLine();

beforeAll(() => {
  writeFileSync(
    inFolder('two.onnx'),
    onnx([
      operator('Add', ['x', 'one'], ['y']),
      operator('Mul', ['x', 'one'], ['z']),
      floats('one', [1], [1]),
      input('x', [2, 4096]),
      output('y'),
      output('z'),
    ]),
  );
  mkdirSync(inFolder('folder.npy'));
});

const leftovers = () => readdirSync(folder).filter((name) => name.endsWith('.part'));

it.each([
  ['an array', ['run', 'two.onnx', '--force', '-o', 'y=kept.npy'], 'kept.npy', 'content'],
  [
    'a report',
    ['inspect', fixture('unet.onnx'), '--force', '--html', 'kept.html'],
    'kept.html',
    '<!doctype html>content',
  ],
])('%s that does not fit on the disk leaves the old one', (_, args, name, content) => {
  writeFileSync(inFolder(name), content);
  const line = [node, script, ...args].map((word) => `'${word}'`).join(' ');
  const { status, stderr } = spawnSync('sh', ['-c', `ulimit -f 4; ${line}`], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect([status, stderr]).toEqual([
    2,
    expect.stringMatching(/--(output|html) kept\.\w+: EFBIG, it would be larger than files may be/),
  ]);
  expect(readFileSync(inFolder(name), 'utf8')).toBe(content);
  expect(leftovers()).toEqual([]);
});

it.each([
  ['that no file of its kind can hold', 'z=z.png', /--output z\.png: expected a tensor of shape/],
  ['that goes into a folder', 'z=folder.npy', /--output folder\.npy: EISDIR, it is a folder/],
  ['whose folder is a file', 'z=two.onnx/z.npy', /--output two\.onnx\/z\.npy: (ENOTDIR|EEXIST), /],
])('nothing is written beside an output %s', async (_, other, message) => {
  const { status, stdout, stderr } = await cli(['run', 'two.onnx', '-o', 'y=first.npy', '-o', other]);
  expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
  expect([existsSync(inFolder('first.npy')), leftovers()]).toEqual([false, []]);
});

it.each([
  ['that is there', 'there.npy', ['run', 'two.onnx', '-o', 'y=there.npy']],
  [
    'that is an input of the call',
    'there.npy',
    ['run', 'two.onnx', '-i', 'there.npy', '-o', 'y=./there.npy'],
  ],
  ['that a link leads to', 'there.npy', ['run', 'two.onnx', '-o', 'y=link.npy']],
  [
    'that is compared with',
    'there.npy',
    ['run', 'two.onnx', '--compare', 'y=there.npy', '-o', 'y=there.npy'],
  ],
  ['that is a page', 'there.html', ['inspect', fixture('unet.onnx'), '--html', 'there.html']],
  ['that is a model', 'there.onnx', ['repair', 'there.onnx', '-o', 'there.onnx']],
  ['past a folder that is not', 'there.npy', ['run', 'two.onnx', '-o', 'y=nowhere/../there.npy']],
  ['past one, a model', 'there.onnx', ['repair', 'there.onnx', '-o', 'nowhere/../there.onnx']],
  ['past one, a page', 'there.html', ['inspect', fixture('unet.onnx'), '--html', 'nowhere/../there.html']],
])('a file %s is replaced with --force only', async (_, name, args) => {
  const before = name.endsWith('.npy')
    ? npy([2, 4096], new Array(2 * 4096).fill(0))
    : name.endsWith('.html')
      ? Buffer.from('<!doctype html>mine')
      : readFileSync(fixture('raw.onnx'));
  writeFileSync(inFolder(name), before);
  rmSync(inFolder('link.npy'), { force: true });
  symlinkSync('there.npy', inFolder('link.npy'));
  const { status, stdout, stderr } = await cli(args);
  expect([status, stdout, stderr]).toEqual([
    2,
    '',
    expect.stringMatching(/^deconv-wasm: --(output|html) \S+ exists\. --force replaces it\n/),
  ]);
  expect(readFileSync(inFolder(name)).equals(before)).toBe(true);
  const forced = await cli([...args, '--force']);
  expect(forced).toMatchObject({ stderr: '' });
  expect(readFileSync(inFolder(name)).equals(before)).toBe(false);
});

it('two outputs that are one file by two names are refused, forced or not', async () => {
  mkdirSync(inFolder('real'), { recursive: true });
  symlinkSync('real', inFolder('alias'));
  writeFileSync(inFolder('same.npy'), '');
  linkSync(inFolder('same.npy'), inFolder('again.npy'));
  for (const [y, z] of [
    ['real/new.npy', 'alias/new.npy'],
    ['same.npy', 'again.npy'],
  ]) {
    expect(await cli(['run', 'two.onnx', '--force', '-o', `y=${y}`, '-o', `z=${z}`])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/each --output to be another file, got \S+ twice/),
    });
  }
});

it('two outputs that links lead to one place, where nothing is yet, are refused', async () => {
  symlinkSync('later.npy', inFolder('early.npy'));
  expect(await cli(['run', 'two.onnx', '-o', 'y=early.npy', '-o', 'z=later.npy'])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/each --output to be another file, got later\.npy twice/),
  });
});

const COMMANDS: readonly (readonly [string, readonly string[], string, string])[] = [
  ['run', ['run', 'two.onnx', '-o'], 'y=ways/', 'npy'],
  ['repair', ['repair', fixture('raw.onnx'), '-o'], 'ways/', 'onnx'],
  ['inspect', ['inspect', fixture('unet.onnx'), '--html'], 'ways/', 'html'],
];

it.each(COMMANDS)('%s writes what a link leads to, and the link stays', async (command, args, way, end) => {
  mkdirSync(inFolder('ways'), { recursive: true });
  const old = command === 'inspect' ? '<!doctype html>old' : 'old';
  const [link, target] = [`${command}-link.${end}`, `${command}-target.${end}`];
  writeFileSync(inFolder(target), old);
  // More than a new file is given, and less.
  const mode = command === 'run' ? 0o600 : 0o666;
  chmodSync(inFolder(target), mode);
  symlinkSync(`../${target}`, inFolder(`ways/${link}`));
  await fine(...args, `${way}${link}`, '--force');
  expect(readlinkSync(inFolder(`ways/${link}`))).toBe(`../${target}`);
  expect(readFileSync(inFolder(target), 'utf8')).not.toBe(old);
  if (process.platform !== 'win32') expect(statSync(inFolder(target)).mode & 0o777).toBe(mode);
});

it.each(COMMANDS)('%s makes what a link leads to, with its folder', async (command, args, way, end) => {
  mkdirSync(inFolder('ways'), { recursive: true });
  // By way of another link, and of a folder that is one.
  const [link, next, folderLink] = [
    `${command}-nowhere.${end}`,
    `${command}-next.${end}`,
    `${command}-folder`,
  ];
  mkdirSync(inFolder(`real-${command}/below`), { recursive: true });
  symlinkSync(`real-${command}/below`, inFolder(folderLink));
  symlinkSync(`../${folderLink}/../${next}`, inFolder(`ways/${link}`));
  symlinkSync(`made/made.${end}`, inFolder(`real-${command}/${next}`));
  await fine(...args, `${way}${link}`);
  expect(readlinkSync(inFolder(`ways/${link}`))).toBe(`../${folderLink}/../${next}`);
  expect(readlinkSync(inFolder(`real-${command}/${next}`))).toBe(`made/made.${end}`);
  expect(readFileSync(inFolder(`real-${command}/made/made.${end}`)).length).toBeGreaterThan(0);
});

it.each(COMMANDS)(
  '%s goes from a link to the folder above what that leads to',
  async (command, args, way, end) => {
    mkdirSync(inFolder(`ways/${command}-up/below`), { recursive: true });
    mkdirSync(inFolder(`ways/${command}-down`));
    symlinkSync(`../${command}-up/below`, inFolder(`ways/${command}-down/link`));
    // Where words alone would lead.
    const other = inFolder(`ways/${command}-down/it.${end}`);
    writeFileSync(other, 'other');
    await fine(...args, `${way}${command}-down/link/../it.${end}`);
    await fine(...args, `${way}${command}-down/link/../made/it.${end}`);
    expect(readFileSync(other, 'utf8')).toBe('other');
    expect(readdirSync(inFolder(`ways/${command}-down`))).toEqual([`it.${end}`, 'link']);
    for (const made of [`it.${end}`, `made/it.${end}`])
      expect(readFileSync(inFolder(`ways/${command}-up/${made}`)).length).toBeGreaterThan(0);
  },
);

it.each(COMMANDS)('%s makes the folder that a link leads to', async (command, args, way, end) => {
  mkdirSync(inFolder('ways'), { recursive: true });
  symlinkSync(`${command}-later/deep`, inFolder(`ways/${command}-folder`));
  await fine(...args, `${way}${command}-folder/it.${end}`);
  expect(readlinkSync(inFolder(`ways/${command}-folder`))).toBe(`${command}-later/deep`);
  expect(readdirSync(inFolder(`ways/${command}-later/deep`))).toEqual([`it.${end}`]);
});

it('a report replaces no model past a folder that is not there', async () => {
  const model = readFileSync(fixture('raw.onnx'));
  writeFileSync(inFolder('kept.onnx'), model);
  expect(await cli(['inspect', 'kept.onnx', '--force', '--html', 'nowhere/../kept.onnx'])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/exists and is no HTML page/),
  });
  expect(readFileSync(inFolder('kept.onnx')).equals(model)).toBe(true);
});

it.each(COMMANDS)('%s refuses links that lead in a circle', async (command, args, way, end) => {
  mkdirSync(inFolder('ways'), { recursive: true });
  symlinkSync(`${command}-round.${end}`, inFolder(`ways/${command}-circle.${end}`));
  symlinkSync(`${command}-circle.${end}`, inFolder(`ways/${command}-round.${end}`));
  expect(await cli([...args, `${way}${command}-circle.${end}`])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/--(output|html) ways\/\w+-circle\.\w+: ELOOP, its links lead in a circle/),
  });
  expect(readlinkSync(inFolder(`ways/${command}-circle.${end}`))).toBe(`${command}-round.${end}`);
});

it('a model is repaired in its place by way of a link to it', async () => {
  writeFileSync(inFolder('own.onnx'), readFileSync(fixture('raw.onnx')));
  symlinkSync('own.onnx', inFolder('own-link.onnx'));
  const args = ['repair', 'own.onnx', '-o', 'own-link.onnx'];
  expect(await cli(args)).toMatchObject({ status: 2, stderr: expect.stringMatching(/exists\. --force/) });
  await fine(...args, '--force');
  expect(readlinkSync(inFolder('own-link.onnx'))).toBe('own.onnx');
  expect(readFileSync(inFolder('own.onnx')).equals(readFileSync(fixture('raw.onnx')))).toBe(false);
  expect(await fine('inspect', 'own.onnx')).toMatch(/free/);
});

it('folders are made for outputs and for reports', async () => {
  await fine('run', 'two.onnx', '-o', 'y=new/deep/y.npy');
  await fine('inspect', fixture('unet.onnx'), '--html', 'other/deep/r.html');
  expect(['new/deep/y.npy', 'other/deep/r.html'].map((name) => existsSync(inFolder(name)))).toEqual([
    true,
    true,
  ]);
});

// Below the system's folder of processes nothing can be made, and it says that there is no such file.
it.runIf(process.platform === 'linux').each([
  ['run two.onnx -o y=/proc/none/deep/y.npy', '--output /proc/none/deep/y.npy'],
  ['inspect MODEL --html /proc/none/r.html', '--html /proc/none/r.html'],
  ['repair MODEL -o /proc/none/deep/even.onnx', '--output /proc/none/deep/even.onnx'],
])('a folder that cannot be made is told, and not tried for ever: %s', async (line, named) => {
  const { status, stderr } = await cli(line.replace('MODEL', fixture('unet.onnx')).split(' '));
  expect([status, stderr.split('\n')[0]]).toEqual([
    2,
    `deconv-wasm: ${named}: ENOENT, there is no such file or folder`,
  ]);
});

/** Runs with another function in the place of one of Node's, for the command line too. */
async function withFs<Module, Name extends keyof Module>(
  module: Module,
  name: Name,
  other: Module[Name],
  work: () => Promise<void>,
): Promise<void> {
  const original = module[name];
  module[name] = other;
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    module[name] = original;
    syncBuiltinESMExports();
  }
}

it('nothing is left beside an output that cannot come to its place', async () => {
  const refuse = () =>
    Promise.reject(Object.assign(new Error('EPERM: no'), { code: 'EPERM', syscall: 'rename' }));
  await withFs(promises, 'rename', refuse, async () => {
    expect(await cli(['run', 'two.onnx', '-o', 'y=stuck.npy', '-o', 'z=other.npy'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--output stuck\.npy: EPERM/),
    });
  });
  expect([existsSync(inFolder('stuck.npy')), leftovers()]).toEqual([false, []]);
});

it.each([
  ['of a value on the way', 'a=a.npy', 1],
  ['of an output', 'y=y.npy', 1],
  ['of a value that no output needs', 'b=b.npy', 2],
])('a file %s beside one of the only output: loads of the network', async (_, other, loads) => {
  writeFileSync(
    inFolder('chain.onnx'),
    onnx([
      operator('Relu', ['x'], ['a']),
      operator('Neg', ['a'], ['y']),
      operator('Abs', ['x'], ['b']),
      input('x', [4]),
      output('y'),
    ]),
  );
  let opened = 0;
  const { open } = fs;
  const counted = ((file: string, ...rest: unknown[]) => {
    if (String(file).endsWith('chain.onnx')) opened += 1;
    return Reflect.apply(open, fs, [file, ...rest]);
  }) as typeof open;
  await withFs(fs, 'open', counted, async () => {
    await fine('run', 'chain.onnx', '--force', '-o', 'own.npy', '-o', other);
  });
  expect(opened).toBe(loads);
  expect(existsSync(inFolder(other.slice(2)))).toBe(true);
});

it.each<[readonly string[], RegExp]>([
  [
    ['run', 'two.onnx', '-o', 'y=a.npy', '-o', 'z=./a.npy'],
    /each --output to be another file, got \.\/a\.npy twice/,
  ],
  [['run', 'two.onnx', '-i', 'folder.npy/'], /--input folder\.npy\/: expected .*regular file/],
  [
    ['inspect', 'two.onnx', '--geometry', 'missing.json'],
    /--geometry missing\.json: ENOENT, there is no such file/,
  ],
  [['inspect', 'two.onnx', '--html', ''], /expected --html to be the name of a file, got none/],
  [
    ['repair', 'two.onnx', '-o', 'folder.npy', '--force'],
    /expected --output to be a regular file, got a folder: folder\.npy/,
  ],
  [['repair', 'two.onnx', '-o', ''], /expected --output to be the name of a file, got none/],
  [['repair', fixture('unet.onnx'), '-o', 'two.onnx/x'], /--output two\.onnx\/x: /],
])('%j names the option', async (args, message) => {
  expect(await cli(args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(message) });
});

it.each([
  ['--output', '.onnx', ['repair', fixture('raw.onnx'), '-o', 'other.tflite']],
  ['--output', '.onnx', ['repair', fixture('raw.onnx'), '--dry-run', '-o', 'other.PT']],
  ['--output', '.tflite', ['repair', fixture('layers.tflite'), '-o', 'other.onnx']],
  ['--html', '.html', ['inspect', fixture('raw.onnx'), '--html', 'other.onnx']],
])(
  "%s whose name ends as another format's file is refused before anything is written",
  async (option, own, args) => {
    expect(await cli(args)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(`expected ${option} to end in ${own}, which is what is written, got `),
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('other.'))).toEqual([]);
  },
);

it.each([
  ['repair', ['repair', fixture('unet.onnx'), '-o', '-'], '--output'],
  ['repair, forced', ['repair', fixture('unet.onnx'), '--force', '-o', '-'], '--output'],
  ['a report', ['inspect', fixture('unet.onnx'), '--html', '-'], '--html'],
])('a dash makes no file that is so called: %s', async (_, args, option) => {
  const { status, stdout, stderr } = await cli(args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(
    `expected ${option} to be the name of a file, got -: nothing is written to stdout`,
  );
  expect(existsSync(inFolder('-'))).toBe(false);
});

it('an ending that is no format is the caller’s to choose', async () => {
  await fine('repair', fixture('raw.onnx'), '-o', 'own.model');
  expect(readFileSync(inFolder('own.model')).length).toBeGreaterThan(0);
});

it('a network without outputs is told as one, not as a list that nobody gave', async () => {
  const { status, stdout, stderr } = await cli(['run', fixture('layers.tflite')]);
  expect([status, stdout, stderr]).toEqual([
    2,
    '',
    expect.stringMatching(/layers\.tflite: expected a network with an output, got none\./),
  ]);
});

it.each([
  ['inspect', '--run', fixture('layers.tflite')],
  ['inspect', '--json', '--run', fixture('layers.tflite')],
  ['repair', '--run', '--dry-run', fixture('layers.tflite')],
])('%s %s: that a network was not run is told on stderr', async (...args) => {
  expect(await cli(args)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(
      /^deconv-wasm: --run: .*layers\.tflite: expected a network with an output, got none/,
    ),
  });
});

it.each([
  ['run', ['run', 'two.onnx', '-o', 'z=slash.npy/']],
  ['run, forced', ['run', 'two.onnx', '--force', '-o', 'z=slash.npy/']],
  ['repair', ['repair', fixture('unet.onnx'), '-o', 'slash.npy/']],
  ['a report', ['inspect', fixture('unet.onnx'), '--html', 'slash.npy/']],
])('a file is not found by the name of a folder: %s', async (_, args) => {
  writeFileSync(inFolder('slash.npy'), 'kept');
  const { status, stderr } = await cli(args);
  expect(status).toBe(2);
  expect(stderr).toMatch(/slash\.npy\//);
  expect(readFileSync(inFolder('slash.npy'), 'utf8')).toBe('kept');
});

it.runIf(process.platform !== 'win32')('a report goes into a pipe', () => {
  const line = `mkfifo pipe.html; cat pipe.html > read.html & '${node}' '${script}' inspect '${fixture('unet.onnx')}' --html pipe.html; wait`;
  const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd: folder });
  expect([status, stderr]).toEqual([0, '']);
  expect(readFileSync(inFolder('read.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\s*$/i);
});
