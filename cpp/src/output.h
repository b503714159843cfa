#pragma once

#include <cstdint>
#include <span>

#include "deconv/elementwise.h"

namespace deconv {

struct Rescale;

// Where a route writes, and what is still to be done with its values there, in this order: results
// of the sums of an int8 operator, a ReLU, a sum, a function (see Operator::set_epilogue).
struct Output {
  float* values;
  const Rescale* rescale = nullptr;
  bool relu = false;
  const float* residual = nullptr;  // whose values stand as those here
  const Elementwise* function = nullptr;
  std::span<const float> repeated_a = {};  // see elementwise_part

  bool done() const {
    return rescale == nullptr && !relu && residual == nullptr && function == nullptr;
  }

  // A route hands over every value once, as soon as it stands among `values` and while the cache
  // of the thread that wrote it has it still: `count` behind each other.
  void finish(const float* first, int64_t count) const {
    if (!done()) finish_part(first - values, count);
  }
  // All of them at once, by all threads.
  void finish_all(int64_t count) const;

 private:
  void finish_part(int64_t begin, int64_t count) const;
};

}  // namespace deconv
