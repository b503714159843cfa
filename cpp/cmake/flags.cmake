# Flags of every object file, ours and third-party, on both platforms. Each has its reason beside it.

find_program(CCACHE ccache)
if(CCACHE)
  # The release builds and the test builds compile the same sources: a second build takes seconds.
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER
    # What it asks for where headers are precompiled. CMake's own env takes as long to start as a file to compile.
    env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

if(EMSCRIPTEN)
  include(wasm_flags)
else()
  include(native_flags)
endif()

# Failures are status codes: unwinding tables and type information would only add to the download.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
add_link_options(-fno-exceptions -fno-rtti)

# One section a function, so that the linker drops what no route reaches.
add_compile_options(-ffunction-sections -fdata-sections)

# Of ours and of XNNPACK. What is worth a vector is written as one: the compiler would make vectors and copies of the
# loops for the few values behind them, 4 KB gzipped.
set(deconv_by_hand -fno-vectorize "SHELL:-mllvm -unroll-runtime=false")

if(DECONV_SANITIZE)
  add_compile_options(-fsanitize=${DECONV_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DECONV_SANITIZE})
endif()
