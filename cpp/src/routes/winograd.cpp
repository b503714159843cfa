// Products by phases with fewer multiplications: Winograd's F(4x4, 3x3) (Lavin and Gray, Fast
// Algorithms for Convolutional Neural Networks, 2015) over the window of 3 x 3 offsets that all
// phases of an operator share. A tile of 4 x 4 steps reads 6 x 6 input positions; 36 products of
// each channel pair replace 144 by a 3 x 3 kernel, 64 a phase by a 4 x 4 kernel of stride 2.
//
// It rounds otherwise than a plain sum. With u = 2^-24, and X and W the largest |input| and
// |weight| of a window,
//   |error| <= 2304 * (channels + 20) * u * channels * X * W
// in the worst case (2304 is the product over both axes of the largest row of |A^T| (|G| |B^T|));
// of random values the error is some ten times that of a plain sum. A NaN or infinity reaches all
// outputs of the tiles that read it. `Spec::exact` turns the route off.

#include <algorithm>
#include <cmath>
#include <new>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "deconv/workspace.h"
#include "layout.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "phase_writer.h"
#include "routes/cost.h"
#include "routes/route.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

constexpr int kTaps = 3;   // of the window, along each axis
constexpr int kSteps = 4;  // of a tile
constexpr int kReads = 6;  // positions that a tile reads
constexpr int kPoints = kReads * kReads;
// Tiles that are transformed together, one a lane. Two of them make a panel.
constexpr int kQuad = 4;

// Transformed inputs of a block, which all weights pass by.
constexpr int64_t kBlockBytes = 640 * 1024;
// Transformed weights that a layer may keep: 36 for 9 or 16 taps.
constexpr int64_t kMostWeights = int64_t{2} << 20;
constexpr int kLeastChannels = 16;
constexpr int64_t kCacheLine = 16;

// Values of one axis: 6 in, 6 out. The rows of B^T for the points 0, 1, -1, 2, -2, infinity.
inline void transform_input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
  const v128_t two = wasm_f32x4_const_splat(2);
  const v128_t four = wasm_f32x4_const_splat(4);
  const v128_t minus_four = wasm_f32x4_const_splat(-4);
  const v128_t minus_five = wasm_f32x4_const_splat(-5);
  const v128_t even = fma_f32x4(minus_four, x[2], x[4]);
  const v128_t odd = fma_f32x4(minus_four, x[1], x[3]);
  const v128_t even_2 = wasm_f32x4_sub(x[4], x[2]);
  const v128_t odd_2 = wasm_f32x4_mul(two, wasm_f32x4_sub(x[3], x[1]));
  y[0] = fma_f32x4(four, x[0], fma_f32x4(minus_five, x[2], x[4]));
  y[1] = wasm_f32x4_add(even, odd);
  y[2] = wasm_f32x4_sub(even, odd);
  y[3] = wasm_f32x4_add(even_2, odd_2);
  y[4] = wasm_f32x4_sub(even_2, odd_2);
  y[5] = fma_f32x4(four, x[1], fma_f32x4(minus_five, x[3], x[5]));
}

// The rows of A^T: 6 in, 4 out.
inline void transform_output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
  const v128_t sum_1 = wasm_f32x4_add(x[1], x[2]);
  const v128_t difference_1 = wasm_f32x4_sub(x[1], x[2]);
  const v128_t sum_2 = wasm_f32x4_add(x[3], x[4]);
  const v128_t difference_2 = wasm_f32x4_sub(x[3], x[4]);
  y[0] = wasm_f32x4_add(x[0], wasm_f32x4_add(sum_1, sum_2));
  y[1] = fma_f32x4(wasm_f32x4_const_splat(2), difference_2, difference_1);
  y[2] = fma_f32x4(wasm_f32x4_const_splat(4), sum_2, sum_1);
  y[3] = wasm_f32x4_add(fma_f32x4(wasm_f32x4_const_splat(8), difference_2, difference_1), x[5]);
}

// The rows of G: 3 in, 6 out, `stride` between values of both.
void transform_weight(const double* x, double* y, int stride) {
  const double even = x[0] + x[2 * stride];
  const double even_2 = x[0] + 4 * x[2 * stride];
  const double odd = x[stride];
  y[0] = x[0] / 4;
  y[stride] = -(even + odd) / 6;
  y[2 * stride] = -(even - odd) / 6;
  y[3 * stride] = (even_2 + 2 * odd) / 24;
  y[4 * stride] = (even_2 - 2 * odd) / 24;
  y[5 * stride] = x[2 * stride];
}

// Transforms the windows of four tiles beside each other, which start at rows[0] of a padded plane,
// and writes point p to target[p * point_stride].
void transform_quad(const float* window, int64_t pitch, float* target, int64_t point_stride) {
  v128_t half[kReads][kReads];
  for (int row = 0; row < kReads; ++row, window += pitch) {
    v128_t columns[4] = {wasm_v128_load(window), wasm_v128_load(window + 4),
                         wasm_v128_load(window + 8), wasm_v128_load(window + 12)};
    transpose_4x4(columns);
    // Columns 4 and 5 of a tile are columns 0 and 1 of the next.
    const v128_t next = wasm_v128_load(window + 16);
    const v128_t x[kReads] = {columns[0],
                              columns[1],
                              columns[2],
                              columns[3],
                              wasm_i32x4_shuffle(columns[0], next, 1, 2, 3, 4),
                              wasm_i32x4_shuffle(columns[1], next, 1, 2, 3, 5)};
    transform_input(x, half[row]);
  }
  for (int column = 0; column < kReads; ++column) {
    const v128_t x[kReads] = {half[0][column], half[1][column], half[2][column],
                              half[3][column], half[4][column], half[5][column]};
    v128_t y[kReads];
    transform_input(x, y);
    for (int row = 0; row < kReads; ++row) {
      wasm_v128_store(target + (row * kReads + column) * point_stride, y[row]);
    }
  }
}

// The way back: point p of four tiles from source[p * point_stride] to four rows of 16 steps.
void transform_back(const float* source, int64_t point_stride, v128_t bias, bool relu,
                    float* target, int64_t pitch) {
  v128_t half[kSteps][kReads];
  for (int column = 0; column < kReads; ++column) {
    v128_t x[kReads];
    for (int row = 0; row < kReads; ++row) {
      x[row] = wasm_v128_load(source + (row * kReads + column) * point_stride);
    }
    v128_t y[kSteps];
    transform_output(x, y);
    for (int row = 0; row < kSteps; ++row) half[row][column] = y[row];
  }
  for (int row = 0; row < kSteps; ++row, target += pitch) {
    v128_t y[kSteps];
    transform_output(half[row], y);
    for (v128_t& value : y) {
      value = wasm_f32x4_add(value, bias);
      if (relu) value = wasm_f32x4_max(value, wasm_f32x4_const_splat(0));
    }
    transpose_4x4(y);
    for (int step = 0; step < 4; ++step) wasm_v128_store(target + 4 * step, y[step]);
  }
}

class WinogradRoute final : public Route {
 public:
  explicit WinogradRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Problem& problem, const float* input, float* output) override;

 private:
  struct Grid {
    const Problem& problem;
    const float* input;
    float* output;
    int64_t quads = 0;      // along a row of tiles
    int64_t tile_rows = 0;  // of one image and channel group
    int64_t block_rows = 0;
    int64_t blocks = 0;
    int64_t pitch = 0;         // of a row of the padded planes
    int64_t result_pitch = 0;  // of a row of steps
    int64_t panels = 0;        // of a block
    // Between the points of the transformed inputs and of the products. No power of two, which
    // would put all points into one set of the cache.
    int64_t transformed_stride = 0;
    int64_t products_stride = 0;
  };
  // Rows of tiles of one image and channel group.
  struct Block {
    int64_t image;
    int32_t channel_group;
    int64_t first;
    int64_t rows;
  };
  // What a worker computes with.
  struct Memory {
    float* planes;       // [channel][padded rows][pitch]
    float* transformed;  // [point][panel][channel][kPanel]
    float* products;     // [point][row of a tile][panel][kPanel]
    float* results;      // [phase][channel][step row][result pitch]
  };

  int64_t rows() const {
    return int64_t{axes_[1].count()} * axes_[2].count() * spec_.group_out_channels();
  }
  void pad(const Grid& grid, const Block& block, float* planes) const;
  void transform(const Grid& grid, const Block& block, const Memory& memory) const;
  void multiply(const Grid& grid, const Block& block, const Memory& memory) const;
  void write(const Grid& grid, const Block& block, const float* results) const;

  const Spec spec_;
  AxisPhases axes_[3];
  Buffer tiles_;  // [channel group][tile][point]
  Buffer bias_;
};

Status WinogradRoute::set_parameters(const float* weight, const float* bias) {
  for (int axis = 0; axis < 3; ++axis) {
    if (const Status status = axes_[axis].derive(spec_, axis); status != Status::kOk) return status;
  }
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t taps = spec_.kernel_elements();
  if (!tiles_.reserve(spec_.groups * kPoints * Tiling::packed_elements(rows(), in)) ||
      !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  for (int32_t channel = 0; channel < spec_.out_channels; ++channel) {
    bias_[channel] = bias == nullptr ? 0.0f : bias[channel];
  }
  const Tiling tiling(rows());
  float* target = tiles_.data();
  for (int32_t group = 0; group < spec_.groups; ++group) {
    for (int64_t tile = 0; tile < tiling.count; ++tile) {
      const int64_t height = tiling.height(tile);
      const int64_t point_elements = Tiling::packed_elements(height, in);
      for (int64_t tile_row = 0; tile_row < height; ++tile_row) {
        const int64_t row = tiling.first_row(tile) + tile_row;
        const int32_t phase = static_cast<int32_t>(row / out);
        const int64_t channel = row % out;
        // The bias joins the results.
        for (int point = 0; point < kPoints; ++point) target[point * point_elements + tile_row] = 0;
        for (int64_t channel_in = 0; channel_in < in; ++channel_in) {
          const float* const kernel =
              weight + (spec_.transposed ? (group * in + channel_in) * out + channel
                                         : (group * out + channel) * in + channel_in) *
                           taps;
          double window[kPoints] = {};
          for (const AxisPhases::Tap& h : axes_[1].taps(phase / axes_[2].count())) {
            for (const AxisPhases::Tap& w : axes_[2].taps(phase % axes_[2].count())) {
              window[h.offset * kReads + w.offset] = kernel[h.tap * spec_.kernel[2] + w.tap];
            }
          }
          double half[kPoints];
          double whole[kPoints];
          for (int column = 0; column < kTaps; ++column) {
            transform_weight(window + column, half + column, kReads);
          }
          for (int line = 0; line < kReads; ++line) {
            transform_weight(half + line * kReads, whole + line * kReads, 1);
          }
          for (int point = 0; point < kPoints; ++point) {
            target[point * point_elements + (channel_in + 1) * height + tile_row] =
                static_cast<float>(whole[point]);
          }
        }
      }
      target += kPoints * point_elements;
    }
  }
  return Status::kOk;
}

Status WinogradRoute::run(const Problem& problem, const float* input, float* output) {
  Grid grid{problem, input, output};
  const int64_t in = spec_.group_in_channels();
  const int64_t width = (axes_[2].steps(problem.output[2]) + kSteps - 1) / kSteps;
  grid.quads = (width + kQuad - 1) / kQuad;
  grid.tile_rows = (axes_[1].steps(problem.output[1]) + kSteps - 1) / kSteps;
  grid.result_pitch = grid.quads * kQuad * kSteps;
  // A quad reads two columns behind its last step, and loads four.
  grid.pitch = grid.result_pitch + 4;
  const int64_t images = int64_t{problem.batch} * problem.input[0];
  const int64_t jobs = images * spec_.groups;
  const int threads = pool_threads();
  const int64_t row_bytes = 4 * kPoints * in * grid.quads * kQuad;
  grid.block_rows = std::clamp(kBlockBytes / row_bytes, int64_t{1}, grid.tile_rows);
  const int64_t wanted = (threads + jobs - 1) / jobs;
  grid.block_rows = std::min(grid.block_rows, (grid.tile_rows + wanted - 1) / wanted);
  grid.blocks = (grid.tile_rows + grid.block_rows - 1) / grid.block_rows;
  grid.block_rows = (grid.tile_rows + grid.blocks - 1) / grid.blocks;
  grid.panels = (grid.block_rows * grid.quads + 1) / 2;

  const int64_t plane = (grid.block_rows * kSteps + kTaps - 1) * grid.pitch;
  grid.transformed_stride = grid.panels * in * kPanel + kCacheLine;
  grid.products_stride = grid.panels * kTileRows * kPanel + kCacheLine;
  const int64_t transformed = kPoints * grid.transformed_stride;
  const int64_t products = kPoints * grid.products_stride;
  const int64_t results = rows() * grid.block_rows * kSteps * grid.result_pitch;
  const int64_t elements = in * plane + transformed + products + results;
  Buffer& scratch = Workspace::shared().scratch;
  if (!scratch.reserve(elements * threads)) return Status::kOutOfMemory;
  for_each_item(grid.blocks * jobs, [&](int64_t item, int worker) {
    const int64_t job = item / grid.blocks;
    const int64_t first = item % grid.blocks * grid.block_rows;
    const Block block{.image = job / spec_.groups,
                      .channel_group = static_cast<int32_t>(job % spec_.groups),
                      .first = first,
                      .rows = std::min(grid.block_rows, grid.tile_rows - first)};
    float* const planes = scratch.data() + worker * elements;
    const Memory memory{.planes = planes,
                        .transformed = planes + in * plane,
                        .products = planes + in * plane + transformed,
                        .results = planes + in * plane + transformed + products};
    pad(grid, block, memory.planes);
    transform(grid, block, memory);
    multiply(grid, block, memory);
    write(grid, block, memory.results);
  });
  return Status::kOk;
}

// Copies the rows that a block reads, with zeros around the input, one plane a channel.
void WinogradRoute::pad(const Grid& grid, const Block& block, float* planes) const {
  const Problem& problem = grid.problem;
  const int64_t in = spec_.group_in_channels();
  const int64_t padded_rows = block.rows * kSteps + kTaps - 1;
  const int64_t plane = (grid.block_rows * kSteps + kTaps - 1) * grid.pitch;
  const int64_t lead = std::min<int64_t>(std::max(0, -axes_[2].offset(0)), grid.pitch);
  const int64_t skipped = std::max(0, axes_[2].offset(0));
  const int64_t columns = std::clamp<int64_t>(problem.input[2] - skipped, 0, grid.pitch - lead);
  const int64_t image = block.image / problem.input[0];
  const int64_t depth = block.image % problem.input[0];
  for (int64_t row = 0; row < padded_rows; ++row) {
    const int64_t height = block.first * kSteps + row + axes_[1].offset(0);
    float* const target = planes + row * grid.pitch;
    const bool inside = height >= 0 && height < problem.input[1] && columns > 0;
    for (int64_t channel = 0; channel < in; ++channel) {
      float* const line = target + channel * plane;
      if (!inside) {
        std::fill_n(line, grid.pitch, 0.0f);
        continue;
      }
      std::fill_n(line, lead, 0.0f);
      std::fill_n(line + lead + columns, grid.pitch - lead - columns, 0.0f);
    }
    if (!inside) continue;
    const int64_t first_channel = block.channel_group * in;
    if (problem.layout == Layout::kChannelsFirst) {
      const int64_t points = problem.input_points();
      const float* const source = grid.input +
                                  (image * spec_.in_channels + first_channel) * points +
                                  (depth * problem.input[1] + height) * problem.input[2] + skipped;
      for (int64_t channel = 0; channel < in; ++channel) {
        std::copy_n(source + channel * points, columns, target + channel * plane + lead);
      }
    } else {
      const int64_t point = (block.image * problem.input[1] + height) * problem.input[2] + skipped;
      transpose_block(columns, in, grid.input + point * spec_.in_channels + first_channel,
                      spec_.in_channels, target + lead, plane);
    }
  }
}

void WinogradRoute::transform(const Grid& grid, const Block& block, const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  const int64_t plane = (grid.block_rows * kSteps + kTaps - 1) * grid.pitch;
  const int64_t quads = block.rows * grid.quads;
  for (int64_t channel = 0; channel < in; ++channel) {
    for (int64_t quad = 0; quad < quads; ++quad) {
      const float* const window = memory.planes + channel * plane +
                                  quad / grid.quads * kSteps * grid.pitch +
                                  quad % grid.quads * kQuad * kSteps;
      transform_quad(window, grid.pitch,
                     memory.transformed + (quad / 2 * in + channel) * kPanel + quad % 2 * kQuad,
                     grid.transformed_stride);
    }
  }
  if (quads % 2 == 0) return;
  // The last half panel is computed with and never looked at; what is not zero may be slow.
  for (int point = 0; point < kPoints; ++point) {
    for (int64_t channel = 0; channel < in; ++channel) {
      wasm_v128_store(memory.transformed + point * grid.transformed_stride +
                          (quads / 2 * in + channel) * kPanel + kQuad,
                      wasm_f32x4_const_splat(0));
    }
  }
}

void WinogradRoute::multiply(const Grid& grid, const Block& block, const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t quads = block.rows * grid.quads;
  const int64_t pitch = grid.panels * kPanel;
  const Segment all{0, static_cast<int32_t>(in)};
  const Tiling tiling(rows());
  const float* tile =
      tiles_.data() + block.channel_group * kPoints * Tiling::packed_elements(rows(), in);
  for (int64_t index = 0; index < tiling.count; ++index) {
    const int height = tiling.height(index);
    for (int point = 0; point < kPoints; ++point) {
      multiply_tile(height, {.tile = tile,
                             .panels = memory.transformed + point * grid.transformed_stride,
                             .panel_count = (quads + 1) / 2,
                             .panel_stride = in * kPanel,
                             .segments = &all,
                             .segment_count = 1,
                             .relu = false,
                             .result = memory.products + point * grid.products_stride,
                             .result_stride = pitch});
      tile += Tiling::packed_elements(height, in);
    }
    for (int tile_row = 0; tile_row < height; ++tile_row) {
      const int64_t row = tiling.first_row(index) + tile_row;
      const v128_t bias =
          wasm_v128_load32_splat(bias_.data() + block.channel_group * out + row % out);
      for (int64_t quad = 0; quad < quads; ++quad) {
        const int64_t step_row = quad / grid.quads * kSteps;
        transform_back(memory.products + tile_row * pitch + quad * kQuad, grid.products_stride,
                       bias, spec_.relu,
                       memory.results +
                           (row * grid.block_rows * kSteps + step_row) * grid.result_pitch +
                           quad % grid.quads * kQuad * kSteps,
                       grid.result_pitch);
      }
    }
  }
}

void WinogradRoute::write(const Grid& grid, const Block& block, const float* results) const {
  const Problem& problem = grid.problem;
  const int32_t height_phases = axes_[1].count();
  const int32_t width_phases = axes_[2].count();
  const int64_t pitch = grid.block_rows * kSteps * grid.result_pitch;
  for (int64_t row = 0; row < block.rows * kSteps; ++row) {
    for (int32_t phase = 0; phase < height_phases; ++phase) {
      const int64_t height = (block.first * kSteps + row) * height_phases + phase;
      if (height >= problem.output[1]) return;
      const int64_t first_row = int64_t{phase} * width_phases * spec_.group_out_channels();
      write_phases(problem, width_phases,
                   {.image = block.image / problem.input[0],
                    .channel_group = block.channel_group,
                    .depth = block.image % problem.input[0],
                    .height = height,
                    .column = 0,
                    .columns = problem.output[2]},
                   results + first_row * pitch + row * grid.result_pitch, pitch, grid.output);
    }
  }
}

int64_t floor_divide(int64_t dividend, int64_t divisor) {
  return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

// Offsets that the phases of one axis read at: consecutive, as dilations are 1.
int64_t window(const Spec& spec, int axis) {
  if (!spec.transposed) return spec.kernel[axis];
  const int64_t stride = spec.stride[axis];
  const int64_t first = spec.pad_before[axis] - spec.kernel[axis] + 1;
  const int64_t last = spec.pad_before[axis] + stride - 1;
  return floor_divide(last, stride) + floor_divide(-first, stride) + 1;
}

int64_t row_count(const Spec& spec) {
  return (spec.transposed ? int64_t{spec.stride[1]} * spec.stride[2] : 1) *
         spec.group_out_channels();
}

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.exact) return "rounds more than a plain sum";
  if (spec.kernel[0] != 1 || spec.stride[0] != 1 || spec.input_dilation[0] != 1 ||
      spec.pad_before[0] != 0 || spec.pad_after[0] != 0) {
    return "takes two spatial axes only";
  }
  if (spec.group_in_channels() < kLeastChannels || spec.group_out_channels() < kLeastChannels) {
    return "gains nothing with fewer than 16 channels";
  }
  for (int axis = 1; axis < 3; ++axis) {
    if (!spec.transposed && spec.stride[axis] != 1) return "takes convolutions of stride 1 only";
    if (spec.dilation[axis] != 1 || spec.input_dilation[axis] != 1) return "takes no dilation";
    const int64_t offsets = window(spec, axis);
    if (offsets < 2 || offsets > kTaps) return "takes kernels of two or three taps a phase only";
  }
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  if (spec.groups * kPoints * row_count(spec) * spec.group_in_channels() > kMostWeights) {
    return "would keep more than 8 MB of transformed weights";
  }
  return nullptr;
}

double cost(const Problem& problem) {
  const Spec& spec = problem.spec;
  double quads = problem.batch * problem.input[0] * spec.groups;
  for (int axis = 1; axis < 3; ++axis) {
    const int64_t steps =
        (problem.output[axis] - 1) / (spec.transposed ? spec.stride[axis] : 1) + 1;
    const int64_t tile = axis == 1 ? kSteps : kSteps * kQuad;
    quads *= static_cast<double>((steps + tile - 1) / tile);
  }
  const double in = spec.group_in_channels();
  const double rows = static_cast<double>(row_count(spec));
  const double products = 1.17 * kPoints * in * tile_step_nanoseconds(row_count(spec)) / 2;
  return 2500 + quads * (60 * in + 48 * rows + products) +
         0.003 * kPoints * rows * in * spec.groups + memory_nanoseconds(problem, 0.25);
}

}  // namespace

const RouteEntry kWinogradRoute = {
    .id = RouteId::kWinograd,
    .name = "winograd",
    .refusal = refusal,
    .cost = cost,
    .layout = [](const Problem& problem) { return problem.layout; },
    .create = [](const Spec& spec) -> std::unique_ptr<Route> {
      return std::unique_ptr<Route>(new (std::nothrow) WinogradRoute(spec));
    },
};

}  // namespace deconv
