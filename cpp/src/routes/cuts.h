#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "matrix_tile.h"
#include "output.h"

namespace deconv {

// How the routes that are matrix products cut a problem (see Plan::cut): what a worker does at
// once, and where things stand in its memory.

// One run of a route by such a cut.
template <typename Cut>
struct Run : Cut {
  const Problem& problem;
  const float* input;
  const Output& output;
};

// A cut into blocks of rows of cells, or of parts of a row, that read copies of the input's planes
// (see plane_pack.h).
struct Planes {
  Axes cells{};      // of an image
  Axes step{};       // from cell to cell
  Axes first{};      // steps to what the first cell reads first
  Axes span{};       // and from there to what it reads last
  int32_t rows = 0;  // of a block
  int32_t columns = 0;
  int32_t row_blocks = 0;
  int32_t column_blocks = 0;
  int64_t band_rows = 0;
  int64_t pitch = 0;
  int64_t plane = 0;  // from channel to channel of a band
};

// Polyphase: runs of cells (see AxisPhases).
struct Blocks {
  Words words = Words::kFloats;
  Axes cells{};  // of an image
  int64_t all_cells = 0;
  // Of the products of all phases. Where stride and input dilation are both more than 1 they may be
  // fewer.
  int64_t depth = 0;
  int64_t rows = 0;
  int64_t products = 0;  // of a panel, each of phases that read at the same offsets
  int64_t block = 0;     // cells of a block, a multiple of kPanel
  int64_t blocks = 0;
  int64_t worker_elements = 0;  // panels and products
  bool streams_weights = false;
  // Whether the cells of an image are the positions of an output in planes.
  bool one_phase = false;
  bool reads_planes = false;  // and has no blocks of cells
  Planes planes{};
};

// Implicit GEMM: runs of cells.
struct Positions {
  Axes cells{};        // of an image
  int32_t beside = 1;  // outputs of a row that are one position
  int32_t below = 1;   // and rows
  int64_t all_cells = 0;
  // Of a position, at most: stretches that it reads, and values.
  int64_t runs = 0;
  int64_t depth = 0;
  int64_t block = 0;           // cells of a block, whole tiles
  int64_t found_elements = 0;  // where positions read and write
  int64_t worker_elements = 0;
};

// Scatter: runs of cells along one axis.
struct Strips {
  int axis = 0;         // along which strips follow each other
  int64_t slice = 0;    // input positions at one position of that axis
  int64_t overlap = 0;  // positions that neighbouring strips both compute
  int64_t cells = 0;    // of all strips
  int64_t strip = 0;    // cells of a strip
  int64_t strips = 0;
  int64_t block = 0;      // positions of which panels are packed at once
  int64_t pitch = 0;      // of a row of products
  int64_t row_pitch = 0;  // of a row of sums
  int64_t panel_elements = 0;
  int64_t product_elements = 0;
  int64_t worker_elements = 0;
};

// Winograd: rows of tiles.
struct Bands {
  int64_t quads = 0;      // along a row of tiles
  int64_t tile_rows = 0;  // of one image and channel group
  int64_t band_rows = 0;
  int64_t bands = 0;
  int64_t first_row = 0;  // of the input that the first window of the first tile reads
  int64_t first_column = 0;
  int64_t overlap = 0;       // input rows that neighbouring bands both read
  int64_t pitch = 0;         // of a row of the padded planes
  int64_t plane = 0;         // values of one of them
  int64_t result_pitch = 0;  // of a row of steps
  int64_t results = 0;       // of a slice
  int64_t panels = 0;        // of a band
  // Between the points of the transformed inputs and of the products. No power of two, which
  // would put all points into one set of the cache.
  int64_t transformed_stride = 0;
  int64_t products_stride = 0;
  int64_t weights = 0;  // that all workers share, of which a run transforms them all
  int64_t worker_elements = 0;
};

// Winograd along one axis: bundles of kPanel stretches.
struct Stretches {
  Axes bundles{};        // of an image, along each axis but the stretches' own
  int64_t runs = 0;      // of tiles of all residues of the dilation, in a stretch
  int64_t stretch = 0;   // steps of a lane
  int64_t steps = 0;     // of a bundle, along the axis
  int64_t parts = 0;     // of a line, a bundle each
  int64_t together = 0;  // bundles of a block
  int64_t columns = 0;   // that a lane reads
  int64_t line_pitch = 0;
  int64_t step_pitch = 0;
  int64_t result_pitch = 0;
  // What one bundle has of each point of the transformed inputs, of a row of the products, and of
  // the results.
  int64_t bundle_transformed = 0;
  int64_t bundle_products = 0;
  int64_t bundle_results = 0;
  // As those of Bands.
  int64_t transformed_stride = 0;
  int64_t products_stride = 0;
  int64_t weights = 0;
  int64_t worker_elements = 0;
  // Whether the steps of a stretch are positions of the output behind each other.
  bool direct = false;
};

}  // namespace deconv
