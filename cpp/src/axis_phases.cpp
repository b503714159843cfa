#include "axis_phases.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace deconv {
namespace {

// Where tap `tap` of phase `phase` reads: sets the offset and answers true if it reads at all.
bool reads_input(const Spec& spec, int axis, int64_t phase, int64_t tap, int64_t* offset) {
  const int64_t reach = tap * spec.dilation[axis];
  const int64_t position = spec.transposed
                               ? phase + spec.pad_before[axis] - reach
                               : phase * spec.stride[axis] + reach - spec.pad_before[axis];
  const int64_t divisor = spec.transposed ? spec.stride[axis] : spec.input_dilation[axis];
  *offset = position / divisor;
  return position % divisor == 0;
}

constexpr int64_t kMaxPhases = 4096;
constexpr int64_t kFarthest = 1 << 28;

}  // namespace

int64_t AxisPhases::count(const Spec& spec, int axis) {
  if (spec.transposed) return spec.stride[axis];
  return spec.input_dilation[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
}

int64_t AxisPhases::most_offsets(const Spec& spec, int axis) {
  if (!spec.transposed) return spec.kernel[axis] * count(spec, axis);
  const int64_t reach = int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1);
  return std::min<int64_t>(spec.kernel[axis], reach / spec.stride[axis] + 2);
}

const char* AxisPhases::refusal(const Problem& problem) {
  const Spec& spec = problem.spec;
  int64_t phases = 1;
  for (int axis = 0; axis < 3; ++axis) {
    phases *= std::min<int64_t>(count(spec, axis), kMaxPhases + 1);
    // Positions and offsets, and sums of two of them.
    const int64_t reach = int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1);
    const int64_t pad =
        std::max(std::abs(int64_t{spec.pad_before[axis]}), std::abs(int64_t{spec.pad_after[axis]}));
    if (reach + pad + problem.input[axis] + problem.output[axis] > kFarthest) {
      return "takes no axis this long";
    }
  }
  if (phases > kMaxPhases) return "takes at most 4096 phases";
  return nullptr;
}

Status AxisPhases::derive(const Spec& spec, int axis) {
  const int64_t phases = count(spec, axis);
  count_ = static_cast<int32_t>(phases);
  step_ = spec.transposed
              ? 1
              : spec.stride[axis] / std::gcd(spec.stride[axis], spec.input_dilation[axis]);
  // Every tap belongs to one phase of a transposed operator, to each phase of a convolution at
  // most.
  const int64_t most_taps = int64_t{spec.kernel[axis]} * (spec.transposed ? 1 : phases);
  if (!taps_.reserve(most_taps) || !begins_.reserve(phases + 1) || !classes_.reserve(phases) ||
      !offsets_.reserve(most_taps)) {
    return Status::kOutOfMemory;
  }
  collect_offsets(spec, axis);
  find_classes();
  return Status::kOk;
}

void AxisPhases::collect_offsets(const Spec& spec, int axis) {
  // Offsets stand in the taps until all are known and can be numbered.
  int32_t used = 0;
  for (int32_t phase = 0; phase < count_; ++phase) {
    begins_[phase] = used;
    for (int32_t tap = 0; tap < spec.kernel[axis]; ++tap) {
      int64_t offset = 0;
      if (!reads_input(spec, axis, phase, tap, &offset)) continue;
      taps_[used] = {tap, static_cast<int32_t>(offset)};
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
    tap.offset = static_cast<int32_t>(std::lower_bound(first, last, tap.offset) - first);
  }
}

void AxisPhases::find_classes() {
  for (int32_t phase = 0; phase < count_; ++phase) {
    int32_t other = 0;
    while (!same_offsets(phase, other)) ++other;
    classes_[phase] = other;
  }
}

bool AxisPhases::same_offsets(int32_t phase, int32_t other) const {
  return std::ranges::equal(taps(phase), taps(other), {}, &Tap::offset, &Tap::offset);
}

}  // namespace deconv
