// Included before XNNPACK's gemm-config.c, whose only JavaScript is hardware_concurrency(): with
// more than 4 cores it takes the kernels for AVX. The answer is made a constant, so that what runs
// does not depend on the page, the other kernels are not linked, and both SIMD builds share a glue.

#pragma once

#include <emscripten/em_js.h>

#undef EM_JS
#define EM_JS(type, name, parameters, ...) \
  static inline type name parameters { return 8; }
