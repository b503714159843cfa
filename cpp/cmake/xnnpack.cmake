# The subset of XNNPACK that the routes reach, with pthreadpool. XNNPACK's own CMakeLists of the
# pinned version does not know WebAssembly.

foreach(path XNNPACK_SOURCE_DIR PTHREADPOOL_SOURCE_DIR THIRD_PARTY_INCLUDE_DIR)
  if(NOT ${path})
    message(FATAL_ERROR "${path} is not set. Run: node scripts/setup.mjs, or pass -D${path}=...")
  endif()
endforeach()

# The micro-kernels of the float32 operators; the linker keeps those that a configuration names. Those
# that clamp are left out: our routes apply their ReLU themselves, because these take NaN for the bound.
set(deconv_kernel_families "/f32-igemm/")
set(deconv_clamping_kernels "/f32-igemm/.*-(minmax|relu)-")
set(deconv_kernels)
foreach(arch WASMSIMD WASMRELAXEDSIMD)
  if(arch STREQUAL "WASMRELAXEDSIMD" AND NOT DECONV_RELAXED_SIMD)
    continue()
  endif()
  string(TOLOWER ${arch} arch_file)
  include(${XNNPACK_SOURCE_DIR}/cmake/gen/${arch_file}_microkernels.cmake)
  list(APPEND deconv_kernels ${PROD_${arch}_MICROKERNEL_SRCS})
endforeach()
list(FILTER deconv_kernels INCLUDE REGEX "${deconv_kernel_families}")
list(FILTER deconv_kernels EXCLUDE REGEX "${deconv_clamping_kernels}")

set(deconv_pthreadpool_single src/shim.c)
set(deconv_pthreadpool_threads src/fastpath.c src/memory.c src/portable-api.c src/pthreads.c)

# Those that neither lock nor name what does.
set(deconv_xnnpack_plain
  src/enums/microkernel-type.c
  src/enums/operator-type.c
  src/indirection.c
  src/microkernel-utils.c
  src/microparams-init.c
  src/normalization.c
  src/reference/packing.cc
)
set(deconv_xnnpack_sources
  src/allocator.c
  src/cache.c
  src/configs/gemm-config.c
  src/configs/hardware-config.c
  src/init.c
  src/memory.c
  src/mutex.c
  src/operator-delete.c
  src/operator-run.c
  src/operator-utils.c
  src/operators/deconvolution-nhwc.c
  src/params.c
)
list(TRANSFORM deconv_pthreadpool_single PREPEND ${PTHREADPOOL_SOURCE_DIR}/)
list(TRANSFORM deconv_pthreadpool_threads PREPEND ${PTHREADPOOL_SOURCE_DIR}/)
list(TRANSFORM deconv_xnnpack_plain PREPEND ${XNNPACK_SOURCE_DIR}/)
list(TRANSFORM deconv_xnnpack_sources PREPEND ${XNNPACK_SOURCE_DIR}/)
list(TRANSFORM deconv_kernels PREPEND ${XNNPACK_SOURCE_DIR}/)

# XNNPACK's configurations name functions that no call of ours reaches, and the linker cannot know:
# clamping kernels, those of kernels as large as their stride, and the packing of weights in orders that its
# convolutions have. Each is made to name a function of its type that traps: 30 KB less to download, and whatever
# reaches one after an update stops instead of computing with another kernel.
function(deconv_never_reached source trap)
  list(TRANSFORM ARGN APPEND "=deconv_never_reached_${trap}" OUTPUT_VARIABLE definitions)
  set_property(SOURCE ${XNNPACK_SOURCE_DIR}/src/${source} APPEND PROPERTY COMPILE_DEFINITIONS ${definitions})
endfunction()

foreach(kind gemm gemm_minmax gemm_relu igemm_minmax igemm_relu)
  set(kernels)
  foreach(variant wasmsimd_splat wasmsimd_loadsplat wasmsimd_x86_splat wasmsimd_x86_loadsplat
                  wasmsimd_arm_splat wasmrelaxedsimd_fma_splat wasmrelaxedsimd_fma_loadsplat)
    list(APPEND kernels 1x8__${variant} 4x8__${variant} 5x8__${variant} 6x8__${variant})
  endforeach()
  list(APPEND kernels
    4x2c4__wasmsimd 4x2c4__wasmsimd_x86 4x2c4__wasmsimd_arm 4x2c4__wasmrelaxedsimd_fma)
  list(TRANSFORM kernels PREPEND xnn_f32_${kind}_ukernel_)
  deconv_never_reached(configs/gemm-config.c f32_${kind} ${kernels})
endforeach()
deconv_never_reached(configs/gemm-config.c pack_f32_gemm xnn_pack_f32_gemm_gio_w)
deconv_never_reached(configs/gemm-config.c packw
  xnn_x32_packw_gemm_goi_ukernel_x8__wasmsimd_u4 xnn_x32_packw_gemm_goi_ukernel_x2c4__wasmsimd_u4)

if(NOT EMSCRIPTEN)
  set_property(SOURCE ${deconv_xnnpack_plain} ${deconv_xnnpack_sources} APPEND PROPERTY
    COMPILE_OPTIONS -include ${PROJECT_SOURCE_DIR}/cpp/native/xnnpack_as_in_wasm.h
  )
  set_property(SOURCE ${deconv_pthreadpool_threads} APPEND PROPERTY
    COMPILE_OPTIONS -include ${PROJECT_SOURCE_DIR}/cpp/native/pthreadpool_for_sanitizers.h
  )
endif()

# One of its configurations asks the page for its number of cores, to guess whether the processor has AVX.
set_property(SOURCE ${XNNPACK_SOURCE_DIR}/src/configs/gemm-config.c APPEND PROPERTY
  COMPILE_OPTIONS -include ${CMAKE_CURRENT_LIST_DIR}/no_javascript.h
)

# Kernels are many and small: what a compiler needs to start is more than what they need.
add_library(xnnpack_kernels OBJECT ${deconv_kernels})
set_target_properties(xnnpack_kernels PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
if(NOT EMSCRIPTEN)
  target_compile_options(xnnpack_kernels PRIVATE
    "SHELL:-include ${PROJECT_SOURCE_DIR}/cpp/native/xnnpack_as_in_wasm.h")
endif()
add_library(xnnpack_plain OBJECT ${deconv_xnnpack_plain} cpp/src/xnnpack_never_reached.cpp)
set(deconv_xnnpack_libraries xnnpack_kernels xnnpack_plain)
foreach(threading IN LISTS deconv_threadings)
  add_library(xnnpack_${threading} STATIC
    $<TARGET_OBJECTS:xnnpack_kernels>
    $<TARGET_OBJECTS:xnnpack_plain>
    ${deconv_xnnpack_sources}
    ${deconv_pthreadpool_${threading}}
  )
  target_link_libraries(xnnpack_${threading} PUBLIC deconv_with_${threading})
  list(APPEND deconv_xnnpack_libraries xnnpack_${threading})
endforeach()

# For what includes it.
add_library(xnnpack_headers INTERFACE)
target_include_directories(xnnpack_headers SYSTEM
  INTERFACE ${XNNPACK_SOURCE_DIR}/include ${PTHREADPOOL_SOURCE_DIR}/include
)

foreach(library IN LISTS deconv_xnnpack_libraries)
  target_link_libraries(${library} PUBLIC xnnpack_headers)
  target_include_directories(${library} SYSTEM
    PRIVATE ${XNNPACK_SOURCE_DIR}/src ${PTHREADPOOL_SOURCE_DIR}/src ${THIRD_PARTY_INCLUDE_DIR}
  )
  target_compile_features(${library} PRIVATE c_std_11 cxx_std_17)
  target_compile_definitions(${library} PRIVATE
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
  target_compile_options(${library} PRIVATE -w ${deconv_by_hand})
  if(DECONV_SANITIZE MATCHES undefined)
    # It calls functions through pointers of other types, and is not ours to mend.
    target_compile_options(${library} PRIVATE -fno-sanitize=undefined)
  endif()
endforeach()
# Code that runs once for a weight or an input size and not for every tile: the size of the download
# matters more.
set_property(SOURCE
  ${XNNPACK_SOURCE_DIR}/src/configs/gemm-config.c
  ${XNNPACK_SOURCE_DIR}/src/configs/hardware-config.c
  ${XNNPACK_SOURCE_DIR}/src/operator-run.c
  ${XNNPACK_SOURCE_DIR}/src/operator-utils.c
  ${XNNPACK_SOURCE_DIR}/src/reference/packing.cc
  APPEND PROPERTY COMPILE_OPTIONS -Os
)
# Of these -Oz takes off another tenth to quarter.
set_property(SOURCE
  ${XNNPACK_SOURCE_DIR}/src/indirection.c
  ${XNNPACK_SOURCE_DIR}/src/operators/deconvolution-nhwc.c
  APPEND PROPERTY COMPILE_OPTIONS -Oz
)
