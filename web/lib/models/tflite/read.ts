import { refuse } from '../../core/checks.js';
import type { FileContents } from '../file-contents.js';
import { FlatTable } from '../flat.js';
import { checkLayerCount, type ModelLayer } from '../layer.js';
import { LIMITS } from '../limits.js';
import { bytesSource, ModelFile } from '../source.js';
import type { ModelTensor } from '../tensor.js';
import { readLayer } from './layers.js';
import { CODE, MODEL } from './schema.js';
import { type OperatorCode, Subgraph } from './subgraph.js';
import { shufflesOf } from './upsampling.js';

/** The whole file is read: a flatbuffer's tables lie anywhere in it. Weights are views on it. */
export async function openTflite(file: ModelFile) {
  if (file.size > LIMITS.flatbuffer) {
    refuse('TOO_LARGE', 'readModel', `a .tflite file of at most ${LIMITS.flatbuffer} bytes`, file.size);
  }
  const bytes = await file.read('readModel', 'the file', 0, file.size);
  // Weights come from here too, not from the file a second time.
  const held = new ModelFile(bytesSource(bytes), file.location);
  const model = FlatTable.root(bytes);
  const version = model.integer(MODEL.version, 0);
  if (version !== 3) refuse('BAD_MODEL', 'readModel', "version 3 of TFLite's schema", version);
  const codes = model.tables(MODEL.codes).map(
    (code): OperatorCode => ({
      // Numbers beyond a byte are in a field of their own.
      builtin: Math.max(code.byte(CODE.oldBuiltin, 0), code.integer(CODE.builtin, 0)),
      custom: code.text(CODE.custom).slice(0, 100),
    }),
  );
  const buffers = model.tables(MODEL.buffers);
  const subgraphs = model
    .tables(MODEL.subgraphs)
    .map((table) => new Subgraph(held, bytes, table, buffers, codes));
  return { model, subgraphs };
}

export async function readTflite(file: ModelFile, all: boolean): Promise<FileContents> {
  const { model, subgraphs } = await openTflite(file);
  const layers: ModelLayer[] = [];
  const tensors: ModelTensor[] = [];
  for (const [index, subgraph] of subgraphs.entries()) {
    const prefix = index === 0 ? '' : `${subgraph.title || `subgraph ${index}`}/`;
    const shuffles = shufflesOf(subgraph);
    for (const operator of subgraph.operators) {
      const layer = readLayer(subgraph, operator, shuffles, prefix, all);
      if (layer !== null) layers.push(layer);
      checkLayerCount(layers.length);
    }
    tensors.push(...subgraph.constants());
  }
  return { layers, tensors, producer: model.text(MODEL.description).slice(0, 1000) };
}
