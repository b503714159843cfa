# Hands over to Emscripten's own toolchain file, wherever scripts/setup.mjs found or put Emscripten.
# Without setup: cmake -DEMSCRIPTEN_ROOT=... -DXNNPACK_SOURCE_DIR=... -DPTHREADPOOL_SOURCE_DIR=...
# -DTHIRD_PARTY_INCLUDE_DIR=... does the same.

# CMake runs this file again for each try_compile, without the cache.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EMSCRIPTEN_ROOT)

if(NOT EMSCRIPTEN_ROOT)
  include(${CMAKE_CURRENT_LIST_DIR}/toolchain_paths.cmake)
endif()

include("${EMSCRIPTEN_ROOT}/cmake/Modules/Platform/Emscripten.cmake")
