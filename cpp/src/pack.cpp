#include "pack.h"

namespace deconv {
namespace {

template <typename Value>
void pack(const Spec& spec, const Value* weight, Value* target) {
  const int64_t taps = spec.kernel_elements();
  const int64_t group_in = spec.group_in_channels();
  for (int64_t out = 0; out < spec.out_channels; ++out) {
    const Value* kernel = weight + spec.first_kernel(out);
    for (int64_t in = 0; in < group_in; ++in, kernel += spec.kernel_stride()) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        target[(out * taps + tap) * group_in + in] = kernel[tap];
      }
    }
  }
}

}  // namespace

void pack_out_tap_in(const Spec& spec, const float* weight, float* target) {
  pack(spec, weight, target);
}

void pack_out_tap_in(const Spec& spec, const int8_t* weight, int8_t* target) {
  pack(spec, weight, target);
}

}  // namespace deconv
