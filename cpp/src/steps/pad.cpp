#include "deconv/pad.h"

#include <algorithm>

#include "steps/mapped_axes.h"

namespace deconv {
namespace {

Status run(const Pad& call, bool gradient, const float* source, float* target) {
  const auto make = [&call](int axis, AxisMap& map) {
    const int64_t sources = call.volume.input[axis];
    const int32_t targets = call.volume.output[axis];
    if (!map.reserve(call.volume.input[axis], targets, targets)) return Status::kOutOfMemory;
    for (int32_t target = 0; target < targets; ++target, map.next()) {
      int64_t source = int64_t{target} - call.before[axis];
      if (call.padding == Padding::kReplicate) {
        source = std::clamp<int64_t>(source, 0, sources - 1);
      } else if (call.padding == Padding::kReflect) {
        source = source < 0 ? -source : source < sources ? source : 2 * (sources - 1) - source;
        if (source < 0 || source >= sources) return Status::kBadShape;
      }
      if (source >= 0 && source < sources) map.add(static_cast<int32_t>(source));
    }
    return Status::kOk;
  };
  return sum_mapped(call.volume, make, gradient, source, target, static_cast<float>(call.value));
}

}  // namespace

Status pad(const Pad& call, const float* input, float* output) {
  return run(call, false, input, output);
}

Status pad_gradient(const Pad& call, const float* grad_output, float* grad_input) {
  return run(call, true, grad_output, grad_input);
}

}  // namespace deconv
