// Models in ONNX's protobuf, with the field numbers of onnx/onnx.proto (IR version 8).

import protobuf from 'protobufjs';

const FLOAT = 1;
const [INT, INTS] = [2, 7];

const field = (type, id, rule) => ({ type, id, ...(rule === undefined ? {} : { rule }) });

const { root } = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field('int64', 1),
        producerName: field('string', 2),
        graph: field('GraphProto', 7),
        opsetImport: field('OperatorSetIdProto', 8, 'repeated'),
      },
    },
    OperatorSetIdProto: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    GraphProto: {
      fields: {
        node: field('NodeProto', 1, 'repeated'),
        name: field('string', 2),
        initializer: field('TensorProto', 5, 'repeated'),
        input: field('ValueInfoProto', 11, 'repeated'),
        output: field('ValueInfoProto', 12, 'repeated'),
      },
    },
    NodeProto: {
      fields: {
        input: field('string', 1, 'repeated'),
        output: field('string', 2, 'repeated'),
        opType: field('string', 4),
        attribute: field('AttributeProto', 5, 'repeated'),
      },
    },
    AttributeProto: {
      fields: {
        name: field('string', 1),
        i: field('int64', 3),
        ints: field('int64', 8, 'repeated'),
        type: field('int32', 20),
      },
    },
    TensorProto: {
      fields: {
        dims: field('int64', 1, 'repeated'),
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
      },
    },
    ValueInfoProto: { fields: { name: field('string', 1), type: field('TypeProto', 2) } },
    TypeProto: { fields: { tensorType: field('TensorTypeProto', 1) } },
    TensorTypeProto: { fields: { elemType: field('int32', 1), shape: field('TensorShapeProto', 2) } },
    TensorShapeProto: { fields: { dim: field('DimensionProto', 1, 'repeated') } },
    DimensionProto: { fields: { dimValue: field('int64', 1) } },
  },
});

export const ModelProto = root.lookupType('ModelProto');

/** Bytes of a model of one ConvTranspose. */
export function onnxModel(geometry, weight) {
  const { name, batch, inChannels, outChannels, groups, input, output, kernel, padding } = geometry;
  return onnxGraph({
    name,
    nodes: [
      {
        opType: 'ConvTranspose',
        input: ['x', 'w'],
        output: ['y'],
        attributes: {
          kernel_shape: kernel,
          strides: geometry.stride,
          // First all beginnings, then all ends.
          pads: [...padding, ...padding],
          output_padding: geometry.outputPadding,
          dilations: geometry.dilation,
          group: groups,
        },
      },
    ],
    initializers: [{ name: 'w', dims: [inChannels, outChannels / groups, ...kernel], data: weight }],
    input: [batch, inChannels, ...input],
    output: [batch, outChannels, ...output],
  });
}

/** Bytes of a model with input `x` and output `y` of these shapes, both channels first. */
export function onnxGraph({ name, nodes, initializers, input, output }) {
  const value = (of, shape) => ({
    name: of,
    type: { tensorType: { elemType: FLOAT, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  });
  return ModelProto.encode({
    irVersion: 8,
    producerName: 'deconv-wasm bench',
    opsetImport: [{ domain: '', version: 11 }],
    graph: {
      name,
      node: nodes.map(({ attributes, ...node }) => ({
        ...node,
        attribute: Object.entries(attributes).map(([key, given]) =>
          Array.isArray(given) ? { name: key, ints: given, type: INTS } : { name: key, i: given, type: INT },
        ),
      })),
      initializer: initializers.map(({ name: own, dims, data }) => ({
        name: own,
        dims,
        dataType: FLOAT,
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: [value('x', input)],
      output: [value('y', output)],
    },
  }).finish();
}
