import { describe, fault, refuse } from '../../core/checks.js';
import type { ModelDtype } from '../../models/dtypes.js';
import { Constants, type ExternalFiles } from '../../models/onnx/constants.js';
import { OnnxGraph } from '../../models/onnx/graph.js';
import {
  DIMENSION,
  DTYPES,
  GRAPH,
  MODEL,
  modelSchema,
  TENSOR,
  TENSOR_TYPE,
  VALUE,
} from '../../models/onnx/schema.js';
import { readers } from '../../models/readers.js';
import type { ModelFile } from '../../models/source.js';
import { type Message, readMessage, topLevelFields } from '../../models/wire.js';
import type { FrontEnd } from '../front-end.js';
import { listedOnce, type PortInfo } from '../ports.js';
import { OnnxNetwork } from './network.js';
import { Plan } from './plan.js';

/**
 * A network of an ONNX file.
 *
 * @param external gives the files that it names by a location
 * @param wanted names of values that it shall be able to give; null for the model's outputs
 * @throws {DeconvError} `UNSUPPORTED` with all nodes in `detail.nodes` that keep the wanted values from being
 *   computed; `BAD_MODEL`, `LOAD_FAILED`, `TOO_LARGE`, `BAD_OPTION` for names that are none
 */
export async function readOnnxNetwork(
  file: ModelFile,
  external: ExternalFiles,
  wanted: readonly string[] | null = null,
): Promise<FrontEnd> {
  const where = 'loadNetwork';
  if ((await topLevelFields(file)).get(MODEL.graph) !== true) {
    return (await readers.foreign()).refuseForeign(file);
  }
  const model = await readMessage(file, modelSchema);
  const opsets = model.messages(MODEL.opset);
  const graph = new OnnxGraph(model);
  const constants = new Constants(file, graph, external, readers);
  const { main } = graph;
  const ports = (field: number) => model.messages(MODEL.graph).flatMap((part) => part.messages(field));
  // Weights may be listed among the inputs.
  const declared = ports(GRAPH.input).filter((port) => !main.initializers.has(port.text(VALUE.name)));
  for (const port of ports(GRAPH.input)) checkDefault(port, main.initializers.get(port.text(VALUE.name)));
  const inputs = declared.map(portOf);
  const outputs = listedOnce(ports(GRAPH.output).map(portOf));
  if (outputs.length === 0) refuse('BAD_MODEL', where, 'a graph with outputs', 'one without');
  const types = new Map(declared.map((port) => [port.text(VALUE.name), typeOf(port)]));
  const plan = new Plan(graph, constants, types, opsets);
  for (const name of wanted ?? []) {
    if (types.has(name) || main.initializers.has(name) || main.producer(name) !== undefined) continue;
    refuse('BAD_OPTION', where, 'outputs among the names of values in the file', name);
  }
  await plan.need(wanted ?? outputs.map(({ name }) => name));
  return new OnnxNetwork(inputs, outputs, plan);
}

/** What an input is where nothing is given for it is of its type. */
function checkDefault(port: Message, tensor: Message | undefined): void {
  const wanted = port.message(VALUE.type)?.message(1)?.integer(TENSOR_TYPE.element);
  const element = tensor?.integer(TENSOR.type);
  if (!wanted || !element || wanted === element) return;
  const name = (type: number) => DTYPES[type] ?? `ONNX's data type ${type}`;
  const what = `the constant ${describe(port.text(VALUE.name))} of the type of its input (${name(wanted)})`;
  refuse('BAD_MODEL', 'loadNetwork', what, name(element));
}

/** ONNX's number of the type of a tensor's values; 0 for what is no tensor. */
function elementOf(port: Message): number {
  const type = port.message(VALUE.type);
  const tensor = type?.message(1);
  return tensor?.integer(TENSOR_TYPE.element) ?? (type === undefined || tensor !== undefined ? 1 : 0);
}

function typeOf(port: Message): ModelDtype {
  const element = elementOf(port);
  const dtype = DTYPES[element];
  if (dtype !== undefined) return dtype;
  throw fault(
    'UNSUPPORTED',
    'loadNetwork',
    'inputs that are tensors of numbers',
    `${JSON.stringify(port.text(VALUE.name))} of ${element === 0 ? 'another kind' : `ONNX's data type ${element}`}`,
    '',
    { nodes: [] },
  );
}

function portOf(port: Message): PortInfo {
  const name = port.text(VALUE.name);
  const dims = port.message(VALUE.type)?.message(1)?.message(TENSOR_TYPE.shape)?.messages(1) ?? [];
  const shape = dims.slice(0, 100).map((dim, axis) => {
    const length = dim.integer(DIMENSION.length) ?? 0;
    // Files have -1 and 0 where they mean any.
    return length > 0 ? length : dim.text(DIMENSION.name) || `${name}.${axis}`;
  });
  return { name, shape, type: DTYPES[elementOf(port)] ?? 'unknown' };
}
