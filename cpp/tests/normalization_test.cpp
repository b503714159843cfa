// Values, statistics and gradients against their formulas in double precision, in every layout and
// gathering. Buffers end with their last value, and begin anywhere.

#include "deconv/normalization.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "deconv/workspace.h"
#include "exact_buffer.h"
#include "failing_memory.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Layout;
using deconv::Normalization;
using deconv::NormalizedSet;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr NormalizedSet kSets[] = {NormalizedSet::kChannel, NormalizedSet::kGroup,
                                   NormalizedSet::kPoint};
constexpr Layout kLayouts[] = {Layout::kChannelsFirst, Layout::kChannelsLast};

// Values of deviation 1 around `mean`.
struct Values : ExactBuffer {
  Values(int64_t count, float mean, Random& random)
      : ExactBuffer(count, 0, random.one_in(4) ? Guard::kBefore : Guard::kBehind) {
    for (int64_t index = 0; index < count; ++index) {
      data()[index] = mean + random.value() + random.value() + random.value();
    }
  }
};

// The place of every value.
struct Places {
  explicit Places(const Normalization& call) : call(call) {}

  int64_t channel(int64_t index) const {
    const bool first = call.layout == Layout::kChannelsFirst;
    return first ? index / call.points % call.channels : index % call.channels;
  }
  int64_t set(int64_t index) const {
    const int64_t entry = index / call.points / call.channels;
    if (call.set == NormalizedSet::kChannel) return channel(index);
    if (call.set == NormalizedSet::kGroup) {
      return entry * call.groups + channel(index) / (call.channels / call.groups);
    }
    const bool first = call.layout == Layout::kChannelsFirst;
    return first ? entry * call.points + index % call.points : index / call.channels;
  }

  const Normalization& call;
};

struct Expected {
  std::vector<double> mean;
  std::vector<double> variance;
  std::vector<double> normal;
  std::vector<double> grad_input;
  std::vector<double> grad_scale;
  std::vector<double> grad_weight;
  std::vector<double> grad_bias;
  std::vector<double> weight_scale;
  std::vector<double> bias_scale;
};

size_t at(int64_t index) { return static_cast<size_t>(index); }

// `running` and `weight` may be null.
Expected expected_of(const Normalization& call, const float* x, const float* g, const float* weight,
                     const float* running) {
  const Places places(call);
  const size_t count = at(call.elements());
  const size_t sets = at(call.sets());
  const size_t channels = at(call.channels);
  Expected result{
      std::vector<double>(sets),     std::vector<double>(sets),     std::vector<double>(count),
      std::vector<double>(count),    std::vector<double>(count),    std::vector<double>(channels),
      std::vector<double>(channels), std::vector<double>(channels), std::vector<double>(channels)};
  const double size = static_cast<double>(count) / static_cast<double>(sets);
  std::vector<double> gradients(sets);
  std::vector<double> products(sets);
  for (size_t index = 0; index < count; ++index) {
    result.mean[at(places.set(static_cast<int64_t>(index)))] += x[index] / size;
  }
  for (size_t index = 0; index < count; ++index) {
    const size_t set = at(places.set(static_cast<int64_t>(index)));
    result.variance[set] += std::pow(x[index] - result.mean[set], 2) / size;
  }
  const auto moments = [&](size_t index, double* mean) {
    const size_t set = at(places.set(static_cast<int64_t>(index)));
    const int64_t channel = places.channel(static_cast<int64_t>(index));
    *mean = running == nullptr ? result.mean[set] : double{running[channel]};
    const double variance =
        running == nullptr ? result.variance[set] : double{running[call.channels + channel]};
    return 1 / std::sqrt(variance + call.eps);
  };
  for (size_t index = 0; index < count; ++index) {
    const size_t set = at(places.set(static_cast<int64_t>(index)));
    const size_t channel = at(places.channel(static_cast<int64_t>(index)));
    double mean = 0;
    const double inverse = moments(index, &mean);
    const double normal = (x[index] - mean) * inverse;
    const double factor = weight == nullptr ? 1 : weight[channel];
    result.normal[index] = normal;
    gradients[set] += factor * g[index] / size;
    products[set] += factor * g[index] * normal / size;
    result.grad_weight[channel] += g[index] * normal;
    result.grad_bias[channel] += g[index];
    result.weight_scale[channel] += std::abs(g[index] * normal);
    result.bias_scale[channel] += std::abs(g[index]);
  }
  for (size_t index = 0; index < count; ++index) {
    const size_t set = at(places.set(static_cast<int64_t>(index)));
    double mean = 0;
    const double inverse = moments(index, &mean);
    const double factor =
        weight == nullptr ? 1 : weight[places.channel(static_cast<int64_t>(index))];
    const double through =
        running == nullptr ? gradients[set] + result.normal[index] * products[set] : 0;
    result.grad_input[index] = inverse * (factor * g[index] - through);
    result.grad_scale[index] = inverse * (1 + std::abs(factor * g[index]) + std::abs(through));
  }
  return result;
}

struct Variant {
  bool affine = true;
  bool fixed = false;
  bool in_place = false;
  float mean = 0;
};

// Counts what is wrong.
int64_t count_wrong(const Normalization& call, const Variant& variant, Random& random) {
  const int64_t count = call.elements();
  const Values x(count, variant.mean, random);
  const Values g(count, 0.25f, random);
  const Values weight(call.channels, 1, random);
  const Values bias(call.channels, 0, random);
  const Values running(2 * call.channels, 0, random);
  for (int64_t channel = 0; channel < call.channels; ++channel) {
    running.data()[channel] += variant.mean;
    float& spread = running.data()[call.channels + channel];
    spread = std::abs(spread) + 0.25f;
  }
  const float* const weights = variant.affine ? weight.data() : nullptr;
  const float* const biases = variant.affine ? bias.data() : nullptr;
  const float* const moments = variant.fixed ? running.data() : nullptr;
  const Expected expected = expected_of(call, x.data(), g.data(), weights, moments);
  const Values y(count, 0, random);
  const Values slopes(count, 0, random);
  const ExactBuffer statistics(2 * call.sets());
  const ExactBuffer gradients(2 * call.channels);
  std::copy_n(x.data(), count, y.data());
  std::copy_n(g.data(), count, slopes.data());
  int64_t wrong = 0;
  wrong += normalize(call, variant.in_place ? y.data() : x.data(), weights, biases, moments,
                     variant.fixed ? nullptr : statistics.data(), y.data()) != Status::kOk;
  wrong += normalization_gradients(call, x.data(), variant.in_place ? slopes.data() : g.data(),
                                   weights, moments, slopes.data(),
                                   variant.affine ? gradients.data() : nullptr) != Status::kOk;
  const Places places(call);
  for (int64_t index = 0; index < count; ++index) {
    const int64_t channel = places.channel(index);
    const double factor = variant.affine ? weight[channel] : 1;
    const double summand = variant.affine ? bias[channel] : 0;
    const double normal = expected.normal[at(index)];
    wrong += !(std::abs(y[index] - (normal * factor + summand)) <=
               2e-6 * (std::abs(normal * factor) + std::abs(summand) + std::abs(factor)));
    wrong += !(std::abs(slopes[index] - expected.grad_input[at(index)]) <=
               4e-6 * expected.grad_scale[at(index)]);
  }
  for (int64_t set = 0; count > 0 && !variant.fixed && set < call.sets(); ++set) {
    const double mean = expected.mean[at(set)];
    const double variance = expected.variance[at(set)];
    wrong += !(std::abs(statistics[set] - mean) <= 2e-7 * (1 + std::abs(mean)));
    wrong += !(std::abs(statistics[call.sets() + set] - variance) <= 4e-6 * variance);
  }
  for (int64_t channel = 0; variant.affine && channel < call.channels; ++channel) {
    wrong += !(std::abs(gradients[channel] - expected.grad_weight[at(channel)]) <=
               4e-6 * expected.weight_scale[at(channel)] + 1e-6);
    wrong += !(std::abs(gradients[call.channels + channel] - expected.grad_bias[at(channel)]) <=
               4e-6 * expected.bias_scale[at(channel)]);
  }
  return wrong;
}

// The largest group count up to `most` that divides the channels.
int64_t groups_of(int64_t channels, int64_t most) {
  while (channels % most != 0) --most;
  return most;
}

Normalization any_call(Random& random) {
  constexpr int64_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 70, 129};
  const auto size = [&](int32_t most) { return kSizes[random.between(0, most)]; };
  Normalization call{.set = kSets[random.between(0, 2)],
                     .layout = kLayouts[random.between(0, 1)],
                     .batch = random.one_in(12) ? 0 : random.between(1, 4),
                     .channels = size(14),
                     .points = size(14),
                     .eps = 1e-5f};
  call.groups = groups_of(call.channels, random.between(1, 8));
  if (random.one_in(4)) call.groups = call.channels;
  // Statistics of one value have no deviation: whatever stands above eps decides.
  if (call.elements() == call.sets()) call.eps = 1;
  return call;
}

}  // namespace

TEST_CASE("every gathering and layout is its formula, at awkward sizes, anywhere, in place") {
  Random random(9101);
  for (int round = 0; round < 1200; ++round) {
    CAPTURE(round);
    const Normalization call = any_call(random);
    CAPTURE(static_cast<int>(call.set));
    CAPTURE(static_cast<int>(call.layout));
    CAPTURE(call.batch);
    CAPTURE(call.channels);
    CAPTURE(call.points);
    CAPTURE(call.groups);
    const Variant variant{.affine = !random.one_in(3),
                          .fixed = call.set != NormalizedSet::kPoint && random.one_in(3),
                          .in_place = random.one_in(2),
                          .mean = random.one_in(2) ? 0.5f : -3.0f};
    CAPTURE(variant.affine);
    CAPTURE(variant.fixed);
    CHECK(count_wrong(call, variant, random) == 0);
  }
}

namespace {

Normalization several_tiles(NormalizedSet set, Layout layout) {
  return {.set = set,
          .layout = layout,
          .batch = 2,
          .channels = 70,
          .points = 333,
          .groups = 7,
          .eps = 1e-5f};
}

}  // namespace

TEST_CASE("a mean of ten thousand deviations takes no digits of the deviation") {
  Random random(9102);
  for (const NormalizedSet set : kSets) {
    for (const Layout layout : kLayouts) {
      CAPTURE(static_cast<int>(set));
      CAPTURE(static_cast<int>(layout));
      const Normalization call = several_tiles(set, layout);
      CHECK(count_wrong(call, {.mean = 1e4f}, random) == 0);
      // Between 2^23 and 2^24 floats are whole numbers: a mean is rounded by half a deviation.
      CHECK(count_wrong(call, {.mean = 0x1.8p23f}, random) == 0);
    }
  }
}

TEST_CASE("large tensors in pieces: no number of threads changes a bit") {
  Random random(9103);
  struct Size {
    int64_t batch;
    int64_t channels;
    int64_t points;
  };
  for (const Size& size : {Size{1, 3, 70001}, Size{2, 40, 5003}, Size{1, 1030, 150}}) {
    for (const NormalizedSet set : kSets) {
      for (const Layout layout : kLayouts) {
        CAPTURE(size.points);
        CAPTURE(static_cast<int>(set));
        CAPTURE(static_cast<int>(layout));
        const Normalization call{.set = set,
                                 .layout = layout,
                                 .batch = size.batch,
                                 .channels = size.channels,
                                 .points = size.points,
                                 .groups = 1,
                                 .eps = 1e-5f};
        CHECK(count_wrong(call, {.mean = 2}, random) == 0);
        const Values x(call.elements(), 2, random);
        const Values g(call.elements(), 0, random);
        const Values weight(call.channels, 1, random);
        const auto results = [&] {
          const auto count = at(call.elements());
          std::vector<float> all(2 * count + 2 * at(call.channels));
          REQUIRE(normalize(call, x.data(), weight.data(), nullptr, nullptr, nullptr, all.data()) ==
                  Status::kOk);
          REQUIRE(normalization_gradients(call, x.data(), g.data(), weight.data(), nullptr,
                                          all.data() + count,
                                          all.data() + 2 * count) == Status::kOk);
          return all;
        };
        const std::vector<float> whole = results();
        const deconv_tests::RuntimeThreads running(3);
        CHECK(results() == whole);
      }
    }
  }
}

TEST_CASE("NaN makes NaN of its set and of no other value") {
  Random random(9104);
  for (const NormalizedSet set : kSets) {
    for (const Layout layout : kLayouts) {
      CAPTURE(static_cast<int>(set));
      CAPTURE(static_cast<int>(layout));
      const Normalization call{.set = set,
                               .layout = layout,
                               .batch = 2,
                               .channels = 22,
                               .points = 35,
                               .groups = 2,
                               .eps = 1e-5f};
      const Places places(call);
      const Values x(call.elements(), 0, random);
      const int64_t bad = random.between(0, static_cast<int32_t>(call.elements()) - 1);
      x.data()[bad] = kNan;
      const ExactBuffer y(call.elements());
      REQUIRE(normalize(call, x.data(), nullptr, nullptr, nullptr, nullptr, y.data()) ==
              Status::kOk);
      int64_t wrong = 0;
      for (int64_t index = 0; index < call.elements(); ++index) {
        wrong += std::isnan(y[index]) != (places.set(index) == places.set(bad));
      }
      CHECK(wrong == 0);
      REQUIRE(normalization_gradients(call, x.data(), x.data(), nullptr, nullptr, y.data(),
                                      nullptr) == Status::kOk);
      wrong = 0;
      for (int64_t index = 0; index < call.elements(); ++index) {
        wrong += std::isnan(y[index]) != (places.set(index) == places.set(bad));
      }
      CHECK(wrong == 0);
      std::vector<float> running(at(2 * call.channels), 1.0f);
      REQUIRE(normalize(call, x.data(), nullptr, nullptr, running.data(), nullptr, y.data()) ==
              Status::kOk);
      wrong = 0;
      for (int64_t index = 0; index < call.elements(); ++index) {
        wrong += std::isnan(y[index]) != (index == bad);
      }
      CHECK(wrong == 0);
    }
  }
}

// Every set and layout, with values whose squares float does not hold.
template <typename Check>
void with_large_values(uint64_t seed, Check check) {
  Random random(seed);
  for (const NormalizedSet set : kSets) {
    for (const Layout layout : kLayouts) {
      for (const float size : {1e18f, 1e20f, 3e37f}) {
        CAPTURE(static_cast<int>(set));
        CAPTURE(static_cast<int>(layout));
        CAPTURE(size);
        const Normalization call = several_tiles(set, layout);
        const Values x(call.elements(), 0.5f, random);
        for (int64_t index = 0; index < call.elements(); ++index) x.data()[index] *= size;
        check(call, x, size, random);
      }
    }
  }
}

TEST_CASE("values whose squares float does not hold are normalized as others are") {
  with_large_values(9105, [](const Normalization& call, const Values& x, float size, Random&) {
    const Expected expected = expected_of(call, x.data(), x.data(), nullptr, nullptr);
    const ExactBuffer y(call.elements());
    const ExactBuffer statistics(2 * call.sets());
    REQUIRE(normalize(call, x.data(), nullptr, nullptr, nullptr, statistics.data(), y.data()) ==
            Status::kOk);
    int64_t wrong = 0;
    for (int64_t index = 0; index < call.elements(); ++index) {
      const double normal = expected.normal[at(index)];
      wrong += !(std::abs(y[index] - normal) <= 2e-6 * (1 + std::abs(normal)));
    }
    for (int64_t index = 0; index < call.sets(); ++index) {
      const auto variance = static_cast<float>(expected.variance[at(index)]);
      wrong += !(std::abs(statistics[index] - expected.mean[at(index)]) <= 2e-7 * size);
      wrong += statistics[call.sets() + index] != doctest::Approx(variance).epsilon(4e-6) &&
               !std::isinf(variance);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("gradients by values whose squares float does not hold are those of others") {
  with_large_values(9106, [](const Normalization& call, const Values& x, float, Random& random) {
    const Values g(call.elements(), 0.25f, random);
    const Values weight(call.channels, 1, random);
    const Expected expected = expected_of(call, x.data(), g.data(), weight.data(), nullptr);
    const ExactBuffer slopes(call.elements());
    const ExactBuffer gradients(2 * call.channels);
    REQUIRE(normalization_gradients(call, x.data(), g.data(), weight.data(), nullptr, slopes.data(),
                                    gradients.data()) == Status::kOk);
    int64_t wrong = 0;
    for (int64_t index = 0; index < call.elements(); ++index) {
      wrong += !(std::abs(slopes[index] - expected.grad_input[at(index)]) <=
                 4e-6 * expected.grad_scale[at(index)]);
    }
    for (int64_t channel = 0; channel < call.channels; ++channel) {
      wrong += !(std::abs(gradients[channel] - expected.grad_weight[at(channel)]) <=
                 4e-6 * expected.weight_scale[at(channel)]);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("values that are all the same have the bias for a result, and no gradient") {
  const Normalization call{.batch = 1, .channels = 2, .points = 100, .eps = 1e-5f};
  const std::vector<float> x(200, 0.1f);
  const std::vector<float> bias{3, 4};
  std::vector<float> y(200);
  std::vector<float> statistics(4);
  REQUIRE(normalize(call, x.data(), nullptr, bias.data(), nullptr, statistics.data(), y.data()) ==
          Status::kOk);
  for (int64_t index = 0; index < 200; ++index) {
    CHECK(std::abs(y[at(index)] - bias[at(index / 100)]) < 1e-5f);
  }
  CHECK(statistics[2] < 1e-12f);
}

TEST_CASE("no memory for the lines is an error, and nothing is written") {
  const Normalization call{.batch = 2, .channels = 300, .points = 5, .eps = 1e-5f};
  const std::vector<float> x(3000, 1.0f);
  std::vector<float> y(3000, 99.0f);
  deconv::Workspace::shared().release();
  const deconv_tests::FailingMemory memory(0);
  CHECK(normalize(call, x.data(), nullptr, nullptr, nullptr, nullptr, y.data()) ==
        Status::kOutOfMemory);
  CHECK(normalization_gradients(call, x.data(), x.data(), nullptr, nullptr, y.data(), nullptr) ==
        Status::kOutOfMemory);
  CHECK(std::all_of(y.begin(), y.end(), [](float value) { return value == 99; }));
}
