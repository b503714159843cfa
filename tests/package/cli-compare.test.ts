// deconv-wasm run --compare: what is equal, what is not, and of which output.

import { readFileSync, writeFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { npy } from '../support/npy.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { commandLine } from './command-line.js';

const { inFolder, cli, fine } = commandLine();
const write = (name: string, shape: readonly number[], values: readonly number[]) =>
  writeFileSync(inFolder(name), npy(shape, values));

beforeAll(() => {
  const one = floats('one', [1], [1]);
  const ten = floats('ten', [1], [10]);
  writeFileSync(
    inFolder('two.onnx'),
    onnx([
      node('Add', ['x', 'one'], ['mid']),
      node('Mul', ['mid', 'ten'], ['y']),
      one,
      ten,
      input('x', [4]),
      output('y'),
    ]),
  );
  writeFileSync(
    inFolder('same.onnx'),
    onnx([node('Mul', ['x', 'one'], ['y']), one, input('x', null), output('y')]),
  );
  writeFileSync(
    inFolder('picture.onnx'),
    onnx([node('Mul', ['x', 'one'], ['y']), one, input('x', [1, 3, 'h', 'w']), output('y')]),
  );
  write('x.npy', [4], [1, 2, 3, 4]);
});

describe('a file without a name is of the own output, also beside inner values', () => {
  const run = ['run', 'two.onnx', '-i', 'x.npy'];

  it('written', async () => {
    await fine(...run, '--output', 'mid=mid.npy', '--output', 'y.npy');
    const values = (name: string) => {
      const bytes = readFileSync(inFolder(name));
      return [0, 1, 2, 3].map((index) => bytes.readFloatLE(bytes.length - 16 + 4 * index));
    };
    expect([values('mid.npy'), values('y.npy')]).toEqual([
      [2, 3, 4, 5],
      [20, 30, 40, 50],
    ]);
  });

  it('and compared', async () => {
    write('want.npy', [4], [20, 30, 40, 50]);
    write('want-mid.npy', [4], [2, 3, 4, 5]);
    for (const files of [
      ['--compare', 'mid=want-mid.npy', '--compare', 'want.npy'],
      ['--output', 'mid=mid.npy', '--force', '--compare', 'want.npy'],
    ]) {
      expect(await fine(...run, ...files)).toContain('y differs from want.npy by at most 0.0e+0');
    }
  });
});

describe('values', () => {
  const { NaN: none, POSITIVE_INFINITY: infinite } = Number;

  it.each<[string, number, readonly number[], readonly number[], string]>([
    ['an infinity in its place', 0, [infinite, 1, 2, 3], [infinite, 1, 2, 3], '0.0e+0'],
    ['others beside an infinity', 1, [infinite, 1, 2, 3], [infinite, 5, 9, -3], '1.1e+0'],
    ['infinities of other signs', 1, [infinite, 1, 2, 3], [-infinite, 1, 2, 3], 'Infinity'],
    ['an infinity for a number', 1, [7, 1, 2, 3], [infinite, 1, 2, 3], 'Infinity'],
    ['NaN beside NaN', 0, [none, 1, 2, 3], [none, 1, 2, 3], '0.0e+0'],
    ['NaN beside NaN, and another that is near', 0, [none, 1, 2, 3], [none, 1, 2, 3.0001], '4.6e-5'],
    ['NaN for a number', 1, [none, 1, 2, 3], [7, 1, 2, 3], 'Infinity'],
    ['numbers where all are NaN', 1, [7, 1, 2, 3], [none, none, none, none], 'Infinity'],
    ['a number for NaN', 1, [7, 1, 2, 3], [none, 1, 2, 3], 'Infinity'],
  ])('%s', async (_, status, given, expected, difference) => {
    write('given.npy', [4], given);
    write('expected.npy', [4], expected);
    const ended = await cli(['run', 'same.onnx', '-i', 'given.npy', '--compare', 'expected.npy']);
    expect(ended).toMatchObject({ status, stderr: '' });
    expect(ended.stdout).toContain(`at most ${difference} of its rms`);
  });

  it.each([[[2, 2]], [[1, 4]], [[4, 1]], [[3]]])('of shape %j are refused for [4]', async (shape) => {
    write('shaped.npy', shape, new Array(shape.reduce((one, other) => one * other, 1)).fill(1));
    expect(await cli(['run', 'same.onnx', '-i', 'x.npy', '--compare', 'shaped.npy'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(
        `--compare shaped.npy: expected the shape [4] of y, got [${shape.join(', ')}]`,
      ),
    });
  });
});

describe('pictures', () => {
  const picture = (name: string, width: number, height: number) => {
    const png = new PNG({ width, height });
    png.data.set(Array.from(png.data, (_, index) => (index % 4 === 3 ? 255 : (37 * index) % 256)));
    writeFileSync(inFolder(name), PNG.sync.write(png));
  };

  it('are read as --output-mean and --output-std write them', async () => {
    picture('in.png', 3, 2);
    const way = ['--mean', '0.5', '--std', '0.5', '--output-mean', '0.5', '--output-std', '0.5'];
    const run = ['run', 'picture.onnx', '-i', 'in.png', ...way];
    await fine(...run, '-o', 'out.png');
    expect(await fine(...run, '--compare', 'out.png')).toContain('at most 0.0e+0 of its rms');
  });

  it.each([
    ['first', [3, 2, 3], [['Squeeze', { axes: [0] }]]],
    [
      'last',
      [2, 3, 3],
      [
        ['Squeeze', { axes: [0] }],
        ['Transpose', { perm: [1, 2, 0] }],
      ],
    ],
  ] as const)('and without a batch, channels %s', async (_, shape, steps) => {
    picture('in.png', 3, 2);
    const nodes = steps.map(([type, attributes], index) =>
      node(type, [index === 0 ? 'x' : `y${index - 1}`], [`y${index}`], attributes),
    );
    const y = `y${steps.length - 1}`;
    writeFileSync(
      inFolder('single.onnx'),
      onnx([...nodes, input('x', [1, 3, 'h', 'w']), output(y)], { opset: 11 }),
    );
    const way = ['--output-mean', '0,0.1,0.2', '--output-std', '0.5,0.6,0.7'];
    const run = ['run', 'single.onnx', '-i', 'in.png', ...way];
    expect(await fine(...run, '-o', 'out.png', '--force')).toContain(`${y} [${shape.join(', ')}]: `);
    expect(await fine(...run, '--compare', 'out.png', '--tolerance', '0.01')).toContain(
      'differs from out.png',
    );
  });

  it('of another size are refused, not drawn to that of the output', async () => {
    picture('in.png', 3, 2);
    picture('large.png', 6, 4);
    expect(await cli(['run', 'picture.onnx', '-i', 'in.png', '--compare', 'large.png'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected the shape [1, 3, 2, 3] of y, got [1, 3, 4, 6]'),
    });
  });
});
