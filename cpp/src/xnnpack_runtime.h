#pragma once

#include <pthreadpool.h>
#include <xnnpack.h>

#include "deconv/status.h"

namespace deconv {

// The pool of start_runtime, or null for one thread.
pthreadpool_t shared_pool();

Status from_xnnpack(xnn_status status);

// Of a create function. Without memory for its row of zeros XNNPACK makes no operator and answers
// success.
inline Status created_status(xnn_status status, xnn_operator_t created) {
  return status == xnn_status_success && created == nullptr ? Status::kOutOfMemory
                                                            : from_xnnpack(status);
}

}  // namespace deconv
