/** The value below which `share` of `values` lie, interpolated between neighbours. */
export function quantile(values, share) {
  if (values.length === 0) throw new RangeError('quantile: expected at least one value, got none');
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

export const median = (values) => quantile(values, 0.5);

/** Median and the range that holds four fifths of the values. */
export function summary(values) {
  return {
    median: median(values),
    p10: quantile(values, 0.1),
    p90: quantile(values, 0.9),
    count: values.length,
  };
}

export function geometricMean(values) {
  if (values.length === 0) throw new RangeError('geometricMean: expected at least one value, got none');
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
