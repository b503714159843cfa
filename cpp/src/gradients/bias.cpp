#include <algorithm>

#include "deconv/gradients.h"
#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

// Sums of neighbouring values, in double precision: additions to one sum wait for each other.
constexpr int64_t kSums = 16;

class Sums {
 public:
  void add(int64_t vector, v128_t values) {
    const v128_t high = wasm_i64x2_shuffle(values, values, 1, 1);
    own_[2 * vector] = wasm_f64x2_add(own_[2 * vector], wasm_f64x2_promote_low_f32x4(values));
    own_[2 * vector + 1] = wasm_f64x2_add(own_[2 * vector + 1], wasm_f64x2_promote_low_f32x4(high));
  }
  void store(double (&sums)[kSums]) const {
    for (int64_t pair = 0; pair < kSums / 2; ++pair) wasm_v128_store(sums + 2 * pair, own_[pair]);
  }

 private:
  v128_t own_[kSums / 2] = {};
};

// The sum of `count` values, `stride` apart.
double sum_apart(const float* values, int64_t count, int64_t stride) {
  double sum = 0;
  for (int64_t index = 0; index < count; ++index) sum += values[index * stride];
  return sum;
}

double sum_beside(const float* values, int64_t count) {
  Sums sums;
  int64_t index = 0;
  for (; index + kSums <= count; index += kSums) {
    for (int64_t vector = 0; vector < kSums / 4; ++vector) {
      sums.add(vector, wasm_v128_load(values + index + 4 * vector));
    }
  }
  double own[kSums];
  sums.store(own);
  double sum = sum_apart(values + index, count - index, 1);
  for (const double each : own) sum += each;
  return sum;
}

// Of kSums channels, at points `stride` apart.
void sum_channels(const float* values, int64_t points, int64_t stride, float* target) {
  Sums sums;
  for (int64_t point = 0; point < points; ++point) {
    for (int64_t vector = 0; vector < kSums / 4; ++vector) {
      sums.add(vector, wasm_v128_load(values + point * stride + 4 * vector));
    }
  }
  double own[kSums];
  sums.store(own);
  std::transform(own, own + kSums, target, [](double sum) { return static_cast<float>(sum); });
}

}  // namespace

void bias_gradient(const Problem& problem, const float* grad_output, float* grad_bias) {
  const int64_t points = problem.output_points();
  const int64_t channels = problem.spec.out_channels;
  if (problem.layout == Layout::kChannelsFirst || channels == 1) {
    for_each_item(channels, [&](int64_t channel, int) {
      double sum = 0;
      for (int64_t batch = 0; batch < problem.batch; ++batch) {
        sum += sum_beside(grad_output + (batch * channels + channel) * points, points);
      }
      grad_bias[channel] = static_cast<float>(sum);
    });
    return;
  }
  const int64_t all_points = problem.batch * points;
  const int64_t blocks = channels / kSums;
  for_each_item(blocks + channels % kSums, [&](int64_t item, int) {
    if (item < blocks) {
      const int64_t channel = item * kSums;
      sum_channels(grad_output + channel, all_points, channels, grad_bias + channel);
    } else {
      const int64_t channel = blocks * kSums + item - blocks;
      grad_bias[channel] =
          static_cast<float>(sum_apart(grad_output + channel, all_points, channels));
    }
  });
}

}  // namespace deconv
