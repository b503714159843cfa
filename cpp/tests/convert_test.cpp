#include "quantized/convert.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "deconv/buffer.h"
#include "exact_block.h"
#include "quantization.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Quantization;
using deconv_tests::ExactBlock;
using deconv_tests::quantized;
using deconv_tests::Random;
using deconv_tests::RuntimeThreads;

namespace {

constexpr float kSpecial[] = {0.0f,
                              -0.0f,
                              NAN,
                              -NAN,
                              INFINITY,
                              -INFINITY,
                              FLT_MAX,
                              -FLT_MAX,
                              FLT_MIN,
                              1e-45f,
                              -1e-45f,
                              126.5f,
                              127.49999f,
                              127.5f,
                              -127.5f,
                              -128.5f,
                              std::numeric_limits<float>::signaling_NaN(),
                              8388608.5f,
                              2147483648.0f,
                              -2147483648.0f};

float any_value(Random& random) {
  if (random.one_in(3)) return kSpecial[random.between(0, std::size(kSpecial) - 1)];
  // Halves, which are ties.
  if (random.one_in(2)) return static_cast<float>(random.between(-300, 300)) / 2;
  return 200 * random.value();
}

Quantization any_quantization(Random& random) {
  constexpr float kScales[] = {1, 0.5f, 2, FLT_MIN, 0x1p100f};
  const float scale = random.one_in(2) ? kScales[random.between(0, 4)] : 0.3f + random.value() / 8;
  return {.scale = scale, .zero_point = random.between(-128, 127)};
}

}  // namespace

TEST_CASE("measure spans the values and 0 with 256 steps") {
  Random random(7007);
  for (int round = 0; round < 200; ++round) {
    const int64_t count = random.between(1, 70);
    const ExactBlock<float> values(count, 0, 4 * random.between(0, 3));
    const float scale = std::ldexp(1.0f, random.between(-100, 100));
    const float offset = random.value();
    for (float& value : values) value = (random.value() + offset) * scale;
    Quantization quantization;
    REQUIRE(deconv::measure(count, values.data(), &quantization));
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    const double span = std::max(0.0, double{*greatest}) - std::min(0.0, double{*least});
    CHECK(quantization.scale == doctest::Approx(span / 255).epsilon(1e-6));
    CHECK(quantization.zero_point >= -128);
    CHECK(quantization.zero_point <= 127);
    // No value is farther from its step than half a step, and the ends by half of the zero point's
    // rounding more.
    for (const float value : values) {
      const double back =
          double{quantization.scale} * (quantized(value, quantization) - quantization.zero_point);
      CHECK(std::abs(back - value) <= 1.0001 * quantization.scale);
    }
  }
}

TEST_CASE("measure sees the extreme value and what is not finite at every place") {
  for (int64_t count = 1; count <= 39; ++count) {
    const ExactBlock<float> values(count);
    for (int64_t place = 0; place < count; ++place) {
      CAPTURE(count);
      CAPTURE(place);
      std::fill(values.begin(), values.end(), 0.25f);
      Quantization quantization;
      values[place] = 51;
      REQUIRE(deconv::measure(count, values.data(), &quantization));
      CHECK(quantization.scale == 0.2f);
      CHECK(quantization.zero_point == -128);
      values[place] = -51;
      REQUIRE(deconv::measure(count, values.data(), &quantization));
      CHECK(quantization.scale == static_cast<float>((51 + (count > 1 ? 0.25 : 0)) / 255));
      CHECK(quantization.zero_point == (count > 1 ? 126 : 127));
      for (const float value : {NAN, INFINITY, -INFINITY}) {
        values[place] = value;
        CHECK_FALSE(deconv::measure(count, values.data(), &quantization));
      }
    }
  }
}

TEST_CASE("measure joins what threads saw of the pieces of an image") {
  const RuntimeThreads threads(3);
  // Pieces of a fixed size, and as many as there may be.
  for (const int64_t count : {int64_t{100'003}, int64_t{1'500'001}}) {
    const ExactBlock<float> values(count);
    std::fill(values.begin(), values.end(), 0.25f);
    Random random(7013);
    for (int round = 0; round < 40; ++round) {
      CAPTURE(count);
      const int64_t low = round == 0 ? 0 : random.between(0, static_cast<int32_t>(count) - 2);
      const int64_t high = round == 0 ? count - 1 : low + 1;
      CAPTURE(low);
      values[low] = -51;
      values[high] = 204;
      Quantization quantization;
      REQUIRE(deconv::measure(count, values.data(), &quantization));
      CHECK(quantization.scale == 1);
      CHECK(quantization.zero_point == -77);
      for (const float value : {NAN, INFINITY, -INFINITY}) {
        values[high] = value;
        CHECK_FALSE(deconv::measure(count, values.data(), &quantization));
      }
      values[low] = values[high] = 0.25f;
    }
  }
}

TEST_CASE("measure of nothing, of constants and of the ends of float32") {
  Quantization quantization;
  const std::vector<float> zeros = {0, -0.0f, 0, 0, 0, -0.0f, 0, 0, 0};
  REQUIRE(deconv::measure(9, zeros.data(), &quantization));
  CHECK(quantization.scale == 1);
  REQUIRE(deconv::measure(0, nullptr, &quantization));
  CHECK(quantization.scale == 1);
  const float ends[] = {FLT_MAX, -FLT_MAX};
  REQUIRE(deconv::measure(2, ends, &quantization));
  CHECK(std::isfinite(quantization.scale));
  CHECK(quantized(FLT_MAX, quantization) == 127);
  const float tiny[] = {1e-45f, 0, 0, 0, 0};
  REQUIRE(deconv::measure(5, tiny, &quantization));
  CHECK(std::isfinite(1 / quantization.scale));
  // A tie between two zero points goes to the even one.
  const float tie[] = {-0.5f, 254.5f};
  REQUIRE(deconv::measure(2, tie, &quantization));
  CHECK(quantization.zero_point == -128);
}

TEST_CASE("quantize and dequantize are the definition at every value, length and address") {
  Random random(7008);
  for (int round = 0; round < 600; ++round) {
    const Quantization quantization = any_quantization(random);
    // More than threads take at once, now and then.
    const int64_t count = round % 100 == 7 ? random.between(30000, 50000) : random.between(0, 67);
    const ExactBlock<float> values(count, 0, 4 * random.between(0, 3));
    for (float& value : values) {
      value = any_value(random) * (random.one_in(2) ? quantization.scale : 1);
    }
    const ExactBlock<int8_t> bytes(count + 1, 0, random.between(0, 15));
    bytes[count] = 99;
    deconv::quantize(count, values.data(), quantization, /*measured=*/false, bytes.data());
    const ExactBlock<float> back(count + 1, 0, 4 * random.between(0, 3));
    back[count] = 99;
    deconv::dequantize(count, bytes.data(), quantization, back.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < count; ++index) {
      wrong += bytes[index] != quantized(values[index], quantization);
      wrong += back[index] !=
               static_cast<float>(bytes[index] - quantization.zero_point) * quantization.scale;
    }
    CAPTURE(quantization.scale);
    CAPTURE(quantization.zero_point);
    CHECK(wrong == 0);
    // Nothing behind the end is written.
    CHECK(bytes[count] == 99);
    CHECK(back[count] == 99);
  }
}

TEST_CASE("values that were measured are quantized by the definition, the ends of float32 too") {
  Random random(7014);
  for (int round = 0; round < 600; ++round) {
    const int64_t count = random.between(1, 67);
    const ExactBlock<float> values(count, 0, 4 * random.between(0, 3));
    const float scale = std::ldexp(1.0f, random.between(-149, 127));
    const float offset = random.one_in(2) ? random.value() : 0;
    for (float& value : values) {
      value = std::clamp((random.value() + offset) * scale, -FLT_MAX, FLT_MAX);
      if (random.one_in(9)) value = std::copysign(random.one_in(2) ? 0 : scale, value);
      if (round % 9 == 0) value = random.one_in(2) ? FLT_MAX : -FLT_MAX;
    }
    Quantization quantization;
    REQUIRE(deconv::measure(count, values.data(), &quantization));
    const ExactBlock<int8_t> bytes(count, 0, random.between(0, 15));
    deconv::quantize(count, values.data(), quantization, /*measured=*/true, bytes.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < count; ++index) {
      wrong += bytes[index] != quantized(values[index], quantization);
    }
    CAPTURE(quantization.scale);
    CAPTURE(quantization.zero_point);
    CHECK(wrong == 0);
  }
}

TEST_CASE("every int8 comes back as itself, whatever scale and zero point") {
  Random random(7011);
  for (int32_t zero_point = -128; zero_point < 128; ++zero_point) {
    const Quantization quantization = {.scale = 0.01f + std::abs(random.value()),
                                       .zero_point = zero_point};
    std::vector<int8_t> bytes(256);
    for (size_t index = 0; index < 256; ++index) bytes[index] = static_cast<int8_t>(index);
    std::vector<float> values(256);
    deconv::dequantize(256, bytes.data(), quantization, values.data());
    std::vector<int8_t> back(256);
    deconv::quantize(256, values.data(), quantization, /*measured=*/false, back.data());
    CHECK(back == bytes);
  }
}

TEST_CASE("sums become results wherever they are handed over from, and nothing else is touched") {
  Random random(7012);
  for (int round = 0; round < 600; ++round) {
    const bool channels_last = random.one_in(2);
    const bool integers = random.one_in(2);
    const bool fixed = random.one_in(2);
    const bool relu = random.one_in(2);
    const int64_t points = random.between(1, round % 20 == 0 ? 400 : 40);
    const int64_t channels = random.between(1, random.one_in(2) ? 70 : 9);
    CAPTURE(round);
    CAPTURE(points);
    CAPTURE(channels);
    const ExactBlock<float> scale(channels, deconv::Buffer::kSlackBytes);
    const ExactBlock<float> bias(channels, deconv::Buffer::kSlackBytes);
    const ExactBlock<int32_t> integer_bias(channels, deconv::Buffer::kSlackBytes);
    // Beside sums in floats the bias of a static operator may be one.
    const bool in_floats = fixed && !integers && random.one_in(2);
    for (int64_t channel = 0; channel < channels; ++channel) {
      scale[channel] = 0.001f + 0.01f * std::abs(random.value());
      const int32_t most = random.one_in(8) ? 1 << 24 : 9999;
      integer_bias[channel] = random.between(-most, most);
      bias[channel] = fixed ? static_cast<float>(integer_bias[channel]) : random.value();
    }
    const ExactBlock<float> sums(points * channels, 0);
    const ExactBlock<int8_t> bytes(points * channels, 0);
    std::vector<int32_t> before;
    for (int64_t index = 0; index < points * channels; ++index) {
      before.push_back(random.between(-99999, 99999));
      sums[index] =
          integers ? std::bit_cast<float>(before.back()) : static_cast<float>(before.back());
      bytes[index] = 77;
    }
    // A great one comes last.
    const bool large = random.one_in(4);
    const float input_scale = large ? 0x1p70f : 0.3f;
    const deconv::Rescale by{.points = points,
                             .channels = channels,
                             .channels_last = channels_last,
                             .integers = integers,
                             .relu = relu,
                             .scale = scale.data(),
                             .bias = fixed && !in_floats ? nullptr : bias.data(),
                             .input_scale = input_scale,
                             .integer_bias = fixed && !in_floats ? integer_bias.data() : nullptr,
                             .zero_point = 5,
                             .bytes = fixed ? bytes.data() : nullptr};
    const int64_t begin = random.between(0, static_cast<int32_t>(points * channels));
    const int64_t count = random.between(0, static_cast<int32_t>(points * channels - begin));
    deconv::rescale(by, begin, count, sums.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < points * channels; ++index) {
      const int64_t channel = channels_last ? index % channels : index / points;
      const int32_t sum = before[static_cast<size_t>(index)];
      const bool changed = index >= begin && index < begin + count;
      if (!fixed) {
        const auto in_float = static_cast<float>(sum);
        const float scaled = large ? in_float * scale[channel] * input_scale
                                   : in_float * input_scale * scale[channel];
        const float value = scaled + bias[channel];
        const float untouched = integers ? std::bit_cast<float>(sum) : static_cast<float>(sum);
        const float wanted = !changed ? untouched : relu ? std::max(value, 0.0f) : value;
        wrong += std::bit_cast<uint32_t>(sums[index]) != std::bit_cast<uint32_t>(wanted);
        continue;
      }
      const float value = static_cast<float>(sum + integer_bias[channel]) * scale[channel];
      const double rounded = std::nearbyint(double{value}) + 5;
      wrong +=
          bytes[index] !=
          (changed ? static_cast<int8_t>(std::clamp(rounded, relu ? 5.0 : -128.0, 127.0)) : 77);
    }
    CHECK(wrong == 0);
  }
}
