# What WebAssembly needs beside flags.cmake.

# XNNPACK's WASM micro-kernels and our transposes are written in 128-bit SIMD.
add_compile_options(-msimd128)

if(DECONV_RELAXED_SIMD)
  # Fused multiply-add; XNNPACK selects XNN_ARCH_WASMRELAXEDSIMD by it, so a binary is one or the other.
  add_compile_options(-mrelaxed-simd)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # -O1 keeps the kernels' intrinsics from drowning the tests in time; line numbers stay.
  add_compile_options(-O1 -g)
else()
  # CMake's Release adds -O3 -DNDEBUG; the same -O3 at link time runs wasm-opt and minifies the glue.
  add_link_options(-O3)
endif()

# With sanitizers emcc adds to what clang is told.
if(NOT DECONV_SANITIZE)
  include(direct_clang)
endif()
