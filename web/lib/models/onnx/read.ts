import type { FileContents } from '../file-contents.js';
import { checkLayerCount, type ModelLayer } from '../layer.js';
import type { ModelFile } from '../source.js';
import { readMessage, topLevelFields } from '../wire.js';
import { Constants, type ExternalFiles } from './constants.js';
import { readConvolution } from './convolutions.js';
import { OnnxGraph } from './graph.js';
import { MODEL, modelSchema } from './schema.js';

/**
 * The convolutions of an ONNX model; `external` gives the files that it names by a location, and
 * `foreign` refuses a file that is none.
 */
export async function readOnnx(
  file: ModelFile,
  external: ExternalFiles,
  all: boolean,
  foreign: (file: ModelFile) => Promise<never>,
): Promise<FileContents> {
  if ((await topLevelFields(file)).get(MODEL.graph) !== true) {
    return foreign(file);
  }
  const model = await readMessage(file, modelSchema);
  const graph = new OnnxGraph(model);
  const constants = new Constants(file, graph, external);
  const layers: ModelLayer[] = [];
  for (const node of graph.walk()) {
    const layer = await readConvolution(node, constants, all);
    if (layer === null) continue;
    layers.push(layer);
    checkLayerCount(layers.length);
  }
  return { layers, tensors: constants.tensors(), producer: model.text(MODEL.producer) };
}
