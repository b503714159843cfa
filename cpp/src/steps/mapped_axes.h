#pragma once

#include "deconv/mapped_axes.h"
#include "steps/axis_map.h"

namespace deconv {

// kOk where the tensors can be.
Status check_volume(const Volume& volume);

// A target is the sum over the taps of its three axes of source times weights; or `fill`, where no
// target has more than one source and this one has none. kOutOfMemory before anything is written.
Status sum_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                float* target, float fill = 0);

// The same of the maps' transposes, without a fill.
Status sum_transposed_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                           float* target);

// The maximum of the sources, NaN before all numbers; weights do not count.
Status maximum_of_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                       float* target);

// Makes a map for every axis by `make(axis, map)`, which answers a status. Maps of an empty batch
// would be as long as its axes, for nothing: callers leave before.
template <typename Make>
Status make_maps(const Volume& volume, const Make& make, AxisMaps& maps) {
  Status status = check_volume(volume);
  for (int axis = 0; axis < 3 && status == Status::kOk; ++axis) status = make(axis, maps[axis]);
  return status;
}

// Sums the taps of such maps; or of their transposes, from the output's gradient to the input's.
template <typename Make>
Status sum_mapped(const Volume& volume, const Make& make, bool transposed, const float* source,
                  float* target, float fill = 0) {
  AxisMaps maps;
  if (volume.outer == 0) return check_volume(volume);
  if (const Status status = make_maps(volume, make, maps); status != Status::kOk) return status;
  return transposed ? sum_transposed_taps(maps, volume.outer, volume.inner, source, target)
                    : sum_taps(maps, volume.outer, volume.inner, source, target, fill);
}

}  // namespace deconv
