import type { Geometry } from '../../convert/converted-layer.js';
import { fromTflite } from '../../convert/index.js';
import { tfliteGeometry } from '../../convert/tflite.js';
import { describe } from '../../core/checks.js';
import type { FlatTable } from '../flat.js';
import { biasProblem, type ConstantUse, isResampling, ModelLayer, tryGeometry } from '../layer.js';
import { soundsLikeConvolution, soundsLikeShuffle } from '../sounds-like-convolution.js';
import {
  BUILTIN,
  OPERATOR,
  type OperatorFormat,
  readCustomOptions,
  readOptions,
  TRANSPOSE_WITH_BIAS,
} from './schema.js';
import type { Subgraph } from './subgraph.js';
import { convolutionBefore, resizeBefore, type shufflesOf } from './upsampling.js';

/** What an operator is read with. */
interface Surroundings {
  readonly shuffles: ReturnType<typeof shufflesOf>;
  /** A tensor as the operator takes it. */
  readonly use: (tensor: number) => ConstantUse;
}

/** The layer that an operator is; null for one that is none, and for one that keeps the resolution unless `all`. */
export function readLayer(
  subgraph: Subgraph,
  operator: FlatTable,
  surroundings: Surroundings,
  prefix: string,
  all: boolean,
): ModelLayer | null {
  const format = subgraph.format(operator);
  return format === undefined
    ? unreadLayer(subgraph, operator, prefix)
    : readConvolution(subgraph, operator, format, surroundings, prefix, all);
}

function readConvolution(
  subgraph: Subgraph,
  operator: FlatTable,
  format: OperatorFormat,
  { shuffles, use }: Surroundings,
  prefix: string,
  all: boolean,
): ModelLayer | null {
  const transposed = format.base.includes('TRANSPOSE');
  const inputs = operator.integers(OPERATOR.inputs);
  const [x, w, b] = format.inputs.map((place) => inputs[place] ?? -1) as [number, number, number];
  const [output = -1] = operator.integers(OPERATOR.outputs);
  const name = prefix + (subgraph.name(output) || format.name);
  const options =
    format === TRANSPOSE_WITH_BIAS
      ? readCustomOptions(subgraph.customOptions(operator))
      : readOptions(operator.table(OPERATOR.options), format);
  const steps = Object.entries(options.attributes).filter(([word]) => word.startsWith('stride'));
  const keeps = !transposed && steps.every(([, step]) => step === 1);
  const shuffle = keeps ? (shuffles.get(output) ?? null) : null;
  const resize = keeps && shuffle === null ? resizeBefore(subgraph, x) : null;
  const beside = shuffle !== null || resize !== null;
  if (!all && keeps && !beside) return null;

  const weight = subgraph.constant(w);
  let problem: string | null = typeof weight === 'string' ? `its weight is ${weight}` : options.problem;
  let geometry: Geometry | null = null;
  let layerObstacle: string | null = null;
  const attributes = { ...options.attributes };
  const xShape = subgraph.shape(x);
  const groups =
    !transposed && xShape !== null && format.base !== 'DEPTHWISE_CONV_2D'
      ? { inChannels: xShape.at(-1) as number }
      : {};
  if (problem === null && typeof weight === 'object') {
    const { shape } = weight;
    const rank = shape.length - 2;
    if (transposed) {
      const wanted = subgraph.outputShape(format === TRANSPOSE_WITH_BIAS ? -1 : (inputs[0] ?? -1), output);
      // With SAME the crops are the same for every size that the stride divides.
      const whole = xShape
        ?.slice(1, -1)
        .map((extent, axis) => extent * (steps.at(axis - rank)?.[1] as number));
      if (wanted === null) layerObstacle = 'its output shape is computed while the model runs';
      attributes.output_shape = wanted ?? [
        null,
        ...(whole ?? []),
        shape[format.base === 'TRANSPOSE_CONV' ? 0 : 3],
      ];
    }
    const tried = tryGeometry(() =>
      tfliteGeometry(
        `readModel ${describe(name)}`,
        format.base,
        { ...attributes, fused_activation_function: 'NONE' },
        shape,
        groups,
      ),
    );
    ({ geometry, problem } = tried);
  }
  if (!all && !beside && !isResampling(geometry, transposed)) return null;
  const bias = b < 0 ? null : subgraph.constant(b);
  if (typeof bias === 'string') problem ??= `its bias is ${bias}`;
  const biasTensor = typeof bias === 'object' ? bias : null;
  problem ??= biasProblem(biasTensor, geometry);
  const activation = options.attributes.fused_activation_function as string;
  return new ModelLayer({
    name,
    operator: [resize?.operator, format.name, shuffle?.operator].filter(Boolean).join(' + '),
    input: subgraph.name(x),
    output: subgraph.name(output),
    transposed,
    activation: activation === 'NONE' ? null : activation,
    weight: typeof weight === 'object' ? weight : null,
    bias: biasTensor,
    upsampling: { pixelShuffle: shuffle?.geometry ?? null, upsample: resize?.geometry ?? null },
    upsamples: transposed || beside,
    inputExtents:
      xShape !== null && xShape.length - 2 === geometry?.stride.length ? xShape.slice(1, -1) : null,
    problem,
    geometry,
    layerObstacle,
    weightUse: use(w),
    biasUse: use(b),
    build: (parameters, execution) =>
      fromTflite(format.base, attributes as never, parameters, { ...execution, ...groups }),
  });
}

/** An operator that convolves or enlarges in a way that is not read, as a layer that says why. */
function unreadLayer(subgraph: Subgraph, operator: FlatTable, prefix: string): ModelLayer | null {
  const [code, custom] = [subgraph.code(operator), subgraph.custom(operator)];
  const [input = -1] = operator.integers(OPERATOR.inputs);
  const [output = -1] = operator.integers(OPERATOR.outputs);
  let [type, problem] = [custom, `the operator ${custom} is not read`];
  if (code === BUILTIN.depthToSpace) {
    const found = convolutionBefore(subgraph, operator);
    if (found.problem === null) return null;
    [type, problem] = ['DEPTH_TO_SPACE', found.problem];
  } else if (code === BUILTIN.stablehloConvolution) {
    [type, problem] = ['STABLEHLO_CONVOLUTION', 'the operator STABLEHLO_CONVOLUTION is not read'];
  } else if (!soundsLikeConvolution(custom) && !soundsLikeShuffle(custom)) {
    return null;
  }
  const transposed = /transpose|deconv/i.test(custom);
  return new ModelLayer({
    name: prefix + (subgraph.name(output) || type),
    operator: type,
    input: subgraph.name(input),
    output: subgraph.name(output),
    transposed,
    weight: null,
    bias: null,
    upsamples: transposed || code === BUILTIN.depthToSpace || soundsLikeShuffle(custom),
    problem,
    geometry: null,
  });
}
