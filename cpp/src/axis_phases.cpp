#include "axis_phases.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace deconv {
namespace {

constexpr int64_t kMaxPhases = 4096;
constexpr int64_t kFarthest = 1 << 28;

// Outputs that differ by 1 reach input positions, before they are divided, that are alike modulo
// this.
int64_t common(const Spec& spec, int axis) {
  return spec.transposed ? 1 : std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

// Every so many-th tap can read; no output reads with the others.
int64_t every(const Spec& spec, int axis) {
  return common(spec, axis) / std::gcd(common(spec, axis), int64_t{spec.dilation[axis]});
}

int64_t most_taps(const Spec& spec, int axis) {
  return ceil_divide(spec.kernel[axis], every(spec, axis));
}

}  // namespace

int64_t AxisPhases::count(const Spec& spec, int axis) {
  if (spec.transposed) return spec.stride[axis];
  return spec.input_dilation[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

int64_t AxisPhases::step(const Spec& spec, int axis) {
  if (spec.transposed) return 1;
  return spec.stride[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

int64_t AxisPhases::most_offsets(const Spec& spec, int axis) {
  const int64_t span = inputs_of(spec, axis, {0, count(spec, axis)}).count();
  return std::min(most_taps(spec, axis), std::max<int64_t>(span, 0));
}

int64_t AxisPhases::most_tapped(const Spec& spec, int axis) {
  const int64_t phases = count(spec, axis);
  // From one of the taps that can read to the next, the phase moves by so much.
  const int64_t move = every(spec, axis) * spec.dilation[axis] / common(spec, axis);
  return std::min(most_taps(spec, axis), phases / std::gcd(phases, move));
}

Range AxisPhases::inputs_of(const Spec& spec, int axis, const Range& outputs) {
  const int64_t pad = spec.pad_before[axis];
  const int64_t stride = spec.stride[axis];
  const int64_t last = outputs.end - 1;
  if (spec.transposed) {
    return {ceil_divide(outputs.begin + pad - reach(spec, axis), stride),
            floor_divide(last + pad, stride) + 1};
  }
  const int64_t divisor = spec.input_dilation[axis];
  return {ceil_divide(outputs.begin * stride - pad, divisor),
          floor_divide(last * stride + reach(spec, axis) - pad, divisor) + 1};
}

bool AxisPhases::find(const Spec& spec, int axis, int64_t outputs, int64_t tap, int64_t* phase,
                      int64_t* offset) {
  *phase = 0;
  if (spec.transposed) {
    const int64_t at = tap * spec.dilation[axis] - spec.pad_before[axis];
    *phase = at - floor_divide(at, spec.stride[axis]) * spec.stride[axis];
  }
  for (const int64_t most = std::min(outputs, count(spec, axis)); *phase < most; ++*phase) {
    if (reads(spec, axis, *phase, tap, offset)) return true;
  }
  return false;
}

const char* AxisPhases::refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  int64_t phases = 1;
  for (int axis = 0; axis < 3; ++axis) {
    phases *= std::min<int64_t>(count(spec, axis), kMaxPhases + 1);
    // Positions and offsets, and sums of two of them.
    const int64_t pad =
        std::max(std::abs(int64_t{spec.pad_before[axis]}), std::abs(int64_t{spec.pad_after[axis]}));
    if (reach(spec, axis) + pad + problem.input[axis] + problem.output[axis] > kFarthest) {
      return "takes no axis this long";
    }
  }
  if (phases > kMaxPhases) return "takes at most 4096 phases";
  return nullptr;
}

bool AxisPhases::derive(const Spec& spec, int axis) {
  count_ = static_cast<int32_t>(count(spec, axis));
  step_ = static_cast<int32_t>(step(spec, axis));
  if (!taps_.reserve(spec.kernel[axis]) || !begins_.reserve(count_ + 1) ||
      !offsets_.reserve(spec.kernel[axis])) {
    return false;
  }
  collect_offsets(spec, axis);
  return true;
}

bool AxisPhases::derive_all(const Spec& spec, AxisPhases (&axes)[3]) {
  return axes[0].derive(spec, 0) && axes[1].derive(spec, 1) && axes[2].derive(spec, 2);
}

AxisPhases::Sources AxisPhases::sources(int64_t output, int64_t extent) const {
  const auto position = static_cast<int32_t>(output);
  const int64_t first = int64_t{position / count_} * step_;
  std::span<const Tap> inside = taps(position % count_);
  while (!inside.empty() && first + inside.front().offset < 0) inside = inside.subspan(1);
  while (!inside.empty() && first + inside.back().offset >= extent) {
    inside = inside.first(inside.size() - 1);
  }
  return {first, inside};
}

void AxisPhases::collect_offsets(const Spec& spec, int axis) {
  int32_t used = 0;
  for (int32_t phase = 0; phase < count_; ++phase) {
    begins_[phase] = used;
    for (int32_t tap = 0; tap < spec.kernel[axis]; ++tap) {
      int64_t offset = 0;
      if (!reads(spec, axis, phase, tap, &offset)) continue;
      taps_[used] = {tap, static_cast<int32_t>(offset), 0};
      offsets_[used] = static_cast<int32_t>(offset);
      ++used;
    }
    if (spec.transposed) std::reverse(taps_.data() + begins_[phase], taps_.data() + used);
  }
  begins_[count_] = used;
  int32_t* const first = offsets_.data();
  // Not std::sort, which alone is 2 KB of the download.
  std::make_heap(first, first + used);
  std::sort_heap(first, first + used);
  int32_t* const last = std::unique(first, first + used);
  offset_count_ = static_cast<int32_t>(last - first);
  for (int32_t index = 0; index < used; ++index) {
    Tap& tap = taps_[index];
    tap.rank = static_cast<int32_t>(std::lower_bound(first, last, tap.offset) - first);
  }
}

bool AxisPhases::same_offsets(int32_t phase, int32_t other) const {
  return std::ranges::equal(taps(phase), taps(other), {}, &Tap::offset, &Tap::offset);
}

}  // namespace deconv
