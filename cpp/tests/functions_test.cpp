// The vectorised functions against double precision at every 2^16-th float and at the special
// values.

#include "kernels/functions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using Reference = double (*)(double);

// Every 2^16-th float from an odd start, with both signs, and what stands out.
std::vector<float> floats() {
  std::vector<float> all = {0.0f,      -0.0f,      1.0f,     -1.0f,     INFINITY,      -INFINITY,
                            NAN,       -NAN,       FLT_MIN,  -FLT_MIN,  FLT_MAX,       -FLT_MAX,
                            1e-45f,    -1e-45f,    88.7228f, -87.3365f, 88.7229f,      -103.972f,
                            -103.973f, 0x1.p-126f, 3.92f,    -3.92f,    0x1.fffffep-1f};
  for (uint64_t bits = 0x5a5b; bits < uint64_t{1} << 32; bits += 1 << 16) {
    all.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  all.resize((all.size() + 3) / 4 * 4);
  return all;
}

// Distance in units in the last place of the correctly rounded result, where that is a normal
// float.
double ulps_between(float found, double wanted) {
  int exponent = 0;
  std::frexp(wanted, &exponent);
  return std::abs(found - wanted) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

enum class Denormals { kNear, kZero };

// The worst distance over the floats from `low` to `high`, where the result is a normal float or
// 0; elsewhere what is no number, infinite or below must be so too, or 0 for what is denormal.
template <typename Function>
double worst(const Function& function, Reference reference, float low, float high,
             Denormals denormals = Denormals::kNear) {
  double most = 0;
  float at = 0;
  int64_t wrong = 0;
  const std::vector<float> values = floats();
  for (size_t index = 0; index < values.size(); index += 4) {
    float lanes[4];
    wasm_v128_store(lanes, function(wasm_v128_load(values.data() + index)));
    for (size_t lane = 0; lane < 4; ++lane) {
      const float x = values[index + lane];
      const float found = lanes[lane];
      if (std::isnan(x)) {
        wrong += !std::isnan(found);
        continue;
      }
      if (!(x >= low && x <= high)) continue;
      const double wanted = reference(x);
      const auto rounded = static_cast<float>(wanted);
      if (std::isnan(wanted)) {
        wrong += !std::isnan(found);
      } else if (std::isinf(rounded)) {
        // FLT_MAX is its neighbour.
        wrong += found != rounded && std::abs(found) < 0.9999f * FLT_MAX;
      } else if (wanted != 0 && std::abs(wanted) < FLT_MIN) {
        // Denormal: the distance is one of the smallest floats.
        wrong += denormals == Denormals::kZero ? found != 0
                                               : !(std::abs(found - wanted) <= 64 * 1.4e-45);
      } else {
        const double ulps = ulps_between(found, wanted);
        if (!(ulps <= most)) {
          most = ulps;
          at = x;
        }
      }
    }
  }
  CHECK(wrong == 0);
  MESSAGE("worst: " << most << " ulp at " << at);
  return most;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("functions: exp") {
  CHECK(worst([](v128_t x) { return deconv::exp_f32x4(x); }, std::exp, -kInfinity, kInfinity) <= 4);
}

TEST_CASE("functions: exp of what is not positive, without denormal results") {
  CHECK(worst(deconv::exp_of_nonpositive, std::exp, -kInfinity, 0, Denormals::kZero) <= 4);
  // The floats about log(2^-126).
  const v128_t values = wasm_f32x4_make(-87.33653f, -87.33654f, -87.33655f, -INFINITY);
  const v128_t results = deconv::exp_of_nonpositive(values);
  CHECK(wasm_f32x4_extract_lane(results, 0) >= FLT_MIN);
  CHECK(wasm_f32x4_extract_lane(results, 1) >= FLT_MIN);
  CHECK(wasm_f32x4_extract_lane(results, 2) == 0);
  CHECK(wasm_f32x4_extract_lane(results, 3) == 0);
}

TEST_CASE("functions: expm1 of what is not positive") {
  CHECK(worst(deconv::expm1_of_nonpositive, std::expm1, -kInfinity, 0) <= 4);
}

TEST_CASE("functions: log1p from -0.5 to 1") {
  CHECK(worst(deconv::log1p_of_unit, std::log1p, -0.5f, 1) <= 4);
}

TEST_CASE("functions: log of all floats") {
  CHECK(worst(deconv::log_f32x4, std::log, -kInfinity, kInfinity) <= 4);
}

TEST_CASE("functions: tanh") {
  CHECK(worst(deconv::tanh_f32x4, std::tanh, -kInfinity, kInfinity) <= 4);
}

TEST_CASE("functions: sigmoid and that of the negative") {
  const Reference sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const Reference other = [](double x) { return 1 / (1 + std::exp(x)); };
  CHECK(worst(deconv::sigmoid_f32x4, sigmoid, -kInfinity, kInfinity, Denormals::kZero) <= 4);
  CHECK(worst([](v128_t x) { return deconv::sigmoids(x).of_negative; }, other, -kInfinity,
              kInfinity, Denormals::kZero) <= 4);
}

TEST_CASE("functions: sin and cos up to 2^28, no number of infinities, bounded beyond") {
  const auto sine = [](v128_t x) { return deconv::sin_f32x4(x); };
  const auto cosine = [](v128_t x) { return deconv::sin_f32x4(x, 0.5); };
  CHECK(worst(sine, std::sin, -0x1p28f, 0x1p28f) <= 4);
  CHECK(worst(cosine, std::cos, -0x1p28f, 0x1p28f) <= 4);
  for (const float x : {0x1p29f, 1e20f, FLT_MAX, -FLT_MAX, INFINITY, -INFINITY}) {
    for (const v128_t value : {sine(deconv::splat(x)), cosine(deconv::splat(x))}) {
      const float found = wasm_f32x4_extract_lane(value, 0);
      CHECK((std::isinf(x) ? std::isnan(found) : std::abs(found) <= 1));
    }
  }
}

TEST_CASE("functions: erf") {
  CHECK(worst(deconv::erf_f32x4, std::erf, -kInfinity, kInfinity) <= 4);
}

TEST_CASE("functions: the normal distribution, whose far tail has the error of a square's exp") {
  const Reference distribution = [](double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); };
  CHECK(worst(deconv::normal_distribution, distribution, -2, kInfinity) <= 6);
  CHECK(worst(deconv::normal_distribution, distribution, -13, kInfinity) <= 200);
}
