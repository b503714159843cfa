# Where scripts/setup.mjs put Emscripten and the sources, or found them.

set(deconv_toolchain_dir "$ENV{DECONV_TOOLCHAIN_DIR}")
if(NOT deconv_toolchain_dir)
  set(deconv_toolchain_dir "${CMAKE_CURRENT_LIST_DIR}/../../.toolchain")
endif()
include("${deconv_toolchain_dir}/paths.cmake" OPTIONAL RESULT_VARIABLE deconv_paths)
if(NOT deconv_paths)
  message(FATAL_ERROR "No toolchain in ${deconv_toolchain_dir}. Run: node scripts/setup.mjs")
endif()
