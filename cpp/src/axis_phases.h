#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "deconv/buffer.h"
#include "deconv/geometry.h"
#include "divide.h"

namespace deconv {

// The integers from `begin` to before `end`; none when the two are the same.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t count() const { return end - begin; }
  bool holds(int64_t at) const { return at >= begin && at < end; }
};

// Those i of `indices` for which first + i * step lies in [0, extent).
inline Range indices_inside(int64_t first, int64_t step, int64_t extent, const Range& indices) {
  const int64_t begin = std::clamp(ceil_divide(-first, step), indices.begin, indices.end);
  return {begin, std::clamp(ceil_divide(extent - first, step), begin, indices.end)};
}

// One axis of an operator as a family of dense small convolutions, its phases (Crochiere and
// Rabiner, Multirate Digital Signal Processing, 1983, section 3.3).
//
// Output position o = q * count + r belongs to phase r of cell q: a cell has one position of every
// phase, behind each other, and the last cell may be cut off. With a transposed operator's stride
// s, dilation d and crop p, tap t meets an input position only if s divides r + p - t * d, and then
// it is q + (r + p - t * d) / s. With a convolution's stride s, dilation d, input dilation l and
// pad p it is (o * s + t * d - p) / l, which is q * step + offset with count = l / gcd(s, l)
// phases. In both cases input position = q * step + offset, and every tap belongs to one phase at
// most.
class AxisPhases {
 public:
  struct Tap {
    int32_t tap;
    int32_t offset;
    int32_t rank;  // of the offset among offsets()
  };

  // False when out of memory. Call only when refusal() has nothing to say.
  [[nodiscard]] bool derive(const Spec& spec, int axis);
  [[nodiscard]] static bool derive_all(const Spec& spec, AxisPhases (&axes)[3]);

  int32_t count() const { return count_; }
  int32_t step() const { return step_; }

  // The phases of the three axes that `phase` of all of them together stands for.
  static Axes of_all(const AxisPhases (&axes)[3], int32_t phase) {
    const int32_t area = axes[1].count() * axes[2].count();
    return {phase / area, phase % area / axes[2].count(), phase % axes[2].count()};
  }

  // The taps of all phases, phase behind phase, each by rising offset.
  std::span<const Tap> taps() const { return {taps_.data(), taps_.data() + begins_[count_]}; }
  std::span<const Tap> taps(int32_t phase) const {
    return {taps_.data() + begins_[phase], taps_.data() + begins_[phase + 1]};
  }
  // Where the taps of `phase` begin among those of all.
  int32_t first_tap(int32_t phase) const { return begins_[phase]; }

  // The taps of one output position that read inside of an input of `extent` positions, and the
  // input position that their offsets count from.
  struct Sources {
    int64_t first;
    std::span<const Tap> taps;
  };
  Sources sources(int64_t output, int64_t extent) const;

  bool same_offsets(int32_t phase, int32_t other) const;

  // The offsets of all phases, rising.
  int32_t offset_count() const { return offset_count_; }
  int32_t offset(int32_t index) const { return offsets_[index]; }

  // What follows from the numbers of `spec` along `axis`, without deriving the taps: phases, the
  // step, the cells, the offsets, the phases that have taps, and how far the last tap lies from the
  // first. Where stride and input dilation are both more than 1 there may be fewer offsets and
  // phases.
  static int64_t count(const Spec& spec, int axis);
  static int64_t step(const Spec& spec, int axis);
  static int64_t cells(const Problem& problem, int axis) {
    return ceil_divide(problem.output[axis], count(problem.spec, axis));
  }
  static int64_t most_offsets(const Spec& spec, int axis);
  static int64_t most_tapped(const Spec& spec, int axis);
  static int64_t reach(const Spec& spec, int axis) {
    return int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1);
  }
  // The input positions from the first to the last that a kernel without holes would read for
  // `outputs`, on an axis without ends. Where an input dilation keeps all taps from the input, the
  // end may lie before the begin.
  static Range inputs_of(const Spec& spec, int axis, const Range& outputs);
  // Where a tap of an output position reads on an axis without ends; false when it reads nothing,
  // between two input positions.
  static bool reads(const Spec& spec, int axis, int64_t output, int64_t tap, int64_t* input) {
    const int64_t at = tap * spec.dilation[axis] - spec.pad_before[axis];
    const int64_t position = spec.transposed ? output - at : output * spec.stride[axis] + at;
    const int64_t divisor = spec.transposed ? spec.stride[axis] : spec.input_dilation[axis];
    *input = position / divisor;
    return position % divisor == 0;
  }
  // The phase of a tap and where it reads from q = 0; false when it meets no input position, nor
  // with any of so many outputs: phases may be a billion, and tensors are smaller.
  static bool find(const Spec& spec, int axis, int64_t outputs, int64_t tap, int64_t* phase,
                   int64_t* offset);
  // Null when all three axes can be derived and 32-bit numbers hold what follows from them, else
  // why not.
  static const char* refusal(const Problem& problem);

 private:
  void collect_offsets(const Spec& spec, int axis);

  int32_t count_ = 1;
  int32_t step_ = 1;
  int32_t offset_count_ = 0;
  Block<Tap> taps_;
  Block<int32_t> begins_;
  Block<int32_t> offsets_;
};

}  // namespace deconv
