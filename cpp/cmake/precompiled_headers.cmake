# Half of what a file of ours takes to compile is reading these.
function(deconv_precompile_headers target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # Without its time, the compiler's cache can tell that it is the same.
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endfunction()
