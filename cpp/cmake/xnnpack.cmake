# The subset of XNNPACK that the routes reach, with pthreadpool. XNNPACK's own CMakeLists of the
# pinned version does not know WebAssembly.

foreach(path XNNPACK_SOURCE_DIR PTHREADPOOL_SOURCE_DIR THIRD_PARTY_INCLUDE_DIR)
  if(NOT ${path})
    message(FATAL_ERROR "${path} is not set. Run: node scripts/setup.mjs, or pass -D${path}=...")
  endif()
endforeach()

# The micro-kernels of the float32 and int8 operators; the linker keeps those that a configuration names.
# *vcvt* is left out: those files include arm_neon.h.
set(deconv_kernel_families
  "/f32-(gemm|igemm|dwconv|vmulcaddc)/|x32-packw/|qd8-f32-qc8w-i?gemm/|qs8-qc8w-(gemm|igemm|dwconv)/|qs8-packw/")
set(deconv_kernels)
foreach(arch SCALAR WASM WASMSIMD WASMRELAXEDSIMD)
  if(arch STREQUAL "WASMRELAXEDSIMD" AND NOT DECONV_RELAXED_SIMD)
    continue()
  endif()
  string(TOLOWER ${arch} arch_file)
  include(${XNNPACK_SOURCE_DIR}/cmake/gen/${arch_file}_microkernels.cmake)
  list(APPEND deconv_kernels ${PROD_${arch}_MICROKERNEL_SRCS})
endforeach()
list(FILTER deconv_kernels INCLUDE REGEX "${deconv_kernel_families}")

set(deconv_pthreadpool_sources src/shim.c)
if(DECONV_THREADS)
  set(deconv_pthreadpool_sources src/fastpath.c src/memory.c src/portable-api.c src/pthreads.c)
endif()
list(TRANSFORM deconv_pthreadpool_sources PREPEND ${PTHREADPOOL_SOURCE_DIR}/)

set(deconv_xnnpack_sources
  src/allocator.c
  src/cache.c
  src/configs/dwconv-config.c
  src/configs/gemm-config.c
  src/configs/hardware-config.c
  src/configs/vmulcaddc-config.c
  src/enums/microkernel-type.c
  src/enums/operator-type.c
  src/indirection.c
  src/init.c
  src/memory.c
  src/microkernel-utils.c
  src/microparams-init.c
  src/mutex.c
  src/normalization.c
  src/operator-delete.c
  src/operator-run.c
  src/operator-utils.c
  src/operators/convolution-nhwc.c
  src/operators/deconvolution-nhwc.c
  src/params.c
  src/reference/packing.cc
  ${deconv_kernels}
)
list(TRANSFORM deconv_xnnpack_sources PREPEND ${XNNPACK_SOURCE_DIR}/)

# XNNPACK's configurations and operators name functions that no call reaches, and the linker cannot
# know: the matrix products of dynamically quantized input (its convolutions run the indirect ones
# only), and the packing of weights in orders that only flags ask for. Each is made to name another
# one of its type: 5 KB gzipped less to download. The debug build asserts in them if they are reached.
set(deconv_gemm_aliases)
set(deconv_unused_gemm xnn_qd8_f32_qc8w_gemm_minmax_ukernel)
foreach(tile 1x8c8__wasmsdot 2x8c8__wasmsdot 1x8c8__wasmsdot_u2 4x8c8__wasmsdot_u2
             1x8c8__wasmusdot_u2 4x8c8__wasmusdot_u2 4x4c2s4__wasmsimd_dot16x2_ld128)
  list(APPEND deconv_gemm_aliases
    ${deconv_unused_gemm}_${tile}=${deconv_unused_gemm}_1x4c2s4__wasmsimd_dot16x2_ld128)
endforeach()
set_source_files_properties(${XNNPACK_SOURCE_DIR}/src/configs/gemm-config.c PROPERTIES
  COMPILE_DEFINITIONS "${deconv_gemm_aliases};\
xnn_pack_qs8_to_qu8_gemm_gio_w=xnn_pack_qs8_gemm_gio_w;\
xnn_pack_qs8_to_qu8_conv_kgo_w=xnn_pack_qs8_conv_kgo_w"
)
set_source_files_properties(${XNNPACK_SOURCE_DIR}/src/operators/convolution-nhwc.c PROPERTIES
  COMPILE_DEFINITIONS "\
xnn_pack_f32_dwconv_hwg_w=xnn_pack_f32_dwconv_ghw_w;\
xnn_pack_qs8_dwconv_hwg_w=xnn_pack_qs8_dwconv_ghw_w"
)

# Depthwise convolutions in float32 have a route of our own; XNNPACK's kernels for them go the same way.
set(deconv_dwconv_aliases)
foreach(taps 4 9 25)
  foreach(variant 8c__wasmrelaxedsimd_fma 8c__wasmsimd_x86 4c__wasmsimd_arm 8c__wasmsimd 4c__wasmsimd)
    foreach(kind _minmax_ukernel _ukernel)
      list(APPEND deconv_dwconv_aliases
        xnn_f32_dwconv${kind}_${taps}p${variant}=xnn_f32_dwconv${kind}_3p${variant})
    endforeach()
  endforeach()
endforeach()
set_source_files_properties(${XNNPACK_SOURCE_DIR}/src/configs/dwconv-config.c PROPERTIES
  COMPILE_DEFINITIONS "${deconv_dwconv_aliases}"
)

# One of its configurations asks the page for its number of cores, to guess whether the processor has AVX.
set_property(SOURCE ${XNNPACK_SOURCE_DIR}/src/configs/gemm-config.c APPEND PROPERTY
  COMPILE_OPTIONS -include ${CMAKE_CURRENT_LIST_DIR}/no_javascript.h
)

add_library(xnnpack STATIC ${deconv_xnnpack_sources} ${deconv_pthreadpool_sources})

target_include_directories(xnnpack SYSTEM
  PUBLIC ${XNNPACK_SOURCE_DIR}/include ${PTHREADPOOL_SOURCE_DIR}/include
  PRIVATE ${XNNPACK_SOURCE_DIR}/src ${PTHREADPOOL_SOURCE_DIR}/src ${THIRD_PARTY_INCLUDE_DIR}
)
target_compile_features(xnnpack PRIVATE c_std_11 cxx_std_17)
target_compile_definitions(xnnpack PRIVATE
  # The tile choice of strided deconvolution at batch 1 takes the one-row micro-kernel when this is
  # on: two to three times slower with relaxed SIMD.
  XNN_ENABLE_GEMM_M_SPECIALIZATION=0
  # Hardware detection and code paths that WebAssembly does not have.
  XNN_ENABLE_CPUINFO=0
  XNN_ENABLE_ASSEMBLY=0
  XNN_ENABLE_JIT=0
  XNN_ENABLE_KLEIDIAI=0
  XNN_ENABLE_SPARSE=0
  XNN_ENABLE_MEMOPT=1
  XNN_ENABLE_DWCONV_MULTIPASS=0
  XNN_ENABLE_HVX=0
  # The library prints nothing.
  XNN_LOG_LEVEL=0
  PTHREADPOOL_NO_DEPRECATED_API=1
)
target_compile_options(xnnpack PRIVATE -w)
# Code that runs once for a weight or an input size and not for every tile: the size of the download
# matters more.
set_property(SOURCE
  ${XNNPACK_SOURCE_DIR}/src/configs/gemm-config.c
  ${XNNPACK_SOURCE_DIR}/src/configs/dwconv-config.c
  ${XNNPACK_SOURCE_DIR}/src/configs/hardware-config.c
  ${XNNPACK_SOURCE_DIR}/src/indirection.c
  ${XNNPACK_SOURCE_DIR}/src/operator-run.c
  ${XNNPACK_SOURCE_DIR}/src/operator-utils.c
  ${XNNPACK_SOURCE_DIR}/src/operators/convolution-nhwc.c
  ${XNNPACK_SOURCE_DIR}/src/operators/deconvolution-nhwc.c
  ${XNNPACK_SOURCE_DIR}/src/reference/packing.cc
  APPEND PROPERTY COMPILE_OPTIONS -Os
)
