// A case of cases.mjs with every axis spelled out, and what follows from it by arithmetic.

export function geometryOf(layer) {
  const rank = layer.input.length;
  const perAxis = (value) => (Array.isArray(value) ? value : new Array(rank).fill(value));
  const { name, of, batch = 1, input, groups = 1 } = layer;
  const [inChannels, outChannels] = layer.channels;
  const [kernel, stride, padding, outputPadding, dilation] = [
    layer.kernel,
    layer.stride,
    layer.padding ?? 0,
    layer.outputPadding ?? 0,
    layer.dilation ?? 1,
  ].map(perAxis);
  const output = input.map(
    (extent, axis) =>
      (extent - 1) * stride[axis] +
      dilation[axis] * (kernel[axis] - 1) +
      1 -
      2 * padding[axis] +
      outputPadding[axis],
  );
  return {
    ...{ name, of, rank, batch, input, output, groups, inChannels, outChannels },
    ...{ kernel, stride, padding, outputPadding, dilation },
    // Every stamp counted, also what padding crops: the convention of all published figures.
    flop: (2 * batch * product(input) * inChannels * outChannels * product(kernel)) / groups,
  };
}

/** In the words of performance tables: 32x32x128->64 k4 s2 p1. */
export function describe(geometry) {
  const { batch, input, inChannels, outChannels, groups } = geometry;
  const list = (values) => (new Set(values).size === 1 ? values[0] : `(${values.join(',')})`);
  const named = (letter, values, usual) =>
    values.every((value) => value === usual) ? '' : ` ${letter}${list(values)}`;
  return [
    `${batch === 1 ? '' : `${batch}x`}${input.join('x')}x${inChannels}->${outChannels}`,
    ` k${list(geometry.kernel)} s${list(geometry.stride)}`,
    named('p', geometry.padding, 0),
    named('op', geometry.outputPadding, 0),
    named('d', geometry.dilation, 1),
    groups === 1 ? '' : ` g${groups}`,
  ].join('');
}

/** The same layer with `rank` spatial axes: 1-D becomes 2-D of height 1. */
export function raised(geometry, rank) {
  const missing = new Array(Math.max(0, rank - geometry.rank)).fill(1);
  const zeros = missing.map(() => 0);
  const with_ = (first, values) => [...first, ...values];
  return {
    ...geometry,
    rank: Math.max(rank, geometry.rank),
    input: with_(missing, geometry.input),
    output: with_(missing, geometry.output),
    kernel: with_(missing, geometry.kernel),
    stride: with_(missing, geometry.stride),
    dilation: with_(missing, geometry.dilation),
    padding: with_(zeros, geometry.padding),
    outputPadding: with_(zeros, geometry.outputPadding),
  };
}

export function product(values) {
  return values.reduce((all, value) => all * value, 1);
}
