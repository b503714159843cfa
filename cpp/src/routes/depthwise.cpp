// Few channels a group: too few for a matrix product, so the vectors run along the width (channels
// first) or along the channels (channels last). Every geometry fits: each output position is one of
// the phases of its row, and a phase is an ordinary small convolution.

#include "routes/depthwise.h"

#include <algorithm>
#include <cmath>

#include "parallel.h"
#include "routes/cost.h"
#include "routes/route.h"

namespace deconv {
namespace {

using namespace depthwise;

class DepthwiseRoute final : public Route {
 public:
  explicit DepthwiseRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override {
    const int32_t lanes = whole_vectors(spec_.out_channels);
    if (!AxisPhases::derive_all(spec_, phases_)) return Status::kOutOfMemory;
    if (!planes_weight_.reserve(taps_of_output(spec_) * spec_.out_channels) ||
        !bias_.reserve(lanes) || !columns_.reserve(spec_.kernel[2])) {
      return Status::kOutOfMemory;
    }
    std::copy_n(bias, spec_.out_channels, bias_.data());
    std::fill(bias_.data() + spec_.out_channels, bias_.data() + lanes, 0.0f);
    exact_.reset();
    if (pack(weight)) return Status::kOk;
    exact_ = kScalarRoute.create(spec_);
    return exact_ == nullptr ? Status::kOutOfMemory : exact_->set_parameters(weight, bias);
  }

  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override {
    const Problem& problem = plan.problem;
    const TileGrid& grid = plan.cut<TileGrid>();
    const bool planes = runs_planes(problem);
    if (planes && exact_ != nullptr) return exact_->run(plan, input, output, scratch);
    if (planes) {
      find_columns(grid);
    } else if (!channels_packed_) {
      const int64_t taps = taps_of_output(spec_);
      if (!channels_weight_.reserve(taps * whole_vectors(spec_.out_channels))) {
        return Status::kOutOfMemory;
      }
      pack_channels();
    }
    const Job job{.problem = &problem,
                  .phases = phases_,
                  .grid = &grid,
                  .weight = planes ? planes_weight_.data() : channels_weight_.data(),
                  .bias = bias_.data(),
                  .columns = columns_.data(),
                  .input = input,
                  .output = &output};
    const auto run_tile = planes ? run_plane_tile : run_channel_tile;
    for_each_item(grid.count, [&](int64_t item, int worker) {
      run_tile(job, tile_at(problem, grid, item), scratch + worker * grid.worker_elements);
    });
    return Status::kOk;
  }

 private:
  const AxisPhases& width() const { return phases_[2]; }

  // [out, in / groups, depth, height, tap of the width]; answers whether all values are finite.
  bool pack(const float* weight) {
    const int64_t rows = int64_t{spec_.kernel[0]} * spec_.kernel[1];
    bool finite = true;
    float* target = planes_weight_.data();
    for (int32_t out = 0; out < spec_.out_channels; ++out) {
      const float* kernel = weight + spec_.first_kernel(out);
      for (int32_t in = 0; in < spec_.group_in_channels(); ++in, kernel += spec_.kernel_stride()) {
        for (int64_t row = 0; row < rows; ++row) {
          for (const AxisPhases::Tap& tap : width().taps()) {
            const float value = kernel[row * spec_.kernel[2] + tap.tap];
            finite = finite && std::isfinite(value);
            *target++ = value;
          }
        }
      }
    }
    channels_packed_ = false;
    return finite;
  }

  // [depth, height, tap of the width, in / groups, out in whole vectors].
  void pack_channels() {
    const int32_t lanes = whole_vectors(spec_.out_channels);
    const int32_t group_in = spec_.group_in_channels();
    const auto columns = static_cast<int64_t>(width().taps().size());
    const int64_t taps = int64_t{spec_.kernel[0]} * spec_.kernel[1] * columns;
    float* target = channels_weight_.data();
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int32_t in = 0; in < group_in; ++in) {
        for (int32_t out = 0; out < lanes; ++out) {
          *target++ = out < spec_.out_channels
                          ? planes_weight_.data()[(int64_t{out} * group_in + in) * taps + tap]
                          : 0.0f;
        }
      }
    }
    channels_packed_ = true;
  }

  void find_columns(const TileGrid& grid) {
    const int64_t part_floats = int64_t{grid.part_rows} * grid.part_columns;
    int64_t column = 0;
    for (const AxisPhases::Tap& tap : width().taps()) {
      const int64_t shift = floor_divide(tap.offset, width().step());
      const int64_t part = tap.offset - shift * width().step();
      columns_[column++] =
          static_cast<int32_t>(part * part_floats + shift - grid.first_column_shift);
    }
  }

  Spec spec_;
  AxisPhases phases_[3];
  Buffer planes_weight_;
  Buffer channels_weight_;
  bool channels_packed_ = false;
  Buffer bias_;
  // Where the taps of the width read in the copies of the last run.
  Block<int32_t> columns_;
  // Planes multiply padding, by finite weights only: 0 * infinity is NaN.
  std::unique_ptr<Route> exact_;
};

const char* make_plan(const Machine& machine, Plan* plan) {
  constexpr int32_t kMaxGroup = 16;
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (spec.group_in_channels() > kMaxGroup || spec.group_out_channels() > kMaxGroup) {
    return "takes groups of 16 channels at most";
  }
  TileGrid grid;
  if (!cut_into_tiles(problem, machine, &grid)) return "cannot index a problem of this size";
  plan->set_cut(grid, machine.threads);
  plan->layout = runs_planes(problem) ? Layout::kChannelsFirst : Layout::kChannelsLast;
  plan->nanoseconds = depthwise_nanoseconds(problem, grid);
  return nullptr;
}

}  // namespace

const RouteEntry kDepthwiseRoute = {
    .id = RouteId::kDepthwise,
    .name = "depthwise",
    .plan = make_plan,
    .create = create_route<DepthwiseRoute>,
};

}  // namespace deconv
