# Hands over to Emscripten's own toolchain file, wherever scripts/setup.mjs found or put Emscripten.
# Without setup: cmake -DEMSCRIPTEN_ROOT=... -DXNNPACK_SOURCE_DIR=... -DPTHREADPOOL_SOURCE_DIR=...
# -DTHIRD_PARTY_INCLUDE_DIR=... does the same.

# CMake runs this file again for each try_compile, without the cache.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EMSCRIPTEN_ROOT)

if(NOT EMSCRIPTEN_ROOT)
  set(deconv_toolchain_dir "$ENV{DECONV_TOOLCHAIN_DIR}")
  if(NOT deconv_toolchain_dir)
    set(deconv_toolchain_dir "${CMAKE_CURRENT_LIST_DIR}/../../.toolchain")
  endif()
  include("${deconv_toolchain_dir}/paths.cmake" OPTIONAL RESULT_VARIABLE deconv_paths)
  if(NOT deconv_paths)
    message(FATAL_ERROR "No toolchain in ${deconv_toolchain_dir}. Run: node scripts/setup.mjs")
  endif()
endif()

include("${EMSCRIPTEN_ROOT}/cmake/Modules/Platform/Emscripten.cmake")
