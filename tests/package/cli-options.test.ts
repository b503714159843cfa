// Options of deconv-wasm run that cannot be meant are refused by name, before anything is computed.

import { readFileSync, writeFileSync } from 'node:fs';
import { PNG } from 'pngjs';
import { beforeAll, expect, it } from 'vitest';
import { npy } from '../support/npy.js';
import { floats, input, node, onnx, output } from '../support/onnx-writer.js';
import { commandLine } from './command-line.js';

const { inFolder, cli, fine } = commandLine();

beforeAll(() => {
  for (const [name, shape] of [
    ['four.onnx', [4]],
    ['picture.onnx', [1, 3, 'h', 'w']],
    ['grey.onnx', [1, 1, 'h', 'w']],
    ['sound.onnx', [1, 'c', 't']],
  ] as const) {
    writeFileSync(
      inFolder(name),
      onnx([node('Mul', ['x', 'one'], ['y']), floats('one', [1], [1]), input('x', shape), output('y')]),
    );
  }
  writeFileSync(inFolder('x.npy'), npy([4], [1, 2, 3, 4]));
  writeFileSync(inFolder('odd.npy'), npy([4], [Number.NaN, 2, 3, 4]));
  writeFileSync(inFolder('dot.png'), PNG.sync.write(new PNG({ width: 1, height: 1 })));
});

it.each([
  ['four.onnx --input x.npy --input odd.npy', 'expected one --input or --shape for x, got x.npy and odd.npy'],
  [
    'four.onnx --input x.npy --input x=odd.npy',
    'expected one --input or --shape for x, got x.npy and odd.npy',
  ],
  ['four.onnx --input x.npy --shape 4', 'expected one --input or --shape for x, got x.npy and 4'],
  ['four.onnx --shape 4 --shape 5', 'expected one --input or --shape for x, got 4 and 5'],
  ['four.onnx --shape abc', 'expected --shape to be integers from 1 on, as in 1,3,64,64, got abc'],
  ['four.onnx --shape=', 'expected --shape to be integers from 1 on, as in 1,3,64,64, got none'],
  ['four.onnx --shape x=', 'expected --shape to be integers from 1 on, as in 1,3,64,64, got none'],
  ['four.onnx --shape =1,2', 'expected a name before =, got none: =1,2'],
  ['four.onnx --output =y.npy', 'expected a name before =, got none: =y.npy'],
  ['four.onnx --input=', 'expected a file that ends with .png, .npy, .wav, got none'],
  ['four.onnx --mean=', 'expected --mean to be numbers, got none'],
  ['four.onnx --threads=', 'expected --threads to be an integer from 1 to 64, got none'],
  [
    'picture.onnx --shape 1,3,100000,100000',
    '--shape x=1,3,100000,100000: expected at most 536870912 values',
  ],
  ['four.onnx --threads 2,3', 'expected --threads to be an integer from 1 to 64, got 2,3'],
  ['four.onnx --threads 0', 'expected --threads to be an integer from 1 to 64, got 0'],
  ['four.onnx --tolerance=-1', 'expected --tolerance to be a number from 0 on, got -1'],
  ['four.onnx --tolerance -1', 'expected --tolerance to be a number from 0 on, got -1'],
  ['four.onnx --tile -5', 'expected --tile to be an integer from 1 to 2147483647, got -5'],
  ['four.onnx --overlap -1', 'expected --overlap to be an integer from 0 to 2147483647, got -1'],
  ['four.onnx --threads -.5', 'expected --threads to be an integer from 1 to 64, got -.5'],
  ['grey.onnx -i dot.png --mean 1,2,3', 'expected --mean to be one number, got 3'],
  ['four.onnx --tile 0', 'expected --tile to be an integer from 1 to 2147483647, got 0'],
  ['four.onnx --tiled', '--tiled: expected '],
  ...['0', '=-5', '1e10', '44100.7', '8000,9000'].map((rate): [string, string] => [
    `sound.onnx --shape 1,1,8 --rate${rate.startsWith('=') ? rate : ` ${rate}`}`,
    `expected --rate to be an integer from 1 to 10000000, got ${rate.replace('=', '')}`,
  ]),
  [
    'sound.onnx --shape 1,20000,1 -o y.wav',
    '--output y.wav: a sound of 20000 channels at --rate 44100 is more',
  ],
  ['picture.onnx -i dot.png --std 0', 'expected --std to be numbers other than 0, got 0'],
  [
    'picture.onnx -i dot.png --output-std 1,0,1',
    'expected --output-std to be numbers other than 0, got 1,0,1',
  ],
  ['picture.onnx -i dot.png --mean 1,2', 'expected --mean to be 1 or 3 numbers, got 2'],
  [
    'picture.onnx -i dot.png -o y.png --output-mean 1,2,3,4',
    'expected --output-mean to be 1 or 3 numbers, got 4',
  ],
  ['four.onnx --std 2', '--mean and --std are for pictures of --input: none is given'],
  [
    'picture.onnx --shape 1,3,4,4 -o y.png --mean 1',
    '--mean and --std are for pictures of --input: none is given',
  ],
  [
    'picture.onnx -i dot.png -o y.npy --output-std 2',
    '--output-mean and --output-std are for pictures of --output and --compare: none is given',
  ],
  ['sound.onnx --shape 1,1,8 -o y.npy --rate 8000', '--rate is for sounds of --output: none is given'],
  ['four.onnx --tolerance 1', '--tolerance is for files of --compare: none is given'],
  [
    'picture.onnx -i dot.png --compare dot.png --output-mean 1,2',
    'expected --output-mean to be 1 or 3 numbers',
  ],
])('refused: run %s', async (line, reason) => {
  const { status, stdout, stderr } = await cli(['run', ...line.split(' ')]);
  expect([status, stdout, stderr.split('\n')[0]]).toEqual([
    2,
    '',
    expect.stringContaining(`deconv-wasm: ${reason}`),
  ]);
});

it('a rate is what the header of the sound says', async () => {
  await fine(...'run sound.onnx --shape 1,2,8 --rate 10000000 -o y.wav'.split(' '));
  const bytes = readFileSync(inFolder('y.wav'));
  expect([bytes.readUInt32LE(24), bytes.readUInt32LE(28)]).toEqual([10_000_000, 80_000_000]);
});

it('--json has words for infinities and NaN, which are no numbers of its own', async () => {
  const { stdout } = await cli(['run', 'four.onnx', '-i', 'odd.npy', '--compare', 'x.npy', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    outputs: [{ least: 'NaN', most: 'NaN', mean: 'NaN' }],
    comparisons: [{ difference: 'Infinity', within: false }],
  });
});
