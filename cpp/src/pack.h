#pragma once

#include "deconv/geometry.h"

namespace deconv {

// Writes the canonical weight (see Spec::weight_elements) as [out, tap, in / groups], the order in
// which XNNPACK takes kernels and the scalar route walks them. `target` has weight_elements()
// values.
template <typename Value>
void pack_out_tap_in(const Spec& spec, const Value* weight, Value* target) {
  const int64_t taps = spec.kernel_elements();
  const int64_t group_in = spec.group_in_channels();
  for (int64_t out = 0; out < spec.out_channels; ++out, target += taps * group_in) {
    const Value* kernel = weight + spec.first_kernel(out);
    for (int64_t in = 0; in < group_in; ++in, kernel += spec.kernel_stride()) {
      for (int64_t tap = 0; tap < taps; ++tap) target[tap * group_in + in] = kernel[tap];
    }
  }
}

}  // namespace deconv
