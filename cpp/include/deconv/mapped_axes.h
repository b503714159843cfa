#pragma once

#include "deconv/status.h"
#include "deconv/volume.h"

namespace deconv {

// What makes other sizes of axes by tables of the caller's: every target of an axis is made of
// sources with weights, and a target of the tensor is the sum over the products of those of its
// axes, or their maximum, for which weights do not count.
struct MappedAxes {
  Volume volume;
  int32_t maximum = 0;
  // Where no target has more than one source and this one has none.
  float fill = 0;
};

// `tables` are for every axis where the taps of each target end, and behind them the taps: pairs of
// a source and the weight, a float. kOutOfMemory before anything is written; the tensors may not
// overlap.
Status apply_maps(const MappedAxes& call, int32_t* tables, const float* source, float* target);

}  // namespace deconv
