// deconv-wasm run, of the packed package in an empty project. Its command lines run in the process of the tests, and
// once for each exit code as a process of their own.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { culpritNetwork } from '../support/culprits.js';
import { npy } from '../support/npy.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { tflite } from '../support/tflite-writer.js';
import { commandLine, fixture } from './command-line.js';

const { inFolder, cli, fine, spawned, startedWith } = commandLine();

beforeAll(() => {
  const same = { name: 'x', shape: [1, 4, 6, 3], signature: [1, -1, -1, 3] };
  const ports = { inputs: ['x'], outputs: ['y'] };
  // y = x + x, of pictures of any size.
  const doubled = { code: 0, inputs: ['x', 'x'], outputs: ['y'], options: [{ byte: 0 }] };
  writeFileSync(inFolder('double.tflite'), tflite([same, { ...same, name: 'y' }], [doubled], ports));
  const fixed = tflite(
    [
      { name: 'x', shape: [1, 4, 6, 3] },
      { name: 'y', shape: [1, 4, 6, 3] },
    ],
    [doubled],
    ports,
  );
  writeFileSync(inFolder('fixed.tflite'), fixed);
  writeFileSync(inFolder('grid.onnx'), culpritNetwork({ seed: 1, rank: 2, place: 1, others: 0.1 }).bytes);
  writeFileSync(inFolder('tone.onnx'), culpritNetwork({ seed: 1, rank: 1, place: 2 }).bytes);
  const flipped = { code: 'MyFlip', inputs: ['x'], outputs: ['y'] };
  writeFileSync(inFolder('unknown.tflite'), tflite([same, { ...same, name: 'y' }], [flipped], ports));
  writeFileSync(
    inFolder('ramp.png'),
    picture(6, 4, (x, y) => [10 * x, 20 * y, 40]),
  );
});

function picture(width: number, height: number, colour: (x: number, y: number) => readonly number[]): Buffer {
  const png = new PNG({ width, height });
  for (let index = 0; index < width * height; index += 1) {
    png.data.set([...colour(index % width, Math.floor(index / width)), 255], 4 * index);
  }
  return PNG.sync.write(png);
}

it.each([
  [0, 'run double.tflite -i ramp.png --compare ramp.png --tolerance 10'],
  [1, 'run double.tflite -i ramp.png --compare ramp.png'],
  [2, 'run gone.onnx'],
])('a process ends with %i and says what it says here: %s', async (wanted, line) => {
  const args = line.split(' ');
  const [ended, here] = [spawned(args), await cli(args)].map((one) => ({
    ...one,
    stdout: one.stdout.replace(/[\d.]+ ms/, 'a while'),
  }));
  expect(ended?.status).toBe(wanted);
  expect(ended).toEqual(here);
});

it('an input of any name has values', async () => {
  const tensors = ['__proto__', 'y'].map((name) => ({ name, shape: [1, 2] }));
  const operator = { code: 0, inputs: ['__proto__', '__proto__'], outputs: ['y'], options: [{ byte: 0 }] };
  const ports = { inputs: ['__proto__'], outputs: ['y'] };
  writeFileSync(inFolder('named.tflite'), tflite(tensors, [operator], ports));
  expect(await fine('run', 'named.tflite')).toMatch(/\ny \[1, 2\]: 0 to /);
});

it('says that fewer threads run than were asked for', async () => {
  await startedWith({ threads: 1 });
  const { status, stderr } = await cli(['run', 'double.tflite', '-i', 'ramp.png', '--threads', '2']);
  expect(status).toBe(0);
  expect(stderr).toBe('threads: expected 2, but an earlier init asked for 1: running on 1\n');
});

describe('pictures', () => {
  it('go in and out', async () => {
    expect(await fine('run', 'double.tflite', '--input', 'ramp.png', '--output', 'y=twice.png')).toMatch(
      /^double\.tflite \(tflite\): first run [\d.]+ ms\ny \[1, 4, 6, 3\]: 0 to 0\.471, mean [\d.]+; twice\.png\n$/,
    );
    const { width, height, data } = PNG.sync.read(readFileSync(inFolder('twice.png')));
    expect([width, height]).toEqual([6, 4]);
    expect([...data.subarray(4 * 9, 4 * 9 + 4)]).toEqual([60, 40, 80, 255]);
  });

  it('by mean and std, both ways', async () => {
    // 2 (byte / 255 - 0.5) / 0.5, back by half of it: the byte.
    const way = ['--mean', '0.5', '--std', '0.5', '--output-mean', '0.5', '--output-std', '0.25,0.25,0.25'];
    await fine('run', 'double.tflite', '-i', 'x=ramp.png', '-o', 'same.png', ...way);
    const [from, to] = ['ramp.png', 'same.png'].map(
      (name) => PNG.sync.read(readFileSync(inFolder(name))).data,
    );
    expect(to).toEqual(from);
  });

  it('are drawn to the one size that a network takes', async () => {
    writeFileSync(
      inFolder('large.png'),
      picture(12, 8, () => [50, 60, 70]),
    );
    const { status, stderr } = await cli(['run', 'fixed.tflite', '-i', 'large.png', '-o', 'small.png']);
    expect([status, stderr]).toEqual([
      0,
      'large.png: 12 x 8 pixels resized to 6 x 4, which the network takes\n',
    ]);
    const { width, height, data } = PNG.sync.read(readFileSync(inFolder('small.png')));
    expect([width, height, ...data.subarray(0, 3)]).toEqual([6, 4, 100, 120, 140]);
  });
});

describe('in parts', () => {
  const pixelsOf = (name: string) => PNG.sync.read(readFileSync(inFolder(name)));

  it.each([
    ['of the size that the file fixes', 'fixed.tflite', '--tiled'],
    ['of a size of their own', 'double.tflite', '--tile 3'],
    ['that see their neighbours', 'double.tflite', '--tile 3 --overlap 2'],
  ])('%s, pictures stay as large as they are', async (_, network, options) => {
    writeFileSync(
      inFolder('wide.png'),
      picture(13, 9, (x, y) => [9 * x, 12 * y, 40]),
    );
    await fine(...`run ${network} -i wide.png --force -o parts.png ${options}`.split(' '));
    const [from, { width, height, data }] = [pixelsOf('wide.png'), pixelsOf('parts.png')];
    expect([width, height]).toEqual([13, 9]);
    expect([...data]).toEqual([...from.data].map((byte, index) => (index % 4 === 3 ? byte : 2 * byte)));
  });

  it.each([
    ['fixed.tflite --tiled --shape 1,3,6,3', /expected x to have 4 or more along axis 1, got 3/],
    ['fixed.tflite --tile 5 -i wide.png', /tile to be left out, or 4 along axis 1.*got 5/],
    ['double.tflite --tile 1.5 -i wide.png', /tile to be an integer.*got 1\.5/],
    [
      'double.tflite --overlap many -i wide.png',
      /expected --overlap to be an integer from 0 to 2147483647, got many/,
    ],
    ['double.tflite --tiled --profile -i wide.png', /expected --profile without --tiled/],
  ])('refused: run %s', async (line, reason) => {
    const { status, stderr } = await cli(['run', ...line.split(' ')]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(reason)]);
  });
});

describe('arrays and sound', () => {
  it('an output that is written is equal to itself, and not to another', async () => {
    await fine('run', fixture('generator.onnx'), '-o', 'y.npy');
    expect(await fine('run', fixture('generator.onnx'), '--compare', 'y.npy')).toContain(
      'y differs from y.npy by at most 0.0e+0 of its rms',
    );
    await fine('run', fixture('generator.onnx'), '-o', '/relu0/Relu_output_0=inner.npy');
    expect(
      await fine('run', fixture('generator.onnx'), '--compare', '/relu0/Relu_output_0=inner.npy', '--exact'),
    ).toMatch(/at most [\d.]+e-(0|[5-9])|0\.0e\+0/);
    const { status, stdout } = await cli(['run', fixture('unet.onnx'), '--compare', 'y.npy']);
    expect([status, stdout]).toEqual([2, '']);
    const bytes = readFileSync(inFolder('y.npy'));
    bytes.writeFloatLE(7, bytes.length - 4);
    writeFileSync(inFolder('other.npy'), bytes);
    expect((await cli(['run', fixture('generator.onnx'), '--compare', 'other.npy'])).status).toBe(1);
    expect(
      (await cli(['run', fixture('generator.onnx'), '--compare', 'other.npy', '--tolerance', '1000'])).status,
    ).toBe(0);
  });

  it('a .wav goes out and comes back', async () => {
    await fine('run', fixture('vocoder.onnx'), '--rate', '16000', '-o', 'y.wav', '-o', 'y=y-too.npy');
    const bytes = readFileSync(inFolder('y.wav'));
    expect(bytes.toString('latin1', 0, 4)).toBe('RIFF');
    expect([bytes.readUInt16LE(20), bytes.readUInt16LE(22), bytes.readUInt32LE(24)]).toEqual([3, 4, 16000]);
    // What is no PCM has an end of its format, and tells its samples of one channel.
    const chunks: [word: string, length: number, first: number][] = [];
    for (let at = 12; at < bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) {
      chunks.push([
        bytes.toString('latin1', at, at + 4),
        bytes.readUInt32LE(at + 4),
        bytes.readUInt32LE(at + 8),
      ]);
    }
    const [length = 0] = chunks.flatMap(([word, own]) => (word === 'data' ? own : []));
    expect(chunks.slice(0, 2)).toEqual([
      ['fmt ', 18, 0x40003],
      ['fact', 4, length / 16],
    ]);
    expect([chunks.length, bytes.readUInt32LE(4)]).toEqual([3, bytes.length - 8]);
    expect(await fine('run', fixture('vocoder.onnx'), '--compare', 'y.wav')).toContain('0.0e+0');
  });
});

describe('sounds of a TFLite file', () => {
  /** Of 16 bits, a list of numbers from -4 to 4 for each sample of all channels, in quarters. */
  const wav = (frames: readonly (readonly number[])[]) => {
    const [first = []] = frames;
    const samples = Int16Array.from(frames.flat(), (value) => value * 2 ** 13);
    const head = Buffer.alloc(44);
    head.write('RIFF\0\0\0\0WAVEfmt \x10', 'latin1');
    for (const [index, field] of [1, first.length, 8000, 0, 0, 0, 2 * first.length, 16].entries()) {
      head.writeUInt16LE(field, 20 + 2 * index);
    }
    head.write('data', 36);
    head.writeUInt32LE(2 * samples.length, 40);
    return Buffer.concat([head, Buffer.from(samples.buffer)]);
  };
  const frames = [
    [0, 1],
    [0.25, 2],
    [0.5, 3],
  ];

  it.each<readonly [string, readonly number[], readonly number[][], readonly number[]]>([
    ['have their channels last', [1, -1, 2], frames, [0, 0.5, 0.125, 1, 0.25, 1.5]],
    ['also one alone', [-1, 1], frames.map(([left = 0]) => [left]), [0, 0.125, 0.25]],
    ['or first, where no other axis has as few', [1, 2, 3], frames, [0, 0.125, 0.25, 0.5, 1, 1.5]],
    ['and none of a list', [-1], frames.map(([left = 0]) => [left]), [0, 0.125, 0.25]],
  ])('%s', async (_, signature, given, values) => {
    const tensor = { shape: signature.map((extent) => Math.abs(extent)), signature };
    const twice = { code: 0, inputs: ['x', 'x'], outputs: ['y'], options: [{ byte: 0 }] };
    const tensors = ['x', 'y'].map((name) => ({ ...tensor, name }));
    writeFileSync(inFolder('sound.tflite'), tflite(tensors, [twice], { inputs: ['x'], outputs: ['y'] }));
    writeFileSync(inFolder('in.wav'), wav(given));
    await fine(...'run sound.tflite -i in.wav -o y.npy -o y=twice.wav --force'.split(' '));
    const floatsOf = (name: string) => {
      const bytes = readFileSync(inFolder(name));
      return values.map((__, index) => bytes.readFloatLE(bytes.length - 4 * (values.length - index)));
    };
    expect(floatsOf('y.npy')).toEqual(values);
    expect(readFileSync(inFolder('twice.wav')).readUInt16LE(22)).toBe(given[0]?.length);
    expect(floatsOf('twice.wav')).toEqual(given.flat().map((value) => value / 2));
    expect(await fine('run', 'sound.tflite', '-i', 'in.wav', '--compare', 'twice.wav')).toContain('0.0e+0');
  });
});

describe('steps', () => {
  it('--profile has a row for each, and a sum', async () => {
    const lines = (await fine('run', fixture('unet.onnx'), '--profile')).split('\n');
    expect(lines[2]).toMatch(/^NODE +OPERATORS +OUTPUT +ROUTE +MMAC +ms +%$/);
    expect(lines.find((line) => line.startsWith('/enter/Conv'))).toMatch(
      /Conv \+ Relu +1x4x12x8 +\S+ +[\d.]+ +[\d.]+ +[\d.]+$/,
    );
    expect(lines.at(-2)).toMatch(/^\d+ steps: [\d.]+ ms$/);
  });

  it('--json has them for programs', async () => {
    const report = JSON.parse(
      await fine('run', fixture('unet.onnx'), '--profile', '--json', '--threads', '2'),
    );
    expect(Object.keys(report)).toEqual([
      'version',
      'tool',
      'file',
      'format',
      'inputs',
      'milliseconds',
      'outputs',
      'comparisons',
      'steps',
    ]);
    expect(report.outputs).toMatchObject([{ name: 'y', shape: [1, 1, 12, 8] }]);
    expect(report.steps[0]).toMatchObject({
      names: ['/enter/Conv', '/Relu'],
      types: ['Conv', 'Relu'],
      fused: ['relu'],
    });
  });
});

describe('inspect --all', () => {
  it('lists every node', async () => {
    const lines = (await fine('inspect', '--all', fixture('unet.onnx'))).split('\n');
    const from = lines.indexOf('13 nodes, all of which run:');
    expect(lines.slice(from + 1, from + 4).map((line) => line.split(/ +/))).toEqual([
      ['NODE', 'OPERATOR'],
      ['/enter/Conv', 'Conv'],
      ['/Relu', 'Relu'],
    ]);
    expect(lines).toHaveLength(from + 16);
  });

  it('or what keeps a network from running, also for programs', async () => {
    expect(await fine('inspect', '--all', 'unknown.tflite')).toMatch(
      /1 node that keeps the network from running:\nNODE +OPERATOR\ny +MyFlip\n {2}networks have no such operator\n$/,
    );
    const { models } = JSON.parse(
      await fine('inspect', '--all', '--json', 'unknown.tflite', 'double.tflite', 'y.npy'),
    );
    expect(models.map(({ nodes }: { nodes: unknown }) => nodes)).toEqual([
      { runs: false, nodes: [{ name: 'y', type: 'MyFlip', reason: 'networks have no such operator' }] },
      { runs: true, nodes: [{ name: 'y', type: 'ADD' }] },
      null,
    ]);
  });
});

describe('inspect --all of a network that goes wrong in itself', () => {
  it('tells its layers all the same, and why it has no nodes', async () => {
    const weight = floats('w', [1, 1, 2, 2], [1, 2, 3, 4]);
    const up = node('ConvTranspose', ['x', 'w'], ['up'], { strides: [2, 2] });
    const wrong = [node('Add', ['up', 'three'], ['y']), floats('three', [3], [1, 2, 3])];
    writeFileSync(
      inFolder('wrong.onnx'),
      onnx([up, ...wrong, weight, input('x', [1, 1, 4, 4]), output('y')]),
    );
    const told = await cli(['inspect', '--all', 'wrong.onnx']);
    expect(told.status).toBe(2);
    expect(told.stdout).toMatch(
      /weights-only[\s\S]*\nNodes not listed: "y" \(Add\): expected shapes that broadcast/,
    );
    expect(told.stderr).toMatch(
      /^deconv-wasm: --all: wrong\.onnx: "y" \(Add\): expected shapes that broadcast/,
    );
    const { models } = JSON.parse((await cli(['inspect', '--all', '--json', 'wrong.onnx'])).stdout);
    expect(models).toMatchObject([
      { error: null, layers: [{ verdict: 'weights-only' }], nodes: { runs: false, nodes: [] } },
    ]);
    expect(models[0].nodes.problem).toMatch(/expected shapes that broadcast/);
  });
});

describe('NAME=FILE', () => {
  const double = (from: string, to: string) => node('Add', [from, from], [to]);
  const shape = [1, 1, 2];
  beforeAll(() => {
    const graph = [input('/in/x', shape), double('/in/x', '/up/mid'), double('/up/mid', 'a=b')];
    writeFileSync(inFolder('slashes.onnx'), onnx([...graph, output('a=b')]));
    const two = [input('a', shape), input('b', shape), node('Add', ['a', 'b'], ['y']), output('y')];
    writeFileSync(inFolder('two.onnx'), onnx(two));
    mkdirSync(inFolder('lr=0.1'));
    writeFileSync(inFolder('lr=0.1/x.npy'), npy(shape, [1, 2]));
    writeFileSync(inFolder('a=1.npy'), npy(shape, [3, 4]));
  });
  const valuesOf = (name: string) => [
    ...new Float32Array(Uint8Array.from(readFileSync(inFolder(name)).subarray(-8)).buffer),
  ];

  it.each([
    ['a path with a sign in a folder', 'runs/lr=0.1/y.npy', 'runs/lr=0.1/y.npy', 4],
    ['one that begins here', './c=d.npy', 'c=d.npy', 4],
    ['a folder that is there', 'lr=0.1/y.npy', 'lr=0.1/y.npy', 4],
    ['an output whose name has the sign', 'a=b=one.npy', 'one.npy', 4],
    ['a value that begins as a path does', '/up/mid=two.npy', 'two.npy', 2],
    ['a value in a folder with the sign', '/up/mid=runs/lr=1/three.npy', 'runs/lr=1/three.npy', 2],
  ])('of an output: %s', async (_, text, file, factor) => {
    const line = ['run', 'slashes.onnx', '-i', 'lr=0.1/x.npy', '--force', '--output', text];
    await fine(...line);
    expect(valuesOf(file)).toEqual([factor, 2 * factor]);
    // And it is found again by the same words.
    expect(await fine('run', 'slashes.onnx', '-i', '/in/x=lr=0.1/x.npy', '--compare', text)).toContain(
      '0.0e+0',
    );
  });

  it('of an input: its name, or a path that is there', async () => {
    expect(await fine('run', 'slashes.onnx', '-i', 'a=1.npy')).toContain('a=b [1, 1, 2]: 12 to 16');
    expect(await fine('run', 'two.onnx', '-i', 'a=lr=0.1/x.npy', '-i', 'b=a=1.npy')).toContain('4 to 6');
    const slip = await cli(['run', 'two.onnx', '-i', 'c=a=1.npy']);
    expect(slip).toMatchObject({ status: 2, stderr: expect.stringContaining('no input is called c;') });
    const gone = await cli(['run', 'slashes.onnx', '-i', 'runs/lr=9/x.npy']);
    expect(gone.stderr).toContain('--input runs/lr=9/x.npy: ENOENT');
  });

  it('a slip in the name of a value makes no file', async () => {
    for (const slip of ['mod=slip.npy', '/up/mod=slip.npy', 'mod=made/slip.npy']) {
      const { status, stderr } = await cli(['run', 'slashes.onnx', '--output', slip]);
      expect([status, stderr]).toEqual([
        2,
        expect.stringContaining('expected outputs among the names of values'),
      ]);
    }
    expect(existsSync(inFolder('made'))).toBe(false);
  });

  it('of several inputs the error says what is meant', async () => {
    const told = async (...args: string[]) => (await cli(['run', 'two.onnx', ...args])).stderr;
    expect(await told('--shape', '1,1,2')).toContain(
      'the name of an input, as in a=1,3,64,64: there are a, b',
    );
    expect(await told('-i', 'lr=0.1/x.npy')).toContain('the name of an input, as in a=FILE: there are a, b');
  });
});

describe('what is wrong is said', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['no file', ['run'], /expected one model file/],
    [
      'another kind of file',
      ['run', 'double.tflite', '-o', 'y.jpg'],
      /ends with \.png, \.npy, \.wav, got y\.jpg/,
    ],
    [
      'an input that there is not',
      ['run', 'double.tflite', '-i', 'z=ramp.png'],
      /no input is called z; there are x/,
    ],
    [
      'a size that is not said',
      ['run', 'double.tflite'],
      /x has the shape \[1, x\.1, x\.2, 3\]: say with --input x=FILE or --shape x=1,64,64,3 what/,
    ],
    ['a file that is missing', ['run', 'gone.onnx'], /gone\.onnx: /],
    ['a picture for what takes none', ['run', fixture('vocoder.onnx'), '-i', 'ramp.png'], /takes no picture/],
    ['no number', ['run', 'double.tflite', '--mean', 'a'], /--mean to be numbers, got a/],
    ['weights without a network', ['run', 'y.npy'], /ONNX or TFLite/],
  ])('%s', async (_, args, message) => {
    const { status, stdout, stderr } = await cli(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('operators that are not run are all listed', async () => {
    const { status, stderr } = await cli(['run', 'unknown.tflite', '--shape', '1,4,6,3']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ {2}MyFlip y: networks have no such operator$/m);
  });
});

describe('--run', () => {
  interface Told {
    readonly culprit: string;
    readonly inputs: readonly string[];
    readonly stride: readonly number[];
    readonly before: { readonly power: number };
    readonly steps: readonly { readonly name: string; readonly strength: { readonly power: number } }[];
    readonly layers: readonly { readonly name: string; readonly repaired: { readonly fallDb: number } }[];
    readonly all: { readonly fallDb: number; readonly psnr: number; readonly ssim: number };
    readonly sentence: string;
  }
  const inspected = async (...args: string[]): Promise<Told> =>
    JSON.parse(await fine('inspect', '--json', ...args)).models[0].attribution;

  it('tells the pattern of every step and what each layer brings, in a table and for programs', async () => {
    const lines = (await fine('inspect', 'grid.onnx', '--run')).trimEnd().split('\n');
    const from = lines.indexOf('What each layer brings to it:');
    expect(lines.slice(from + 2, from + 5).map((line) => line.split(/ +/)[0])).toEqual(['up0', 'up1', 'up2']);
    expect(lines.at(-1)).toMatch(
      /^y has a pattern of period 8 x 8, [\d.]+ dB below the output itself\. up1 brings most/,
    );
    const told = await inspected('grid.onnx', '--run');
    expect(told).toMatchObject({ culprit: 'up1', stride: [8, 8], sentence: lines.at(-1) });
    expect(told.steps.map(({ name }) => name)).toEqual([
      'up0.relu',
      'up0.out',
      'up1.relu',
      'up1.out',
      'up2.relu',
      'up2.conv',
      'y',
    ]);
  });

  it('takes a picture, an array or a sound', async () => {
    const noise = picture(24, 24, (x, y) => new Array(3).fill((37 * x + 91 * y) % 256));
    writeFileSync(inFolder('noise.png'), noise);
    expect((await inspected('--run', 'noise.png', 'grid.onnx')).inputs).toEqual(['given']);
    await fine(
      ...'run tone.onnx --shape 1,1,64 --force --output enter=inner.npy --output y=tone.wav'.split(' '),
    );
    // An output of eight samples a value, which is a sound of one channel as the input is.
    expect(await inspected('--run', 'tone.wav', 'tone.onnx')).toMatchObject({
      inputs: ['given'],
      culprit: 'up2',
    });
  });

  it('gives the picture to the network as it was trained to take it', async () => {
    const grey = (index: number) => (37 * index) % 256;
    writeFileSync(
      inFolder('grey.png'),
      picture(24, 24, (x, y) => new Array(3).fill(grey(24 * y + x))),
    );
    const values = Array.from({ length: 24 * 24 }, (_, index) => (grey(index) / 255 + 0.5) / 0.25);
    writeFileSync(inFolder('grey.npy'), npy([1, 1, 24, 24], values));
    const meant = ['--mean', '-0.5', '--std', '0.25'];

    const [asNumbers, asBytes, plain] = [
      await inspected('--run', 'grey.npy', 'grid.onnx'),
      await inspected('--run', 'grey.png', 'grid.onnx', ...meant),
      await inspected('--run', 'grey.png', 'grid.onnx'),
    ];
    expect(asBytes.before.power).toBeCloseTo(asNumbers.before.power, 6);
    expect(asBytes.all.psnr).toBeCloseTo(asNumbers.all.psnr, 3);
    expect(plain.before.power / asNumbers.before.power).not.toBeCloseTo(1, 1);
    const changed = async (...args: string[]) =>
      JSON.parse(await fine('repair', 'grid.onnx', '--dry-run', '--json', ...args)).outputChange;
    expect((await changed('--run', 'grey.png', ...meant)).psnr).toBeCloseTo(
      (await changed('--run', 'grey.npy')).psnr,
      3,
    );
    for (const args of [
      ['inspect', 'grid.onnx', '--mean', '0.5'],
      ['inspect', 'grid.onnx', '--run', '--std', '2'],
      ['repair', 'tone.onnx', '--dry-run', '--run', 'tone.wav', '--mean=0.5'],
    ]) {
      expect(await cli(args)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('--mean and --std are for the picture of --run PICTURE.png'),
      });
    }
    expect(await cli(['inspect', 'grid.onnx', '--run', 'grey.png', '--std', 'half'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected --std to be numbers, got half'),
    });
  });

  it('repair tells what it does to the output, as inspect has announced it', async () => {
    const told = await inspected('grid.onnx', '--run');
    const announced = told.layers.find(({ name }) => name === 'up1')?.repaired.fallDb as number;
    const { outputChange, written } = JSON.parse(
      await fine('repair', 'grid.onnx', '--layers', 'up1', '--run', '--json', '-o', 'one.onnx'),
    );
    expect(written).toEqual(['one.onnx']);
    expect(outputChange.fallDb).toBeCloseTo(announced, 3);
    const all = JSON.parse(
      await fine(...'repair grid.onnx --layers up0,up1 --layer up2 --run --json --dry-run'.split(' ')),
    );
    expect(all.outputChange.fallDb).toBeCloseTo(told.all.fallDb, 3);
    expect(all.outputChange.psnr).toBeCloseTo(told.all.psnr, 3);
    expect(all).toMatchObject({ written: [], outputProblem: null });
    expect(await fine('repair', 'grid.onnx', '--run', '--dry-run')).toMatch(
      /In the output y, given flat 0\.25, .*picture: the pattern of period 8 x 8 was -[\d.]+ dB and is .* it falls by/,
    );
  });

  it.each([
    [0, 'there was no pattern of period 2 x 2, and there is none. The outputs are equal.'],
    [1, 'the pattern of period 2 x 2 was -7.9 dB over the output and is gone. The outputs are alike to '],
    [-1, 'no pattern could show, as nothing on the way there raises its resolution.'],
  ])('repair of what is times %i tells the pattern in words', async (factor, words) => {
    const parts = [
      input('x', [1, 1, 16, 16]),
      floats('w', [1, 1, 2, 2], [1, 2, 3, 4]),
      node('ConvTranspose', ['x', 'w'], ['u'], { strides: [2, 2] }),
      floats('k', [], [factor]),
      node('Mul', ['u', 'k'], ['z']),
      node(factor < 0 ? 'GlobalAveragePool' : 'Relu', ['z'], ['y']),
      output('y'),
    ];
    writeFileSync(inFolder('times.onnx'), onnx(parts));
    expect(await fine('repair', 'times.onnx', '--run', '--dry-run')).toContain(words);
  });

  it('says why a network is not run, and fails', async () => {
    const told = [
      [
        ['inspect', '--run', fixture('layers.tflite')],
        /Not run: expected a network with an output, got none/,
      ],
      [
        ['inspect', '--run', fixture('not-constant.onnx')],
        /Not run: nodes that are not run: ConvTranspose by-input/,
      ],
      [
        ['repair', '--run', '--dry-run', fixture('layers.tflite')],
        /Not run: expected a network with an output/,
      ],
    ] as const;
    for (const [args, message] of told) {
      const { status, stdout } = await cli(args);
      expect(status).toBe(2);
      expect(stdout).toMatch(message);
    }
    expect(await cli(['repair', 'grid.onnx', '--layers', 'up9', '--dry-run'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Did you mean up'),
    });
    expect(await cli(['repair', 'grid.onnx', '--layers', ',', '--dry-run'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('names of layers, separated by commas'),
    });
    // An input that is not there is told of before anything is written.
    expect(await cli(['repair', 'grid.onnx', '--run', 'nowhere.png', '-o', 'unwritten.onnx'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--run nowhere.png: ENOENT'),
    });
    expect(await cli(['repair', 'grid.onnx', '--run', 'nowhere.npy', '-o', 'unwritten.onnx'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--run nowhere\.npy: .*ENOENT/),
    });
    expect(existsSync(inFolder('unwritten.onnx'))).toBe(false);
    for (const [option, missing] of [
      ['--input', 'nowhere.png'],
      ['--input', 'nowhere.wav'],
      ['--compare', 'nowhere.npy'],
    ] as const) {
      expect(await cli(['run', fixture('generator.onnx'), option, missing])).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(new RegExp(`${option} ${missing}: .*ENOENT`)),
      });
    }
    expect(await cli(['inspect', 'grid.onnx', '--run', 'nowhere.png'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--run nowhere.png: ENOENT'),
    });
  });
});
