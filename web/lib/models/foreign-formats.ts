import { refuse } from '../core/checks.js';
import type { ModelFile } from './source.js';
import { topLevelFields } from './wire.js';

/** What other files than ours are, and what to do with them. */
interface Format {
  readonly title: string;
  readonly advice: string;
}

const TORCH = 'Export it as ONNX (torch.onnx.export) or safetensors (safetensors.torch.save_file).';
const KERAS = 'Export it as ONNX (model.export or tf2onnx) or TFLite, or save its weights with numpy.savez.';
const TENSORFLOW = 'Convert it to ONNX (tf2onnx) or TFLite.';
const ORIGINAL = 'Take the ONNX or TFLite file that it was made of.';
const UNPACK = 'Unpack it and pass the model in it.';

const FORMATS = {
  torch: { title: 'a PyTorch checkpoint', advice: `${TORCH}` },
  torchScript: { title: 'a TorchScript program', advice: TORCH },
  torchExport: { title: 'a program of torch.export', advice: 'Export it as ONNX (torch.onnx.export).' },
  pickle: { title: 'a Python pickle', advice: TORCH },
  keras: { title: 'a Keras model', advice: KERAS },
  hdf5: { title: 'an HDF5 file (Keras .h5 or weights)', advice: KERAS },
  savedModel: { title: 'a TensorFlow SavedModel', advice: TENSORFLOW },
  graphDef: { title: 'a TensorFlow graph (GraphDef)', advice: TENSORFLOW },
  tfjs: {
    title: 'a TensorFlow.js model',
    advice: 'Take the model that it was converted from, as ONNX or TFLite.',
  },
  tasks: { title: 'a MediaPipe task bundle', advice: 'Unzip it and pass the .tflite file in it.' },
  ort: {
    title: "a model in ONNX Runtime's own format (.ort)",
    advice: 'Take the .onnx file that it was made of.',
  },
  executorch: { title: 'an ExecuTorch program', advice: ORIGINAL },
  coreml: { title: 'a Core ML model', advice: ORIGINAL },
  openvino: { title: 'an OpenVINO model', advice: ORIGINAL },
  caffe: { title: 'a Caffe model', advice: 'Convert it to ONNX.' },
  ncnn: { title: 'an ncnn model', advice: ORIGINAL },
  gguf: { title: 'a GGUF file', advice: 'Take the safetensors that it was made of.' },
  ggml: { title: 'a GGML file', advice: 'Take the safetensors that it was made of.' },
  lfs: { title: 'a pointer of Git LFS and not the file itself', advice: 'Fetch it with git lfs pull.' },
  html: {
    title: 'a web page',
    advice: 'The address leads to a page about the file, perhaps, and not to it.',
  },
  json: { title: 'JSON text', advice: 'Pass the file with the weights.' },
  xml: { title: 'XML text', advice: 'Pass the file with the weights.' },
  packed: { title: 'a compressed file', advice: UNPACK },
  tar: { title: 'a tar archive', advice: UNPACK },
  picture: { title: 'a picture', advice: 'Pass a model.' },
  program: { title: 'a Java or Android program', advice: 'Pass the model in it.' },
  office: { title: 'an office document', advice: 'Pass a model.' },
} as const satisfies Record<string, Format>;

/** First bytes, as characters, at a place. */
const MAGIC: readonly (readonly [place: number, bytes: string, format: keyof typeof FORMATS])[] = [
  [0, '\x89HDF\r\n\x1a\n', 'hdf5'],
  [0, '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19', 'torch'],
  ...[2, 3, 4, 5].map((version) => [0, `\x80${String.fromCharCode(version)}`, 'pickle'] as const),
  [4, 'ORTM', 'ort'],
  [4, 'ET12', 'executorch'],
  [0, 'GGUF', 'gguf'],
  ...['lmgg', 'tjgg', 'fmgg', 'GGML'].map((word) => [0, word, 'ggml'] as const),
  [0, '7767517', 'ncnn'],
  [0, 'version https://git-lfs', 'lfs'],
  [257, 'ustar', 'tar'],
  ...['\x1f\x8b', 'BZh', '\xfd7zXZ', '(\xb5/\xfd', '7z\xbc\xaf', 'Rar!'].map(
    (word) => [0, word, 'packed'] as const,
  ),
  ...['\x89PNG', '\xff\xd8\xff', 'GIF8', '%PDF'].map((word) => [0, word, 'picture'] as const),
];

/** Entries of a zip archive that tell whose it is. */
const ENTRIES: readonly (readonly [name: RegExp, format: keyof typeof FORMATS])[] = [
  [/(^|\/)archive_format$|(^|\/)(serialized_exported_program\.json|models\/model\.json)$/, 'torchExport'],
  [/(^|\/)constants\.pkl$|(^|\/)code\/__torch__/, 'torchScript'],
  [/(^|\/)data\.pkl$/, 'torch'],
  [/\.weights\.h5$/, 'keras'],
  [/\.tflite$/, 'tasks'],
  [/(^|\/)saved_model\.pb$/, 'savedModel'],
  [/com\.apple\.CoreML\//, 'coreml'],
  [/^(META-INF\/MANIFEST\.MF|AndroidManifest\.xml)$/, 'program'],
  [/^\[Content_Types\]\.xml$/, 'office'],
];

/** Names of an archive without arrays, in words. */
export function refuseArchive(names: readonly string[]): never {
  const known = ENTRIES.find(([pattern]) => names.some((name) => pattern.test(name)));
  if (known !== undefined) return refuseFormat(FORMATS[known[1]]);
  const shown = names.slice(0, 3).join(', ').slice(0, 100);
  return refuseFormat({
    title: 'a zip archive without arrays',
    advice: names.length === 0 ? 'It is empty.' : `It holds ${shown}. ${UNPACK}`,
  });
}

/** Refuses a file that begins as none of ours does, and says what it is. */
export async function refuseForeign(file: ModelFile): Promise<never> {
  const head = await file.read('the file', 0, Math.min(file.size, 4096));
  const text = String.fromCharCode(...head);
  if (head.length === 0)
    refuseFormat({ title: 'an empty file', advice: 'It was not written or downloaded whole, perhaps.' });
  const magic = MAGIC.find(([place, bytes]) => text.startsWith(bytes, place));
  const found = magic?.[2] ?? textFormat(text) ?? (await protobufFormat(file));
  return refuseFormat(
    found === undefined
      ? { title: 'bytes of none of them', advice: `It is damaged, perhaps. ${GENERAL}` }
      : FORMATS[found],
  );
}

const GENERAL = 'Checkpoints (.pt, .h5, SavedModel) have to be exported first.';

function refuseFormat({ title, advice }: Format): never {
  return refuse(
    'BAD_MODEL',
    'readModel',
    'a model file (ONNX, TFLite, safetensors, npy or npz)',
    title,
    advice,
  );
}

function textFormat(text: string): keyof typeof FORMATS | undefined {
  const start = text.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (start.startsWith('{')) {
    return /"(modelTopology|weightsManifest)"|"format"\s*:\s*"(graph|layers)-model"/.test(text)
      ? 'tfjs'
      : 'json';
  }
  if (/^<!doctype html|^<html/i.test(start)) return 'html';
  if (start.startsWith('<')) return /<net\s[^>]*version=/.test(text) ? 'openvino' : 'xml';
  return undefined;
}

/** Messages of others, told apart by the numbers of their fields. */
async function protobufFormat(file: ModelFile): Promise<keyof typeof FORMATS | undefined> {
  const fields = await topLevelFields(file);
  const numbers = [...fields.keys()];
  const has = (field: number, bytes: boolean) => fields.get(field) === bytes;
  if (has(1, false) && has(2, true) && numbers.some((field) => field >= 200)) return 'coreml';
  if (has(1, false) && has(2, true) && numbers.length === 2) return 'savedModel';
  if (has(1, true) && has(100, true)) return 'caffe';
  if (has(1, true) && numbers.every((field) => field <= 5)) return 'graphDef';
  return undefined;
}
