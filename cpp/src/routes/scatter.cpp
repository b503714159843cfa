// A transposed convolution as one matrix product and a sum: every input position times the whole
// kernel, then every product is added where its stamp lies. Wins where each phase has so few output
// channels that products by phases would leave most of a tile empty.
//
// A strip is a run of cells along the outermost axis that has more than one position. For each
// strip: multiply all input positions that it reads into [tap * channels][position]; then gather
// each row of the output from the rows of products that fall on it. Neighbouring strips compute the
// few positions that both read twice, so that no two ever write the same output.

#include <algorithm>
#include <cmath>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "divide.h"
#include "matrix_tile.h"
#include "panel_pack.h"
#include "parallel.h"
#include "phase_writer.h"
#include "relu.h"
#include "routes/cost.h"
#include "routes/kernel_rows.h"
#include "routes/route.h"
#include "simd.h"

namespace deconv {
namespace {

// Products that a worker holds at most.
constexpr int64_t kMostProducts = 1 << 24;

class ScatterRoute final : public Route {
 public:
  explicit ScatterRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override;

 private:
  using Run = deconv::Run<Strips>;
  // What one strip reads: `count` input positions of one image from position `first` on.
  struct Strip {
    int64_t image;
    int32_t channel_group;
    int64_t begin;  // cells
    int64_t end;
    int64_t first;
    int64_t count;
  };

  int64_t rows() const { return spec_.kernel_elements() * spec_.group_out_channels(); }
  Strip strip_at(const Run& run, int64_t item) const;
  void multiply(const Run& run, const Strip& strip, float* panels, float* products) const;
  void gather(const Run& run, const Strip& strip, const float* products, float* sums) const;
  void sum_row(const Run& run, const Strip& strip, const OutputStretch& row, const float* products,
               float* sums) const;

  const Spec spec_;
  AxisPhases axes_[3];
  Buffer tiles_;  // of all channel groups; a row is one tap and output channel
  Buffer bias_;
};

Status ScatterRoute::set_parameters(const float* weight, const float* bias) {
  if (!AxisPhases::derive_all(spec_, axes_)) return Status::kOutOfMemory;
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t group_elements = Tiling::packed_elements(rows(), in);
  if (!tiles_.reserve(group_elements * spec_.groups) || !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  std::copy_n(bias, spec_.out_channels, bias_.data());
  for (int32_t group = 0; group < spec_.groups; ++group) {
    visit_channels(spec_, [&](const Range& channels) {
      for_each_tile(rows(), in + 1, tiles_.data() + group * group_elements,
                    [&](float* tile, int64_t first_row, int64_t height) {
                      // The bias joins the sums, once for each output.
                      clear_floats(tile, height);
                      visit_kernels(spec_, first_row, height,
                                    [&](int64_t row, int64_t tap, int64_t channel, int64_t rows) {
                                      pack_part(kernels_of(spec_, weight, tap,
                                                           group * out + channel, rows, channels),
                                                height, tile + (channels.begin + 1) * height + row);
                                    });
                    });
    });
  }
  return Status::kOk;
}

ScatterRoute::Strip ScatterRoute::strip_at(const Run& run, int64_t item) const {
  const int64_t job = item / run.strips;
  Strip strip{.image = job / spec_.groups,
              .channel_group = static_cast<int32_t>(job % spec_.groups),
              .begin = item % run.strips * run.strip,
              .end = 0,
              .first = 0,
              .count = 0};
  strip.end = std::min(strip.begin + run.strip, run.cells);
  const AxisPhases& axis = axes_[run.axis];
  if (axis.offset_count() == 0) return strip;
  const int64_t extent = run.problem.input[run.axis];
  const int64_t low = std::clamp<int64_t>(strip.begin + axis.offset(0), 0, extent);
  const int64_t high =
      std::clamp<int64_t>(strip.end + axis.offset(axis.offset_count() - 1), low, extent);
  strip.first = low * run.slice;
  strip.count = (high - low) * run.slice;
  return strip;
}

Status ScatterRoute::run(const Plan& plan, const float* input, const Output& output,
                         float* scratch) {
  const Run run{plan.cut<Strips>(), plan.problem, input, output};
  for_each_item(run.strips * run.problem.batch * spec_.groups, [&](int64_t item, int worker) {
    float* const panels = scratch + worker * run.worker_elements;
    float* const products = panels + run.panel_elements;
    const Strip strip = strip_at(run, item);
    multiply(run, strip, panels, products);
    gather(run, strip, products, products + run.product_elements);
  });
  return Status::kOk;
}

void ScatterRoute::multiply(const Run& run, const Strip& strip, float* panels,
                            float* products) const {
  const Problem& problem = run.problem;
  const int64_t in = spec_.group_in_channels();
  const int64_t point = problem.layout == Layout::kChannelsFirst ? 1 : spec_.in_channels;
  const Segment all{0, static_cast<int32_t>(in)};
  const int64_t start =
      strip.image * problem.input_points() * spec_.in_channels + strip.first * point;
  PanelPacker packer(problem, run.input);
  PanelPositions positions{};
  for (int64_t first = 0; first < strip.count; first += run.block) {
    const int64_t count = std::min(run.block, strip.count - first);
    const int64_t panel_count = (count + kPanel - 1) / kPanel;
    if (problem.layout == Layout::kChannelsFirst) {
      // Without a kernel all positions lie in one row.
      packer.pack_row({.start = start + first,
                       .spatial = {0, 0},
                       .column = first,
                       .columns = strip.count,
                       .panels = panel_count},
                      {0, 0, 0}, strip.channel_group * in, in, in * kPanel, panels);
    } else {
      for (int64_t panel = 0; panel < panel_count; ++panel) {
        for (int lane = 0; lane < kPanel; ++lane) {
          const int64_t position = first + panel * kPanel + lane;
          positions.start[lane] = start + position * spec_.in_channels;
          positions.spatial[0][lane] = position < strip.count ? 0 : PanelPositions::kNowhere;
        }
        packer.select(positions);
        packer.pack({0, 0, 0}, strip.channel_group * in, in, panels + panel * in * kPanel);
      }
    }
    multiply_tiles(
        rows(), in, /*from_memory=*/false,
        {.tile = tiles_.data() + strip.channel_group * Tiling::packed_elements(rows(), in),
         .panels = panels,
         .panel_count = panel_count,
         .panel_stride = in * kPanel,
         .segments = &all,
         .segment_count = 1,
         .result = products + first,
         .result_stride = run.pitch});
  }
}

void ScatterRoute::gather(const Run& run, const Strip& strip, const float* products,
                          float* sums) const {
  const Problem& problem = run.problem;
  PhaseWriter writer(problem, run.output);
  int64_t begin[3] = {0, 0, 0};
  int64_t end[3] = {problem.output[0], problem.output[1], problem.output[2]};
  const int64_t count = axes_[run.axis].count();
  begin[run.axis] = strip.begin * count;
  end[run.axis] = std::min(strip.end * count, end[run.axis]);
  for (int64_t depth = begin[0]; depth < end[0]; ++depth) {
    for (int64_t height = begin[1]; height < end[1]; ++height) {
      const OutputStretch row{.image = strip.image,
                              .channel_group = strip.channel_group,
                              .depth = depth,
                              .height = height,
                              .column = begin[2],
                              .columns = end[2] - begin[2]};
      sum_row(run, strip, row, products, sums);
      writer.write_phases(axes_[2].count(), row, sums, run.row_pitch);
    }
  }
}

// Adds up in sums[width phase][channel][cell] all products that fall on one row of the output.
void ScatterRoute::sum_row(const Run& run, const Strip& strip, const OutputStretch& row,
                           const float* products, float* sums) const {
  const Problem& problem = run.problem;
  const int64_t channels = spec_.group_out_channels();
  const int32_t phases = axes_[2].count();
  const int64_t cell = row.column / phases;
  const int64_t cells = (row.columns - 1) / phases + 1;
  for (int64_t sum = 0; sum < phases * channels; ++sum) {
    fill_floats(sums + sum * run.row_pitch, cells,
                bias_[strip.channel_group * channels + sum % channels]);
  }
  const AxisPhases::Sources depths = axes_[0].sources(row.depth, problem.input[0]);
  const AxisPhases::Sources heights = axes_[1].sources(row.height, problem.input[1]);
  for (const AxisPhases::Tap& d : depths.taps) {
    for (const AxisPhases::Tap& h : heights.taps) {
      const int64_t above = (depths.first + d.offset) * problem.input[1] + heights.first + h.offset;
      const int64_t source = above * problem.input[2] - strip.first;
      for (int32_t phase = 0; phase < phases; ++phase) {
        for (const AxisPhases::Tap& w : axes_[2].taps(phase)) {
          const Range met = indices_inside(w.offset, 1, problem.input[2], {cell, cell + cells});
          if (met.count() == 0) continue;
          const float* const terms = products +
                                     spec_.tap(d.tap, h.tap, w.tap) * channels * run.pitch +
                                     source + met.begin + w.offset;
          for (int64_t channel = 0; channel < channels; ++channel) {
            add_row(met.count(), terms + channel * run.pitch,
                    sums + (phase * channels + channel) * run.row_pitch + met.begin - cell);
          }
        }
      }
    }
  }
  if (!spec_.relu) return;
  for (int64_t sum = 0; sum < phases * channels; ++sum) {
    relu(cells, sums + sum * run.row_pitch);
  }
}

const char* make_plan(const Machine& machine, Plan* plan) {
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (!spec.transposed) return "takes transposed convolutions only";
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  Strips cut;
  while (cut.axis < 2 && problem.input[cut.axis] == 1) ++cut.axis;
  const int64_t extent = problem.input[cut.axis];
  const int64_t rows = spec.kernel_elements() * spec.group_out_channels();
  cut.overlap = ceil_divide(AxisPhases::reach(spec, cut.axis), spec.stride[cut.axis]);
  cut.slice = problem.input_points() / extent;
  // The least that a strip needs at once.
  if (whole_panels(std::min(1 + cut.overlap, extent) * cut.slice) * rows > kMostProducts) {
    return "takes no products this large at once";
  }
  cut.cells = AxisPhases::cells(problem, cut.axis);
  const int64_t jobs = std::max<int64_t>(1, int64_t{problem.batch} * spec.groups);
  const int64_t wanted = ceil_divide(machine.threads, jobs);
  cut.strip = machine.scatter_strip_bytes / (4 * rows * cut.slice);
  cut.strip = std::max({cut.strip, cut.overlap * machine.scatter_strip_per_overlap, int64_t{1}});
  const int64_t most_positions = kMostProducts / rows / kPanel * kPanel;
  cut.strip = std::min(cut.strip, std::max(most_positions / cut.slice - cut.overlap, int64_t{1}));
  cut.strip = std::min(cut.strip, ceil_divide(cut.cells, wanted));
  cut.strips = ceil_divide(cut.cells, cut.strip);
  // As many for each thread: three strips would keep two threads busy for the time of four.
  cut.strips = std::min(ceil_divide(cut.strips, wanted) * wanted, cut.cells);
  cut.strip = ceil_divide(cut.cells, cut.strips);
  cut.strips = ceil_divide(cut.cells, cut.strip);
  cut.pitch = whole_panels(std::min(cut.strip + cut.overlap, extent) * cut.slice);
  const int64_t in = spec.group_in_channels();
  const int64_t least = machine.scatter_least_panels * kPanel;
  cut.block = std::clamp(machine.scatter_panel_bytes / (4 * in) / kPanel * kPanel, least,
                         std::max(cut.pitch, least));
  cut.row_pitch = AxisPhases::cells(problem, 2);
  cut.panel_elements = in * cut.block;
  cut.product_elements = rows * cut.pitch;
  const int64_t sums =
      AxisPhases::count(spec, 2) * spec.group_out_channels() * cut.row_pitch + kPanel;
  cut.worker_elements = cut.panel_elements + cut.product_elements + sums;
  plan->set_cut(cut, machine.threads);
  plan->nanoseconds = scatter_nanoseconds(problem, cut);
  return nullptr;
}

}  // namespace

const RouteEntry kScatterRoute = {
    .id = RouteId::kScatter,
    .name = "scatter",
    .plan = make_plan,
    .create = create_route<ScatterRoute>,
};

}  // namespace deconv
