#pragma once

#include <algorithm>

#include "deconv/runtime.h"
#include "machine.h"

namespace deconv_tests {

// While it lives, plans are cut as small as they can be, for `threads` workers or as many as the
// pool has, if these are more, and weights are streamed: problems of 10 x 10 cross every border.
class SmallMachine {
 public:
  explicit SmallMachine(int threads = 1) {
    deconv::machine = {.threads = std::max(threads, deconv::runtime_threads()),
                       .byte_dot = deconv::machine.byte_dot,
                       .polyphase_block_bytes = 1,
                       .polyphase_most_positions = 1,
                       .polyphase_least_panels = 1,
                       .polyphase_least_streamed_panels = 1,
                       .cached_weights = 0,
                       .packed_weights = 0,
                       .implicit_gemm_block_bytes = 1,
                       .implicit_gemm_most_tiles = 1,
                       .implicit_gemm_least_tiles = 1,
                       .implicit_gemm_least_streamed_tiles = 1,
                       .scatter_strip_bytes = 1,
                       .scatter_strip_per_overlap = 0,
                       .scatter_panel_bytes = 1,
                       .scatter_least_panels = 1,
                       .winograd_least_products = 0,
                       .winograd_kept_weights = 0,
                       .winograd_compact_weights = 0,
                       .winograd_small_weights = 0,
                       .winograd_least_run_tiles = 0,
                       .winograd_band_bytes = 1,
                       .winograd_least_streamed_panels = 1,
                       .winograd_rows_per_line = 0,
                       .winograd_least_panels = 1,
                       .depthwise_row_outputs = 1,
                       .depthwise_least_columns = 1,
                       .depthwise_tile_floats = 1,
                       .depthwise_columns_per_overlap = 1,
                       .depthwise_rows_per_overlap = 1,
                       .gradient_block_sums = 1,
                       .gradient_block_columns = 1,
                       .gradient_positions_at_once = 1,
                       .gradient_far_apart = 1,
                       .gradient_band_floats = 1};
  }
  SmallMachine(const SmallMachine&) = delete;
  SmallMachine& operator=(const SmallMachine&) = delete;
  ~SmallMachine() { deconv::machine = before_; }

 private:
  const deconv::Machine before_ = deconv::machine;
};

}  // namespace deconv_tests
