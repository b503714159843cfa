#pragma once

#include <cstdint>

#include "axis_phases.h"
#include "deconv/geometry.h"
#include "routes/cuts.h"

namespace deconv {

// Copies what a block of cells reads from the planes of its input, with zeros around them, so that
// every tap is the same copy read from another start: a kernel of 9 x 9 copies a value once instead
// of 81 times. Where cells lie `step` input positions apart, the positions that a tap reads lie
// beside each other too, in a copy for each remainder of the height and the width.
//
//   band: for each channel, for each offset of the depth, for each remainder of the height and of
//         the width, [band_rows][pitch]
struct PlaneBlock {
  int32_t depth;  // cells
  int32_t row;
  int32_t rows;
  int32_t column;
  int32_t columns;
};

// The cut of a problem in planes whose blocks have about so many `bytes` of a band, and at least so
// many cells, where there are as many; without columns where a band would be larger than the
// panels.
Planes cut_planes(const Problem& problem, int64_t bytes, int64_t least, int threads);

PlaneBlock block_at(const Planes& cut, int32_t depth, int32_t row_block, int32_t column_block);

// From a band's start to what a tap reads for the first cell.
int32_t start_in_band(const Planes& cut, const AxisPhases (&axes)[3], const AxisPhases::Tap& depth,
                      const AxisPhases::Tap& height, const AxisPhases::Tap& width);

// `planes` are those of the channels of one group of an image.
void pack_band(const Planes& cut, const Problem& problem, const AxisPhases& depths,
               const PlaneBlock& block, const float* planes, float* band);

}  // namespace deconv
