// Included before each source of pthreadpool.

#pragma once

#ifdef __SSE__
#include <xmmintrin.h>
#endif

// The C11 atomics of the WebAssembly builds: on x86-64 it would trust plain loads and stores, which
// the thread sanitizer does not.
#define __wasm__ 1
#include "threadpool-atomics.h"
#undef __wasm__

// Threads wait for each other by spinning a million times, which takes the processor from the
// thread that they wait for where there are more threads than processors.
#include "threadpool-common.h"
#undef PTHREADPOOL_SPIN_WAIT_ITERATIONS
#define PTHREADPOOL_SPIN_WAIT_ITERATIONS 10
