// Any operator with channels last as one matrix product a phase of the output positions: rows of
// positions, each read where it lies, times columns of output channels. The matrix of what the
// positions read is never made (Chetlur et al., cuDNN: Efficient Primitives for Deep Learning,
// 2014), but for the rows of those that read beyond the input.
//
// A block is a run of cells (the q of the axis phases, those of all images behind each other). For
// each block, phase and group: find where its positions read, then let the weights pass by. Where
// the phases of the width read alike, a position of the product is a whole cell, and the channels
// of its outputs, which lie behind each other, are the columns; where these are few, those of all
// rows that a cell has join them, and are spread over the output afterwards.

#include <algorithm>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "positions_tile.h"
#include "routes/cost.h"
#include "routes/cuts.h"
#include "routes/kernel_rows.h"
#include "routes/positions.h"
#include "routes/route.h"
#include "simd.h"

namespace deconv {
namespace {

class ImplicitGemm final : public Route {
 public:
  explicit ImplicitGemm(const Spec& spec) : spec_(spec), cells_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override {
    const int64_t columns = whole_vectors(int64_t{cells_.columns()});
    if (!cells_.derive() || !bias_.reserve(columns * spec_.groups) ||
        !panels_.reserve(spec_.kernel_elements() * spec_.group_in_channels() * columns *
                         spec_.groups)) {
      return Status::kOutOfMemory;
    }
    const int64_t out = spec_.group_out_channels();
    for (int32_t group = 0; group < spec_.groups; ++group) {
      for (int64_t column = 0; column < columns; ++column) {
        bias_[group * columns + column] =
            column < cells_.columns() ? bias[group * out + column % out] : 0;
      }
    }
    for_each_item(int64_t{cells_.phase_count()} * spec_.groups, [&](int64_t item, int) {
      pack(cells_.phase(item / spec_.groups), static_cast<int32_t>(item % spec_.groups), weight);
    });
    return Status::kOk;
  }

  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override {
    const Problem problem = without_rows(plan.problem);
    const Run<Positions> run{plan.cut<Positions>(), problem, input, output};
    cells_.set_input(run.problem);
    for_each_piece(run.all_cells, run.block, [&](int64_t first, int64_t end, int worker) {
      const int64_t cells = end - first;
      float* const room = scratch + worker * run.worker_elements;
      for (int32_t phase = 0; phase < cells_.phase_count(); ++phase) {
        for (int32_t group = 0; group < spec_.groups; ++group) {
          FoundPositions found(run, room);
          cells_.find(run, phase, group, first, cells, found);
          multiply(cells_.phase(phase), group, found);
        }
      }
      cells_.finish(run, first, cells, FoundPositions(run, room).rows);
    });
    return Status::kOk;
  }

 private:
  // Panels behind each other, each [depth][columns].
  void pack(const PositionsPhase& phase, int32_t group, const float* weight) const {
    const int32_t out = spec_.group_out_channels();
    const int64_t columns = whole_vectors(int64_t{cells_.columns()});
    float* target =
        panels_.data() + (phase.first_step * spec_.groups + phase.depth * group) * columns;
    const int64_t in = spec_.group_in_channels();
    for (int32_t first = 0; first < cells_.columns(); first += kPanel) {
      const int64_t width = std::min<int64_t>(kPanel, columns - first);
      const int64_t used = std::min<int64_t>(width, cells_.columns() - first);
      // Nobody reads the columns that are left, but denormals in them would take their time.
      if (used < width) clear_floats(target, phase.depth * width);
      visit_kernels(
          spec_, first, used, [&](int64_t column, int64_t, int64_t channel, int64_t together) {
            const int64_t tap = cells_.tap_of(first + static_cast<int32_t>(column));
            float* of_tap = target + column;
            for (const TapRun& run : cells_.runs(phase)) {
              for (const AxisPhases::Tap& w : run.widths) {
                pack_part(kernels_of(spec_, weight,
                                     tap + spec_.tap(run.depth->tap, run.height->tap, w.tap),
                                     group * out + channel, together, {0, in}),
                          width, of_tap);
                of_tap += in * width;
              }
            }
          });
      target += phase.depth * width;
    }
  }

  void multiply(const PositionsPhase& phase, int32_t group, const FoundPositions& found) const {
    const int64_t columns = whole_vectors(int64_t{cells_.columns()});
    const float* panel =
        panels_.data() + (phase.first_step * spec_.groups + phase.depth * group) * columns;
    for (int32_t first = 0; first < cells_.columns(); first += kPanel) {
      multiply_positions({.panel = panel,
                          .bias = bias_.data() + group * columns + first,
                          .lengths = cells_.lengths(phase),
                          .starts = cells_.starts(phase).data(),
                          .input_step = cells_.input_step(),
                          .result_step = cells_.result_step(),
                          .tiles = found.tiles(),
                          .pointers = found.pointers,
                          .first_channel = int64_t{group} * cells_.columns() + first,
                          .channels = std::min(kPanel, cells_.columns() - first),
                          .relu = spec_.relu});
      panel += phase.depth * kPanel;
    }
  }

  const Spec spec_;
  CellPositions cells_;
  Buffer panels_;
  Buffer bias_;
};

const char* make_plan(const Machine& machine, Plan* plan) {
  // Of what one position reads.
  constexpr int64_t kMostDepth = 1 << 21;
  const Problem problem = without_rows(plan->problem);
  const Spec& spec = problem.spec;
  if (const char* reason = AxisPhases::refusal(plan->problem)) return reason;
  Positions cut;
  cut.beside = outputs_beside(spec);
  cut.below = outputs_below(spec);
  const bool whole_rows =
      problem.output[0] % spec.stride[0] == 0 && problem.output[1] % spec.stride[1] == 0;
  if (problem.output[2] % cut.beside != 0 || (cut.below > 1 && !whole_rows)) {
    return "takes whole cells only, of a kernel as wide as its stride";
  }
  cut.all_cells = problem.batch;
  cut.runs = 1;
  for (int axis = 0; axis < 3; ++axis) {
    cut.cells[axis] = static_cast<int32_t>(AxisPhases::cells(problem, axis));
    cut.all_cells *= cut.cells[axis];
    cut.runs *= AxisPhases::most_offsets(spec, axis);
  }
  cut.depth = cut.runs * spec.group_in_channels();
  if (cut.depth > kMostDepth) return "takes no kernel this large";
  // What a block reads and writes stays in a second-level cache, beside weights that come by.
  const bool streams = spec.weight_elements() > machine.cached_weights;
  const int64_t least =
      streams ? machine.implicit_gemm_least_streamed_tiles : machine.implicit_gemm_least_tiles;
  const int64_t tile_bytes = 4 * kTileRows * (cut.depth + spec.out_channels + 1);
  const int64_t tiles = std::clamp(machine.implicit_gemm_block_bytes / tile_bytes, least,
                                   std::max(least, machine.implicit_gemm_most_tiles));
  const int64_t share = ceil_divide(std::max<int64_t>(cut.all_cells, 1), machine.threads);
  cut.block = std::min(tiles, ceil_divide(share, kTileRows)) * kTileRows;
  cut.found_elements = found_elements(cut.block, cut.runs);
  const int64_t columns = spec.group_out_channels() * cut.beside * cut.below;
  // Three more, which a vector of the last outputs reads.
  const int64_t rows = cut.below > 1 ? cut.block * columns + 3 : 0;
  cut.worker_elements = whole_vectors(cut.found_elements + cut.block * cut.depth + rows);
  plan->set_cut(cut, machine.threads);
  plan->layout = Layout::kChannelsLast;
  plan->nanoseconds = implicit_gemm_nanoseconds(problem, cut);
  return nullptr;
}

}  // namespace

const RouteEntry kImplicitGemmRoute = {
    .id = RouteId::kImplicitGemm,
    .name = "implicit-gemm",
    .plan = make_plan,
    .create = create_route<ImplicitGemm>,
};

}  // namespace deconv
