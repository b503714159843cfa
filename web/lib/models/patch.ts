import { hasBrand, MODEL, MODEL_LAYER } from '../core/brands.js';
import { checkOptions, describe, refuse } from '../core/checks.js';
import { checkProgress } from '../core/progress.js';
import { isList, isRecord, isUrl } from '../core/realms.js';
import { checkParameter, type Tensor, type TensorData, type TensorLike } from '../core/tensor.js';
import { type OutputFile, writeFiles } from './files.js';
import type { ConstantUse, ModelLayer } from './layer.js';
import type { Model } from './model.js';
import type { ModelTensor } from './tensor.js';
import type { ByteRange, FileEdit } from './tensor-content.js';

/** A layer of the model and its new weight, in the order and shape that `layer.weight()` gives. */
export interface WeightChange {
  readonly layer: ModelLayer;
  readonly weight: TensorLike | TensorData;
  /** A new bias, for a layer that has one. Default: the old one, for null as well. */
  readonly bias?: TensorLike | TensorData | null;
}

/** A file of the patched model. */
export interface PatchedFile extends OutputFile {
  /** Ranges that differ from the original. */
  readonly changed: readonly ByteRange[];
}

/** What {@link patchModel} gives. */
export interface PatchedModel {
  /** The model, then its external data. */
  readonly files: readonly PatchedFile[];
  /** What the file holds now in place of each change: the weight, rounded to the file's type. */
  readonly stored: readonly Tensor[];
  /** For each change, what else takes the old weight or bias. */
  readonly shared: readonly SharedWeight[];
}

/** What takes the weight or the bias of a changed layer beside it; empty lists for none. */
export interface SharedWeight {
  /** Nodes, and outputs of the model that it is, by the file's names. */
  readonly users: readonly string[];
  /** Those among them that change too: they are changed layers, or cannot keep the old one. */
  readonly changed: readonly string[];
}

/**
 * Options of {@link writeModel}.
 *
 * @example
 * const model = await readModel('generator.onnx');
 * const changes = [{ layer: model.layers[1], weight: await model.layers[1].weight() }];
 * await writeModel(model, changes, 'copy.onnx', { signal: AbortSignal.timeout(60_000) });
 * const copy = await readModel('copy.onnx');
 * console.log(copy.layers.length === model.layers.length); // true
 * for (const each of [model, copy]) await each.close();
 */
export interface WriteModelOptions {
  /** Stops the writing: it rejects with the signal's reason, and no file is left. */
  readonly signal?: AbortSignal | undefined;
}

interface Patch extends FileEdit {
  readonly owner: string;
}

/** What takes a changed constant. */
interface Users {
  readonly all: string[];
  readonly changed: string[];
}

/** Copied at a time. */
const CHUNK = 1 << 22;

/**
 * The model's files with new weights in the place of the old ones, and every other byte as it was. A weight that
 * an ONNX file computes, or that others take than the changed layers, becomes a constant at its end, and only the layer's
 * name for it changes. In a TFLite file others change with it: `shared` names them.
 * Nothing is written: `files` stream what should be. The model must stay open until then.
 *
 * Formats: ONNX (float32, float64, float16, bfloat16; inside or in external data), TFLite, safetensors, npy,
 * npz unless compressed.
 *
 * @throws {DeconvError} `UNSUPPORTED` for weights that cannot be changed (`layer.patchObstacle`: quantized,
 *   compressed); `BAD_OPTION` if two changes meet in the same bytes; `BAD_SHAPE`, `BAD_TYPE`
 *
 * @example
 * const model = await readModel('generator.onnx');
 * const layer = model.layers[1];
 * const geometry = { stride: layer.geometry.stride };
 * const { weight } = repairKernels({ geometry, weight: await layer.weight() });
 * const { files } = await patchModel(model, [{ layer, weight }]);
 * let bytes = 0;
 * for await (const part of files[0].stream()) bytes += part.length;
 * console.log(files.length, bytes === files[0].size); // 1 true
 * await model.close();
 */
export async function patchModel(model: Model, changes: readonly WeightChange[]): Promise<PatchedModel> {
  const where = 'patchModel';
  if (!hasBrand(model, MODEL)) refuse('BAD_TYPE', where, 'a model of readModel', model);
  if (!isList(changes)) refuse('BAD_TYPE', where, 'a list of { layer, weight }', changes);
  const read = [...changes].map((given, index) => {
    const { layer, weight, bias } = checkOptions<WeightChange>(where, isRecord(given) ? given : {}, [
      'layer',
      'weight',
      'bias',
    ]);
    if (!hasBrand(layer, MODEL_LAYER) || !model.layers.includes(layer)) {
      refuse('BAD_OPTION', where, `changes[${index}].layer to be a layer of the model`, layer);
    }
    const { weightShape: shape, weightTensor, biasTensor } = layer;
    const values = checkParameter(where, `the weight of ${describe(layer.name)}`, weight, shape);
    if (weightTensor === null) refuse('UNSUPPORTED', where, 'a layer with a weight', layer.name);
    if (bias === undefined || bias === null) return { layer, shape, weightTensor, values, added: null };
    if (biasTensor === null) refuse('UNSUPPORTED', where, 'a layer with a bias', layer.name);
    const added = checkParameter(where, `the bias of ${describe(layer.name)}`, bias, biasTensor.shape);
    return { layer, shape, weightTensor, values, added: { biasTensor, values: added } };
  });
  const weighted = new Set(read.flatMap(({ layer }) => layer.uses.weight?.node ?? []));
  const biased = new Set(
    read.flatMap(({ layer, added }) => (added === null ? [] : (layer.uses.bias?.node ?? []))),
  );
  const patches: Patch[] = [];
  const stored: Tensor[] = [];
  const shared: SharedWeight[] = [];
  for (const { layer, shape, weightTensor, values, added } of read) {
    const { weight: weightUse, bias: biasUse } = layer.uses;
    const users: Users = { all: [], changed: [] };
    const { order, canonical } = layer.weightOrder();
    const ordered = canonical ? values : order.fromCanonical(values);
    const mustReplace = weightTensor.patchObstacle !== null && layer.patchObstacle === null;
    const change = await editsOf(where, weightTensor, weightUse, ordered, weighted, users, mustReplace);
    stored.push({ data: canonical ? change.stored : order.toCanonical(change.stored), shape });
    const edits = [...change.edits];
    if (added !== null) {
      edits.push(...(await editsOf(where, added.biasTensor, biasUse, added.values, biased, users)).edits);
    }
    for (const edit of edits) patches.push({ ...edit, owner: layer.name });
    shared.push({ users: [...new Set(users.all)], changed: [...new Set(users.changed)] });
  }
  const files = model.opened.files.map((file): PatchedFile => {
    const here = patches.filter(({ location }) => location === file.location);
    const own = merged(here.filter(({ appended }) => appended !== true));
    const added = here.filter(({ appended }) => appended === true).map(({ bytes }) => bytes);
    const grown = added.reduce((sum, { length }) => sum + length, 0);
    const changed = own.map(({ offset, bytes }) => ({ offset, length: bytes.length }));
    if (grown > 0) changed.push({ offset: file.size, length: grown });
    return {
      location: file.location,
      size: file.size + grown,
      changed,
      async *stream() {
        let next = 0;
        for (let start = 0; start < file.size; start += CHUNK) {
          const end = Math.min(file.size, start + CHUNK);
          const original = await file.read('a range', start, end - start, where);
          const chunk = new Uint8Array(original);
          // A patch may reach over several chunks.
          for (let index = next; index < own.length; index += 1) {
            const { offset, bytes } = own[index] as Patch;
            if (offset >= end) break;
            const from = Math.max(offset, start);
            const to = Math.min(offset + bytes.length, end);
            chunk.set(bytes.subarray(from - offset, to - offset), from - start);
            if (offset + bytes.length <= end) next = index + 1;
          }
          yield chunk;
        }
        yield* added;
      },
    };
  });
  return { files, stored, shared };
}

/**
 * Writes `patchModel`'s files (Node): the model to `path`, its external data beside it. The model that was
 * read may be replaced; external data are never written over, so a model with some goes to another folder. Of a
 * link the file that it leads to is written, be it there or not.
 *
 * @returns what `patchModel` does
 * @throws {DeconvError} what `patchModel` does; `BAD_OPTION` if external data would replace a file,
 *   or for what is no regular file; `LOAD_FAILED` if a file cannot be written; `UNSUPPORTED` in a page
 *
 * @example
 * const model = await readModel('generator.onnx');
 * const layer = model.layers[1];
 * await writeModel(model, [{ layer, weight: (await layer.weight()).data.fill(0) }], 'zeros.onnx');
 * await model.close();
 * const zeros = await readModel('zeros.onnx');
 * console.log((await zeros.layers[1].weight()).data.every((value) => value === 0)); // true
 * await zeros.close();
 */
export async function writeModel(
  model: Model,
  changes: readonly WeightChange[],
  path: string | URL,
  options: WriteModelOptions = {},
): Promise<PatchedModel> {
  const { signal } = checkOptions<WriteModelOptions>('writeModel', options, ['signal']);
  checkProgress('writeModel', { signal });
  if (typeof path !== 'string' && !isUrl(path))
    refuse('BAD_TYPE', 'writeModel', 'a path or the URL of a file', path);
  const patched = await patchModel(model, changes);
  await writeFiles(path, patched.files, signal);
  return patched;
}

/**
 * What must change in the files for new values, in the file's order: those that the node takes become its own where
 * others than the `changing` nodes take them too.
 */
async function editsOf(
  where: string,
  tensor: ModelTensor,
  use: ConstantUse | undefined,
  values: Float32Array,
  changing: ReadonlySet<object>,
  users: Users,
  mustReplace = false,
) {
  const others = ((await use?.users()) ?? []).filter(({ node }) => node !== use?.node);
  const tied = others.filter(({ node }) => changing.has(node));
  const { replacement } = use ?? {};
  const canReplace = tensor.patchObstacle === null && replacement?.obstacle === null;
  const replaced = mustReplace || (canReplace && tied.length < others.length);
  users.all.push(...others.map(({ name }) => name));
  users.changed.push(...(replaced ? tied : others).map(({ name }) => name));
  return replaced && replacement !== undefined
    ? replacement.edits(tensor.shape, tensor.dtype, values)
    : tensor.edits(where, values);
}

/** In order. Layers may share a weight: then they have to agree on it. */
function merged(patches: readonly Patch[]): Patch[] {
  const result: Patch[] = [];
  for (const patch of [...patches].sort((a, b) => a.offset - b.offset)) {
    const last = result.at(-1);
    if (last === undefined || last.offset + last.bytes.length <= patch.offset) {
      result.push(patch);
      continue;
    }
    const same =
      last.offset === patch.offset &&
      last.bytes.length === patch.bytes.length &&
      last.bytes.every((byte, index) => byte === patch.bytes[index]);
    if (same) continue;
    refuse(
      'BAD_OPTION',
      'patchModel',
      `changes of ${describe(last.owner)} and ${describe(patch.owner)} that agree, as they share bytes of the file`,
      'two different ones',
    );
  }
  return result;
}
