# Threads are the business of few files: what starts them and what waits for them. Those are compiled for each
# threading, as <library>_single and <library>_threads, and everything else once for both.

if(EMSCRIPTEN)
  set(deconv_threadings single threads)
else()
  set(deconv_threadings threads)
endif()
# What the C++ tests are linked with.
list(GET deconv_threadings 0 deconv_tested)

add_library(deconv_with_single INTERFACE)
add_library(deconv_with_threads INTERFACE)
target_compile_options(deconv_with_threads INTERFACE -pthread)
target_link_options(deconv_with_threads INTERFACE -pthread)
if(EMSCRIPTEN)
  # What emcc adds, which does not compile (direct_clang.cmake).
  target_compile_options(deconv_with_threads INTERFACE -matomics -mbulk-memory)
  target_compile_definitions(deconv_with_threads INTERFACE __EMSCRIPTEN_SHARED_MEMORY__=1)
  # The linker wants every object of a shared memory compiled for it. One without atomics, locks and thread-local
  # variables comes out the same.
  target_link_options(deconv_with_threads INTERFACE -Wl,--no-check-features)
endif()
