#include "routes/winograd_line_forms.h"

#include <array>
#include <utility>

#include "matrix_tile.h"
#include "relu.h"
#include "simd.h"

namespace deconv {
namespace {

// Points 0, infinity and pairs of a point and its negative, all dyadic: sums of whole numbers that
// are small enough are exact. 0 is left out of five.
constexpr std::array kFiveReads = {1.0, 0.5};
constexpr std::array kSixReads = {1.0, 2.0};
constexpr std::array kEightReads = {1.0, 2.0, 0.5};
// Of ten that round least.
constexpr std::array kTenReads = {0.5, 0.75, 1.25, 2.0};

constexpr float power(double base, int exponent) {
  double product = 1;
  while (exponent-- > 0) product *= base;
  return static_cast<float>(product);
}

// visit<0>() to visit<kCount - 1>().
template <int kCount, typename Visit>
void for_each_index(const Visit& visit) {
  [&]<int... index>(std::integer_sequence<int, index...>) {
    (visit.template operator()<index>(), ...);
  }(std::make_integer_sequence<int, kCount>());
}

// What does not depend on the steps, by the points of `kPairs`, and 0 where it is one.
template <const auto& kPairs, int zero>
struct Points {
  static constexpr int kHalf = static_cast<int>(kPairs.size());
  static constexpr int kZero = zero;
  static constexpr int kReads = 2 * kHalf + kZero + 1;

  // Coefficients of the product of z - p * p over all pairs but `without`, which is monic.
  static constexpr std::array<float, kHalf + 1> product(int without) {
    std::array<double, kHalf + 1> powers{1};
    for (int pair = 0, degree = 0; pair < kHalf; ++pair) {
      if (pair == without) continue;
      ++degree;
      for (int power = degree; power >= 0; --power) {
        powers[power] = (power > 0 ? powers[power - 1] : 0) -
                        kPairs[pair] * kPairs[pair] * (power < degree ? powers[power] : 0);
      }
    }
    std::array<float, kHalf + 1> rounded{};
    for (int power = 0; power <= kHalf; ++power) rounded[power] = static_cast<float>(powers[power]);
    return rounded;
  }

  // The sum of every second value from `x` on, the last by 1.
  template <int without>
  static v128_t weigh(const v128_t* x) {
    constexpr int kLast = without < 0 ? kHalf : kHalf - 1;
    constexpr std::array<float, kHalf + 1> kBy = product(without);
    v128_t sum = x[2 * kLast];
    for_each_index<kLast>([&]<int power>() { sum = fma_f32x4<kBy[power]>(x[2 * power], sum); });
    return sum;
  }

  // B^T
  static void input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
    if (kZero) y[0] = weigh<-1>(x);
    for_each_index<kHalf>([&]<int index>() {
      const v128_t even = weigh<index>(x + kZero + 1);
      const v128_t odd =
          wasm_f32x4_mul(constant<static_cast<float>(kPairs[index])>(), weigh<index>(x + kZero));
      y[2 * index + kZero] = wasm_f32x4_add(even, odd);
      y[2 * index + kZero + 1] = wasm_f32x4_sub(even, odd);
    });
    y[kReads - 1] = weigh<-1>(x + kZero);
  }
};

// F(kSteps, reads + 1 - kSteps)
template <int steps, const auto& kPairs, int zero>
struct Transforms : Points<kPairs, zero> {
  using Own = Points<kPairs, zero>;
  using Own::kHalf, Own::kReads, Own::kZero;
  static constexpr int kSteps = steps;
  static constexpr int kTaps = kReads + 1 - kSteps;

  // A^T
  static void output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
    v128_t sum[kHalf];
    v128_t difference[kHalf];
    for (int pair = 0; pair < kHalf; ++pair) {
      const v128_t* const both = x + 2 * pair + kZero;
      sum[pair] = wasm_f32x4_add(both[0], both[1]);
      difference[pair] = wasm_f32x4_sub(both[0], both[1]);
    }
    for_each_index<kSteps>([&]<int step>() {
      const v128_t(&terms)[kHalf] = step % 2 == 0 ? sum : difference;
      v128_t total = step == 0 && kZero   ? x[0]
                     : step == kSteps - 1 ? x[kReads - 1]
                                          : wasm_f32x4_const_splat(0);
      for_each_index<kHalf>(
          [&]<int pair>() { total = fma_f32x4<power(kPairs[pair], step)>(terms[pair], total); });
      y[step] = total;
    });
  }
};

template <typename T>
void transform(const LineForm::Columns& columns, int steps, float* target, int64_t tile_stride,
               int64_t point_stride) {
  const int64_t step = columns.dilation * kPanel;
  for (int64_t run = 0; run < columns.runs; ++run) {
    for (int64_t residue = 0; residue < columns.dilation; ++residue, target += tile_stride) {
      const float* const first =
          columns.first + (run * steps * columns.dilation + residue) * kPanel;
      for (int64_t channel = 0; channel < columns.channels; ++channel) {
#pragma clang loop unroll(disable)
        for (int half = 0; half < kPanel; half += 4) {
          const float* const source = first + channel * columns.plane + half;
          v128_t x[T::kReads];
          v128_t y[T::kReads];
          for (int read = 0; read < T::kReads; ++read) {
            x[read] = wasm_v128_load(source + read * step);
          }
          T::input(x, y);
          float* const points = target + channel * kPanel + half;
          for (int point = 0; point < T::kReads; ++point) {
            wasm_v128_store(points + point * point_stride, y[point]);
          }
        }
      }
    }
  }
}

template <typename T>
void transform_back(const float* source, int64_t point_stride, int64_t dilation, int64_t runs,
                    v128_t bias, bool clamps, float* columns, int64_t pitch) {
  const int64_t step = dilation * pitch;
  for (int64_t run = 0; run < runs; ++run) {
    for (int64_t residue = 0; residue < dilation; ++residue, source += kPanel) {
      float* const target = columns + (run * T::kSteps * dilation + residue) * pitch;
#pragma clang loop unroll(disable)
      for (int half = 0; half < kPanel; half += 4) {
        v128_t x[T::kReads];
        v128_t y[T::kSteps];
        for (int point = 0; point < T::kReads; ++point) {
          x[point] = wasm_v128_load(source + half + point * point_stride);
        }
        T::output(x, y);
        for (int index = 0; index < T::kSteps; ++index) {
          v128_t value = wasm_f32x4_add(y[index], bias);
          if (clamps) value = relu(value);
          wasm_v128_store(target + half + index * step, value);
        }
      }
    }
  }
}

// Zero where it is one of them, and each point with its opposite.
template <typename T, const auto& kPairs>
consteval WeightTransform weights_of() {
  double points[T::kReads - 1] = {};
  for (int pair = 0; pair < T::kHalf; ++pair) {
    points[2 * pair + T::kZero] = kPairs[pair];
    points[2 * pair + T::kZero + 1] = -kPairs[pair];
  }
  return {T::kTaps, T::kReads, points};
}

template <int steps, const auto& pairs, int zero = 1>
consteval LineForm form_of() {
  using T = Transforms<steps, pairs, zero>;
  static_assert(T::kReads <= kMostLineReads && T::kTaps <= WeightTransform::kMostTaps);
  return {
      .steps = steps,
      .taps = T::kTaps,
      .reads = T::kReads,
      .transform_columns = transform<typename T::Own>,
      .transform_back = transform_back<T>,
      .weights = weights_of<T, pairs>(),
  };
}

// Behind each other as rounding grows.
constexpr LineForm kForms[] = {
    form_of<4, kFiveReads, 0>(), form_of<5, kSixReads>(), form_of<4, kEightReads>(),
    form_of<6, kEightReads>(),   form_of<4, kTenReads>(), form_of<5, kTenReads>(),
};

}  // namespace

const std::span<const LineForm> kLineForms = kForms;

}  // namespace deconv
