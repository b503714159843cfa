import type { FileContents } from '../file-contents.js';
import { checkLayerCount, type ModelLayer } from '../layer.js';
import type { ModelFile } from '../source.js';
import type { ModelTensor } from '../tensor.js';
import { useOf } from './constant-users.js';
import { readLayer } from './layers.js';
import { openTflite } from './open.js';
import { MODEL } from './schema.js';
import { shufflesOf } from './upsampling.js';

export async function readTflite(file: ModelFile, all: boolean): Promise<FileContents> {
  const { model, subgraphs } = await openTflite(file);
  const layers: ModelLayer[] = [];
  const tensors: ModelTensor[] = [];
  const named = subgraphs.map((subgraph, index) => ({
    subgraph,
    prefix: index === 0 ? '' : `${subgraph.title || `subgraph ${index}`}/`,
  }));
  for (const { subgraph, prefix } of named) {
    const shuffles = shufflesOf(subgraph);
    for (const operator of subgraph.operators) {
      const use = (tensor: number) => useOf(named, subgraph, operator, tensor);
      const layer = readLayer(subgraph, operator, { shuffles, use }, prefix, all);
      if (layer !== null) layers.push(layer);
      checkLayerCount(layers.length);
    }
    tensors.push(...subgraph.constants());
  }
  return { layers, tensors, producer: model.text(MODEL.description).slice(0, 1000) };
}
