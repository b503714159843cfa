#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "matrix_tile.h"
#include "routes/cuts.h"

namespace deconv {

struct Form;
struct LineForm;
enum class WeightTransforms : uint8_t;
namespace depthwise {
struct TileGrid;
}
class Plan;

// What plans cost, in nanoseconds of one thread. All numbers were fitted to layers that
// scripts/bench/planner.mjs drew and measured, on the machine of the performance notes, in the simd
// and the relaxed build; machines differ by a factor that all routes share. 200 such layers judge
// them: see measured_layers_test.cpp.

double polyphase_nanoseconds(const Problem& problem, const Blocks& cut);

double scatter_nanoseconds(const Problem& problem, const Strips& cut);

// What a group of Winograd's transforms and multiplies.
struct WinogradWork {
  double pairs;     // of windows
  double together;  // slices of the output that share their transforms
  double planes;    // of a group: its channels by parities and slices
  double products;  // nanoseconds of one step of the depth of all products
  double lines;     // that each is the sum of
  double depths;    // of all points together
  WeightTransforms transforms;
};

double winograd_nanoseconds(const Form& form, const Problem& problem, const Bands& cut,
                            const WinogradWork& work);

// `products` as above, of all `windows`.
double winograd_line_nanoseconds(const LineForm& form, const Problem& problem, const Stretches& cut,
                                 int64_t windows, double products, int64_t pieces, int64_t dilation,
                                 WeightTransforms transforms);

double implicit_gemm_nanoseconds(const Problem& problem, const Positions& cut);

// `columns` of a row of the output as XNNPACK computes them; with `phases` it multiplies no
// inserted zeros.
double xnnpack_deconvolution_nanoseconds(const Problem& problem, double columns, bool phases);

// What int8 on a route of 32-bit values costs beside the route.
double widening_nanoseconds(const Problem& problem);

double depthwise_nanoseconds(const Problem& problem, const depthwise::TileGrid& grid);

double scalar_nanoseconds(const Problem& problem);

// Nanoseconds that one step of the depth takes for all tiles of `rows` rows.
double tile_step_nanoseconds(int64_t rows, Words words = Words::kFloats);

// Reading and writing what does not stay in the second-level cache.
double memory_nanoseconds(const Problem& problem, double a_value);

// What changing the layout of the tensors and applying the ReLU that the route leaves costs.
double surrounding_nanoseconds(const Plan& plan);

}  // namespace deconv
