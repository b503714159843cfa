// Included before each source of XNNPACK: its configurations then choose the kernels that ship,
// those of WebAssembly's SIMD, instead of this processor's.

#pragma once

#pragma push_macro("__x86_64__")
#pragma push_macro("__x86_64")
#pragma push_macro("__aarch64__")
#undef __x86_64__
#undef __x86_64
#undef __aarch64__
#define __wasm__ 1
#define __wasm_simd128__ 1

// XNN_ARCH_* and what follows from them. It includes nothing of the system.
#include "xnnpack/common.h"

#undef __wasm__
#undef __wasm_simd128__
#pragma pop_macro("__aarch64__")
#pragma pop_macro("__x86_64")
#pragma pop_macro("__x86_64__")
