#include "routes/winograd_forms.h"

#include "relu.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// The transforms of one axis. `input` is B^T, `output` A^T; G follows from the points. `load` takes
// what four tiles beside each other read, one tile a lane; `store` writes their steps side by side.

// Of tiles of four steps: they begin with one vector each, and what they read behind it stands at
// the beginning of the next.
template <int taps>
struct FourSteps {
  static constexpr int kSteps = 4;
  static constexpr int kTaps = taps;
  static constexpr int kReads = kSteps + kTaps - 1;

  static void load(const float* source, v128_t (&x)[kReads]) {
    v128_t columns[4] = {wasm_v128_load(source), wasm_v128_load(source + 4),
                         wasm_v128_load(source + 8), wasm_v128_load(source + 12)};
    transpose_4x4(columns);
    for (int step = 0; step < 4; ++step) x[step] = columns[step];
    const v128_t next = wasm_v128_load(source + 16);
    x[4] = wasm_i32x4_shuffle(x[0], next, 1, 2, 3, 4);
    if constexpr (kReads > 5) x[5] = wasm_i32x4_shuffle(x[1], next, 1, 2, 3, 5);
    if constexpr (kReads > 6) x[6] = wasm_i32x4_shuffle(x[2], next, 1, 2, 3, 6);
    if constexpr (kReads > 7) x[7] = wasm_i32x4_shuffle(x[3], next, 1, 2, 3, 7);
  }

  static void store(v128_t (&y)[kSteps], float* target) {
    transpose_4x4(y);
    for (int step = 0; step < 4; ++step) wasm_v128_store(target + 4 * step, y[step]);
  }
};

// Points 0, 1, -1, 2, -2, 1/2, -1/2, infinity.
struct F45 : FourSteps<5> {
  static void input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
    // What a pair of points has in common: the even powers, and the odd ones times the point.
    const auto pair = [](v128_t even, v128_t odd, v128_t* of_pair) {
      of_pair[0] = wasm_f32x4_add(even, odd);
      of_pair[1] = wasm_f32x4_sub(even, odd);
    };
    const auto powers = []<float a, float b>(const v128_t* values) {
      return fma_f32x4<a>(values[0], fma_f32x4<b>(values[2], values[4]));
    };
    y[0] = fma_f32x4<5.25f>(wasm_f32x4_sub(x[2], x[4]), wasm_f32x4_sub(x[6], x[0]));
    pair(powers.operator()<1.0f, -4.25f>(x + 2), powers.operator()<1.0f, -4.25f>(x + 1), y + 1);
    const v128_t odd = powers.operator()<0.25f, -1.25f>(x + 1);
    pair(powers.operator()<0.25f, -1.25f>(x + 2), wasm_f32x4_mul(constant<2.0f>(), odd), y + 3);
    const v128_t odd_2 = powers.operator()<4.0f, -5.0f>(x + 1);
    pair(powers.operator()<4.0f, -5.0f>(x + 2), wasm_f32x4_mul(constant<0.5f>(), odd_2), y + 5);
    y[7] = fma_f32x4<5.25f>(wasm_f32x4_sub(x[3], x[5]), wasm_f32x4_sub(x[7], x[1]));
  }

  static void output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
    v128_t sum[3];
    v128_t difference[3];
    for (int pair = 0; pair < 3; ++pair) {
      sum[pair] = wasm_f32x4_add(x[2 * pair + 1], x[2 * pair + 2]);
      difference[pair] = wasm_f32x4_sub(x[2 * pair + 1], x[2 * pair + 2]);
    }
    const auto weigh = []<float power>(const v128_t(&values)[3]) {
      return fma_f32x4<1 / power>(values[2], fma_f32x4<power>(values[1], values[0]));
    };
    y[0] = wasm_f32x4_add(x[0], weigh.operator()<1.0f>(sum));
    y[1] = weigh.operator()<2.0f>(difference);
    y[2] = weigh.operator()<4.0f>(sum);
    y[3] = wasm_f32x4_add(weigh.operator()<8.0f>(difference), x[7]);
  }
};

// Points 0, 1, -1, 2, -2, infinity.
struct F43 : FourSteps<3> {
  static void input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
    const v128_t even = fma_f32x4<-4.0f>(x[2], x[4]);
    const v128_t odd = fma_f32x4<-4.0f>(x[1], x[3]);
    const v128_t even_2 = wasm_f32x4_sub(x[4], x[2]);
    const v128_t odd_2 = wasm_f32x4_mul(constant<2.0f>(), wasm_f32x4_sub(x[3], x[1]));
    y[0] = fma_f32x4<4.0f>(x[0], fma_f32x4<-5.0f>(x[2], x[4]));
    y[1] = wasm_f32x4_add(even, odd);
    y[2] = wasm_f32x4_sub(even, odd);
    y[3] = wasm_f32x4_add(even_2, odd_2);
    y[4] = wasm_f32x4_sub(even_2, odd_2);
    y[5] = fma_f32x4<4.0f>(x[1], fma_f32x4<-5.0f>(x[3], x[5]));
  }

  static void output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
    const v128_t sum_1 = wasm_f32x4_add(x[1], x[2]);
    const v128_t difference_1 = wasm_f32x4_sub(x[1], x[2]);
    const v128_t sum_2 = wasm_f32x4_add(x[3], x[4]);
    const v128_t difference_2 = wasm_f32x4_sub(x[3], x[4]);
    y[0] = wasm_f32x4_add(x[0], wasm_f32x4_add(sum_1, sum_2));
    y[1] = fma_f32x4<2.0f>(difference_2, difference_1);
    y[2] = fma_f32x4<4.0f>(sum_2, sum_1);
    y[3] = wasm_f32x4_add(fma_f32x4<8.0f>(difference_2, difference_1), x[5]);
  }
};

// Points 0, 1, -1, 2, infinity.
struct F42 : FourSteps<2> {
  static void input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
    const v128_t odd = wasm_f32x4_sub(x[3], x[1]);
    y[0] = fma_f32x4<2.0f>(wasm_f32x4_sub(x[0], x[2]), odd);
    y[1] = fma_f32x4<-2.0f>(x[1], wasm_f32x4_sub(x[3], x[2]));
    y[2] = fma_f32x4<2.0f>(x[1], fma_f32x4<-3.0f>(x[2], x[3]));
    y[3] = odd;
    y[4] = fma_f32x4<-2.0f>(odd, wasm_f32x4_sub(x[4], x[2]));
  }

  static void output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
    const v128_t sum = wasm_f32x4_add(x[1], x[2]);
    const v128_t difference = wasm_f32x4_sub(x[1], x[2]);
    y[0] = wasm_f32x4_add(x[0], wasm_f32x4_add(sum, x[3]));
    y[1] = fma_f32x4<2.0f>(x[3], difference);
    y[2] = fma_f32x4<4.0f>(x[3], sum);
    y[3] = wasm_f32x4_add(fma_f32x4<8.0f>(x[3], difference), x[4]);
  }
};

// Points 0, 1, infinity.
struct F22 {
  static constexpr int kSteps = 2;
  static constexpr int kTaps = 2;
  static constexpr int kReads = 3;

  static void input(const v128_t (&x)[kReads], v128_t (&y)[kReads]) {
    y[0] = wasm_f32x4_sub(x[1], x[0]);
    y[1] = x[1];
    y[2] = wasm_f32x4_sub(x[2], x[1]);
  }

  static void output(const v128_t (&x)[kReads], v128_t (&y)[kSteps]) {
    y[0] = wasm_f32x4_add(x[0], x[1]);
    y[1] = wasm_f32x4_add(x[1], x[2]);
  }

  static void load(const float* source, v128_t (&x)[kReads]) {
    const v128_t left = wasm_v128_load(source);
    const v128_t right = wasm_v128_load(source + 4);
    x[0] = wasm_i32x4_shuffle(left, right, 0, 2, 4, 6);
    x[1] = wasm_i32x4_shuffle(left, right, 1, 3, 5, 7);
    x[2] = wasm_i32x4_shuffle(x[0], wasm_v128_load(source + 8), 1, 2, 3, 4);
  }

  static void store(v128_t (&y)[kSteps], float* target) {
    wasm_v128_store(target, wasm_i32x4_shuffle(y[0], y[1], 0, 4, 1, 5));
    wasm_v128_store(target + 4, wasm_i32x4_shuffle(y[0], y[1], 2, 6, 3, 7));
  }
};

// Transforms the windows of four tiles beside each other, which start at `window` of a padded
// plane, and writes point p to target[p * point_stride].
template <typename F>
void transform_quad(const float* window, int64_t pitch, float* target, int64_t point_stride) {
  v128_t half[F::kReads][F::kReads];
#pragma clang loop unroll(disable)
  for (int row = 0; row < F::kReads; ++row, window += pitch) {
    v128_t x[F::kReads];
    F::load(window, x);
    F::input(x, half[row]);
  }
#pragma clang loop unroll(disable)
  for (int column = 0; column < F::kReads; ++column) {
    v128_t x[F::kReads];
    v128_t y[F::kReads];
    for (int row = 0; row < F::kReads; ++row) x[row] = half[row][column];
    F::input(x, y);
    for (int row = 0; row < F::kReads; ++row) {
      wasm_v128_store(target + (row * F::kReads + column) * point_stride, y[row]);
    }
  }
}

template <typename F>
void finish(v128_t (&y)[F::kSteps], v128_t bias, bool clamps, float* target) {
  for (v128_t& value : y) {
    value = wasm_f32x4_add(value, bias);
    if (clamps) value = relu(value);
  }
  F::store(y, target);
}

template <typename F>
void transform_back(const float* source, int64_t point_stride, v128_t bias, bool clamps,
                    float* target, int64_t pitch) {
  v128_t half[F::kSteps][F::kReads];
#pragma clang loop unroll(disable)
  for (int column = 0; column < F::kReads; ++column) {
    v128_t x[F::kReads];
    v128_t y[F::kSteps];
    for (int row = 0; row < F::kReads; ++row) {
      x[row] = wasm_v128_load(source + (row * F::kReads + column) * point_stride);
    }
    F::output(x, y);
    for (int row = 0; row < F::kSteps; ++row) half[row][column] = y[row];
  }
#pragma clang loop unroll(disable)
  for (int row = 0; row < F::kSteps; ++row, target += pitch) {
    v128_t y[F::kSteps];
    F::output(half[row], y);
    finish<F>(y, bias, clamps, target);
  }
}

// The same along the width alone.
template <typename F>
void transform_line(const float* window, int64_t, float* target, int64_t point_stride) {
  v128_t x[F::kReads];
  v128_t y[F::kReads];
  F::load(window, x);
  F::input(x, y);
  for (int point = 0; point < F::kReads; ++point) {
    wasm_v128_store(target + point * point_stride, y[point]);
  }
}

template <typename F>
void transform_line_back(const float* source, int64_t point_stride, v128_t bias, bool clamps,
                         float* target, int64_t) {
  v128_t x[F::kReads];
  v128_t y[F::kSteps];
  for (int point = 0; point < F::kReads; ++point) {
    x[point] = wasm_v128_load(source + point * point_stride);
  }
  F::output(x, y);
  finish<F>(y, bias, clamps, target);
}

constexpr double kPoints[] = {0, 1, -1, 2, -2, 0.5, -0.5};

template <typename F, bool width_alone = false>
consteval Form form_of(const char* too_many_taps) {
  static_assert(F::kTaps <= kMostTaps && F::kReads <= kMostReads);
  static_assert(F::kTaps <=
                (width_alone ? WeightTransform::kMostTaps : WeightTransform::kMostLines));
  return {
      .steps = F::kSteps,
      .taps = F::kTaps,
      .reads = F::kReads,
      .points = width_alone ? F::kReads : F::kReads * F::kReads,
      .transform_quad = width_alone ? transform_line<F> : transform_quad<F>,
      .transform_back = width_alone ? transform_line_back<F> : transform_back<F>,
      .weights = {F::kTaps, F::kReads, kPoints},
      .too_many_taps = too_many_taps,
  };
}

}  // namespace

const Form kF45 = form_of<F45, true>("takes five taps a phase at most");
const Form kF43 = form_of<F43>("takes three taps a phase at most");
const Form kF42 = form_of<F42>("takes two taps a phase at most");
const Form kF22 = form_of<F22>("takes two taps a phase at most");

}  // namespace deconv
