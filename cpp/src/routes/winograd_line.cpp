// Products with fewer multiplications along one axis: Winograd's F(m, r) as in winograd.cpp, with
// dilation and for kernels of any length.
//
// A bundle is kPanel stretches, one a lane, stored as columns of kPanel lanes: along the width
// stretches behind each other of one line, along another axis those of lines beside each other.
// Tiles read every dilation-th column, from a column of their own on, so that no transform needs a
// shuffle, nor knows of the dilation, and a tile position is a panel of the product. A block is
// bundles that meet the weights together.
//
// A kernel longer than r is a sum of pieces m taps apart, whose transformed inputs are those of
// later tiles. Products of a tile, and the sums of products of m steps that they replace:
//
//   F(4, 2)   5 replace 8
//   F(5, 2)   6 replace 10: two taps a phase, as of a kernel of 16 and stride 8
//   F(6, 3)   8 replace 18
//   F(4, 5)   8 replace 20; 16 replace 36 of nine taps
//   F(4, 7)  10 replace 28
//   F(5, 6)  10 replace 30; 20 replace 55 of eleven taps
//
// It rounds otherwise than a plain sum, by the bound of winograd.cpp, where c is the largest row of
// |A^T| (|G| |B^T|): 19 for F(4, 2), 41 for F(5, 2), 68 for F(6, 3), 87 for F(4, 5), 426 for
// F(4, 7) and 392 for F(5, 6), and `channels` counts each piece as well. A NaN or infinity reaches
// all outputs of the tiles that read it.

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
#include "routes/cursor.h"
#include "routes/phase_windows.h"
#include "routes/route.h"
#include "routes/winograd_line_forms.h"
#include "routes/winograd_weights.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

constexpr int kMostPieces = 8;
constexpr int kMostBundles = 16;  // of a block
constexpr int64_t kCacheLine = 16;
// Channels whose columns stay in a first-level cache, and fill lines of it when they are
// transformed; and those that fill one where channels lie beside each other.
constexpr int64_t kTogether = 4;
constexpr int64_t kLoaded = 16;
// Positions of a line along another axis than the width: pictures are a few rows high where they
// have the most channels, and a tile of five steps may have three of them to waste.
constexpr int64_t kShortLine = 16;

int64_t pieces_of(const LineForm& form, int64_t taps) {
  return 1 + ceil_divide(std::max<int64_t>(0, taps - form.taps), int64_t{form.steps});
}

// The axis that has a kernel: the width, where none has.
int axis_of(const Spec& spec) {
  for (int axis = 0; axis < 2; ++axis) {
    if (spec.kernel[axis] != 1) return axis;
  }
  return 2;
}

// Whether positions along an axis are as they were.
bool is_kept(const Spec& spec, int axis) {
  return spec.kernel[axis] == 1 && spec.stride[axis] == 1 && spec.input_dilation[axis] == 1 &&
         spec.pad_before[axis] == 0 && spec.pad_after[axis] == 0;
}

// What all that follows from the spec alone.
struct Shape {
  explicit Shape(const Spec& spec);

  int axis;
  // That the longest phase has, in steps of the dilation.
  int64_t taps;
  const LineForm* form;
  int64_t pieces;
  int64_t dilation;

  // Whether the stretches of a bundle are those of one line.
  bool one_line() const { return axis == 2; }
  // Offsets from the first tap of a window to behind its last.
  int64_t reach() const { return dilation * (taps - 1) + 1; }
  // Columns that a stretch reads behind its own.
  int64_t overlap() const { return dilation * ((pieces - 1) * form->steps + form->taps - 1); }
};

Shape::Shape(const Spec& spec)
    : axis(axis_of(spec)),
      taps(ceil_divide(spec.kernel[axis], spec.stride[axis])),
      form(&kLineForms.front()),
      dilation(spec.dilation[axis]) {
  const auto cost = [&](const LineForm& one) {
    const int64_t count = pieces_of(one, taps);
    // Pieces of fewer taps than a tile has steps would leave some between them.
    if (count > 1 && one.taps < one.steps) return HUGE_VAL;
    const auto reads = static_cast<double>(count * one.reads);
    return reads * (one_line()
                        ? 1.0 / one.steps
                        : static_cast<double>(ceil_divide(kShortLine, one.steps)) / kShortLine);
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

// Parts of the depth: the pieces.
WinogradWeights weights_of(const Shape& shape, const Spec& spec, const Machine& machine) {
  WinogradWeights weights(shape.form->weights, false);
  for (int64_t piece = 0; piece < shape.pieces; ++piece) weights.add(true, true);
  const int64_t phases = AxisPhases::count(spec, shape.axis);
  weights.choose(phases * spec.out_channels * spec.group_in_channels(), phases * shape.form->steps,
                 spec, machine);
  return weights;
}

class WinogradLineRoute final : public Route {
 public:
  explicit WinogradLineRoute(const Spec& spec)
      : spec_(spec), shape_(spec), weights_(weights_of(shape_, spec, machine)) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override;

 private:
  using Run = deconv::Run<Stretches>;
  struct Bundle {
    int64_t image;
    int32_t channel_group;
    Axes line;           // where it begins
    int64_t lanes;       // that lines stand in, beside each other
    int64_t first;       // step
    float* transformed;  // [point][tile][channel][kPanel], of one window
    float* products;     // [point][row][tile][kPanel]
    float* results;      // [phase][channel][result pitch], unless they go to the output

    // A position of its first line.
    Axes at(int axis, int64_t position) const {
      Axes place = line;
      place[axis] = static_cast<int32_t>(position);
      return place;
    }
  };
  // What a worker loads the input to.
  struct Memory {
    float* lines;    // [channel][line pitch], of kLoaded channels
    float* columns;  // [channel][column][kPanel], of kTogether channels, or of one result
    float* weights;  // of a tile
  };
  int64_t rows(const PhaseWindow& window) const {
    return window.phases * spec_.group_out_channels();
  }
  // Of one channel group, as load_line() takes them.
  int64_t group_elements(const PhaseWindow& window) const {
    return rows(window) * weights_.row_elements(spec_.group_in_channels());
  }
  int64_t kept_group_elements(const PhaseWindow& window) const {
    return rows(window) * weights_.kept_elements(spec_.group_in_channels());
  }
  void gather(const PhaseWindow& window, const WinogradWeights::Taps& taps) const;
  void transform_weights(float* target) const;
  void transform(const Run& run, const Bundle& bundle, const PhaseWindow& window, int64_t first,
                 const Memory& memory) const;
  void load_lanes(const Run& run, const Bundle& bundle, const PhaseWindow& window, int64_t channel,
                  int64_t channels, float* columns) const;
  const float* load_lines(const Run& run, const Bundle& bundle, const PhaseWindow& window,
                          int64_t channel, int64_t channels, const Memory& memory,
                          int64_t* pitch) const;
  void multiply(const Run& run, int64_t count, const float* tile, const PhaseWindow& window,
                const Bundle& first, const Memory& memory) const;
  void transform_back(const Run& run, const Bundle& bundle, const PhaseWindow& window,
                      const Memory& memory, const PhaseWriter& writer) const;
  OutputStretch stretch_at(const Bundle& bundle, int64_t position, int64_t columns) const;
  void write(const Run& run, const Bundle& bundle, int64_t bundles, PhaseWriter* writer) const;

  const Spec spec_;
  const Shape shape_;
  const WinogradWeights weights_;
  AxisPhases axis_;
  Buffer tiles_;  // [window][channel group][tile]
  Buffer bias_;
};

Status WinogradLineRoute::set_parameters(const float* weight, const float* bias) {
  if (!axis_.derive(spec_, shape_.axis)) return Status::kOutOfMemory;
  const int64_t out = spec_.group_out_channels();
  if (!tiles_.reserve(spec_.groups * kept_group_elements({0, axis_.count(), 0})) ||
      !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  std::copy_n(bias, spec_.out_channels, bias_.data());
  float* target = tiles_.data();
  visit_windows(spec_, shape_.axis, shape_.reach(), [&](const PhaseWindow& window) {
    for (int32_t group = 0; group < spec_.groups; ++group) {
      weights_.pack(spec_, weight + spec_.first_kernel(group * out), rows(window), 1, target,
                    [&](const WinogradWeights::Taps& taps) { gather(window, taps); });
      target += kept_group_elements(window);
    }
  });
  return Status::kOk;
}

// Taps of a group, where the phase of its rows has some.
void WinogradLineRoute::gather(const PhaseWindow& window, const WinogradWeights::Taps& taps) const {
  const LineForm& form = *shape_.form;
  for (const AxisPhases::Tap& tap :
       axis_.taps(window.first_phase + static_cast<int32_t>(taps.phase))) {
    // All pieces but the last have as many taps as a tile has steps.
    const int64_t of_all = (tap.offset - window.offset) / shape_.dilation;
    const int64_t piece = std::min(of_all / form.steps, shape_.pieces - 1);
    if (piece == taps.part) taps.copy(tap.tap, of_all - piece * form.steps);
  }
}

void WinogradLineRoute::transform_weights(float* target) const {
  const float* kept = tiles_.data();
  visit_windows(spec_, shape_.axis, shape_.reach(), [&](const PhaseWindow& window) {
    weights_.transform_all(spec_.groups, rows(window), spec_.group_in_channels(), &kept, &target);
  });
}

Status WinogradLineRoute::run(const Plan& plan, const float* input, const Output& output,
                              float* scratch) {
  const Run run{plan.cut<Stretches>(), plan.problem, input, output};
  const int64_t all = int64_t{run.problem.batch} * run.bundles[0] * run.bundles[1] * run.bundles[2];
  const int64_t blocks = ceil_divide(all, run.together);
  if (run.weights > 0) transform_weights(scratch);
  for_each_item(blocks * spec_.groups * run.parts, [&](int64_t item, int worker) {
    const int64_t job = item / run.parts;
    const auto channel_group = static_cast<int32_t>(job % spec_.groups);
    const int64_t first = job / spec_.groups * run.together;
    const int64_t count = std::min(run.together, all - first);
    Memory memory;
    memory.lines = scratch + run.weights + worker * run.worker_elements;
    memory.columns = memory.lines + kLoaded * run.line_pitch;
    float* const transformed = memory.columns + kTogether * run.columns * kPanel;
    float* const products = transformed + shape_.form->reads * run.transformed_stride;
    memory.weights = products + shape_.form->reads * run.products_stride;
    float* const results = memory.weights + weights_.scratch_elements(spec_.group_in_channels());
    Bundle bundles[kMostBundles];
    Cursor cursor(first, run.bundles);
    for (int64_t index = 0; index < count; ++index, cursor.advance(1)) {
      Bundle& bundle = bundles[index];
      bundle = {.image = cursor.image,
                .channel_group = channel_group,
                .line = cursor.cell,
                .lanes = 1,
                .first = item % run.parts * run.steps,
                .transformed = transformed + index * run.bundle_transformed,
                .products = products + index * run.bundle_products,
                .results = results + index * run.bundle_results};
      if (shape_.one_line()) continue;
      bundle.line[2] *= kPanel;
      bundle.lanes = std::min<int64_t>(kPanel, run.problem.input[2] - bundle.line[2]);
    }
    PhaseWriter writer(run.problem, output);
    const float* tiles = run.weights > 0 ? scratch : tiles_.data();
    visit_windows(spec_, shape_.axis, shape_.reach(), [&](const PhaseWindow& window) {
      // Neighbours read the same lines of the cache.
      for (int64_t channel = 0; channel < spec_.group_in_channels(); channel += kLoaded) {
        for (int64_t index = 0; index < count; ++index) {
          transform(run, bundles[index], window, channel, memory);
        }
      }
      multiply(run, count, tiles + channel_group * group_elements(window), window, bundles[0],
               memory);
      for (int64_t index = 0; index < count; ++index) {
        transform_back(run, bundles[index], window, memory, writer);
      }
      tiles += spec_.groups * group_elements(window);
    });
    int64_t beside = 1;
    for (int64_t index = 0; index < count; index += beside) {
      if (!shape_.one_line()) {
        beside = std::min<int64_t>(count - index, run.bundles[2] - bundles[index].line[2] / kPanel);
      }
      write(run, bundles[index], beside, &writer);
    }
  });
  return Status::kOk;
}

OutputStretch WinogradLineRoute::stretch_at(const Bundle& bundle, int64_t position,
                                            int64_t columns) const {
  const Axes place = bundle.at(shape_.axis, position);
  return {.image = bundle.image,
          .channel_group = bundle.channel_group,
          .depth = place[0],
          .height = place[1],
          .column = place[2],
          .columns = columns};
}

// The results of bundles beside each other.
void WinogradLineRoute::write(const Run& run, const Bundle& bundle, int64_t bundles,
                              PhaseWriter* writer) const {
  const Axes& output = run.problem.output;
  const int32_t phases = axis_.count();
  const int64_t first = bundle.first * phases;
  const int64_t end = std::min<int64_t>(first + run.steps * phases, output[shape_.axis]);
  if (shape_.one_line()) {
    const OutputStretch stretch = stretch_at(bundle, first, end - first);
    if (run.direct) return writer->add(stretch);
    return writer->write_phases(phases, stretch, bundle.results, run.result_pitch);
  }
  const int64_t columns = std::min(bundles * kPanel, int64_t{output[2]} - bundle.line[2]);
  for (int64_t position = first; position < end; ++position) {
    const int64_t row = position % phases * spec_.group_out_channels();
    const int64_t step = position / phases - bundle.first;
    writer->write_phases(1, stretch_at(bundle, position, columns),
                         bundle.results + row * run.result_pitch + step * run.step_pitch,
                         run.result_pitch);
  }
}

// The columns of so many channels of lines beside each other, with zeros around the input.
void WinogradLineRoute::load_lanes(const Run& run, const Bundle& bundle, const PhaseWindow& window,
                                   int64_t channel, int64_t channels, float* columns) const {
  const Problem& problem = run.problem;
  const int64_t begin = bundle.first + window.offset;
  const Range inside = indices_inside(begin, 1, problem.input[shape_.axis], {0, run.columns});
  const int64_t plane = run.columns * kPanel;
  const int64_t points = problem.input_points();
  const int64_t pitch = int64_t{problem.input[2]} * (shape_.axis == 0 ? problem.input[1] : 1);
  const Axes place = bundle.at(shape_.axis, begin + inside.begin);
  const int64_t point =
      (int64_t{place[0]} * problem.input[1] + place[1]) * problem.input[2] + place[2];
  const int64_t first_channel = bundle.channel_group * spec_.group_in_channels() + channel;
  // Lanes without a line are computed with as well, and never looked at.
  clear_floats(columns, channels * plane);
  if (inside.count() == 0) return;
  if (problem.layout == Layout::kChannelsFirst) {
    const float* source =
        run.input + (bundle.image * spec_.in_channels + first_channel) * points + point;
    for (int64_t index = 0; index < channels; ++index, source += points) {
      float* const own = columns + index * plane;
      for (int64_t column = inside.begin; column < inside.end; ++column) {
        copy_floats(source + (column - inside.begin) * pitch, bundle.lanes, own + column * kPanel);
      }
    }
  } else {
    const float* source =
        run.input + (bundle.image * points + point) * spec_.in_channels + first_channel;
    for (int64_t column = inside.begin; column < inside.end; ++column) {
      transpose_block(bundle.lanes, channels, source, spec_.in_channels, columns + column * kPanel,
                      plane);
      source += pitch * spec_.in_channels;
    }
  }
}

// What the stretches of a bundle read, of so many channels, with zeros around the input.
const float* WinogradLineRoute::load_lines(const Run& run, const Bundle& bundle,
                                           const PhaseWindow& window, int64_t channel,
                                           int64_t channels, const Memory& memory,
                                           int64_t* pitch) const {
  const Problem& problem = run.problem;
  const int64_t width = problem.input[2];
  const int64_t wanted = (kPanel - 1) * run.stretch + run.columns;
  const int64_t begin = bundle.first + window.offset;
  const int64_t lead = std::clamp<int64_t>(-begin, 0, wanted);
  const int64_t end = std::clamp<int64_t>(width - begin, lead, wanted);
  const int64_t first_channel = bundle.channel_group * spec_.group_in_channels() + channel;
  const int64_t points = problem.input_points();
  const int64_t begins =
      (int64_t{bundle.line[0]} * problem.input[1] + bundle.line[1]) * width + begin;
  if (problem.layout == Layout::kChannelsFirst) {
    const float* const source =
        run.input + (bundle.image * spec_.in_channels + first_channel) * points + begins;
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
        run.input + (bundle.image * points + begins + lead) * spec_.in_channels + first_channel,
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

// kLoaded channels from `first` on.
void WinogradLineRoute::transform(const Run& run, const Bundle& bundle, const PhaseWindow& window,
                                  int64_t first, const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  const int64_t end = std::min(first + kLoaded, in);
  const int64_t plane = run.columns * kPanel;
  const float* line = nullptr;
  int64_t pitch = 0;
  if (shape_.one_line()) line = load_lines(run, bundle, window, first, end - first, memory, &pitch);
  for (int64_t channel = first; channel < end; channel += kTogether) {
    const int64_t channels = std::min(kTogether, end - channel);
    if (line == nullptr) load_lanes(run, bundle, window, channel, channels, memory.columns);
    for (int64_t index = 0; line != nullptr && index < channels; ++index, line += pitch) {
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
                           bundle.transformed + channel * kPanel, in * kPanel,
                           run.transformed_stride);
  }
}

void WinogradLineRoute::multiply(const Run& run, int64_t count, const float* tile,
                                 const PhaseWindow& window, const Bundle& first,
                                 const Memory& memory) const {
  const int64_t in = spec_.group_in_channels();
  // The tiles of the next piece are those of the next run.
  Segment pieces[kMostPieces];
  for (int64_t piece = 0; piece < shape_.pieces; ++piece) {
    pieces[piece] = {static_cast<int32_t>(piece * shape_.dilation * in), static_cast<int32_t>(in)};
  }
  const Tiling tiling(rows(window));
  for (int64_t index = 0; index < tiling.count; ++index) {
    const int height = tiling.height(index);
    const float* weights = weights_.load_line(tile, height, in, 0, memory.weights);
    float* result = first.products + tiling.first_row(index) * run.together * run.bundle_products;
    for (int point = 0; point < shape_.form->reads; ++point) {
      multiply_tile(height, {.tile = weights,
                             .panels = first.transformed + point * run.transformed_stride,
                             .panel_count = run.runs * shape_.dilation,
                             .panel_stride = in * kPanel,
                             .segments = pieces,
                             .segment_count = static_cast<int32_t>(shape_.pieces),
                             .result = result + point * run.products_stride,
                             .result_stride = run.together * run.bundle_products,
                             .line_count = count,
                             .line_stride = run.bundle_transformed,
                             .result_line_stride = run.bundle_products});
      weights += Tiling::packed_elements(height, shape_.pieces * in);
    }
    tile += height * weights_.row_elements(in);
  }
}

void WinogradLineRoute::transform_back(const Run& run, const Bundle& bundle,
                                       const PhaseWindow& window, const Memory& memory,
                                       const PhaseWriter& writer) const {
  const int64_t out = spec_.group_out_channels();
  const int64_t steps = std::min(run.steps, AxisPhases::cells(run.problem, 2) - bundle.first);
  const int64_t pitch = run.direct ? run.problem.output_points() : run.result_pitch;
  float* target = run.direct ? writer.start_of(stretch_at(bundle, bundle.first, 0))
                             : bundle.results + window.first_phase * out * pitch;
  const float* const bias = bias_.data() + bundle.channel_group * out;
  for (int64_t row = 0; row < rows(window); ++row, target += pitch) {
    shape_.form->transform_back(bundle.products + row * run.together * run.bundle_products,
                                run.products_stride, shape_.dilation, run.runs,
                                wasm_v128_load32_splat(bias + row % out), spec_.relu,
                                shape_.one_line() ? memory.columns : target, run.step_pitch);
    if (!shape_.one_line()) continue;
    for (int64_t lane = 0; lane < kPanel; lane += 4) {
      unlace(memory.columns + lane, run.stretch, steps - lane * run.stretch,
             target + lane * run.stretch);
    }
  }
}

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.exact) return "rounds more than a plain sum";
  const int own = axis_of(spec);
  for (int axis = 0; axis < 3; ++axis) {
    if (axis != own && !is_kept(spec, axis)) return "takes kernels along one axis only";
  }
  if (too_few_channels(spec.group_in_channels(), problem)) {
    return "gains nothing with so few input channels";
  }
  if (!spec.transposed && spec.stride[own] != 1) return "takes convolutions of stride 1 only";
  if (spec.input_dilation[own] != 1) return "takes no input dilation";
  if (spec.transposed && spec.stride[own] != 1 && spec.dilation[own] != 1) {
    return "takes no dilation where phases have taps of their own";
  }
  const Shape shape(spec);
  if (shape.taps < 2) return "gains nothing where phases have one tap";
  if (shape.pieces > kMostPieces) return "takes no kernel this long";
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
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
  const int64_t phases = AxisPhases::count(spec, shape.axis);
  const WinogradWeights weights = weights_of(shape, spec, machine);
  if (phases * spec.out_channels * weights.kept_elements(in) > kMostWinogradWeights) {
    return "would keep more than 80 MB of weights";
  }
  int64_t windows = 0;
  int64_t most_rows = 0;
  double products = 0;
  visit_windows(spec, shape.axis, shape.reach(), [&](const PhaseWindow& window) {
    windows += 1;
    most_rows = std::max(most_rows, window.phases * out);
    products += tile_step_nanoseconds(window.phases * out);
  });
  Stretches cut;
  cut.bundles = problem.input;
  cut.bundles[shape.axis] = 1;
  if (!shape.one_line()) {
    cut.bundles[2] = static_cast<int32_t>(ceil_divide(cut.bundles[2], int64_t{kPanel}));
  }
  // Tiles of all stretches of a line, of all residues.
  const int64_t stretches = shape.one_line() ? kPanel : 1;
  const int64_t unit = stretches * shape.dilation * form.steps;
  const int64_t runs =
      std::max<int64_t>(1, ceil_divide(AxisPhases::cells(problem, shape.axis), unit));
  const int64_t bundles = std::max<int64_t>(
      1, int64_t{problem.batch} * cut.bundles[0] * cut.bundles[1] * cut.bundles[2]);
  const int64_t wanted = ceil_divide(machine.threads, bundles * spec.groups);
  const int64_t run_bytes = 4 * kPanel * form.reads * shape.dilation * in;
  // Runs of a block.
  const int64_t most_runs = std::max(machine.winograd_band_bytes / run_bytes,
                                     ceil_divide(machine.winograd_least_panels, shape.dilation));
  cut.runs = std::max(most_runs, (shape.pieces - 1) * machine.winograd_rows_per_line);
  cut.runs = std::clamp(cut.runs, int64_t{1}, std::max<int64_t>(1, ceil_divide(runs, wanted)));
  cut.parts = ceil_divide(runs, cut.runs);
  cut.runs = ceil_divide(runs, cut.parts);
  cut.parts = ceil_divide(runs, cut.runs);
  // As many bundles as there are threads for stay apart.
  const int64_t shares = ceil_divide(machine.threads, spec.groups * cut.parts);
  const int64_t read_runs = cut.runs + shape.pieces - 1;
  cut.together = std::max<int64_t>(most_runs / read_runs, 1);
  // The lanes of two fill a line of the first-level cache, where two fit the second.
  if (!shape.one_line() && 2 * read_runs * run_bytes <= machine.winograd_band_bytes * 3 / 2) {
    cut.together = std::max<int64_t>(cut.together, 2);
  }
  cut.together = std::min({cut.together, ceil_divide(bundles, shares), int64_t{kMostBundles}});
  cut.stretch = cut.runs * shape.dilation * form.steps;
  cut.steps = stretches * cut.stretch;
  cut.columns = ceil_divide(cut.stretch + shape.overlap(), int64_t{4}) * 4;
  cut.line_pitch = shape.one_line() ? whole_panels((kPanel - 1) * cut.stretch + cut.columns) : 0;
  cut.direct = shape.one_line() && phases == 1 && problem.output_in_planes();
  // Steps of bundles beside each other lie together.
  cut.step_pitch = kPanel * (shape.one_line() ? 1 : cut.together);
  cut.result_pitch = cut.direct ? 0 : cut.step_pitch * cut.stretch;
  cut.bundle_transformed = read_runs * shape.dilation * in * kPanel;
  cut.bundle_products = cut.runs * shape.dilation * kPanel;
  cut.bundle_results = shape.one_line() ? phases * out * cut.result_pitch : kPanel;
  cut.transformed_stride = cut.together * cut.bundle_transformed + kCacheLine;
  cut.products_stride = most_rows * cut.together * cut.bundle_products + kCacheLine;
  cut.worker_elements = kLoaded * cut.line_pitch + kTogether * cut.columns * kPanel +
                        form.reads * (cut.transformed_stride + cut.products_stride) +
                        weights.scratch_elements(in) +
                        phases * out * cut.result_pitch * (shape.one_line() ? cut.together : 1);
  cut.weights = weights.shared_elements(phases * spec.out_channels, in);
  plan->set_cut(cut, machine.threads, cut.weights);
  plan->nanoseconds = winograd_line_nanoseconds(form, problem, cut, windows, products, shape.pieces,
                                                shape.dilation, weights.transforms());
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
