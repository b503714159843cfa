#pragma once

#include <cstdint>

#include "byte_dot.h"

namespace deconv {

// The threads and caches that plans are cut for. A route whose least piece of work is larger than a
// size takes that piece.
//
// Tests set smaller sizes before they plan, so that a problem of 10 x 10 is cut into several pieces
// and streams its weights; more threads than the pool has cut it as that many would. What was
// planned keeps its sizes.
struct Machine {
  // Workers that run at once: those of the pool, or more. start_runtime() sets it.
  int threads = 1;

  // What int8 operators multiply by; kNone is right on every engine. start_runtime() tries it.
  ByteDot byte_dot = ByteDot::kNone;

  // Packed panels and products of a block stay in a second-level cache, of phones as well, beside
  // the weights that stream through. 96 KiB to 1 MiB were alike within 2 % on a machine with 2 MiB.
  int64_t polyphase_block_bytes = 192 * 1024;
  int64_t polyphase_most_positions = 4096;
  // Panels that a block has at least where one of them fits; and where weights come from memory for
  // every block, which pay for a larger one.
  int64_t polyphase_least_panels = 4;
  int64_t polyphase_least_streamed_panels = 8;
  // Weights of more values than these (3 MiB) do not stay in a second-level cache from block to
  // block.
  int64_t cached_weights = 3 << 18;

  // Weights of a transposed convolution that are packed at a time, of all its output channels; of 8
  // input channels at least.
  int64_t packed_weights = 1 << 16;

  // What a block reads and writes; its positions find where they read once for all weights.
  int64_t implicit_gemm_block_bytes = 128 * 1024;
  int64_t implicit_gemm_most_tiles = 16;
  int64_t implicit_gemm_least_tiles = 2;
  int64_t implicit_gemm_least_streamed_tiles = 8;

  // Products of a strip that stay in a second-level cache, as far as its overlap allows.
  int64_t scatter_strip_bytes = 768 * 1024;
  // A strip is at least this many times longer than what it has in common with its neighbour.
  int64_t scatter_strip_per_overlap = 8;
  // Positions whose packed panels stay there while the weights stream through.
  int64_t scatter_panel_bytes = 192 * 1024;
  int64_t scatter_least_panels = 4;

  // Multiply-adds of a layer from which Winograd's pay with few channels: smaller ones stay exact
  // where they sum whole numbers.
  int64_t winograd_least_products = 1 << 20;
  // Transformed weights of more values than these (8 MiB, and 2 MB where they should be compact,
  // which stay in a second-level cache) are not kept, but transformed for every band or block.
  int64_t winograd_kept_weights = 2 << 20;
  int64_t winograd_compact_weights = 480 << 10;
  // Of those that should be compact, but are fewer, values that are kept all the same, and tiles of
  // positions that pay for transforming others for every run: that takes as long as the products
  // of three tiles.
  int64_t winograd_small_weights = 1 << 14;
  int64_t winograd_least_run_tiles = 64;
  // Transformed inputs of a band, which all weights pass by.
  int64_t winograd_band_bytes = 384 * 1024;
  // Panels that a band has at least where its weights come from memory.
  int64_t winograd_least_streamed_panels = 16;
  // Bands that both transform the lines between them are at least so many times longer.
  int64_t winograd_rows_per_line = 2;
  // Panels of a block of a line, which the weights of one point pass by.
  int64_t winograd_least_panels = 8;

  // A row of results stays in the first-level cache, a tile in the second.
  int64_t depthwise_row_outputs = 4096;
  int64_t depthwise_least_columns = 32;
  int64_t depthwise_tile_floats = 1 << 15;
  // Neighbouring tiles both copy what lies between them: that should be little beside what a tile
  // has of its own.
  int64_t depthwise_columns_per_overlap = 4;
  int64_t depthwise_rows_per_overlap = 2;

  // Sums of a weight's gradient that stay in a second-level cache while all positions pass by.
  int64_t gradient_block_sums = 1 << 15;
  int64_t gradient_block_columns = 64;
  // Positions of a line, or of several, whose values stay in the first-level cache while the rows
  // and columns of a block meet.
  int64_t gradient_positions_at_once = 64;
  // Columns of positions so many floats apart push each other out of it, and are copied.
  int64_t gradient_far_apart = 1024;
  // Copied rows of a depthwise layer, which stay there beside the dense rows that meet them.
  int64_t gradient_band_floats = 1 << 12;
};

inline constinit Machine machine;

}  // namespace deconv
