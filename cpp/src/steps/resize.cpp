#include "deconv/resize.h"

#include <algorithm>
#include <cmath>

#include "steps/mapped_axes.h"

namespace deconv {
namespace {

// In float32, as PyTorch does: where the product lies upon an integer its rounding decides.
int32_t nearest_source(int32_t target, float step, int32_t sources) {
  const float place = std::floor(static_cast<float>(target) * step);
  return place < static_cast<float>(sources) ? static_cast<int32_t>(place) : sources - 1;
}

double linear_place(const Resize& call, int axis, int32_t target) {
  const int32_t sources = call.volume.input[axis];
  const int32_t targets = call.volume.output[axis];
  if (call.align_corners != 0) {
    return targets == 1 ? 0 : static_cast<double>(sources - 1) / (targets - 1) * target;
  }
  const double step =
      call.step[axis] > 0 ? call.step[axis] : static_cast<double>(sources) / targets;
  return std::max(0.0, step * (target + 0.5) - 0.5);
}

void add_linear(double place, int32_t sources, AxisMap& map) {
  if (!(place < sources - 1)) {
    map.add(sources - 1);
    return;
  }
  const auto before = static_cast<int32_t>(place);
  const double share = place - before;
  // Of no weight too: what is not finite shows in PyTorch as well.
  map.add(before, static_cast<float>(1 - share));
  map.add(before + 1, static_cast<float>(share));
}

Status run(const Resize& call, bool gradient, const float* source, float* target) {
  const auto make = [&call](int axis, AxisMap& map) {
    const int32_t sources = call.volume.input[axis];
    const int32_t targets = call.volume.output[axis];
    if (!map.reserve(sources, targets, int64_t{2} * targets)) return Status::kOutOfMemory;
    const float step = call.step[axis] > 0
                           ? static_cast<float>(call.step[axis])
                           : static_cast<float>(sources) / static_cast<float>(targets);
    for (int32_t target = 0; target < targets; ++target, map.next()) {
      if (call.interpolation == Interpolation::kNearest) {
        map.add(nearest_source(target, step, sources));
      } else if (sources == targets) {
        map.add(target);
      } else {
        add_linear(linear_place(call, axis, target), sources, map);
      }
    }
    return Status::kOk;
  };
  return sum_mapped(call.volume, make, gradient, source, target);
}

}  // namespace

Status resize(const Resize& call, const float* input, float* output) {
  return run(call, false, input, output);
}

Status resize_gradient(const Resize& call, const float* grad_output, float* grad_input) {
  return run(call, true, grad_output, grad_input);
}

}  // namespace deconv
