import { refuse } from '../../core/checks.js';
import { FlatTable } from '../flat.js';
import { LIMITS } from '../limits.js';
import { bytesSource, ModelFile } from '../source.js';
import { CODE, MODEL } from './schema.js';
import { type OperatorCode, Subgraph } from './subgraph.js';

/** The whole file is read: a flatbuffer's tables lie anywhere in it. Weights are views on it. */
export async function openTflite(file: ModelFile) {
  if (file.size > LIMITS.flatbuffer) {
    refuse('TOO_LARGE', 'readModel', `a .tflite file of at most ${LIMITS.flatbuffer} bytes`, file.size);
  }
  const bytes = await file.read('the file', 0, file.size);
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
