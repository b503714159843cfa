#pragma once

#include "deconv/normalization.h"
#include "steps/normalization/operands.h"
#include "steps/normalization/reduction.h"

namespace deconv::normalization {

// One call: how its lines lie, which of them make a set, and its room in the workspace.
class Normalizer {
 public:
  // Where moments are `fixed` they are those of channels.
  Normalizer(const Normalization& call, bool fixed)
      : call_(call), set_(fixed ? NormalizedSet::kChannel : call.set), lines_(lines_of()) {}

  [[nodiscard]] bool prepare(const float* weight, const float* bias);

  // Centers, scales and shifts, with weight and bias or without: by `running` moments of the
  // channels, [2][channels], or by the sets' own where there are none.
  void place_lines(const float* x, const float* running, float* statistics, bool with_weight);

  void write(const float* x, float* y) const;

  // Of weight and bias; scales and shifts are without them.
  void write_parameter_gradients(const float* x, const float* g, float* gradients);

  // `own`: the gradient goes through the moments too.
  void write_input_gradient(const float* x, const float* g, float* y, bool own);

 private:
  Lines lines_of() const;
  int64_t lines_of_set() const;
  template <typename Visit>
  void for_each_line(int64_t set, const Visit& visit) const {
    const int64_t count = lines_of_set();
    const int64_t channels = call_.channels / call_.groups;
    for (int64_t index = 0; index < count; ++index) {
      if (set_ == NormalizedSet::kPoint) {
        visit(set);
      } else if (set_ == NormalizedSet::kChannel) {
        visit(set + index * call_.channels);
      } else {
        visit(set / call_.groups * lines_.per_outer() + index / channels * call_.channels +
              set % call_.groups * channels + index % channels);
      }
    }
  }

  // The weight, where it belongs to the line.
  double factor_of(int64_t line) const {
    return set_ == NormalizedSet::kPoint ? 1 : parameters_.weight[line % call_.channels];
  }

  // By the sets' own moments.
  void measure(const float* x, float* statistics, bool with_weight);
  void place(int64_t line, double mean, double variance, bool with_weight);
  // Of gradients, to the lines' slots.
  void sum(const Lines& lines, bool weighted, const float* x, const float* g);

  const Normalization& call_;
  const NormalizedSet set_;
  const Lines lines_;
  bool weighted_ = false;
  Pair* slots_ = nullptr;
  Parameters parameters_{};
};

}  // namespace deconv::normalization
