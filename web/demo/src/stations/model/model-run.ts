import { signal } from '@preact/signals';
import depthwise from '../../../../../tests/fixtures/models/depthwise.onnx?url';
import fsrcnn from '../../../../../tests/fixtures/models/fsrcnn-x3.onnx?url';
import generator from '../../../../../tests/fixtures/models/generator.onnx?url';
import unet from '../../../../../tests/fixtures/models/unet.onnx?url';
import vocoder from '../../../../../tests/fixtures/models/vocoder.onnx?url';
import { EngineError, STALE } from '../../engine/client';
import { engine } from '../../engine/engine';
import type { ModelRequest, ModelResult } from '../../engine/protocol';
import { showsOwn } from '../../model/share';
import { turns } from '../../model/turns';

/** The file that is open, with what was found in it. It is not part of the state: it stays in this page. */
export const opened = signal<{ readonly files: readonly File[]; readonly result: ModelResult } | null>(null);
showsOwn(() => opened.peek()?.files[0]?.name);
/** The layer whose card is to come into view, and the keyboard with it. */
export const sought = signal<string | null>(null);
export const reading = signal<string | null>(null);
export const trouble = signal<string | null>(null);

/** Small networks of well-known shapes with untrained weights, the test files of the package. */
export const examples: readonly { readonly name: string; readonly file: string; readonly url: string }[] = [
  { name: 'DCGAN generator', file: 'generator.onnx', url: generator },
  { name: 'FSRCNN ×3', file: 'fsrcnn-x3.onnx', url: fsrcnn },
  { name: 'U-Net', file: 'unet.onnx', url: unet },
  { name: 'Vocoder, 1-D', file: 'vocoder.onnx', url: vocoder },
  { name: 'Depthwise, 1-D', file: 'depthwise.onnx', url: depthwise },
];

const isModel = ({ name }: File) => /\.(onnx|tflite|safetensors|npy|npz)$/i.test(name);

const begin = turns();

/** Of several files the first with a model's ending is the model; the others are what it may name. */
export async function open(
  chosen: readonly File[],
  geometry?: NonNullable<ModelRequest['geometry']>,
): Promise<void> {
  const files = [...chosen].sort((a, b) => Number(isModel(b)) - Number(isModel(a)));
  if (files.length === 0) return;
  const isLast = begin();
  reading.value = files[0]?.name ?? '';
  trouble.value = null;
  try {
    const result = await engine.ask('model', { files, ...(geometry && { geometry }) });
    if (result !== STALE && isLast()) opened.value = { files, result };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (!isLast()) return;
    trouble.value = `${files[0]?.name}: ${told(error)}`;
  } finally {
    if (isLast()) reading.value = null;
  }
}

function told({ code, message }: EngineError): string {
  if (code !== 'LOAD_FAILED') return message;
  // Of the package's sentence for a program, what a person can do here.
  if (/external:/.test(message)) return `${message} Here: choose both files together.`;
  if (!/^readModel/.test(message)) return message;
  return 'the browser could not read it. Perhaps it is a folder, or was moved or changed since it was chosen.';
}

export async function openExample({ file, url }: (typeof examples)[number]): Promise<void> {
  const isLast = begin();
  reading.value = file;
  trouble.value = null;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status}`);
    const bytes = await response.blob();
    if (isLast()) await open([new File([bytes], file)]);
  } catch (error) {
    if (!isLast()) return;
    reading.value = null;
    trouble.value = `${file} could not be loaded from this page's own server (${String(error)}).`;
  }
}
