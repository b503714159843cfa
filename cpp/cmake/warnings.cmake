# Warnings of our own code are errors; third-party targets do not link this.
add_library(deconv_warnings INTERFACE)
target_compile_options(deconv_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wold-style-cast
  -Wimplicit-fallthrough -Wnon-virtual-dtor -Werror
)
