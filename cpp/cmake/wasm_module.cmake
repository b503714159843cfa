# The modules, one for each threading: a binary and its glue. The glue asks nothing of the place it runs in, because
# our loader hands it the compiled binary; with threads it starts workers, of a page's kind or of Node's.
# Both SIMD builds link to the same glue, and scripts/build.mjs fails where they do not.

set(deconv_link_flags
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
  # Tensors decide the size, and it never shrinks: it starts with what a small layer needs and grows by a fiftieth,
  # but a megabyte more than is asked for at most. 2 GB at most, so that addresses stay positive 32-bit integers.
  -sALLOW_MEMORY_GROWTH=1
  -sINITIAL_MEMORY=4MB
  -sMEMORY_GROWTH_GEOMETRIC_STEP=0.02
  -sMEMORY_GROWTH_GEOMETRIC_CAP=1MB
  -sMAXIMUM_MEMORY=2GB
  # 3 KB gzipped smaller than the usual one, and operators allocate rarely.
  -sMALLOC=emmalloc
  # malloc answers 0 when growth fails; we report it and go on.
  -sABORTING_MALLOC=0
  # No files, no environment, no printing.
  -sFILESYSTEM=0
  # Functions of 64-bit integers need no wrappers: engines with SIMD pass those as BigInt.
  -sWASM_BIGINT=1
  -sINCOMING_MODULE_JS_API=instantiateWasm,pthreadPoolSize
)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND deconv_link_flags -sASSERTIONS=2)
else()
  list(APPEND deconv_link_flags -sASSERTIONS=0)
endif()

# The loader reads views from the memory itself: they stay right when it grows.
set(deconv_runtime_methods_single wasmMemory)
# So that shutdown can end the workers.
set(deconv_runtime_methods_threads wasmMemory,PThread)

# The least that there is: it reads neither location nor process, so it runs everywhere. It is bundled, so it
# names no file: our loader does, in the form that bundlers recognise.
set(deconv_link_flags_single -sENVIRONMENT=web -sUSE_ES6_IMPORT_META=0)
set(deconv_link_flags_threads
  # Workers are started before the module is ready, since a page cannot wait for them later.
  -sPTHREAD_POOL_SIZE=Module.pthreadPoolSize
  -sPTHREAD_POOL_SIZE_STRICT=2
  # Growing shared memory makes generated JavaScript slower, and ours reads only at the edges.
  -Wno-pthreads-mem-growth
  # It is loaded by its address and never bundled, so it may name Node's modules and its own file.
  -sENVIRONMENT=web,worker,node
  # So that shutdown gives the memory back.
  --js-library ${PROJECT_SOURCE_DIR}/cpp/bindings/mailbox.js
)

# Types before what takes them: a function of a type that is not there yet waits for it. Those that the types are
# made of name arguments as well.
foreach(bindings IN ITEMS deconv_bindings deconv_type_bindings)
  add_library(${bindings} OBJECT EXCLUDE_FROM_ALL cpp/bindings/embind.cpp cpp/bindings/bindings.cpp)
  # Embind must work without run-time type information.
  target_compile_definitions(${bindings} PRIVATE EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
  target_include_directories(${bindings} PRIVATE cpp/include)
  target_compile_features(${bindings} PRIVATE cxx_std_20)
  target_link_libraries(${bindings} PRIVATE deconv_warnings)
  target_compile_options(${bindings} PRIVATE $<$<CONFIG:Release>:-Os>)
endforeach()
target_compile_definitions(deconv_type_bindings PRIVATE DECONV_TYPES)

add_custom_target(deconv_modules)
foreach(threading IN LISTS deconv_threadings)
  set(module deconv_module_${threading})
  add_executable(${module} $<TARGET_OBJECTS:deconv_bindings>)
  target_link_libraries(${module} PRIVATE deconv_${threading} embind)
  target_link_options(${module} PRIVATE ${deconv_link_flags} ${deconv_link_flags_${threading}}
    -sEXPORTED_RUNTIME_METHODS=${deconv_runtime_methods_${threading}}
  )
  set_target_properties(${module} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${threading}
    OUTPUT_NAME deconv
    SUFFIX .mjs
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/bindings/mailbox.js;${PROJECT_SOURCE_DIR}/scripts/order-functions.mjs"
  )
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_custom_command(TARGET ${module} POST_BUILD COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR}
      ${PROJECT_SOURCE_DIR}/scripts/order-functions.mjs ${EMSCRIPTEN_ROOT} $<TARGET_FILE_DIR:${module}>/deconv.wasm
      VERBATIM
    )
  endif()
  add_dependencies(deconv_modules ${module})
endforeach()

# The same code on one thread with the names of its functions, for scripts/profile.mjs.
add_executable(deconv_named EXCLUDE_FROM_ALL $<TARGET_OBJECTS:deconv_bindings>)
target_link_libraries(deconv_named PRIVATE deconv_single embind)
target_link_options(deconv_named PRIVATE ${deconv_link_flags} ${deconv_link_flags_single}
  -sEXPORTED_RUNTIME_METHODS=${deconv_runtime_methods_single} --profiling-funcs
)
set_target_properties(deconv_named PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/named
  OUTPUT_NAME deconv
  SUFFIX .mjs
)

# The modules' types as Embind knows them; scripts/build.mjs makes web/lib/runtime/bindings.ts of
# them. A link of its own without exported runtime methods: for those Emscripten would need an older
# tsc than ours. Unoptimized, since nobody runs it.
add_executable(deconv_types EXCLUDE_FROM_ALL $<TARGET_OBJECTS:deconv_type_bindings>)
target_link_libraries(deconv_types PRIVATE deconv_single embind)
target_link_options(deconv_types PRIVATE ${deconv_link_flags} ${deconv_link_flags_single}
  -O0 --emit-tsd types.d.ts
)
set_target_properties(deconv_types PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/types
  OUTPUT_NAME types
  SUFFIX .mjs
)
