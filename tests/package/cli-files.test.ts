// Pictures and sounds that the command line reads: those that are whole, and those that are not.

import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { commandLine } from './command-line.js';

const { inFolder, cli, fine } = commandLine();

beforeAll(() => {
  const model = (name: string, shape: readonly (number | string)[]) =>
    writeFileSync(
      inFolder(name),
      onnx([node('Mul', ['x', 'one'], ['y']), floats('one', [1], [1]), input('x', shape), output('y')]),
    );
  model('picture.onnx', [1, 1, 'h', 'w']);
  model('coloured.onnx', [1, 3, 'h', 'w']);
  model('alpha.onnx', [1, 4, 'h', 'w']);
  model('sound.onnx', [1, 'c', 't']);
});

describe('a picture', () => {
  const chunk = (type: string, data: Uint8Array) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
    bytes.writeUInt32BE(data.length, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
    return bytes;
  };

  /** Of shades of grey, in one byte each. */
  const png = (width: number, height: number, data: Uint8Array | null, interlaced = 0) => {
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, interlaced]);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    return Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      ...(data === null ? [] : [chunk('IDAT', data)]),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  };
  const rows = (count: number, length: number) =>
    deflateSync(Buffer.concat(new Array(count).fill(Buffer.from([0, ...new Array(length).fill(200)]))));
  // Of 5 x 3 pixels: columns and rows of each pass but the third, which has none.
  const passes = (all: boolean) =>
    deflateSync(
      Buffer.from(
        [
          [1, 1],
          [1, 1],
          [1, 1],
          [3, 1],
          [2, 2],
          [5, 1],
        ].flatMap(([columns = 0, count = 0], pass) =>
          all || pass < 5
            ? Array.from({ length: count }, () => [0, ...new Array(columns).fill(200)]).flat()
            : [],
        ),
      ),
    );
  const whole = png(8, 8, rows(8, 8));

  it.each([
    ['at once', whole, '[1, 1, 8, 8]'],
    ['in passes', png(5, 3, passes(true), 1), '[1, 1, 3, 5]'],
  ])('that is whole is taken: %s', async (_, bytes, shape) => {
    writeFileSync(inFolder('whole.png'), bytes);
    expect(await fine('run', 'picture.onnx', '-i', 'whole.png')).toContain(`y ${shape}: 0.784 to 0.784`);
  });

  it('that is whole is taken with what stands behind its end', async () => {
    writeFileSync(inFolder('behind.png'), Buffer.concat([whole, Buffer.from('a comment')]));
    expect(await fine('run', 'picture.onnx', '-i', 'behind.png')).toContain('y [1, 1, 8, 8]: 0.784 to 0.784');
  });

  // Of 3 shades of 2 or of 16 bits, where the middle one is transparent.
  it.each([
    ['packed', 2, 0, 1, [0, 0b00_01_10_00]],
    ['wide', 16, 0, 0x8081, [0, 0, 0, 0x80, 0x81, 0xff, 0xff]],
    ['coloured', 8, 2, 0x80, [0, 0, 0, 0, 0x80, 0x80, 0x80, 0xff, 0xff, 0xff]],
  ])('counts with its colour where that stands for transparent: %s', async (_, bits, type, key, row) => {
    const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 1, bits, type, 0, 0, 0]);
    const sample = [key >> 8, key & 255];
    const chunks = [
      chunk('IHDR', header),
      chunk('tRNS', Buffer.from(type === 0 ? sample : [...sample, ...sample, ...sample])),
      chunk('IDAT', deflateSync(Buffer.from(row))),
      chunk('IEND', Buffer.alloc(0)),
    ];
    writeFileSync(inFolder('key.png'), Buffer.concat([whole.subarray(0, 8), ...chunks]));
    await fine('run', 'picture.onnx', '-i', 'key.png', '-o', 'key.npy', '--force');
    const values = readFileSync(inFolder('key.npy')).subarray(-12);
    expect([0, 4, 8].map((at) => Math.round(255 * values.readFloatLE(at)))).toEqual(
      bits === 2 ? [0, 85, 170] : [0, 128, 255],
    );
  });

  // Each differs from its neighbours in the lower byte alone.
  it.each([
    ['of grey, for one channel', 'picture.onnx', 0, '', [0x8081, 0x8082], [0x8081, 0x8082]],
    ['of grey, for three', 'coloured.onnx', 0, '', [1, 0xffff], [1, 0xffff, 1, 0xffff, 1, 0xffff]],
    ['of colours', 'coloured.onnx', 2, '', [1, 2, 3, 0x101, 0x102, 0x103], [1, 0x101, 2, 0x102, 3, 0x103]],
    ['of colours, for one', 'picture.onnx', 2, '', [1000, 0, 0, 0, 1000, 2000], [299, 815]],
    ['with alpha', 'alpha.onnx', 6, '', [1, 2, 3, 4, 5, 6, 7, 8], [1, 5, 2, 6, 3, 7, 4, 8]],
    ['of grey with alpha', 'alpha.onnx', 4, '', [1, 2, 5, 6], [1, 5, 1, 5, 1, 5, 2, 6]],
    [
      'of colours, by mean and std',
      'coloured.onnx',
      2,
      '--mean 0,0,0.5 --std 1,0.5,0.25',
      [1, 2, 65_534, 5, 6, 65_531],
      [1, 5, 4, 12, 4 * (65_534 - 65_535 / 2), 4 * (65_531 - 65_535 / 2)],
    ],
  ])('has all of its 16 bits: %s', async (_, model, type, options, given, wanted) => {
    const row = Buffer.alloc(1 + 2 * given.length);
    for (const [index, sample] of given.entries()) row.writeUInt16BE(sample, 1 + 2 * index);
    const header = Buffer.from([0, 0, 0, 2, 0, 0, 0, 1, 16, type, 0, 0, 0]);
    const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(row)), chunk('IEND', Buffer.alloc(0))];
    writeFileSync(inFolder('wide.png'), Buffer.concat([whole.subarray(0, 8), ...chunks]));
    const args = `run ${model} -i wide.png -o wide.npy --force ${options}`.trim().split(' ');
    await fine(...args);
    const values = readFileSync(inFolder('wide.npy')).subarray(-4 * wanted.length);
    const got = wanted.map((__, index) => values.readFloatLE(4 * index));
    for (const [index, value] of wanted.entries()) expect(got[index]).toBeCloseTo(value / 65_535, 7);
    expect(await fine('run', model, '-i', 'wide.png', '--compare', 'wide.png')).toContain('at most 0.0e+0');
  });

  it.each<[string, Buffer, string | RegExp]>([
    ['a row too few', png(8, 8, rows(7, 8)), 'its 8 x 8 pixels take 72 bytes, and it has 63'],
    ['a row too many', png(8, 8, rows(9, 8)), 'its 8 x 8 pixels take 72 bytes, and it has more'],
    ['a pass too few', png(5, 3, passes(false), 1), 'its 5 x 3 pixels take 22 bytes, and it has 16'],
    ['no pixels', png(4, 4, null), 'its pixels are damaged or cut off'],
    ['empty pixels', png(4, 4, Buffer.alloc(0)), 'its pixels are damaged or cut off'],
    ['damaged pixels', png(2, 2, Buffer.from('not zlib data')), 'its pixels are damaged or cut off'],
    ['half of them', png(8, 8, rows(8, 8).subarray(0, 9)), 'its pixels are damaged or cut off'],
    [
      'a header that promises a billion',
      png(60_000, 60_000, rows(1, 1)),
      'expected 1 to 134217728 pixels, got 60000 x 60000',
    ],
    [
      'a header that promises many',
      png(11_000, 11_000, rows(1, 1)),
      'pixels take 121011000 bytes, and it has 2',
    ],
    ['no width', png(0, 4, rows(4, 0)), 'expected 1 to 134217728 pixels, got 0 x 4'],
    ['the end of the file within', whole.subarray(0, 45), 'it ends within its chunk IDAT'],
    ['a byte that changed', Buffer.from(whole.with(45, 7)), /Crc|damaged/],
    ['other bytes', Buffer.from('\xff\xd8\xff\xe0', 'latin1'), 'it does not begin as one'],
  ])('is refused with %s', async (_, bytes, reason) => {
    writeFileSync(inFolder('bad.png'), bytes);
    const { status, stdout, stderr } = await cli(['run', 'picture.onnx', '-i', 'bad.png']);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^deconv-wasm: --input bad\.png is no PNG that can be read: /);
    expect(stderr).toMatch(reason);
  });
});

describe('a file', () => {
  // Holes of the file system, which take no room on the disk.
  it.each([
    ['sound.wav', 'run sound.onnx -i huge/sound.wav', '--input huge/sound.wav'],
    ['picture.png', 'run picture.onnx -i huge/picture.png', '--input huge/picture.png'],
    ['list.json', 'inspect sound.onnx --geometry huge/list.json', '--geometry huge/list.json'],
  ])('of more than 2 GB is refused, not a mistake of ours: %s', async (name, line, named) => {
    mkdirSync(inFolder('huge'), { recursive: true });
    writeFileSync(inFolder(`huge/${name}`), '');
    truncateSync(inFolder(`huge/${name}`), 2 ** 31 + 1);
    try {
      const { status, stdout, stderr } = await cli(line.split(' '));
      expect([status, stdout, stderr.split('\n')[0]]).toEqual([
        2,
        '',
        `deconv-wasm: ${named}: ERR_FS_FILE_TOO_LARGE, it is larger than 2 GB`,
      ]);
    } finally {
      rmSync(inFolder(`huge/${name}`));
    }
  });
});

describe('a sound', () => {
  /** Samples of 16 bits of one channel, unless the fields of the header say otherwise. */
  const wav = (
    data: Uint8Array,
    { channels = 1, frame = 2, bits = 16, length = data.length, riff = 36 + data.length } = {},
  ) => {
    const bytes = Buffer.alloc(44);
    bytes.write('RIFF\0\0\0\0WAVEfmt ', 0, 'latin1');
    bytes.writeUInt32LE(riff, 4);
    bytes.writeUInt32LE(16, 16);
    for (const [at, value] of [
      [20, 1],
      [22, channels],
      [32, frame],
      [34, bits],
    ] as const) {
      bytes.writeUInt16LE(value, at);
    }
    bytes.writeUInt32LE(8000, 24);
    bytes.write('data', 36);
    bytes.writeUInt32LE(length, 40);
    return Buffer.concat([bytes, data]);
  };
  const samples = Buffer.from(Int16Array.of(0, 16_384, -16_384).buffer);

  /** The form for lengths beyond 32 bits, of a sound before another chunk. */
  const rf64 = (data: Uint8Array) => {
    const long = Buffer.alloc(36);
    long.write('ds64');
    long.writeUInt32LE(28, 4);
    long.writeUInt32LE(data.length, 16);
    const bytes = wav(data, { length: 0xffffffff });
    bytes.write('RF64');
    return Buffer.concat([bytes.subarray(0, 12), long, bytes.subarray(12), Buffer.from('LIST\0\0\0\0')]);
  };
  const [sox, ffmpeg] = [
    { length: 0x7ffff000, riff: 0x7ffff024 },
    { length: 0xffffffff, riff: 0xffffffff },
  ];

  it('is refused with more samples than a tensor holds, before they are made', async () => {
    const length = 2 ** 29 + 1;
    writeFileSync(
      inFolder('long.wav'),
      wav(Buffer.alloc(0), { bits: 8, frame: 1, length, riff: 36 + length }),
    );
    truncateSync(inFolder('long.wav'), 44 + length);
    try {
      const { status, stderr } = await cli(['run', 'sound.onnx', '-i', 'long.wav']);
      expect([status, stderr.split('\n')[0]]).toEqual([
        2,
        'deconv-wasm: --input long.wav: expected at most 536870912 samples, got 536870913',
      ]);
    } finally {
      rmSync(inFolder('long.wav'));
    }
  });

  it.each([
    ['of a known length', wav(samples)],
    ['of a length that was left open', wav(samples, { length: 0xffffffff })],
    ['of a stream, as ffmpeg writes it', wav(samples, ffmpeg)],
    ['of a stream, as SoX writes it', wav(samples, sox)],
    ['of a stream in frames that do not divide 2 GB', wav(samples, { length: 0x7fffeffc, riff: 0x7ffff020 })],
    ['of a stream whose header knows of no samples', wav(samples, { length: 0, riff: 36 })],
    ['of a stream whose header knows of nothing', wav(samples, { length: 0, riff: 0 })],
    ['of a stream of no known length', wav(samples, { length: 0, riff: 0xffffffff })],
    ['of a stream that ends within a sample', wav(Buffer.concat([samples, Buffer.alloc(1)]), ffmpeg)],
    ['of long lengths', rf64(samples)],
    ['of 12 bits, at the upper end of two bytes', wav(samples, { bits: 12 })],
  ])('is taken: %s', async (_, bytes) => {
    writeFileSync(inFolder('whole.wav'), bytes);
    expect(await fine('run', 'sound.onnx', '-i', 'whole.wav')).toContain('y [1, 1, 3]: -0.5 to 0.5');
  });

  it.each([
    [
      'its end cut off',
      wav(samples.subarray(1), { length: 6 }),
      'is cut off: expected 6 bytes of sound, got 5',
    ],
    [
      'most of it cut off',
      wav(samples, { length: 0x1000000, riff: 0x1000024 }),
      'is cut off: expected 16777216 bytes of sound, got 6',
    ],
    [
      'its sound cut off',
      wav(samples).subarray(0, 40),
      'is cut off before its sound: expected 50 bytes, got 40',
    ],
    ['no sound', wav(samples, { riff: 28 }).subarray(0, 36), 'has no sound in it'],
    // What follows is another chunk, as the file's own length says.
    ['no samples', wav(Buffer.from('LIST\0\0\0\0'), { length: 0 }), 'has a sound without samples'],
    ['no samples and no length', wav(Buffer.alloc(0), ffmpeg), 'has a sound without samples'],
    ['half a sample', wav(samples.subarray(1)), 'is cut off: its sound ends within its last 2 bytes'],
    [
      'one of two channels',
      wav(samples, { channels: 2, frame: 4 }),
      'its sound ends within its last 4 bytes',
    ],
    [
      'padding',
      wav(Buffer.alloc(12), { frame: 4, bits: 24 }),
      '24 bits to take 3 bytes for 1 channels, got 4. Programs differ in what such bytes mean: save it with 32 bits, or packed',
    ],
  ])('is refused with %s', async (_, bytes, reason) => {
    writeFileSync(inFolder('bad.wav'), bytes);
    const { status, stdout, stderr } = await cli(['run', 'sound.onnx', '-i', 'bad.wav']);
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining('--input bad.wav ')]);
    expect(stderr).toContain(reason);
  });
});
