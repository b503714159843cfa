#pragma once

#include "deconv/geometry.h"

namespace deconv {

// Writes the canonical weight (see Spec::weight_elements) as [out, tap, in / groups], the order in
// which XNNPACK takes kernels and the scalar route walks them. `target` has weight_elements()
// values.
void pack_out_tap_in(const Spec& spec, const float* weight, float* target);
void pack_out_tap_in(const Spec& spec, const int8_t* weight, int8_t* target);

}  // namespace deconv
