#include "deconv/quantized.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "deconv/buffer.h"
#include "deconv/runtime.h"
#include "quantized/convert.h"
#include "reference.h"

using deconv::Activations;
using deconv::Axes;
using deconv::Buffer;
using deconv::Element;
using deconv::Layout;
using deconv::Problem;
using deconv::Quantization;
using deconv::QuantizedOperator;
using deconv::Spec;
using deconv::Status;
using deconv_tests::Random;

namespace {

// Ties to even, and saturating: written without the tricks of the product.
int8_t quantized(float value, const Quantization& quantization) {
  if (std::isnan(value)) return static_cast<int8_t>(quantization.zero_point);
  const float inverse = 1.0f / quantization.scale;
  const double steps = std::clamp<double>(value * inverse, -1000, 1000);
  return static_cast<int8_t>(
      std::clamp(std::nearbyint(steps) + quantization.zero_point, -128.0, 127.0));
}

// A tensor of `bytes` with the slack that XNNPACK may read and not one byte more.
struct Block {
  explicit Block(int64_t bytes)
      : data(static_cast<uint8_t*>(std::malloc(static_cast<size_t>(bytes) + Buffer::kSlackBytes))) {
  }
  ~Block() { std::free(data); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  float* floats() const { return reinterpret_cast<float*>(data); }
  int8_t* bytes() const { return reinterpret_cast<int8_t*>(data); }

  uint8_t* data;
};

struct Parameters {
  std::vector<int8_t> weight;
  std::vector<float> scale;
  std::vector<float> bias;

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

// Extreme ones are what a dot product with 16-bit intermediate sums would get wrong.
Parameters random_parameters(const Spec& spec, Random& random, bool extreme) {
  Parameters parameters;
  for (int64_t index = 0; index < spec.weight_elements(); ++index) {
    const int32_t value = extreme ? (random.one_in(2) ? 127 : -127) : random.between(-127, 127);
    parameters.weight.push_back(static_cast<int8_t>(value));
  }
  const bool biased = !random.one_in(3);
  for (int32_t channel = 0; channel < spec.out_channels; ++channel) {
    parameters.scale.push_back(0.001f + 0.01f * std::abs(random.value()));
    if (biased) parameters.bias.push_back(random.value());
  }
  return parameters;
}

Quantization random_quantization(Random& random, float greatest) {
  return {.scale = (0.5f + 0.5f * std::abs(random.value())) * greatest / 127,
          .zero_point = random.between(-128, 127)};
}

// Sums of (value - zero point) * weight, exact.
std::vector<double> sums(const Problem& problem, const std::vector<float>& steps,
                         const Parameters& parameters) {
  const std::vector<float> weight(parameters.weight.begin(), parameters.weight.end());
  return deconv_tests::reference(problem, steps.data(), weight.data(), nullptr);
}

int32_t channel_of(const Problem& problem, size_t index) {
  const auto channels = static_cast<size_t>(problem.spec.out_channels);
  const auto points = static_cast<size_t>(problem.output_points());
  return static_cast<int32_t>(problem.layout == Layout::kChannelsLast ? index % channels
                                                                      : index / points % channels);
}

std::unique_ptr<QuantizedOperator> make(const Problem& problem, const Parameters& parameters,
                                        const Activations& activations) {
  std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(problem.spec);
  REQUIRE(op != nullptr);
  REQUIRE(op->plan(problem.batch, problem.input, problem.layout) == Status::kOk);
  CHECK(op->needs_parameters());
  REQUIRE(op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                             parameters.bias_or_null(), activations) == Status::kOk);
  CHECK_FALSE(op->needs_parameters());
  return op;
}

std::vector<float> random_input(const Problem& problem, Random& random, bool extreme) {
  std::vector<float> input(static_cast<size_t>(problem.input_elements()));
  const float offset = random.value();
  for (float& value : input) {
    value = extreme ? (random.one_in(2) ? 1.0f : -1.0f) : random.value() + offset;
  }
  return input;
}

void check_dynamic(const Problem& problem, Random& random, bool extreme) {
  const Parameters parameters = random_parameters(problem.spec, random, extreme);
  const std::vector<float> input = random_input(problem, random, extreme);
  const size_t image = input.size() / static_cast<size_t>(problem.batch);
  std::vector<float> steps(input.size());
  std::vector<Quantization> quantizations;
  for (size_t begin = 0; begin < input.size(); begin += image) {
    Quantization quantization;
    REQUIRE(deconv::measure(static_cast<int64_t>(image), input.data() + begin, &quantization));
    quantizations.push_back(quantization);
    for (size_t index = begin; index < begin + image; ++index) {
      steps[index] = static_cast<float>(quantized(input[index], quantization)) -
                     static_cast<float>(quantization.zero_point);
    }
  }
  const std::vector<double> expected = sums(problem, steps, parameters);

  const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, {});
  Block from(static_cast<int64_t>(input.size()) * 4);
  Block to(static_cast<int64_t>(expected.size()) * 4);
  std::copy(input.begin(), input.end(), from.floats());
  std::fill_n(to.floats(), expected.size(), std::numeric_limits<float>::quiet_NaN());
  REQUIRE(op->run(from.data, Element::kFloat32, to.data, Element::kFloat32) == Status::kOk);
  int64_t wrong = 0;
  for (size_t index = 0; index < expected.size(); ++index) {
    const auto channel = static_cast<size_t>(channel_of(problem, index));
    const size_t of = index / (expected.size() / static_cast<size_t>(problem.batch));
    float value = static_cast<float>(expected[index]) * quantizations[of].scale;
    value = value * parameters.scale[channel];
    value = value + (parameters.bias.empty() ? 0.0f : parameters.bias[channel]);
    if (problem.spec.relu) value = std::max(value, 0.0f);
    wrong += to.floats()[index] != value;
  }
  CHECK(wrong == 0);
}

void check_static(const Problem& problem, Random& random, bool extreme) {
  const Parameters parameters = random_parameters(problem.spec, random, extreme);
  const std::vector<float> input = random_input(problem, random, extreme);
  const Activations activations = {.fixed = true,
                                   .input = random_quantization(random, 2),
                                   .output = random_quantization(random, 4)};
  std::vector<float> steps;
  std::vector<int8_t> values;
  for (const float value : input) {
    values.push_back(quantized(value, activations.input));
    steps.push_back(static_cast<float>(values.back() - activations.input.zero_point));
  }
  std::vector<double> expected = sums(problem, steps, parameters);
  for (size_t index = 0; index < expected.size(); ++index) {
    const auto channel = static_cast<size_t>(channel_of(problem, index));
    const double unit = double{activations.input.scale} * parameters.scale[channel];
    double sum = expected[index];
    if (!parameters.bias.empty()) sum += std::nearbyint(parameters.bias[channel] / unit);
    const float rescale =
        activations.input.scale * parameters.scale[channel] / activations.output.scale;
    const double least = problem.spec.relu ? activations.output.zero_point : -128;
    expected[index] = std::clamp<double>(
        std::nearbyint(double{static_cast<float>(sum) * rescale}) + activations.output.zero_point,
        least, 127);
  }

  const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, activations);
  const auto run = [&](Element input_element, Element output_element) {
    const bool floats_in = input_element == Element::kFloat32;
    const bool floats_out = output_element == Element::kFloat32;
    Block from(static_cast<int64_t>(input.size()) * (floats_in ? 4 : 1));
    Block to(static_cast<int64_t>(expected.size()) * (floats_out ? 4 : 1));
    if (floats_in) {
      std::copy(input.begin(), input.end(), from.floats());
    } else {
      std::copy(values.begin(), values.end(), from.bytes());
    }
    REQUIRE(op->run(from.data, input_element, to.data, output_element) == Status::kOk);
    int64_t wrong = 0;
    for (size_t index = 0; index < expected.size(); ++index) {
      const auto whole = static_cast<float>(expected[index] - activations.output.zero_point);
      wrong += floats_out ? to.floats()[index] != whole * activations.output.scale
                          : to.bytes()[index] != expected[index];
    }
    CHECK(wrong == 0);
  };
  run(Element::kInt8, Element::kInt8);
  run(Element::kFloat32, Element::kInt8);
  run(Element::kInt8, Element::kFloat32);
  run(Element::kFloat32, Element::kFloat32);
}

// The up to two spatial axes that int8 takes, and enough channels to fill a tile now and then.
Problem quantizable_problem(Random& random) {
  for (;;) {
    Problem problem = deconv_tests::random_problem(random);
    Spec spec = problem.spec;
    for (Axes* axes : {&spec.kernel, &spec.stride, &spec.dilation, &spec.input_dilation}) {
      (*axes)[0] = 1;
    }
    spec.pad_before[0] = spec.pad_after[0] = 0;
    problem.input[0] = 1;
    if (random.one_in(4)) {
      spec.in_channels = spec.groups * random.between(1, 40);
      spec.out_channels = spec.groups * random.between(1, 40);
    }
    const int32_t batch = std::max(problem.batch, 1);
    if (deconv::make_problem(spec, batch, problem.input, problem.layout, &problem) == Status::kOk &&
        QuantizedOperator::refusal(problem) == nullptr) {
      return problem;
    }
  }
}

// k3 s2 p1, 5 channels to 3.
Spec small_spec() {
  Spec spec;
  spec.in_channels = 5;
  spec.out_channels = 3;
  spec.kernel = {1, 3, 3};
  spec.stride = {1, 2, 2};
  spec.pad_before = spec.pad_after = {0, 1, 1};
  return spec;
}

Problem small_problem(const Spec& spec, int32_t batch = 1, Axes input = {1, 4, 4}) {
  Problem problem;
  REQUIRE(deconv::make_problem(spec, batch, input, Layout::kChannelsFirst, &problem) ==
          Status::kOk);
  return problem;
}

}  // namespace

TEST_CASE("dynamic int8 is bit for bit the definition, on random problems") {
  Random random(7001);
  int transposed = 0;
  for (int round = 0; round < 400; ++round) {
    const Problem problem = quantizable_problem(random);
    CAPTURE(round);
    CAPTURE(deconv_tests::describe(problem));
    transposed += problem.spec.transposed;
    check_dynamic(problem, random, random.one_in(3));
  }
  CHECK(transposed > 50);
  CHECK(transposed < 350);
}

TEST_CASE("static int8 is bit for bit the definition, on random problems") {
  Random random(7002);
  for (int round = 0; round < 400; ++round) {
    const Problem problem = quantizable_problem(random);
    CAPTURE(round);
    CAPTURE(deconv_tests::describe(problem));
    check_static(problem, random, random.one_in(3));
  }
}

TEST_CASE("convolutions of one tap and depthwise ones, which XNNPACK computes by other kernels") {
  Random random(7003);
  for (const int32_t kernel : {1, 2, 3, 5, 6}) {
    for (const int32_t stride : {1, 2}) {
      for (const int32_t groups : {1, 19}) {
        for (const int32_t pad : {0, 1}) {
          if (pad >= kernel) continue;
          Spec spec;
          spec.transposed = false;
          spec.groups = spec.in_channels = spec.out_channels = groups;
          spec.kernel = {1, kernel, kernel};
          spec.stride = {1, stride, stride};
          spec.pad_before = spec.pad_after = {0, pad, pad};
          if (groups == 1) spec.in_channels = 20;
          CAPTURE(kernel);
          CAPTURE(stride);
          CAPTURE(groups);
          check_dynamic(small_problem(spec, 2, {1, 7, 9}), random, true);
          check_static(small_problem(spec, 2, {1, 7, 9}), random, true);
        }
      }
    }
  }
}

TEST_CASE("one operator through many sizes and batches keeps its values and its memory") {
  const Spec spec = small_spec();
  Random random(7004);
  for (const bool fixed : {false, true}) {
    const Parameters parameters = random_parameters(spec, random, false);
    const Activations activations = {
        .fixed = fixed, .input = {.scale = 0.02f, .zero_point = 3}, .output = {.scale = 0.1f}};
    const Problem first = small_problem(spec);
    const std::unique_ptr<QuantizedOperator> op = make(first, parameters, activations);
    size_t settled = 0;
    for (int round = 0; round < 60; ++round) {
      const Axes size = {1, 1 + round % 5, 2 + round % 3};
      const int32_t batch = 1 + round * 7 % 4;
      const Problem problem = small_problem(spec, batch, size);
      const std::unique_ptr<QuantizedOperator> fresh = make(problem, parameters, activations);
      REQUIRE(op->plan(batch, size, problem.layout) == Status::kOk);
      const std::vector<float> input = random_input(problem, random, false);
      Block from(static_cast<int64_t>(input.size()) * 4);
      std::copy(input.begin(), input.end(), from.floats());
      const auto count = static_cast<size_t>(problem.output_elements());
      Block one(static_cast<int64_t>(count) * 4);
      Block other(static_cast<int64_t>(count) * 4);
      REQUIRE(op->run(from.data, Element::kFloat32, one.data, Element::kFloat32) == Status::kOk);
      REQUIRE(fresh->run(from.data, Element::kFloat32, other.data, Element::kFloat32) ==
              Status::kOk);
      CHECK(std::equal(one.floats(), one.floats() + count, other.floats()));
    }
    // The same size again and again: nothing grows.
    REQUIRE(op->plan(3, {1, 4, 4}, Layout::kChannelsFirst) == Status::kOk);
    Block from(3 * 5 * 16 * 4);
    Block to(3 * 3 * 49 * 4);
    std::fill_n(from.floats(), 3 * 5 * 16, 0.25f);
    for (int round = 0; round < 100; ++round) {
      REQUIRE(op->run(from.data, Element::kFloat32, to.data, Element::kFloat32) == Status::kOk);
      if (round == 3) settled = deconv::allocated_bytes();
    }
    CHECK(deconv::allocated_bytes() == settled);
  }
}

TEST_CASE("the last quantized operator frees all that was taken") {
  const size_t before = deconv::allocated_bytes();
  Random random(7005);
  for (int round = 0; round < 20; ++round) {
    check_dynamic(small_problem(small_spec(), 2), random, false);
    check_static(small_problem(small_spec(), 2), random, false);
  }
  CHECK(deconv::allocated_bytes() == before);
}

TEST_CASE("every wrong order of calls and every wrong value is an error with a name") {
  const Spec spec = small_spec();
  Random random(7006);
  const Parameters parameters = random_parameters(spec, random, false);
  const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
  REQUIRE(op != nullptr);
  Block from(5 * 16 * 4);
  Block to(3 * 49 * 4);
  std::fill_n(from.floats(), 5 * 16, 1.0f);
  const auto run = [&](Element in, Element out) { return op->run(from.data, in, to.data, out); };
  const auto set = [&](const Activations& activations) {
    return op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                              parameters.bias_or_null(), activations);
  };

  CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kMissingParameters);
  REQUIRE(set({}) == Status::kOk);
  CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kMissingParameters);
  REQUIRE(op->plan(1, {1, 4, 4}, Layout::kChannelsFirst) == Status::kOk);
  CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kOk);
  CHECK(run(Element::kInt8, Element::kFloat32) == Status::kUnsupported);
  CHECK(run(Element::kFloat32, Element::kInt8) == Status::kUnsupported);
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    for (const int64_t place : {0, 41, 79}) {
      from.floats()[place] = value;
      CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kNotFinite);
      from.floats()[place] = 1;
    }
  }
  // One step of a sum would leap over the whole range of the output.
  CHECK(set({.fixed = true, .input = {.scale = 1}, .output = {.scale = 1e-7f}}) ==
        Status::kBadSpec);
  // The parameters before it stay.
  CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kOk);
  CHECK(op->keep_copies(1) == 1);
  CHECK_FALSE(op->needs_parameters());
  CHECK(op->keep_copies(0) == 0);
  CHECK(op->needs_parameters());
  CHECK(run(Element::kFloat32, Element::kFloat32) == Status::kMissingParameters);
}

TEST_CASE("a size that memory does not hold is an error, and the operator goes on") {
  Random random(7009);
  Spec one_tap;
  one_tap.transposed = false;
  one_tap.in_channels = 2;
  one_tap.out_channels = 1;
  // The image's copy in int8, and XNNPACK's index of a thousand million bytes.
  const std::pair<Spec, int32_t> cases[] = {{one_tap, 16000}, {small_spec(), 2600}};
  for (const auto& [spec, side] : cases) {
    const Parameters parameters = random_parameters(spec, random, false);
    for (const bool fixed : {false, true}) {
      CAPTURE(side);
      CAPTURE(fixed);
      const Problem problem = small_problem(spec);
      const Activations activations = {
          .fixed = fixed, .input = {.scale = 0.01f}, .output = {.scale = 0.1f}};
      const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, activations);
      const std::vector<float> input = random_input(problem, random, false);
      const auto count = static_cast<size_t>(problem.output_elements());
      Block from(static_cast<int64_t>(input.size()) * 4);
      Block before(static_cast<int64_t>(count) * 4);
      Block after(static_cast<int64_t>(count) * 4);
      std::copy(input.begin(), input.end(), from.floats());
      REQUIRE(op->run(from.data, Element::kFloat32, before.data, Element::kFloat32) == Status::kOk);
      REQUIRE(op->plan(1, {1, side, side}, Layout::kChannelsFirst) == Status::kOk);
      // Refused before a byte of the input is read.
      CHECK(op->run(from.data, Element::kFloat32, after.data, Element::kFloat32) ==
            Status::kOutOfMemory);
      REQUIRE(op->plan(1, problem.input, problem.layout) == Status::kOk);
      if (op->needs_parameters()) {
        REQUIRE(op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                                   parameters.bias_or_null(), activations) == Status::kOk);
      }
      REQUIRE(op->run(from.data, Element::kFloat32, after.data, Element::kFloat32) == Status::kOk);
      CHECK(std::equal(before.floats(), before.floats() + count, after.floats()));
    }
  }
}

TEST_CASE("what XNNPACK would get wrong or int8 cannot hold is refused") {
  Spec spec = small_spec();
  const auto refusal = [&](Axes input) {
    Problem problem;
    REQUIRE(deconv::make_problem(spec, 1, input, Layout::kChannelsFirst, &problem) == Status::kOk);
    const char* reason = QuantizedOperator::refusal(problem);
    const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
    CHECK((op->plan(1, input, Layout::kChannelsFirst) == Status::kOk) == (reason == nullptr));
    return reason != nullptr;
  };
  CHECK_FALSE(refusal({1, 4, 4}));
  CHECK(refusal({3, 4, 4}));
  // An output of one row under a stride of three: a phase would begin behind it.
  spec.kernel = {1, 3, 3};
  spec.stride = {1, 3, 3};
  CHECK(refusal({1, 1, 1}));
  spec = small_spec();
  spec.pad_before = {0, -1, 0};
  CHECK(refusal({1, 4, 4}));
  spec = small_spec();
  spec.in_channels = 40000;
  CHECK(refusal({1, 4, 4}));
  spec = small_spec();
  spec.transposed = false;
  spec.input_dilation = {1, 2, 1};
  CHECK(refusal({1, 4, 4}));
}

TEST_CASE("a channel of zeros gives the bias, and weights that vanish beside it do too") {
  Spec spec;
  spec.in_channels = 3;
  spec.out_channels = 2;
  const Problem problem = small_problem(spec);
  Parameters parameters;
  parameters.weight = {0, 127, 0, -127, 0, 64};
  parameters.scale = {1, 1e-30f};
  parameters.bias = {-1.5f, 2.25f};
  for (const bool fixed : {false, true}) {
    const std::unique_ptr<QuantizedOperator> op =
        make(problem, parameters,
             {.fixed = fixed, .input = {.scale = 0.01f}, .output = {.scale = 0.25f}});
    Block from(3 * 16 * 4);
    Block to(2 * 16 * 4);
    std::fill_n(from.floats(), 3 * 16, 0.5f);
    REQUIRE(op->run(from.data, Element::kFloat32, to.data, Element::kFloat32) == Status::kOk);
    for (int64_t point = 0; point < 16; ++point) {
      CHECK(to.floats()[point] == -1.5f);
      CHECK(to.floats()[16 + point] == 2.25f);
    }
  }
}

TEST_CASE("measure spans the values and 0 with 256 steps") {
  Random random(7007);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> values(static_cast<size_t>(random.between(1, 70)));
    const float scale = std::ldexp(1.0f, random.between(-100, 100));
    const float offset = random.value();
    for (float& value : values) value = (random.value() + offset) * scale;
    Quantization quantization;
    REQUIRE(deconv::measure(static_cast<int64_t>(values.size()), values.data(), &quantization));
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

TEST_CASE("measure of constants, of the ends of float32, and of what is not finite") {
  Quantization quantization;
  const std::vector<float> zeros(9, 0.0f);
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
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    for (size_t place = 0; place < 9; ++place) {
      std::vector<float> values(9, 1.0f);
      values[place] = value;
      CHECK_FALSE(deconv::measure(9, values.data(), &quantization));
    }
  }
}

TEST_CASE("quantize and dequantize are the definition, ties and ends included") {
  Random random(7008);
  const float special[] = {0.0f,     -0.0f,   NAN,    INFINITY, -INFINITY, FLT_MAX,
                           -FLT_MAX, FLT_MIN, 1e-45f, 0.5f,     1.5f,      2.5f,
                           -0.5f,    -1.5f,   -2.5f,  126.5f,   127.5f,    -128.5f};
  for (int round = 0; round < 300; ++round) {
    const Quantization quantization = {.scale = round % 2 == 0 ? 1.0f : 0.3f + random.value() / 8,
                                       .zero_point = random.between(-128, 127)};
    const auto count = static_cast<size_t>(random.between(0, 67));
    std::vector<float> values(count);
    for (float& value : values) {
      value = random.one_in(3) ? special[random.between(0, 17)] : 200 * random.value();
    }
    std::vector<int8_t> bytes(count + 1, 99);
    deconv::quantize(static_cast<int64_t>(count), values.data(), quantization, bytes.data());
    std::vector<float> back(count + 1, 99.0f);
    deconv::dequantize(static_cast<int64_t>(count), bytes.data(), quantization, back.data());
    int64_t wrong = 0;
    for (size_t index = 0; index < count; ++index) {
      wrong += bytes[index] != quantized(values[index], quantization);
      wrong += back[index] !=
               static_cast<float>(bytes[index] - quantization.zero_point) * quantization.scale;
    }
    CHECK(wrong == 0);
    // Nothing behind the end is written.
    CHECK(bytes[count] == 99);
    CHECK(back[count] == 99);
  }
}

TEST_CASE("transpose_bytes moves every byte, whole tiles or not") {
  for (const int64_t rows : {1, 2, 15, 16, 17, 33, 64}) {
    for (const int64_t columns : {1, 3, 16, 31, 32, 50}) {
      CAPTURE(rows);
      CAPTURE(columns);
      std::vector<int8_t> source(static_cast<size_t>(rows * columns));
      for (size_t index = 0; index < source.size(); ++index) {
        source[index] = static_cast<int8_t>(index * 31 % 251);
      }
      std::vector<int8_t> target(source.size());
      deconv::transpose_bytes(rows, columns, source.data(), target.data());
      int64_t wrong = 0;
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          wrong += target[static_cast<size_t>(column * rows + row)] !=
                   source[static_cast<size_t>(row * columns + column)];
        }
      }
      CHECK(wrong == 0);
    }
  }
}
