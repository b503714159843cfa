# What the native build needs beside flags.cmake: WebAssembly's instructions on this processor, so that
# sanitizers, profilers and fuzzers see the code that ships. It is for tests only.

# <wasm_simd128.h>, which SIMDe translates, and Emscripten's headers as far as XNNPACK asks for them.
include_directories(SYSTEM ${CMAKE_CURRENT_LIST_DIR}/../native ${THIRD_PARTY_INCLUDE_DIR})

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  # What engines compile WebAssembly's SIMD to; relaxed SIMD is faster than the plain one where the processor
  # fuses multiply and add.
  add_compile_options(-march=$<IF:$<BOOL:${DECONV_RELAXED_SIMD}>,x86-64-v3,x86-64-v2>)
endif()
if(DECONV_RELAXED_SIMD)
  add_compile_definitions(__wasm_relaxed_simd__=1)
endif()

# In WebAssembly nothing fuses that does not say so.
add_compile_options(-ffp-contract=off)

# As wasm-ld does: what no route reaches is dropped first, and then may name functions that are not there.
add_link_options(-fuse-ld=lld -Wl,--gc-sections)

# Assertions are on. Debuggers and profilers know all; sanitizers tell frames and lines, and what they need for
# that compiles faster.
add_compile_options(-O2 -g -fno-omit-frame-pointer)
if(DECONV_SANITIZE)
  add_compile_options(-gline-tables-only)
endif()

if(DECONV_SANITIZE STREQUAL "memory")
  # It must know of every store, and the C++ library's own code is not compiled with it.
  add_compile_options(-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cpp/native/memory_sanitizer.txt)
endif()

# glibc has a newer mallinfo, which Emscripten has not.
set_property(SOURCE cpp/src/runtime.cpp APPEND PROPERTY COMPILE_OPTIONS -Wno-deprecated-declarations)
