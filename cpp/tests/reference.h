#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deconv/geometry.h"
#include "exact_buffer.h"

namespace deconv_tests {

// The same numbers on every machine (splitmix64), so that a failing case can be named by its seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }
  // Both ends included.
  int32_t between(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(next() % static_cast<uint64_t>(high - low + 1));
  }
  bool one_in(int32_t chances) { return between(1, chances) == 1; }
  // In [-1, 1).
  float value() { return static_cast<float>(next() >> 40) * 0x1p-23f - 1.0f; }

 private:
  uint64_t state_;
};

// A problem that make_problem accepts, small enough to compute by hand in no time.
deconv::Problem random_problem(Random& random);

// The same, or every second time with channels for all routes, also Winograd's.
deconv::Problem random_problem_of_all_routes(Random& random);

// A few values and their few taps, apart by up to the largest number there is.
deconv::Problem random_sparse_problem(Random& random);

// "transposed g2 4->6 k1x3x2 s1x2x2 ...", for failure messages.
std::string describe(const deconv::Problem& problem);

// The definition, written the other way round than the product computes it: every input value
// scatters its kernel (transposed), or every output value is one plain sum over a padded,
// zero-inserted copy of the input (convolution). `bias` may be null.
std::vector<double> reference(const deconv::Problem& problem, const float* input,
                              const float* weight, const float* bias);

// sum of |x| * |w| + |bias| for every output value: what rounding errors are measured by.
std::vector<double> reference_magnitude(const deconv::Problem& problem, const float* input,
                                        const float* weight, const float* bias);

}  // namespace deconv_tests
