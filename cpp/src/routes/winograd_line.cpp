// Products with fewer multiplications along one line, the width: Winograd's F(m, r) as in
// winograd.cpp, with dilation and for kernels of any length.
//
// A block of a line is cut into kPanel stretches, one a lane, and stored as columns of kPanel
// lanes. Tiles read every dilation-th column, from a column of their own on, so that no transform
// needs a shuffle, nor knows of the dilation, and a tile position is a panel of the product.
//
// A kernel longer than r is a sum of pieces m taps apart, whose transformed inputs are those of
// later tiles. Products of a tile, and the sums of products of m steps that they replace:
//
//   F(5, 2)   6 replace 10: two taps a phase, as of a kernel of 16 and stride 8
//   F(6, 3)   8 replace 18
//   F(4, 5)   8 replace 20; 16 replace 36 of nine taps
//   F(4, 7)  10 replace 28
//   F(5, 6)  10 replace 30; 20 replace 55 of eleven taps
//
// It rounds otherwise than a plain sum, by the bound of winograd.cpp, where c is the largest row of
// |A^T| (|G| |B^T|): 41 for F(5, 2), 68 for F(6, 3), 87 for F(4, 5), 426 for F(4, 7) and 392 for
// F(5, 6), and `channels` counts each piece as well. A NaN or infinity reaches all outputs of the
// tiles that read it.

#include <algorithm>
#include <cmath>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "divide.h"
#include "layout.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "phase_writer.h"
#include "routes/cost.h"
#include "routes/phase_windows.h"
#include "routes/route.h"
#include "routes/winograd_line_forms.h"
#include "routes/winograd_weights.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// Transformed weights that a layer may keep: 80 MB.
constexpr int64_t kMostWeights = int64_t{20} << 20;
constexpr int kLeastChannels = 12;
constexpr int kMostPieces = 8;
constexpr int64_t kCacheLine = 16;
// Channels whose columns stay in a first-level cache, and fill lines of it when they are
// transformed; and those that fill one where channels lie beside each other.
constexpr int64_t kTogether = 4;
constexpr int64_t kLoaded = 16;

int64_t pieces_of(const LineForm& form, int64_t taps) {
  return 1 + ceil_divide(std::max<int64_t>(0, taps - form.taps), int64_t{form.steps});
}

// What all that follows from the spec alone.
struct Shape {
  explicit Shape(const Spec& spec);

  // That the longest phase has, in steps of the dilation.
  int64_t taps;
  const LineForm* form;
  int64_t pieces;
  int64_t dilation;

  // Offsets from the first tap of a window to behind its last.
  int64_t reach() const { return dilation * (taps - 1) + 1; }
  // Columns that a stretch reads behind its own.
  int64_t overlap() const { return dilation * ((pieces - 1) * form->steps + form->taps - 1); }
};

Shape::Shape(const Spec& spec)
    : taps(ceil_divide(spec.kernel[2], spec.stride[2])),
      form(&kLineForms.front()),
      dilation(spec.dilation[2]) {
  const auto cost = [&](const LineForm& one) {
    const int64_t count = pieces_of(one, taps);
    // Pieces of fewer taps than a tile has steps would leave some between them.
    if (count > 1 && one.taps < one.steps) return HUGE_VAL;
    return static_cast<double>(count * one.reads) / one.steps;
  };
  for (const LineForm& one : kLineForms) {
    if (cost(one) < cost(*form)) form = &one;
  }
  pieces = pieces_of(*form, taps);
}

// Four lanes of columns to stretches behind each other, of which the first `steps` are wanted.
void unlace(const float* columns, int64_t stretch, int64_t steps, float* target) {
  const int64_t whole = steps >= 4 * stretch ? stretch / 4 * 4 : 0;
  for (int64_t column = 0; column < whole; column += 4) {
    transpose_4x4(columns + column * kPanel, int64_t{kPanel}, target + column, stretch);
  }
  for (int64_t lane = 0; lane < 4; ++lane) {
    const int64_t end = std::min(stretch, steps - lane * stretch);
    for (int64_t column = whole; column < end; ++column) {
      target[lane * stretch + column] = columns[column * kPanel + lane];
    }
  }
}

class WinogradLineRoute final : public Route {
 public:
  explicit WinogradLineRoute(const Spec& spec) : spec_(spec), shape_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override;

 private:
  using Run = deconv::Run<Stretches>;
  // Stretches of one line of an image and channel group.
  struct Block {
    int64_t line;
    int32_t channel_group;
    int64_t first;  // step
  };
  // What a worker computes with.
  struct Memory {
    float* lines;        // [channel][line pitch], of kLoaded channels
    float* columns;      // [channel][column][kPanel], of kTogether channels, or of one result
    float* transformed;  // [point][tile][channel][kPanel], of one window
    float* products;     // [point][row][tile][kPanel]
    float* results;      // [phase][channel][result pitch], unless they go to the output
  };
  int64_t rows(const PhaseWindow& window) const {
    return window.phases * spec_.group_out_channels();
  }
  int64_t depth() const { return shape_.pieces * spec_.group_in_channels(); }
  // Transformed weights of one channel group.
  int64_t group_elements(const PhaseWindow& window) const {
    return shape_.form->reads * Tiling::packed_elements(rows(window), depth());
  }
  void pack_row(const PhaseWindow& window, int64_t row, const float* weight, float* target,
                int64_t height) const;
  void transform(const Run& run, const Block& block, const PhaseWindow& window,
                 const Memory& memory) const;
  const float* load_lines(const Run& run, const Block& block, const PhaseWindow& window,
                          int64_t channel, int64_t channels, const Memory& memory,
                          int64_t* pitch) const;
  void multiply(const Run& run, const float* tiles, const PhaseWindow& window,
                const Memory& memory) const;
  void transform_back(const Run& run, const Block& block, const PhaseWindow& window,
                      const Memory& memory, float* target, int64_t pitch) const;

  const Spec spec_;
  const Shape shape_;
  AxisPhases axis_;
  Buffer tiles_;  // [window][channel group][point][tile]
  Buffer bias_;
};

Status WinogradLineRoute::set_parameters(const float* weight, const float* bias) {
  if (const Status status = axis_.derive(spec_, 2); status != Status::kOk) return status;
  const int64_t out = spec_.group_out_channels();
  if (!tiles_.reserve(spec_.groups * group_elements({0, axis_.count(), 0})) ||
      !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  std::copy_n(bias, spec_.out_channels, bias_.data());
  float* target = tiles_.data();
  visit_windows(spec_, 2, shape_.reach(), [&](const PhaseWindow& window) {
    for (int32_t group = 0; group < spec_.groups; ++group) {
      pack_tiles(rows(window), depth() + 1, target,
                 [&](int64_t row, float* values, int64_t height) {
                   pack_row(window, row, weight + spec_.first_kernel(group * out), values, height);
                 });
      target += group_elements(window);
    }
  });
  return Status::kOk;
}

// One row of all points, whose values are `height` apart.
void WinogradLineRoute::pack_row(const PhaseWindow& window, int64_t row, const float* weight,
                                 float* target, int64_t height) const {
  const LineForm& form = *shape_.form;
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t point_elements = Tiling::packed_elements(rows(window), depth());
  const auto phase = window.first_phase + static_cast<int32_t>(row / out);
  // The bias joins the results.
  for (int point = 0; point < form.reads; ++point) target[point * point_elements] = 0;
  v128_t taps[kMostPieces * kMostLineReads] = {};
  for (int64_t channel_in = 0; channel_in < in; channel_in += 2) {
    const float* const kernel =
        weight + spec_.first_kernel(row % out) + channel_in * spec_.kernel_stride();
    const bool both = channel_in + 1 < in;
    const float* const other = both ? kernel + spec_.kernel_stride() : kernel;
    for (const AxisPhases::Tap& tap : axis_.taps(phase)) {
      taps[(tap.offset - window.offset) / shape_.dilation] =
          wasm_f64x2_make(kernel[tap.tap], other[tap.tap]);
    }
    for (int64_t piece = 0; piece < shape_.pieces; ++piece) {
      // All pieces but the last have as many taps as a tile has steps.
      v128_t of_piece[kMostLineReads] = {};
      std::copy_n(taps + piece * form.steps, piece + 1 < shape_.pieces ? form.steps : form.taps,
                  of_piece);
      v128_t points[kMostLineReads];
      form.weights.apply(of_piece, points, 1);
      for (int point = 0; point < form.reads; ++point) {
        store_weights(points[point], both,
                      target + point * point_elements + (piece * in + channel_in + 1) * height,
                      height);
      }
    }
  }
}

Status WinogradLineRoute::run(const Plan& plan, const float* input, const Output& output,
                              float* scratch) {
  const Run run{plan.cut<Stretches>(), plan.problem, input, output};
  const Problem& problem = run.problem;
  const int64_t lines = int64_t{problem.batch} * problem.input[0] * problem.input[1];
  for_each_item(run.blocks * lines * spec_.groups, [&](int64_t item, int worker) {
    const int64_t job = item / run.blocks;
    const Block block{.line = job / spec_.groups,
                      .channel_group = static_cast<int32_t>(job % spec_.groups),
                      .first = item % run.blocks * kPanel * run.stretch};
    const LineForm& form = *shape_.form;
    Memory memory;
    memory.lines = scratch + worker * run.worker_elements;
    memory.columns = memory.lines + kLoaded * run.line_pitch;
    memory.transformed = memory.columns + kTogether * run.columns * kPanel;
    memory.products = memory.transformed + form.reads * run.transformed_stride;
    memory.results = memory.products + form.reads * run.products_stride;
    const int64_t column = block.first * axis_.count();
    const OutputStretch stretch{
        .image = block.line / (problem.input[0] * problem.input[1]),
        .channel_group = block.channel_group,
        .depth = block.line / problem.input[1] % problem.input[0],
        .height = block.line % problem.input[1],
        .column = column,
        .columns = std::min(kPanel * run.stretch * axis_.count(), problem.output[2] - column)};
    PhaseWriter writer(problem, output);
    const float* tiles = tiles_.data();
    visit_windows(spec_, 2, shape_.reach(), [&](const PhaseWindow& window) {
      transform(run, block, window, memory);
      multiply(run, tiles + block.channel_group * group_elements(window), window, memory);
      if (run.direct) {
        transform_back(run, block, window, memory, writer.start_of(stretch),
                       problem.output_points());
      } else {
        transform_back(
            run, block, window, memory,
            memory.results + window.first_phase * spec_.group_out_channels() * run.result_pitch,
            run.result_pitch);
      }
      tiles += spec_.groups * group_elements(window);
    });
    if (run.direct) {
      writer.add(stretch);
    } else {
      writer.write_phases(axis_.count(), stretch, memory.results, run.result_pitch);
    }
  });
  return Status::kOk;
}

// What the stretches of a block read, of so many channels, with zeros around the input.
const float* WinogradLineRoute::load_lines(const Run& run, const Block& block,
                                           const PhaseWindow& window, int64_t channel,
                                           int64_t channels, const Memory& memory,
                                           int64_t* pitch) const {
  const Problem& problem = run.problem;
  const int64_t width = problem.input[2];
  const int64_t wanted = (kPanel - 1) * run.stretch + run.columns;
  const int64_t begin = block.first + window.offset;
  const int64_t lead = std::clamp<int64_t>(-begin, 0, wanted);
  const int64_t end = std::clamp<int64_t>(width - begin, lead, wanted);
  const int64_t first_channel = block.channel_group * spec_.group_in_channels() + channel;
  if (problem.layout == Layout::kChannelsFirst) {
    const int64_t points = problem.input_points();
    const int64_t lines = int64_t{problem.input[0]} * problem.input[1];
    const float* const source = run.input +
                                (block.line / lines * spec_.in_channels + first_channel) * points +
                                block.line % lines * width + begin;
    if (lead == 0 && end == wanted) {
      *pitch = points;
      return source;
    }
    for (int64_t index = 0; index < channels; ++index) {
      copy_floats(source + index * points + lead, end - lead,
                  memory.lines + index * run.line_pitch + lead);
    }
  } else {
    transpose_block(
        end - lead, channels,
        run.input + (block.line * width + begin + lead) * spec_.in_channels + first_channel,
        spec_.in_channels, memory.lines + lead, run.line_pitch);
  }
  for (int64_t index = 0; index < channels; ++index) {
    float* const line = memory.lines + index * run.line_pitch;
    clear_floats(line, lead);
    clear_floats(line + end, wanted - end);
  }
  *pitch = run.line_pitch;
  return memory.lines;
}

void WinogradLineRoute::transform(const Run& run, const Block& block, const PhaseWindow& window,
                                  const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  const int64_t plane = run.columns * kPanel;
  const float* line = nullptr;
  int64_t pitch = 0;
  for (int64_t channel = 0; channel < in; channel += kTogether) {
    if (channel % kLoaded == 0) {
      line =
          load_lines(run, block, window, channel, std::min(kLoaded, in - channel), memory, &pitch);
    }
    const int64_t channels = std::min(kTogether, in - channel);
    for (int64_t index = 0; index < channels; ++index, line += pitch) {
      float* const columns = memory.columns + index * plane;
      for (int64_t column = 0; column < run.columns; column += 4) {
        for (int64_t lane = 0; lane < kPanel; lane += 4) {
          transpose_4x4(line + lane * run.stretch + column, run.stretch,
                        columns + column * kPanel + lane, int64_t{kPanel});
        }
      }
    }
    shape_.form->transform({.first = memory.columns,
                            .plane = plane,
                            .channels = channels,
                            .dilation = shape_.dilation,
                            .runs = run.runs + shape_.pieces - 1},
                           memory.transformed + channel * kPanel, in * kPanel,
                           run.transformed_stride);
  }
}

void WinogradLineRoute::multiply(const Run& run, const float* tiles, const PhaseWindow& window,
                                 const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  // The tiles of the next piece are those of the next run.
  Segment pieces[kMostPieces];
  for (int64_t piece = 0; piece < shape_.pieces; ++piece) {
    pieces[piece] = {static_cast<int32_t>(piece * shape_.dilation * in), static_cast<int32_t>(in)};
  }
  const int64_t panels = run.runs * shape_.dilation;
  for (int point = 0; point < shape_.form->reads; ++point) {
    multiply_tiles(rows(window), depth(), false,
                   {.tile = tiles + point * Tiling::packed_elements(rows(window), depth()),
                    .panels = memory.transformed + point * run.transformed_stride,
                    .panel_count = panels,
                    .panel_stride = in * kPanel,
                    .segments = pieces,
                    .segment_count = static_cast<int32_t>(shape_.pieces),
                    .relu = false,
                    .result = memory.products + point * run.products_stride,
                    .result_stride = panels * kPanel});
  }
}

// Rows of steps lie `pitch` apart.
void WinogradLineRoute::transform_back(const Run& run, const Block& block,
                                       const PhaseWindow& window, const Memory& memory,
                                       float* target, int64_t pitch) const {
  const int64_t out = spec_.group_out_channels();
  const int64_t panels = run.runs * shape_.dilation;
  const int64_t steps =
      std::min(kPanel * run.stretch, AxisPhases::cells(run.problem, 2) - block.first);
  const float* const bias = bias_.data() + block.channel_group * out;
  for (int64_t row = 0; row < rows(window); ++row, target += pitch) {
    shape_.form->transform_back(memory.products + row * panels * kPanel, run.products_stride,
                                shape_.dilation, run.runs, wasm_v128_load32_splat(bias + row % out),
                                spec_.relu, memory.columns);
    for (int64_t lane = 0; lane < kPanel; lane += 4) {
      unlace(memory.columns + lane, run.stretch, steps - lane * run.stretch,
             target + lane * run.stretch);
    }
  }
}

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.exact) return "rounds more than a plain sum";
  for (int axis = 0; axis < 2; ++axis) {
    if (spec.kernel[axis] != 1 || spec.stride[axis] != 1 || spec.input_dilation[axis] != 1 ||
        spec.pad_before[axis] != 0 || spec.pad_after[axis] != 0) {
      return "takes kernels along the width only";
    }
  }
  if (spec.group_in_channels() < kLeastChannels) {
    return "gains nothing with fewer than 12 input channels";
  }
  if (!spec.transposed && spec.stride[2] != 1) return "takes convolutions of stride 1 only";
  if (spec.input_dilation[2] != 1) return "takes no input dilation";
  if (spec.transposed && spec.stride[2] != 1 && spec.dilation[2] != 1) {
    return "takes no dilation where phases have taps of their own";
  }
  const Shape shape(spec);
  if (shape.taps < 2) return "gains nothing where phases have one tap";
  if (shape.pieces > kMostPieces) return "takes no kernel this long";
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  const int64_t rows = AxisPhases::count(spec, 2) * spec.out_channels;
  if (rows * spec.group_in_channels() * shape.form->reads * shape.pieces > kMostWeights) {
    return "would keep more than 80 MB of transformed weights";
  }
  return nullptr;
}

const char* make_plan(const Machine& machine, Plan* plan) {
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (const char* reason = refusal(problem)) return reason;
  const Shape shape(spec);
  const LineForm& form = *shape.form;
  const int64_t in = spec.group_in_channels();
  const int64_t out = spec.group_out_channels();
  const int64_t phases = AxisPhases::count(spec, 2);
  int64_t windows = 0;
  int64_t most_rows = 0;
  double products = 0;
  visit_windows(spec, 2, shape.reach(), [&](const PhaseWindow& window) {
    windows += 1;
    most_rows = std::max(most_rows, window.phases * out);
    products += tile_step_nanoseconds(window.phases * out);
  });
  Stretches cut;
  // Tiles of all lanes, of all residues.
  const int64_t unit = kPanel * shape.dilation * form.steps;
  const int64_t runs = std::max<int64_t>(1, ceil_divide(AxisPhases::cells(problem, 2), unit));
  const int64_t jobs = std::max<int64_t>(
      1, int64_t{problem.batch} * problem.input[0] * problem.input[1] * spec.groups);
  const int64_t run_bytes = 4 * kPanel * form.reads * shape.dilation * in;
  cut.runs = std::max({machine.winograd_band_bytes / run_bytes,
                       ceil_divide(machine.winograd_least_panels, shape.dilation),
                       (shape.pieces - 1) * machine.winograd_rows_per_line});
  cut.runs =
      std::clamp(cut.runs, int64_t{1},
                 std::max<int64_t>(1, ceil_divide(runs, ceil_divide(machine.threads, jobs))));
  cut.blocks = ceil_divide(runs, cut.runs);
  cut.runs = ceil_divide(runs, cut.blocks);
  cut.blocks = ceil_divide(runs, cut.runs);
  cut.stretch = cut.runs * shape.dilation * form.steps;
  cut.columns = ceil_divide(cut.stretch + shape.overlap(), int64_t{4}) * 4;
  cut.line_pitch = whole_panels((kPanel - 1) * cut.stretch + cut.columns);
  cut.direct =
      phases == 1 && (problem.layout == Layout::kChannelsFirst || !problem.output_layout_matters());
  cut.result_pitch = cut.direct ? 0 : kPanel * cut.stretch;
  cut.transformed_stride =
      (cut.runs + shape.pieces - 1) * shape.dilation * in * kPanel + kCacheLine;
  cut.products_stride = most_rows * cut.runs * shape.dilation * kPanel + kCacheLine;
  cut.worker_elements = kLoaded * cut.line_pitch + kTogether * cut.columns * kPanel +
                        form.reads * (cut.transformed_stride + cut.products_stride) +
                        phases * out * cut.result_pitch;
  plan->set_cut(cut, machine.threads);
  plan->nanoseconds = winograd_line_nanoseconds(form, problem, cut, windows, products, shape.pieces,
                                                shape.dilation);
  return nullptr;
}

}  // namespace

const RouteEntry kWinogradLineRoute = {
    .id = RouteId::kWinogradLine,
    .name = "winograd-line",
    .plan = make_plan,
    .create = create_route<WinogradLineRoute>,
};

}  // namespace deconv
