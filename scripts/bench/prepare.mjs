// What the candidates need on disk, made afresh for every run.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NotSupported } from './candidates/not-supported.mjs';
import { CHAINS, modelOf, onnxGraphOf } from './chains.mjs';
import { copyLitert, copyPackages } from './copies.mjs';
import { folders } from './folders.mjs';
import { geometryOf, product } from './geometry.mjs';
import { mirrored } from './mirror.mjs';
import { onnxGraph, onnxModel } from './models/onnx.mjs';
import { tfliteModel } from './models/tflite.mjs';
import { tfliteLayer } from './models/tflite-layer.mjs';
import { makeParameters } from './problem.mjs';

export async function prepare(layers) {
  await copyPackages();
  await copyLitert();
  await rm(folders.models, { recursive: true, force: true });
  await mkdir(folders.models, { recursive: true });
  for (const layer of layers) await writeModels(geometryOf(layer));
  for (const chain of CHAINS) {
    await writeFile(path.join(folders.models, modelOf(chain)), onnxGraph(onnxGraphOf(chain)));
  }
}

async function writeModels(geometry) {
  const { weight } = makeParameters(geometry);
  const file = (kind) => path.join(folders.models, `${geometry.name}.${kind}`);
  await writeFile(file('onnx'), onnxModel(geometry, weight));
  try {
    const layer = tfliteLayer(geometry);
    const { kernel } = layer.geometry;
    const values = layer.mirrored ? mirrored(weight, weight.length / product(kernel), kernel, 1) : weight;
    await writeFile(file('tflite'), tfliteModel(layer, values));
  } catch (error) {
    if (!(error instanceof NotSupported)) throw error;
  }
}
