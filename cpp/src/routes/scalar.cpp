// Every geometry, both layouts, plain loops: the fallback, and the oracle that tests compare with.
// It sums in double precision so that a comparison measures the other route's error.

#include <algorithm>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "pack.h"
#include "relu.h"
#include "routes/cost.h"
#include "routes/route.h"

namespace deconv {
namespace {

// Where a tap of an output position reads along `axis`, or -1 where it reads no input.
int64_t source_position(const Problem& problem, int axis, int64_t output, int64_t tap) {
  int64_t input = 0;
  const bool inside = AxisPhases::reads(problem.spec, axis, output, tap, &input) && input >= 0 &&
                      input < problem.input[axis];
  return inside ? input : -1;
}

class ScalarRoute final : public Route {
 public:
  explicit ScalarRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override {
    if (!weight_.reserve(spec_.weight_elements()) || !bias_.reserve(spec_.out_channels)) {
      return Status::kOutOfMemory;
    }
    pack_out_tap_in(spec_, weight, weight_.data());
    std::copy_n(bias, spec_.out_channels, bias_.data());
    return Status::kOk;
  }

  Status run(const Plan& plan, const float* input, const Output& output, float*) override {
    const Problem& problem = plan.problem;
    const bool channels_first = problem.layout == Layout::kChannelsFirst;
    const int64_t points = problem.output_points();
    const int64_t channels = spec_.out_channels;
    const int64_t point_stride = channels_first ? 1 : channels;
    const int64_t channel_stride = channels_first ? points : 1;
    for (int64_t batch = 0; batch < problem.batch; ++batch) {
      const float* image = input + batch * problem.input_points() * spec_.in_channels;
      float* result = output.values + batch * points * channels;
      int64_t point = 0;
      for (int32_t d = 0; d < problem.output[0]; ++d) {
        for (int32_t h = 0; h < problem.output[1]; ++h) {
          for (int32_t w = 0; w < problem.output[2]; ++w, ++point) {
            for (int64_t channel = 0; channel < channels; ++channel) {
              // Not -0 where the other routes' products underflow one by one.
              const float sum =
                  static_cast<float>(sum_at(problem, image, channel, {d, h, w})) + 0.0f;
              result[point * point_stride + channel * channel_stride] =
                  spec_.relu ? relu(sum) : sum;
            }
          }
        }
      }
    }
    output.finish_all(problem.output_elements());
    return Status::kOk;
  }

 private:
  double sum_at(const Problem& problem, const float* image, int64_t channel,
                const Axes& position) const {
    const int64_t group_in = spec_.group_in_channels();
    const int64_t first_channel = channel / spec_.group_out_channels() * group_in;
    const bool channels_first = problem.layout == Layout::kChannelsFirst;
    const int64_t point_stride = channels_first ? 1 : spec_.in_channels;
    const int64_t channel_stride = channels_first ? problem.input_points() : 1;
    const float* weight = weight_.data() + channel * spec_.kernel_elements() * group_in;
    double sum = bias_.data()[channel];
    for (int32_t td = 0; td < spec_.kernel[0]; ++td) {
      const int64_t d = source_position(problem, 0, position[0], td);
      if (d < 0) continue;
      for (int32_t th = 0; th < spec_.kernel[1]; ++th) {
        const int64_t h = source_position(problem, 1, position[1], th);
        if (h < 0) continue;
        for (int32_t tw = 0; tw < spec_.kernel[2]; ++tw) {
          const int64_t w = source_position(problem, 2, position[2], tw);
          if (w < 0) continue;
          const int64_t point = (d * problem.input[1] + h) * problem.input[2] + w;
          const float* x = image + point * point_stride + first_channel * channel_stride;
          const float* taps = weight + spec_.tap(td, th, tw) * group_in;
          for (int64_t in = 0; in < group_in; ++in) {
            sum += static_cast<double>(x[in * channel_stride]) * taps[in];
          }
        }
      }
    }
    return sum;
  }

  Spec spec_;
  Buffer weight_;  // [out, tap, in / groups]: sum_at walks it in order
  Buffer bias_;
};

}  // namespace

const RouteEntry kScalarRoute = {
    .id = RouteId::kScalar,
    .name = "scalar",
    .plan = [](const Machine&, Plan* plan) -> const char* {
      plan->nanoseconds = scalar_nanoseconds(plan->problem);
      return nullptr;
    },
    .create = create_route<ScalarRoute>,
};

}  // namespace deconv
