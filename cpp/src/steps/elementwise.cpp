#include "deconv/elementwise.h"

#include <algorithm>
#include <numeric>

#include "deconv/workspace.h"
#include "kernels/functions.h"
#include "kernels/lanes.h"
#include "parallel.h"
#include "relu.h"
#include "steps/elementwise_part.h"

namespace deconv {
namespace {

// What a thread takes at once, and the strip whose terms of a parameter's gradient are summed while
// they are in the first-level cache: whole vectors.
constexpr int64_t kChunk = 1 << 14;
constexpr int64_t kStrip = 1 << 10;

// Several points of few channels lie in one stretch of parameters.
constexpr int64_t kLeastPeriod = 64;

// A function, or its derivative times g.
using Kernel = v128_t (*)(v128_t x, v128_t g, v128_t a, v128_t b);

v128_t add(v128_t one, v128_t other) { return wasm_f32x4_add(one, other); }
v128_t multiply(v128_t one, v128_t other) { return wasm_f32x4_mul(one, other); }
v128_t choose(v128_t condition, v128_t one, v128_t other) {
  return wasm_v128_bitselect(one, other, condition);
}

v128_t clamp(v128_t x, v128_t low, v128_t high) {
  return wasm_f32x4_pmin(wasm_f32x4_pmax(x, low), high);
}

v128_t relu_value(v128_t x, v128_t, v128_t, v128_t) { return relu(x); }
v128_t relu_slope(v128_t x, v128_t g, v128_t, v128_t) {
  return wasm_v128_andnot(g, wasm_f32x4_le(x, constant<0>()));
}

v128_t leaky_value(v128_t x, v128_t, v128_t a, v128_t) {
  return choose(wasm_f32x4_gt(x, constant<0>()), x, multiply(x, a));
}
v128_t leaky_slope(v128_t x, v128_t g, v128_t a, v128_t) {
  return choose(wasm_f32x4_gt(x, constant<0>()), g, multiply(g, a));
}
v128_t leaky_term(v128_t x, v128_t g, v128_t, v128_t) {
  return wasm_v128_andnot(multiply(x, g), wasm_f32x4_gt(x, constant<0>()));
}

v128_t elu_value(v128_t x, v128_t, v128_t a, v128_t) {
  return choose(wasm_f32x4_le(x, constant<0>()), multiply(a, expm1_of_nonpositive(x)), x);
}
v128_t elu_slope(v128_t x, v128_t g, v128_t a, v128_t) {
  return choose(wasm_f32x4_le(x, constant<0>()), multiply(g, multiply(a, exp_of_nonpositive(x))),
                g);
}

// Of x * sigmoid(u): sigmoid(u) + x * sigmoid(u) * sigmoid(-u) * du.
v128_t gated_slope(v128_t x, v128_t u, v128_t du) {
  const auto [of, of_negative] = sigmoids(u);
  return multiply(of, fma_f32x4(multiply(x, du), of_negative, constant<1.0f>()));
}

v128_t silu_value(v128_t x, v128_t, v128_t, v128_t) { return multiply(x, sigmoid_f32x4(x)); }
v128_t silu_slope(v128_t x, v128_t g, v128_t, v128_t) {
  return multiply(g, gated_slope(x, x, constant<1.0f>()));
}

v128_t gelu_value(v128_t x, v128_t, v128_t, v128_t) { return multiply(x, normal_distribution(x)); }
v128_t gelu_slope(v128_t x, v128_t g, v128_t, v128_t) {
  // The density is exp(-x^2 / 2) / sqrt(2 pi).
  const v128_t density = multiply(exp_of_nonpositive(multiply(multiply(x, x), constant<-0.5f>())),
                                  constant<0x1.988454p-2f>());
  return multiply(g, fma_f32x4(x, density, normal_distribution(x)));
}

// (1 + tanh(v)) / 2 is sigmoid(2 v); v = sqrt(2 / pi) (x + 0.044715 x^3), Hendrycks and Gimpel
// (2016).
constexpr float kGeluLinear = 1.5957691216f;
constexpr float kGeluCubic = 1.5957691216f * 0.044715f;

v128_t gelu_argument(v128_t x) {
  return multiply(x, fma_f32x4(multiply(x, x), constant<kGeluCubic>(), constant<kGeluLinear>()));
}
v128_t gelu_tanh_value(v128_t x, v128_t, v128_t, v128_t) {
  return multiply(x, sigmoid_f32x4(gelu_argument(x)));
}
v128_t gelu_tanh_slope(v128_t x, v128_t g, v128_t, v128_t) {
  const v128_t du = fma_f32x4(multiply(x, x), constant<3 * kGeluCubic>(), constant<kGeluLinear>());
  return multiply(g, gated_slope(x, gelu_argument(x), du));
}

v128_t hardsigmoid_value(v128_t x, v128_t, v128_t a, v128_t b) {
  return wasm_f32x4_div(clamp(add(x, b), constant<0>(), a), a);
}
v128_t hardsigmoid_slope(v128_t x, v128_t g, v128_t a, v128_t b) {
  const v128_t moved = add(x, b);
  const v128_t inside = wasm_v128_and(wasm_f32x4_gt(moved, constant<0>()), wasm_f32x4_lt(moved, a));
  return wasm_v128_and(inside, wasm_f32x4_div(g, a));
}

// x + 3 first, which is exact around -3, and a sixth instead of a division, which takes as long as
// all the rest; 6 times it rounds to 1, so that above 3 the value is x.
v128_t hardswish_value(v128_t x, v128_t, v128_t, v128_t) {
  const v128_t rising = multiply(add(x, constant<3.0f>()), constant<1.0f / 6>());
  return multiply(x, clamp(rising, constant<0>(), constant<1.0f>()));
}
v128_t hardswish_slope(v128_t x, v128_t g, v128_t, v128_t) {
  const v128_t rising = multiply(g, add(wasm_f32x4_div(x, constant<3.0f>()), constant<0.5f>()));
  const v128_t right = choose(wasm_f32x4_lt(x, constant<3.0f>()), rising, g);
  return wasm_v128_andnot(right, wasm_f32x4_lt(x, constant<-3.0f>()));
}

v128_t clamp_value(v128_t x, v128_t, v128_t a, v128_t b) { return clamp(x, a, b); }
v128_t clamp_slope(v128_t x, v128_t g, v128_t a, v128_t b) {
  return wasm_v128_andnot(g, wasm_v128_or(wasm_f32x4_le(x, a), wasm_f32x4_ge(x, b)));
}

v128_t softplus_value(v128_t x, v128_t, v128_t a, v128_t b) {
  // log(1 + exp(u)) is max(u, 0) + log(1 + exp(-|u|)), which overflows nowhere.
  const v128_t u = multiply(x, a);
  const v128_t curve = log1p_of_unit(exp_of_nonpositive(wasm_f32x4_neg(wasm_f32x4_abs(u))));
  const v128_t soft = wasm_f32x4_div(add(wasm_f32x4_pmax(u, constant<0>()), curve), a);
  return choose(wasm_f32x4_gt(u, b), x, soft);
}
v128_t softplus_slope(v128_t x, v128_t g, v128_t a, v128_t b) {
  const v128_t u = multiply(x, a);
  return choose(wasm_f32x4_gt(u, b), g, multiply(g, sigmoid_f32x4(u)));
}

v128_t sigmoid_value(v128_t x, v128_t, v128_t, v128_t) { return sigmoid_f32x4(x); }
v128_t sigmoid_slope(v128_t x, v128_t g, v128_t, v128_t) {
  const auto [of, of_negative] = sigmoids(x);
  return multiply(g, multiply(of, of_negative));
}

v128_t tanh_value(v128_t x, v128_t, v128_t, v128_t) { return tanh_f32x4(x); }
v128_t tanh_slope(v128_t x, v128_t g, v128_t, v128_t) {
  // 1 - tanh(x)^2 would cancel to 0 where tanh rounds to 1.
  const auto [of, of_negative] = sigmoids(add(x, x));
  return multiply(g, multiply(constant<4.0f>(), multiply(of, of_negative)));
}

// As the codecs that use it divide: it has a limit at a = 0.
v128_t reciprocal(v128_t a) { return wasm_f32x4_div(constant<1.0f>(), add(a, constant<1e-9f>())); }

v128_t snake_value(v128_t x, v128_t, v128_t a, v128_t) {
  const v128_t sine = sin_f32x4(multiply(x, a));
  return fma_f32x4(multiply(sine, sine), reciprocal(a), x);
}
v128_t snake_slope(v128_t x, v128_t g, v128_t a, v128_t) {
  const v128_t u = multiply(x, a);
  const v128_t share = multiply(a, reciprocal(a));
  return multiply(g, fma_f32x4(share, sin_f32x4(add(u, u)), constant<1.0f>()));
}
v128_t snake_term(v128_t x, v128_t g, v128_t a, v128_t) {
  const v128_t u = multiply(x, a);
  const v128_t sine = sin_f32x4(u);
  const v128_t over = multiply(multiply(sine, sine), reciprocal(a));
  const v128_t rise = wasm_f32x4_sub(multiply(x, sin_f32x4(add(u, u))), over);
  return multiply(g, multiply(rise, reciprocal(a)));
}

v128_t sine_value(v128_t x, v128_t, v128_t, v128_t b) {
  return sin_f32x4(x, wasm_f32x4_extract_lane(b, 0));
}

v128_t sign_of(v128_t x) {
  const v128_t one = wasm_v128_and(constant<1.0f>(), wasm_f32x4_ne(x, constant<0>()));
  return choose(wasm_f32x4_eq(x, x), with_sign_of(one, x), x);
}

// A function without parameters.
template <v128_t (*function)(v128_t)>
v128_t value_of(v128_t x, v128_t, v128_t, v128_t) {
  return function(x);
}

// Values that lie together, with one `a` or with one for each.
struct Row {
  int64_t count;
  const float* x;
  const float* g;
  const float* a;
  // 0 or 4: from one vector to the next; `a` points to 4 values at least.
  int64_t a_step;
  v128_t b;
  float* y;
};

// Whole vectors.
template <Kernel kernel>
void run_vectors(const Row& row) {
  const auto [count, x, g, first_a, a_step, b, y] = row;
  const float* a = first_a;
  for (int64_t index = 0; index < count; index += 4) {
    wasm_v128_store(y + index, kernel(wasm_v128_load(x + index), wasm_v128_load(g + index),
                                      wasm_v128_load(a), b));
    a += a_step;
  }
}

using RunVectors = void (*)(const Row&);

// The last values, fewer than a vector, as one: the others are 0.
void run_row(RunVectors run, Row row) {
  const int64_t whole = row.count / 4 * 4;
  const int64_t rest = row.count - whole;
  row.count = whole;
  run(row);
  if (rest == 0) return;
  float x[4];
  float g[4];
  float y[4];
  wasm_v128_store(x, load_lanes(row.x + whole, rest, constant<0>()));
  wasm_v128_store(g, load_lanes(row.g + whole, rest, constant<0>()));
  run({.count = 4,
       .x = x,
       .g = g,
       .a = row.a + whole / 4 * row.a_step,
       .a_step = 0,
       .b = row.b,
       .y = y});
  store_lanes(row.y + whole, rest, wasm_v128_load(y));
}

// In the order of Function: the value, the derivative, the derivative by a.
struct Runs {
  RunVectors value;
  RunVectors slope = nullptr;
  RunVectors term = nullptr;
};
template <v128_t (*function)(v128_t)>
constexpr Runs only = {run_vectors<value_of<function>>};
constexpr Runs kRuns[kFunctionCount] = {
    {run_vectors<relu_value>, run_vectors<relu_slope>},
    {run_vectors<leaky_value>, run_vectors<leaky_slope>, run_vectors<leaky_term>},
    {run_vectors<elu_value>, run_vectors<elu_slope>},
    {run_vectors<silu_value>, run_vectors<silu_slope>},
    {run_vectors<gelu_value>, run_vectors<gelu_slope>},
    {run_vectors<gelu_tanh_value>, run_vectors<gelu_tanh_slope>},
    {run_vectors<hardswish_value>, run_vectors<hardswish_slope>},
    {run_vectors<hardsigmoid_value>, run_vectors<hardsigmoid_slope>},
    {run_vectors<clamp_value>, run_vectors<clamp_slope>},
    {run_vectors<softplus_value>, run_vectors<softplus_slope>},
    {run_vectors<sigmoid_value>, run_vectors<sigmoid_slope>},
    {run_vectors<tanh_value>, run_vectors<tanh_slope>},
    {run_vectors<snake_value>, run_vectors<snake_slope>, run_vectors<snake_term>},
    only<[](v128_t x) { return wasm_f32x4_abs(x); }>,
    only<[](v128_t x) { return wasm_f32x4_neg(x); }>,
    only<exp_f32x4>,
    only<log_f32x4>,
    only<[](v128_t x) { return wasm_f32x4_sqrt(x); }>,
    only<[](v128_t x) { return wasm_f32x4_div(constant<1.0f>(), x); }>,
    {run_vectors<sine_value>},
    only<[](v128_t x) { return wasm_f32x4_floor(x); }>,
    only<[](v128_t x) { return wasm_f32x4_ceil(x); }>,
    only<[](v128_t x) { return wasm_f32x4_nearest(x); }>,
    only<sign_of>,
    only<erf_f32x4>,
    only<[](v128_t x) { return wasm_f32x4_div(x, add(wasm_f32x4_abs(x), constant<1.0f>())); }>,
};

const Runs& runs_of(const Elementwise& call) { return kRuns[static_cast<int>(call.function)]; }

// The parameters of a call, as rows find them. Where every value of a row has a channel of its own
// they are repeated.
class Parameters {
 public:
  explicit Parameters(const Elementwise& call, std::span<const float> repeated = {})
      : call_(call),
        varying_(call.inner == 1 && call.channel_a != nullptr),
        repeated_(repeated),
        length_(call.channel_a == nullptr ? call.elements() : call.inner) {
    if (varying_) length_ = static_cast<int64_t>(repeated.size());
  }

  // Repeats them in the workspace.
  [[nodiscard]] bool prepare() {
    if (!varying_) return true;
    repeated_ = repeat_channels(call_.channel_a, call_.channels, Workspace::shared().scratch);
    length_ = static_cast<int64_t>(repeated_.size());
    return !repeated_.empty();
  }

  bool varying() const { return varying_; }
  // Of what has one `a`, or of what repeats.
  int64_t length() const { return length_; }

  // The longest row from `begin` on that ends at `end`; `one` is room for what it points to.
  Row row(int64_t begin, int64_t end, float (&one)[4]) const {
    const int64_t offset = begin % length_;
    const float* a = one;
    if (varying_) {
      a = repeated_.data() + offset;
    } else {
      std::fill_n(
          one, 4,
          call_.channel_a == nullptr ? call_.a : call_.channel_a[begin / length_ % call_.channels]);
    }
    Row row{};
    row.count = std::min(end - begin, length_ - offset);
    row.a = a;
    row.a_step = varying_ ? 4 : 0;
    row.b = splat(call_.b);
    return row;
  }

 private:
  const Elementwise& call_;
  const bool varying_;
  std::span<const float> repeated_;
  int64_t length_;
};

// From `begin` to before `end`.
void run_part(const Parameters& parameters, RunVectors vectors, int64_t begin, int64_t end,
              const float* x, const float* g, float* y) {
  while (begin < end) {
    float one[4];
    Row row = parameters.row(begin, end, one);
    row.x = x + begin;
    row.g = g + begin;
    row.y = y + begin;
    run_row(vectors, row);
    begin += row.count;
  }
}

Status run(const Elementwise& call, RunVectors vectors, const float* x, const float* g, float* y) {
  Parameters parameters(call);
  if (!parameters.prepare()) return Status::kOutOfMemory;
  for_each_piece(call.elements(), kChunk, [&](int64_t begin, int64_t end, int) {
    run_part(parameters, vectors, begin, end, x, g, y);
  });
  return Status::kOk;
}

// Adds the terms from `begin` to `end`, no more than a strip of one row, to sums that lie `step`
// apart.
void add_terms(const Parameters& parameters, RunVectors term, int64_t begin, int64_t end,
               const float* x, const float* g, double* sums, int64_t step) {
  float one[4];
  float terms[kStrip];
  Row row = parameters.row(begin, end, one);
  row.x = x + begin;
  row.g = g + begin;
  row.y = terms;
  run_row(term, row);
  for (int64_t index = 0; index < row.count; ++index) sums[index * step] += terms[index];
}

}  // namespace

std::span<const float> repeat_channels(const float* channel_a, int64_t channels, Buffer& room) {
  int64_t length = std::lcm(channels, int64_t{4});
  length *= (kLeastPeriod + length - 1) / length;
  // A row may begin between two vectors, whose last one reads behind them.
  const int64_t read = length + 3;
  if (!room.reserve(read)) return {};
  for (int64_t index = 0; index < read; ++index) room[index] = channel_a[index % channels];
  return {room.data(), static_cast<size_t>(length)};
}

void elementwise_part(const Elementwise& call, std::span<const float> repeated, int64_t begin,
                      int64_t end, const float* input, float* output) {
  run_part(Parameters(call, repeated), runs_of(call).value, begin, end, input, input, output);
}

Status elementwise(const Elementwise& call, const float* input, float* output) {
  return run(call, runs_of(call).value, input, input, output);
}

Status elementwise_gradient(const Elementwise& call, const float* input, const float* grad_output,
                            float* grad_input) {
  const RunVectors slope = runs_of(call).slope;
  if (slope == nullptr) return Status::kUnsupported;
  return run(call, slope, input, grad_output, grad_input);
}

Status elementwise_parameter_gradient(const Elementwise& call, const float* input,
                                      const float* grad_output, float* gradient) {
  const RunVectors term = runs_of(call).term;
  if (term == nullptr || call.channel_a == nullptr) return Status::kUnsupported;
  Parameters parameters(call);
  if (!parameters.prepare()) return Status::kOutOfMemory;
  const int64_t length = parameters.length();
  const int64_t elements = call.elements();
  if (!parameters.varying()) {
    for_each_item(call.channels, [&](int64_t channel, int) {
      double sum = 0;
      for (int64_t outer = 0; outer < call.outer; ++outer) {
        const int64_t end = (outer * call.channels + channel + 1) * length;
        for (int64_t begin = end - length; begin < end; begin += kStrip) {
          add_terms(parameters, term, begin, std::min(end, begin + kStrip), input, grad_output,
                    &sum, 0);
        }
      }
      gradient[channel] = static_cast<float>(sum);
    });
    return Status::kOk;
  }
  // The values as rows of `length` columns, in strips of columns; a channel has several.
  Block<double> sums;
  if (!sums.reserve(length)) return Status::kOutOfMemory;
  std::fill_n(sums.data(), length, 0.0);
  for_each_piece(length, kStrip, [&](int64_t first, int64_t end, int) {
    for (int64_t begin = first; begin < elements; begin += length) {
      add_terms(parameters, term, begin, std::min(elements, begin + end - first), input,
                grad_output, &sums[first], 1);
    }
  });
  for (int64_t channel = 0; channel < call.channels; ++channel) {
    double sum = 0;
    for (int64_t column = channel; column < length; column += call.channels) sum += sums[column];
    gradient[channel] = static_cast<float>(sum);
  }
  return Status::kOk;
}

}  // namespace deconv
