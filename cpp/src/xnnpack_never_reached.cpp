// Stands in for what XNNPACK's tables name and no call of ours reaches: see
// cpp/cmake/xnnpack.cmake, which lists the names. Every parameter is a pointer or a size, so that
// only their number is of the type that an indirect call checks.

#include <cstddef>

extern "C" {

#define DECONV_EIGHT size_t, size_t, size_t, size_t, size_t, size_t, size_t, size_t
#define DECONV_NEVER_REACHED(name, ...) \
  void deconv_never_reached_##name(__VA_ARGS__) { __builtin_trap(); }

DECONV_NEVER_REACHED(f32_gemm, DECONV_EIGHT, size_t, size_t)
DECONV_NEVER_REACHED(f32_gemm_minmax, DECONV_EIGHT, size_t, size_t)
DECONV_NEVER_REACHED(f32_gemm_relu, DECONV_EIGHT, size_t, size_t)
DECONV_NEVER_REACHED(f32_igemm_minmax, DECONV_EIGHT, size_t, size_t, size_t, size_t)
DECONV_NEVER_REACHED(f32_igemm_relu, DECONV_EIGHT, size_t, size_t, size_t, size_t)
DECONV_NEVER_REACHED(pack_f32_gemm, DECONV_EIGHT, size_t, size_t, size_t, size_t, size_t)
DECONV_NEVER_REACHED(packw, DECONV_EIGHT, size_t, size_t, size_t, size_t)

}  // extern "C"
