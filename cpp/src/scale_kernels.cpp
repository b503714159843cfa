#include "deconv/scale_kernels.h"

#include <wasm_simd128.h>

namespace deconv {

void scale_kernels(const Spec& spec, const float* factors, float* weight) {
  const int64_t in = spec.group_in_channels();
  const int64_t out = spec.group_out_channels();
  // Rows of a transposed convolution go by input channels, which lie around the output's.
  const int64_t around = spec.transposed ? in : 1;
  const int64_t together = spec.kernel_elements() * (spec.transposed ? 1 : in);
  for (int64_t row = 0; row < spec.groups * around; ++row) {
    const float* factor = factors + row / around * out;
    for (const float* const last = factor + out; factor != last; ++factor) {
      const float* const end = weight + together;
      for (; end - weight >= 4; weight += 4) {
        const v128_t scaled =
            wasm_f32x4_mul(wasm_v128_load(weight), wasm_v128_load32_splat(factor));
        wasm_v128_store(weight, scaled);
      }
      for (; weight != end; ++weight) *weight *= *factor;
    }
  }
}

}  // namespace deconv
