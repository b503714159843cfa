#pragma once

#include <cstddef>

#include "deconv/status.h"

namespace deconv {

// Starts XNNPACK and a pool of `threads` threads (the calling one included; 1 means no pool).
// Call once before any Operator is planned. In a build without threads only 1 is accepted.
Status start_runtime(int threads);

// Ends the pool. No Operator may run afterwards.
void stop_runtime();

int runtime_threads();

// Bytes that malloc has handed out and not got back.
size_t allocated_bytes();

}  // namespace deconv
