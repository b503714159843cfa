# The module: one binary and its glue. The glue asks nothing of the place it runs in, because our
# loader hands it the compiled binary; with threads it starts workers, of a page's kind or of Node's.
# Both SIMD builds link to the same glue, and scripts/build.mjs fails where they do not.

set(deconv_link_flags
  -lembind
  # ES modules; nothing at top level waits, so require(esm) works.
  -sMODULARIZE=1
  -sEXPORT_ES6=1
  -sEXPORT_NAME=createDeconvModule
  # A reactor without main(): constructors run when the module is instantiated.
  --no-entry
  # Reports calls that never worked instead of keeping a compatible fiction.
  -sSTRICT=1
  # Invokers made ahead of time: no eval or new Function, so a page may forbid unsafe-eval.
  -sDYNAMIC_EXECUTION=0
  -sEMBIND_AOT=1
  # Tensors decide the size. 2 GB at most, so that addresses stay positive 32-bit integers.
  -sALLOW_MEMORY_GROWTH=1
  -sINITIAL_MEMORY=16MB
  -sMAXIMUM_MEMORY=2GB
  # 3 KB gzipped smaller than the usual one, and operators allocate rarely.
  -sMALLOC=emmalloc
  # malloc answers 0 when growth fails; we report it and go on.
  -sABORTING_MALLOC=0
  # No files, no environment, no printing.
  -sFILESYSTEM=0
  -sINCOMING_MODULE_JS_API=instantiateWasm,pthreadPoolSize
)
# The loader reads views from the memory itself: they stay right when it grows.
set(deconv_runtime_methods wasmMemory)

if(DECONV_THREADS)
  # So that shutdown can end the workers.
  list(APPEND deconv_runtime_methods PThread)
  list(APPEND deconv_link_flags
    # Workers are started before the module is ready, since a page cannot wait for them later.
    -sPTHREAD_POOL_SIZE=Module.pthreadPoolSize
    -sPTHREAD_POOL_SIZE_STRICT=2
    # Growing shared memory makes generated JavaScript slower, and ours reads only at the edges.
    -Wno-pthreads-mem-growth
    # It is loaded by its address and never bundled, so it may name Node's modules and its own file.
    -sENVIRONMENT=web,worker,node
  )
else()
  # The least that there is: it reads neither location nor process, so it runs everywhere. It is bundled,
  # so it names no file: our loader does, in the form that bundlers recognise.
  list(APPEND deconv_link_flags -sENVIRONMENT=web -sUSE_ES6_IMPORT_META=0)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND deconv_link_flags -sASSERTIONS=2)
else()
  list(APPEND deconv_link_flags -sASSERTIONS=0)
endif()

add_library(deconv_bindings OBJECT cpp/bindings/bindings.cpp)
# Embind must work without run-time type information.
target_compile_definitions(deconv_bindings PRIVATE EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
target_link_libraries(deconv_bindings PRIVATE deconv deconv_warnings)
target_compile_options(deconv_bindings PRIVATE $<$<CONFIG:Release>:-Os>)

add_executable(deconv_module $<TARGET_OBJECTS:deconv_bindings>)
target_link_libraries(deconv_module PRIVATE deconv)
list(JOIN deconv_runtime_methods , runtime_methods)
target_link_options(deconv_module PRIVATE ${deconv_link_flags}
  -sEXPORTED_RUNTIME_METHODS=${runtime_methods}
)
set_target_properties(deconv_module PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/module
  OUTPUT_NAME deconv
  SUFFIX .mjs
)

# The module's types as Embind knows them; scripts/build.mjs makes web/lib/runtime/bindings.ts of
# them. A link of its own without exported runtime methods: for those Emscripten would need an older
# tsc than ours. Unoptimized, since nobody runs it.
add_executable(deconv_types EXCLUDE_FROM_ALL $<TARGET_OBJECTS:deconv_bindings>)
target_link_libraries(deconv_types PRIVATE deconv)
target_link_options(deconv_types PRIVATE ${deconv_link_flags}
  -O0 --emit-tsd types.d.ts
)
set_target_properties(deconv_types PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/types
  OUTPUT_NAME types
  SUFFIX .mjs
)
