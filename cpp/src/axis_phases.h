#pragma once

#include <cstdint>
#include <span>

#include "deconv/buffer.h"
#include "deconv/geometry.h"
#include "deconv/status.h"

namespace deconv {

// One axis of an operator as a family of dense small convolutions, its phases (Crochiere and
// Rabiner, Multirate Digital Signal Processing, 1983, section 3.3).
//
// Output position o = q * count + r belongs to phase r. With a transposed operator's stride s,
// dilation d and crop p, tap t meets an input position only if s divides r + p - t * d, and then it
// is q + (r + p - t * d) / s. With a convolution's stride s, dilation d, input dilation l and pad p
// it is (o * s + t * d - p) / l, which is q * step + offset with count = l / gcd(s, l) phases.
// In both cases: input position = q * step + offset.
class AxisPhases {
 public:
  struct Tap {
    int32_t tap;
    int32_t offset;  // index into offsets()
  };

  // kOutOfMemory. Call only when refusal() has nothing to say.
  Status derive(const Spec& spec, int axis);

  int32_t count() const { return count_; }
  int32_t step() const { return step_; }

  // The taps of one phase, by rising offset.
  std::span<const Tap> taps(int32_t phase) const {
    return {taps_.data() + begins_[phase], taps_.data() + begins_[phase + 1]};
  }

  // The first phase that reads at the same offsets.
  int32_t class_of(int32_t phase) const { return classes_[phase]; }

  // The offsets of all phases, rising.
  int32_t offset_count() const { return offset_count_; }
  int32_t offset(int32_t index) const { return offsets_[index]; }

  // Steps q that cover `output` positions.
  int32_t steps(int32_t output) const { return (output - 1) / count_ + 1; }

  // Phases of `spec` along `axis`, and a bound on its offsets, without deriving them.
  static int64_t count(const Spec& spec, int axis);
  static int64_t most_offsets(const Spec& spec, int axis);
  // Null when all three axes can be derived and 32-bit numbers hold what follows from them, else
  // why not.
  static const char* refusal(const Problem& problem);

 private:
  void collect_offsets(const Spec& spec, int axis);
  void find_classes();
  bool same_offsets(int32_t phase, int32_t other) const;

  int32_t count_ = 1;
  int32_t step_ = 1;
  int32_t offset_count_ = 0;
  Block<Tap> taps_;
  Block<int32_t> begins_;
  Block<int32_t> classes_;
  Block<int32_t> offsets_;
};

}  // namespace deconv
