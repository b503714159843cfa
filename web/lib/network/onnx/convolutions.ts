// Convolutions, by the reading of their attributes that converted layers have.

import { type OnnxConvTransposeAttributes, onnxGeometry } from '../../convert/onnx-geometry.js';
import { isDeconvError } from '../../core/errors.js';
import { kernelReach } from '../../core/spec.js';
import { notFoldable } from '../../models/folding/folded.js';
import { convolutionAttributes } from '../../models/onnx/forms.js';
import { constantOf, type NodeRule, titleOf } from './node.js';

const convolution =
  (base: 'Conv' | 'ConvTranspose'): NodeRule =>
  (loaded) => {
    const { node } = loaded;
    const transposed = base === 'ConvTranspose';
    const tensor = loaded.required(1, 'weight');
    const biasTensor = loaded.constant(2, 'bias');
    const attributes = convolutionAttributes(node, transposed, tensor.shape.length - 2);
    const where = titleOf(node);
    const { kernel, stride, dilation, pads } = geometryOf(where, base, attributes, tensor.shape);
    const [weight, bias] = [constantOf(tensor), biasTensor && constantOf(biasTensor)];
    const outputs = kernel.outChannels;
    if (bias !== null && bias.data.length !== outputs) {
      notFoldable(`its bias has ${bias.data.length} values for ${outputs} channels`);
    }
    return (call) => {
      const shape = call.shape(0);
      if (shape.length !== stride.length + 2) notFoldable(`its input has ${shape.length} axes`);
      const pairs = stride.map((step, index) => {
        const reach = kernelReach({ kernel: kernel.kernel, dilation }, index);
        return pads({ where, index, input: shape[index + 2] as number, reach, stride: step });
      });
      call.result(
        {
          kind: 'convolution',
          transposed,
          weight,
          bias,
          stride,
          dilation,
          groups: kernel.groups,
          // A crop below nothing is what PyTorch says by an output padding.
          pads: transposed ? pairs.map(([before, after]) => [before, Math.max(after, 0)]) : pairs,
          outputPadding: pairs.map(([, after]) => (transposed ? Math.max(-after, 0) : 0)),
          layout: 'channels-first',
        },
        [call.value(0)],
      );
    };
  };

function geometryOf(
  where: string,
  base: 'Conv' | 'ConvTranspose',
  attributes: OnnxConvTransposeAttributes,
  shape: readonly number[],
) {
  try {
    return onnxGeometry(where, base, attributes, shape);
  } catch (error) {
    if (!isDeconvError(error)) throw error;
    return notFoldable(`its attributes are none that run: ${error.message}`);
  }
}

export const CONVOLUTIONS: Readonly<Record<string, NodeRule>> = {
  Conv: convolution('Conv'),
  ConvTranspose: convolution('ConvTranspose'),
};
