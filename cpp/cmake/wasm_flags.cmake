# Flags of every object file, ours and third-party. Each has its reason beside it.

find_program(CCACHE ccache)
if(CCACHE)
  # Four release builds and two test builds compile the same sources: a second build takes seconds.
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# XNNPACK's WASM micro-kernels and our transposes are written in 128-bit SIMD.
add_compile_options(-msimd128)

if(DECONV_RELAXED_SIMD)
  # Fused multiply-add; XNNPACK selects XNN_ARCH_WASMRELAXEDSIMD by it, so a binary is one or the other.
  add_compile_options(-mrelaxed-simd)
endif()

if(DECONV_THREADS)
  # Atomics and shared memory must be on in every object of a shared-memory binary.
  add_compile_options(-pthread)
  add_link_options(-pthread)
endif()

# Failures are status codes: unwinding tables and type information would only add to the download.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
add_link_options(-fno-exceptions -fno-rtti)

# One section a function, so that the linker drops what no route reaches.
add_compile_options(-ffunction-sections -fdata-sections)

if(DECONV_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # -O1 keeps the kernels' intrinsics from drowning the tests in time; line numbers stay.
  add_compile_options(-O1 -g)
else()
  # CMake's Release adds -O3 -DNDEBUG; the same -O3 at link time runs wasm-opt and minifies the glue.
  add_link_options(-O3)
endif()
