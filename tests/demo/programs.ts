// The programs of the page's export: the layers that are tested, and what reads and runs the texts.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConvTranspose1d, ConvTranspose2d } from 'deconv-wasm';
import { expect } from 'vitest';
import type { LayerState } from '../../web/demo/src/model/layer-state';
import {
  opening,
  type State,
  withFill,
  withInputCell,
  withLayer,
  withTap,
} from '../../web/demo/src/model/state';

export const states: Record<string, State> = {
  opening,
  'padding and output padding': withInputCell(
    withFill(withLayer(opening, { kernel: 4, stride: 3, padding: 1, outputPadding: 2 }), 'random'),
    2,
    -1.75,
  ),
  dilated: withFill(withLayer(opening, { kernel: 3, stride: 1, padding: 2, dilation: 3 }), 'random', 8),
  'kernel below the stride': withFill(withLayer(opening, { kernel: 2, stride: 4 }), 'random'),
  'one axis': withTap(withLayer(opening, { axes: 1, size: 6, kernel: 5, padding: 1 }), 3, 1 / 3),
  'two lanes': withFill(
    withLayer(opening, { axes: 1, groups: 2, size: 4, kernel: 3, outputPadding: 1 }),
    'random',
  ),
};

/** What the layer gives, without any of the snippets. */
export function expected({ layer, input, weights }: LayerState): number[] {
  const { axes, groups, size, kernel, stride, padding, outputPadding, dilation } = layer;
  const options = {
    inChannels: groups,
    outChannels: groups,
    kernelSize: kernel,
    stride,
    padding,
    outputPadding,
    dilation,
    groups,
    bias: false,
  };
  using made = axes === 1 ? new ConvTranspose1d(options) : new ConvTranspose2d(options);
  made.setWeight(Float32Array.from(weights));
  const shape = axes === 1 ? [1, groups, size] : [1, 1, size, size];
  return [...made.forward({ data: Float32Array.from(input), shape }).data];
}

export function expectClose(got: ArrayLike<number>, wanted: readonly number[] | undefined): void {
  expect(got.length).toBe(wanted?.length);
  for (const [index, value] of wanted?.entries() ?? []) expect(got[index]).toBeCloseTo(value, 4);
}

/** Runs a program in a folder of its own and reads the numbers of its last line. */
export function printed(command: string, file: string, code: string, folder: string): number[] {
  writeFileSync(join(folder, file), code);
  const { stdout, stderr, status } = spawnSync(command, [file], { cwd: folder, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as number[];
}

export const python = process.env.PYTHON ?? '/usr/bin/python3';
// A folder of that name, as that of ONNX's test data, is found as a package that nothing is in.
const has = (name: string) =>
  spawnSync(python, [
    '-c',
    `import importlib.util as i; s = i.find_spec('${name}'); exit(s is None or s.origin is None)`,
  ]).status === 0;
export const [hasTorch, hasOnnx] = [has('torch'), has('onnx')];

export function inFolder<T>(parent: string, use: (folder: string) => T): T {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'export-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The last lines of all programs, run one after the other by one Python: it takes seconds to import PyTorch. */
const RUN_ALL = `
import contextlib, io, json, runpy, sys
lines = []
for file in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        runpy.run_path(file)
    lines.append(json.loads(said.getvalue().strip().split("\\n")[-1]))
print(json.dumps(lines))
`;

/** The last lines of programs of Python. */
export function printedByPython(programs: readonly string[]): number[][] {
  return inFolder(tmpdir(), (folder) => {
    const files = programs.map((code, index) => {
      const file = join(folder, `${index}.py`);
      writeFileSync(file, code);
      return file;
    });
    const { stdout, stderr, status } = spawnSync(python, ['-c', RUN_ALL, ...files], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as number[][];
  });
}

/** The arguments that a snippet of Python gives, as JavaScript has them. */
export function argument(code: string, name: string): unknown {
  const at = code.search(new RegExp(`\\b${name}=`));
  if (at < 0) return undefined;
  const text = code.slice(at + name.length + 1);
  let depth = 0;
  let end = 0;
  for (; end < text.length; end++) {
    const letter = text[end] as string;
    if ('(['.includes(letter)) depth++;
    if (')]'.includes(letter)) depth--;
    if (depth < 0 || (depth === 0 && /[,\n]/.test(letter))) break;
  }
  const literal = text
    .slice(0, end)
    .replace(/,\)/g, ')')
    .replaceAll('(', '[')
    .replaceAll(')', ']')
    .replace('True', 'true')
    .replace('False', 'false');
  return JSON.parse(literal);
}

/** An array of a snippet, with the shape that it is given. */
export function array(code: string, name: string): { data: Float32Array; shape: number[] } {
  const found = new RegExp(
    `\\b${name} = np\\.array\\((\\[[^\\]]*\\]), np\\.float32\\)\\.reshape\\(([^)]*)\\)`,
  ).exec(code);
  const values = JSON.parse((found?.[1] ?? '').replace(/,\s*\]/, ']')) as number[];
  const shape = (found?.[2] ?? '').split(',').filter((part) => part.trim() !== '');
  return { data: Float32Array.from(values), shape: shape.map(Number) };
}
