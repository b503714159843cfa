// A transposed convolution as one matrix product and a sum: every input position times the whole
// kernel, then every product is added where its stamp lies. Wins where each phase has so few output
// channels that products by phases would leave most of a tile empty.
//
// A strip is a run of steps along the outermost axis that has more than one position. For each
// strip: multiply all input positions that it reads into [tap * channels][position]; then gather
// each row of the output from the rows of products that fall on it. Neighbouring strips compute the
// few positions that both read twice, so that no two ever write the same output.

#include <algorithm>
#include <cmath>
#include <new>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "deconv/workspace.h"
#include "matrix_tile.h"
#include "panel_pack.h"
#include "parallel.h"
#include "phase_writer.h"
#include "relu.h"
#include "routes/cost.h"
#include "routes/route.h"
#include "simd.h"

namespace deconv {
namespace {

// Products of a strip that stay in a second-level cache, as far as its overlap allows.
constexpr int64_t kStripBytes = 768 * 1024;
// Products that a worker holds at most.
constexpr int64_t kMostProducts = 1 << 24;
// Positions whose packed panels stay there while the weights stream through.
constexpr int64_t kPanelBytes = 192 * 1024;
// A strip is at least this many times longer than what it has in common with its neighbour.
constexpr int64_t kStripPerOverlap = 8;

void add_row(int64_t count, const float* terms, float* sums) {
  const int64_t whole = count / 4 * 4;
  for (int64_t index = 0; index < whole; index += 4) {
    wasm_v128_store(sums + index,
                    wasm_f32x4_add(wasm_v128_load(sums + index), wasm_v128_load(terms + index)));
  }
  for (int64_t index = whole; index < count; ++index) sums[index] += terms[index];
}

int64_t overlap_of(const Spec& spec, int axis) {
  return ceil_divide(AxisPhases::reach(spec, axis), spec.stride[axis]);
}

int strip_axis(const Problem& problem) {
  int axis = 0;
  while (axis < 2 && problem.input[axis] == 1) ++axis;
  return axis;
}

int64_t whole_panels(int64_t positions) { return (positions + kPanel - 1) / kPanel * kPanel; }

// The least that a strip needs at once.
int64_t products_of_a_step(const Problem& problem) {
  const int axis = strip_axis(problem);
  const int64_t steps = std::min<int64_t>(1 + overlap_of(problem.spec, axis), problem.input[axis]);
  const int64_t positions = steps * (problem.input_points() / problem.input[axis]);
  return whole_panels(positions) * problem.spec.kernel_elements() *
         problem.spec.group_out_channels();
}

class ScatterRoute final : public Route {
 public:
  explicit ScatterRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Problem& problem, const float* input, float* output) override;

 private:
  struct Grid {
    const Problem& problem;
    const float* input;
    float* output;
    int axis = 0;       // along which strips follow each other
    int64_t slice = 0;  // input positions of one step of that axis
    int64_t strip = 0;  // steps of a strip
    int64_t strips = 0;
    int64_t block = 0;      // positions of which panels are packed at once
    int64_t pitch = 0;      // of a row of products
    int64_t row_pitch = 0;  // of a row of sums
    int64_t panel_elements = 0;
    int64_t product_elements = 0;
  };
  // What one strip reads: `count` input positions of one image from position `first` on.
  struct Strip {
    int64_t image;
    int32_t channel_group;
    int64_t begin;  // steps
    int64_t end;
    int64_t first;
    int64_t count;
  };

  int64_t rows() const { return spec_.kernel_elements() * spec_.group_out_channels(); }
  Grid grid_for(const Problem& problem, const float* input, float* output) const;
  Strip strip_at(const Grid& grid, int64_t item) const;
  void multiply(const Grid& grid, const Strip& strip, float* panels, float* products) const;
  void gather(const Grid& grid, const Strip& strip, const float* products, float* sums) const;
  void sum_row(const Grid& grid, const Strip& strip, const OutputStretch& row,
               const float* products, float* sums) const;

  const Spec spec_;
  AxisPhases axes_[3];
  Buffer tiles_;  // of all channel groups; a row is one tap and output channel
  Buffer bias_;
};

Status ScatterRoute::set_parameters(const float* weight, const float* bias) {
  for (int axis = 0; axis < 3; ++axis) {
    if (const Status status = axes_[axis].derive(spec_, axis); status != Status::kOk) return status;
  }
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t taps = spec_.kernel_elements();
  const int64_t group_elements = Tiling::packed_elements(rows(), in);
  if (!tiles_.reserve(group_elements * spec_.groups) || !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  std::copy_n(bias, spec_.out_channels, bias_.data());
  const Tiling tiling(rows());
  for (int32_t group = 0; group < spec_.groups; ++group) {
    float* target = tiles_.data() + group * group_elements;
    for (int64_t tile = 0; tile < tiling.count; ++tile) {
      const int64_t height = tiling.height(tile);
      for (int64_t tile_row = 0; tile_row < height; ++tile_row) {
        const int64_t row = tiling.first_row(tile) + tile_row;
        const float* const source = weight + (group * in * out + row % out) * taps + row / out;
        // The bias joins the sums, once for each output.
        target[tile_row] = 0;
        for (int64_t channel = 0; channel < in; ++channel) {
          target[(channel + 1) * height + tile_row] = source[channel * out * taps];
        }
      }
      target += Tiling::packed_elements(height, in);
    }
  }
  return Status::kOk;
}

ScatterRoute::Grid ScatterRoute::grid_for(const Problem& problem, const float* input,
                                          float* output) const {
  Grid grid{problem, input, output};
  grid.axis = strip_axis(problem);
  grid.slice = problem.input_points() / problem.input[grid.axis];
  const int64_t steps = axes_[grid.axis].steps(problem.output[grid.axis]);
  const int64_t overlap = overlap_of(spec_, grid.axis);
  const int64_t jobs = int64_t{problem.batch} * spec_.groups;
  const int64_t wanted = (pool_threads() + jobs - 1) / jobs;
  grid.strip = kStripBytes / (4 * rows() * grid.slice);
  grid.strip = std::max({grid.strip, overlap * kStripPerOverlap, int64_t{1}});
  const int64_t most_positions = kMostProducts / rows() / kPanel * kPanel;
  grid.strip = std::min(grid.strip, std::max(most_positions / grid.slice - overlap, int64_t{1}));
  grid.strip = std::min(grid.strip, (steps + wanted - 1) / wanted);
  grid.strips = (steps + grid.strip - 1) / grid.strip;
  // As many for each thread: three strips would keep two threads busy for the time of four.
  grid.strips = std::min((grid.strips + wanted - 1) / wanted * wanted, steps);
  grid.strip = (steps + grid.strips - 1) / grid.strips;
  grid.strips = (steps + grid.strip - 1) / grid.strip;
  const int64_t positions =
      std::min<int64_t>(grid.strip + overlap, problem.input[grid.axis]) * grid.slice;
  grid.pitch = whole_panels(positions);
  const int64_t in = spec_.group_in_channels();
  grid.block = std::clamp(kPanelBytes / (4 * in) / kPanel * kPanel, int64_t{4 * kPanel},
                          std::max(grid.pitch, int64_t{4 * kPanel}));
  grid.panel_elements = in * grid.block;
  grid.product_elements = rows() * grid.pitch;
  grid.row_pitch = axes_[2].steps(problem.output[2]);
  return grid;
}

ScatterRoute::Strip ScatterRoute::strip_at(const Grid& grid, int64_t item) const {
  const int64_t steps = axes_[grid.axis].steps(grid.problem.output[grid.axis]);
  const int64_t job = item / grid.strips;
  Strip strip{.image = job / spec_.groups,
              .channel_group = static_cast<int32_t>(job % spec_.groups),
              .begin = item % grid.strips * grid.strip,
              .end = 0,
              .first = 0,
              .count = 0};
  strip.end = std::min(strip.begin + grid.strip, steps);
  const AxisPhases& axis = axes_[grid.axis];
  if (axis.offset_count() == 0) return strip;
  const int64_t extent = grid.problem.input[grid.axis];
  const int64_t low = std::clamp<int64_t>(strip.begin + axis.offset(0), 0, extent);
  const int64_t high =
      std::clamp<int64_t>(strip.end + axis.offset(axis.offset_count() - 1), low, extent);
  strip.first = low * grid.slice;
  strip.count = (high - low) * grid.slice;
  return strip;
}

Status ScatterRoute::run(const Problem& problem, const float* input, float* output) {
  const Grid grid = grid_for(problem, input, output);
  const int64_t sums =
      int64_t{axes_[2].count()} * spec_.group_out_channels() * grid.row_pitch + kPanel;
  const int64_t worker_elements = grid.panel_elements + grid.product_elements + sums;
  Buffer& memory = Workspace::shared().scratch;
  if (!memory.reserve(worker_elements * pool_threads())) return Status::kOutOfMemory;
  for_each_item(grid.strips * problem.batch * spec_.groups, [&](int64_t item, int worker) {
    float* const panels = memory.data() + worker * worker_elements;
    float* const products = panels + grid.panel_elements;
    const Strip strip = strip_at(grid, item);
    multiply(grid, strip, panels, products);
    gather(grid, strip, products, products + grid.product_elements);
  });
  return Status::kOk;
}

void ScatterRoute::multiply(const Grid& grid, const Strip& strip, float* panels,
                            float* products) const {
  const Problem& problem = grid.problem;
  const int64_t in = spec_.group_in_channels();
  const int64_t point = problem.layout == Layout::kChannelsFirst ? 1 : spec_.in_channels;
  const Segment all{0, static_cast<int32_t>(in)};
  const Tiling tiling(rows());
  PanelPacker packer(problem, grid.input);
  for (int64_t first = 0; first < strip.count; first += grid.block) {
    const int64_t count = std::min(grid.block, strip.count - first);
    const int64_t panel_count = (count + kPanel - 1) / kPanel;
    for (int64_t panel = 0; panel < panel_count; ++panel) {
      PanelPositions positions{};
      for (int lane = 0; lane < kPanel; ++lane) {
        const int64_t position = first + panel * kPanel + lane;
        if (position >= strip.count) {
          positions.spatial[0][lane] = PanelPositions::kNowhere;
          continue;
        }
        positions.start[lane] = strip.image * problem.input_points() * spec_.in_channels +
                                (strip.first + position) * point;
      }
      packer.select(positions);
      packer.pack({0, 0, 0}, strip.channel_group * in, in, panels + panel * in * kPanel);
    }
    const float* const tiles =
        tiles_.data() + strip.channel_group * Tiling::packed_elements(rows(), in);
    for (int64_t tile = 0; tile < tiling.count; ++tile) {
      const int64_t row = tiling.first_row(tile);
      multiply_tile(tiling.height(tile), {.tile = tiles + Tiling::packed_elements(row, in),
                                          .panels = panels,
                                          .panel_count = panel_count,
                                          .panel_stride = in * kPanel,
                                          .segments = &all,
                                          .segment_count = 1,
                                          .relu = false,
                                          .result = products + row * grid.pitch + first,
                                          .result_stride = grid.pitch});
    }
  }
}

void ScatterRoute::gather(const Grid& grid, const Strip& strip, const float* products,
                          float* sums) const {
  const Problem& problem = grid.problem;
  int64_t begin[3] = {0, 0, 0};
  int64_t end[3] = {problem.output[0], problem.output[1], problem.output[2]};
  const int64_t count = axes_[grid.axis].count();
  begin[grid.axis] = strip.begin * count;
  end[grid.axis] = std::min(strip.end * count, end[grid.axis]);
  for (int64_t depth = begin[0]; depth < end[0]; ++depth) {
    for (int64_t height = begin[1]; height < end[1]; ++height) {
      const OutputStretch row{.image = strip.image,
                              .channel_group = strip.channel_group,
                              .depth = depth,
                              .height = height,
                              .column = begin[2],
                              .columns = end[2] - begin[2]};
      sum_row(grid, strip, row, products, sums);
      write_phases(problem, axes_[2].count(), row, sums, grid.row_pitch, grid.output);
    }
  }
}

// Adds up in sums[width phase][channel][step] all products that fall on one row of the output.
void ScatterRoute::sum_row(const Grid& grid, const Strip& strip, const OutputStretch& row,
                           const float* products, float* sums) const {
  const Problem& problem = grid.problem;
  const int64_t channels = spec_.group_out_channels();
  const int32_t phases = axes_[2].count();
  const int64_t step = row.column / phases;
  const int64_t steps = (row.columns - 1) / phases + 1;
  for (int64_t line = 0; line < phases * channels; ++line) {
    std::fill_n(sums + line * grid.row_pitch, steps,
                bias_[strip.channel_group * channels + line % channels]);
  }
  axes_[0].visit_sources(row.depth, problem.input[0], [&](const AxisPhases::Tap& d, int64_t depth) {
    axes_[1].visit_sources(
        row.height, problem.input[1], [&](const AxisPhases::Tap& h, int64_t height) {
          const int64_t source =
              (depth * problem.input[1] + height) * problem.input[2] - strip.first;
          for (int32_t phase = 0; phase < phases; ++phase) {
            for (const AxisPhases::Tap& w : axes_[2].taps(phase)) {
              const Range met = indices_inside(w.offset, 1, problem.input[2], {step, step + steps});
              if (met.count() == 0) continue;
              const int64_t tap =
                  (int64_t{d.tap} * spec_.kernel[1] + h.tap) * spec_.kernel[2] + w.tap;
              for (int64_t channel = 0; channel < channels; ++channel) {
                add_row(met.count(),
                        products + (tap * channels + channel) * grid.pitch + source + met.begin +
                            w.offset,
                        sums + (phase * channels + channel) * grid.row_pitch + met.begin - step);
              }
            }
          }
        });
  });
  if (!spec_.relu) return;
  for (int64_t line = 0; line < phases * channels; ++line) {
    relu(steps, sums + line * grid.row_pitch);
  }
}

const char* refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  if (!spec.transposed) return "takes transposed convolutions only";
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  if (products_of_a_step(problem) > kMostProducts) return "takes no products this large at once";
  return nullptr;
}

double cost(const Problem& problem) {
  const Spec& spec = problem.spec;
  const double in = spec.group_in_channels();
  const int64_t rows = spec.kernel_elements() * spec.group_out_channels();
  const double positions = static_cast<double>(problem.batch * problem.input_points());
  // Neighbouring strips compute what both read.
  const int axis = strip_axis(problem);
  const auto overlap = static_cast<double>(overlap_of(spec, axis));
  const double extent = problem.input[axis];
  const double slice = static_cast<double>(problem.input_points()) / extent;
  const double strip = std::max(
      {kStripBytes / (4 * static_cast<double>(rows) * slice), overlap * kStripPerOverlap, 1.0});
  const double repeated = 1 + overlap * std::max(0.0, extent / strip - 1) / extent;
  const double panels = std::ceil(positions / kPanel) * spec.groups * repeated;
  const double product = in * (1.39 + 1.02 * tile_step_nanoseconds(rows)) +
                         13.8 * static_cast<double>(Tiling(rows).count);
  const double added_rows = static_cast<double>(problem.batch) * spec.groups *
                            static_cast<double>(rows) * problem.input[0] * problem.input[1];
  // Products that do not stay in the second-level cache until they are added.
  constexpr double kCachedProducts = 4e5;
  const bool spills =
      static_cast<double>(rows) * slice * std::min(strip + overlap, extent) > kCachedProducts;
  const double added = added_rows * (1.5 + (spills ? 0.124 * problem.input[2] : 0));
  const auto outputs = static_cast<double>(problem.output_elements());
  // Every phase of a row of the output is walked by itself; what no stamp reaches is filled.
  const double phase_rows = outputs / problem.output[2] * spec.stride[2];
  const bool holes = spec.kernel[0] < spec.stride[0] || spec.kernel[1] < spec.stride[1] ||
                     spec.kernel[2] < spec.stride[2];
  return 400 + panels * product + added + 5 * phase_rows + (holes ? 0.24 : 0.07) * outputs +
         memory_nanoseconds(problem, 0.17);
}

}  // namespace

const RouteEntry kScatterRoute = {
    .id = RouteId::kScatter,
    .name = "scatter",
    .refusal = refusal,
    .cost = cost,
    .layout = [](const Problem& problem) { return problem.layout; },
    .create = [](const Spec& spec) -> std::unique_ptr<Route> {
      return std::unique_ptr<Route>(new (std::nothrow) ScatterRoute(spec));
    },
};

}  // namespace deconv
