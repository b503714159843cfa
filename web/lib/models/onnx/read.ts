import type { FileContents } from '../file-contents.js';
import { checkLayerCount, type ModelLayer } from '../layer.js';
import type { ModelFile } from '../source.js';
import { readMessage, topLevelFields } from '../wire.js';
import { type ConstantImports, Constants, type ExternalFiles } from './constants.js';
import { type QuantizedWeights, readConvolution, unreadLayer } from './convolutions.js';
import { OnnxGraph } from './graph.js';
import { MODEL, modelSchema } from './schema.js';

/** Operators that may make a convolution beside them enlarge. */
const ENLARGING: ReadonlySet<string> = new Set(['DepthToSpace', 'Resize', 'Transpose', 'Upsample']);

/** What is imported when a file needs it. */
export interface OnnxImports extends ConstantImports {
  readonly upsampling: () => Promise<typeof import('./upsampling.js')>;
  readonly quantized: QuantizedWeights;
  readonly foreign: () => Promise<{ refuseForeign(file: ModelFile): Promise<never> }>;
}

/** The convolutions of an ONNX model; `external` gives the files that it names by a location. */
export async function readOnnx(
  file: ModelFile,
  external: ExternalFiles,
  all: boolean,
  imports: OnnxImports,
): Promise<FileContents> {
  if ((await topLevelFields(file)).get(MODEL.graph) !== true) {
    return (await imports.foreign()).refuseForeign(file);
  }
  const model = await readMessage(file, modelSchema);
  const graph = new OnnxGraph(model);
  const constants = new Constants(file, graph, external, imports);
  const layers: ModelLayer[] = [];
  // Listed, as a convolution is also what stands before and behind it.
  const nodes = [...graph.walk()];
  const upsamplings = nodes.some(({ type }) => ENLARGING.has(type))
    ? await (await imports.upsampling()).findUpsamplings(nodes, graph, constants)
    : null;
  for (const node of nodes) {
    const layer =
      (await readConvolution(node, { constants, upsamplings, quantized: imports.quantized }, all)) ??
      unreadLayer(node, upsamplings, all);
    if (layer === null) continue;
    layers.push(layer);
    checkLayerCount(layers.length);
  }
  return { layers, tensors: constants.tensors(), producer: model.text(MODEL.producer) };
}
