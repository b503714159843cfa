# deconv_add_module(web|node): the glue for one environment. Both link the same objects with the
# same flags, so their .wasm files are identical; scripts/build.mjs proves it by checksum and
# ships one. (One glue for both would refer to node:module, which webpack rejects.)

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
  -sINCOMING_MODULE_JS_API=instantiateWasm,mainScriptUrlOrBlob,pthreadPoolSize
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
  )
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND deconv_link_flags -sASSERTIONS=2)
else()
  list(APPEND deconv_link_flags -sASSERTIONS=0)
endif()

add_library(deconv_bindings OBJECT
  cpp/bindings/bindings.cpp
  cpp/bindings/quantized_bindings.cpp
)
# Embind must work without run-time type information.
target_compile_definitions(deconv_bindings PRIVATE EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
target_link_libraries(deconv_bindings PRIVATE deconv deconv_warnings)

function(deconv_add_module environment)
  set(target deconv_${environment})
  add_executable(${target} $<TARGET_OBJECTS:deconv_bindings>)
  target_link_libraries(${target} PRIVATE deconv)
  list(JOIN deconv_runtime_methods , runtime_methods)
  target_link_options(${target} PRIVATE ${deconv_link_flags}
    -sEXPORTED_RUNTIME_METHODS=${runtime_methods}
  )
  if(environment STREQUAL "web")
    # Our loader names every file in the form that bundlers recognise; a second, different
    # reference in the glue (a Worker with options in a variable) makes Vite refuse the package.
    target_link_options(${target} PRIVATE -sENVIRONMENT=web,worker -sUSE_ES6_IMPORT_META=0)
  elseif(DECONV_THREADS)
    target_link_options(${target} PRIVATE -sENVIRONMENT=node,worker)
  else()
    target_link_options(${target} PRIVATE -sENVIRONMENT=node)
  endif()
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${environment}
    # The Node glue starts its threads from the file of this name.
    OUTPUT_NAME ${environment}
    SUFFIX .mjs
  )
endfunction()
