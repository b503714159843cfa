#include "deconv/quantized.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deconv/buffer.h"
#include "deconv/runtime.h"
#include "deconv/workspace.h"
#include "exact_block.h"
#include "failing_memory.h"
#include "machine.h"
#include "quantization.h"
#include "quantized/convert.h"
#include "quantized/quantized_route.h"
#include "reference.h"
#include "runtime_threads.h"
#include "small_machine.h"

using deconv::Activations;
using deconv::Arithmetic;
using deconv::Axes;
using deconv::Buffer;
using deconv::ByteDot;
using deconv::Element;
using deconv::Layout;
using deconv::Problem;
using deconv::Quantization;
using deconv::QuantizedOperator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv_tests::dequantized;
using deconv_tests::dynamic_reference;
using deconv_tests::FailingMemory;
using deconv_tests::Int8Parameters;
using deconv_tests::quantized;
using deconv_tests::Random;
using deconv_tests::random_input;
using deconv_tests::random_parameters;
using deconv_tests::random_quantization;
using deconv_tests::RuntimeThreads;
using deconv_tests::SmallMachine;
using deconv_tests::static_reference;

namespace {

// A tensor of `bytes` with the slack that may be read and not one byte more.
class Block : public deconv_tests::ExactBlock<uint8_t> {
 public:
  explicit Block(int64_t bytes) : ExactBlock(bytes, Buffer::kSlackBytes) {}
  float* floats() const { return reinterpret_cast<float*>(data()); }
  int8_t* bytes() const { return reinterpret_cast<int8_t*>(data()); }
};

std::unique_ptr<QuantizedOperator> make(const Problem& problem, const Int8Parameters& parameters,
                                        const Activations& activations,
                                        std::optional<RouteId> route = std::nullopt) {
  std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(problem.spec);
  REQUIRE(op != nullptr);
  REQUIRE(op->plan(problem.batch, problem.input, problem.layout, route) == Status::kOk);
  CHECK(op->needs_parameters());
  REQUIRE(op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                             parameters.bias_or_null(), activations) == Status::kOk);
  CHECK_FALSE(op->needs_parameters());
  return op;
}

constexpr Arithmetic kBoth[] = {Arithmetic::kDynamicInt8, Arithmetic::kStaticInt8};

// How often each route computed.
int64_t computed[deconv::kRouteCount];

// While one lives, int8 operators multiply by this.
class WithByteDot {
 public:
  explicit WithByteDot(ByteDot dot) { deconv::machine.byte_dot = dot; }
  WithByteDot(const WithByteDot&) = delete;
  WithByteDot& operator=(const WithByteDot&) = delete;
  ~WithByteDot() { deconv::machine.byte_dot = before_; }

 private:
  const ByteDot before_ = deconv::machine.byte_dot;
};

// Calls `check` for every route that takes the problem, and for all that polyphase may multiply by.
template <typename Check>
void on_each_route(const Problem& problem, const Check& check) {
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const auto route = static_cast<RouteId>(id);
    if (route_refusal(route, problem) != nullptr) continue;
    INFO(std::string(route_name(route)));
    check(route);
    ++computed[id];
    if (route != RouteId::kPolyphase || deconv::machine.byte_dot == ByteDot::kNone) continue;
    const WithByteDot none(ByteDot::kNone);
    INFO("without a dot product of bytes");
    check(route);
  }
}

void check_dynamic(Problem problem, Random& random, bool extreme) {
  problem.spec.arithmetic = Arithmetic::kDynamicInt8;
  const Int8Parameters parameters = random_parameters(problem.spec, random, extreme);
  const std::vector<float> input = random_input(problem, random, extreme);
  const std::vector<float> expected = dynamic_reference(problem, parameters, input);

  Block from(static_cast<int64_t>(input.size()) * 4);
  std::copy(input.begin(), input.end(), from.floats());
  on_each_route(problem, [&](RouteId route) {
    const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, {}, route);
    Block to(static_cast<int64_t>(expected.size()) * 4);
    std::fill_n(to.floats(), expected.size(), std::numeric_limits<float>::quiet_NaN());
    REQUIRE(op->run(from.data(), Element::kFloat32, to.data(), Element::kFloat32) == Status::kOk);
    CHECK(std::equal(expected.begin(), expected.end(), to.floats()));
  });
}

void check_static(Problem problem, Random& random, bool extreme) {
  problem.spec.arithmetic = Arithmetic::kStaticInt8;
  const Int8Parameters parameters = random_parameters(problem.spec, random, extreme);
  const std::vector<float> input = random_input(problem, random, extreme);
  const Activations activations = {.input = random_quantization(random, 2),
                                   .output = random_quantization(random, 4)};
  std::vector<int8_t> values;
  for (const float value : input) values.push_back(quantized(value, activations.input));
  const std::vector<int8_t> expected = static_reference(problem, parameters, activations, values);
  const std::vector<float> expected_floats = dequantized(expected, activations.output);

  const auto run = [&](QuantizedOperator& op, Element input_element, Element output_element) {
    const bool floats_in = input_element == Element::kFloat32;
    const bool floats_out = output_element == Element::kFloat32;
    Block from(static_cast<int64_t>(input.size()) * (floats_in ? 4 : 1));
    Block to(static_cast<int64_t>(expected.size()) * (floats_out ? 4 : 1));
    if (floats_in) {
      std::copy(input.begin(), input.end(), from.floats());
    } else {
      std::copy(values.begin(), values.end(), from.bytes());
    }
    REQUIRE(op.run(from.data(), input_element, to.data(), output_element) == Status::kOk);
    CHECK((floats_out ? std::equal(expected_floats.begin(), expected_floats.end(), to.floats())
                      : std::equal(expected.begin(), expected.end(), to.bytes())));
  };
  on_each_route(problem, [&](RouteId route) {
    const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, activations, route);
    run(*op, Element::kInt8, Element::kInt8);
    run(*op, Element::kFloat32, Element::kInt8);
    run(*op, Element::kInt8, Element::kFloat32);
    run(*op, Element::kFloat32, Element::kFloat32);
  });
}

// One that some route takes, with enough channels to fill a tile now and then.
Problem quantizable_problem(Random& random) {
  for (;;) {
    Problem problem = random.one_in(8) ? deconv_tests::random_sparse_problem(random)
                                       : deconv_tests::random_problem(random);
    Spec spec = problem.spec;
    spec.arithmetic = random.one_in(2) ? Arithmetic::kDynamicInt8 : Arithmetic::kStaticInt8;
    if (random.one_in(4)) {
      spec.in_channels = spec.groups * random.between(1, 40);
      spec.out_channels = spec.groups * random.between(1, 40);
    }
    if (deconv::make_problem(spec, problem.batch, problem.input, problem.layout, &problem) ==
            Status::kOk &&
        choose_plan(problem)) {
      return problem;
    }
  }
}

// k3 s2 p1, 5 channels to 3.
Spec small_spec(Arithmetic arithmetic) {
  Spec spec;
  spec.arithmetic = arithmetic;
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
    std::optional<SmallMachine> small;
    if (random.one_in(2)) small.emplace(random.between(1, 4));
    check_dynamic(problem, random, random.one_in(3));
  }
  CHECK(transposed > 50);
  CHECK(transposed < 350);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    INFO(std::string(route_name(static_cast<RouteId>(id))));
    const std::string name = route_name(static_cast<RouteId>(id));
    CHECK((computed[id] > 20) == (name.find("winograd") == std::string::npos));
  }
}

TEST_CASE("static int8 is bit for bit the definition, on random problems") {
  Random random(7002);
  for (int round = 0; round < 400; ++round) {
    const Problem problem = quantizable_problem(random);
    CAPTURE(round);
    CAPTURE(deconv_tests::describe(problem));
    std::optional<SmallMachine> small;
    if (random.one_in(2)) small.emplace(random.between(1, 4));
    check_static(problem, random, random.one_in(3));
  }
}

TEST_CASE("convolutions of one tap and depthwise ones") {
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
  Random random(7004);
  for (const Arithmetic arithmetic : kBoth) {
    const Spec spec = small_spec(arithmetic);
    const Int8Parameters parameters = random_parameters(spec, random, false);
    const Activations activations = {.input = {.scale = 0.02f, .zero_point = 3},
                                     .output = {.scale = 0.1f}};
    const Problem first = small_problem(spec);
    const std::unique_ptr<QuantizedOperator> op = make(first, parameters, activations);
    size_t settled = 0;
    for (int round = 0; round < 60; ++round) {
      const Axes size = {1, 1 + round % 5, 2 + round % 3};
      const int32_t batch = 1 + round * 7 % 4;
      const Problem problem = small_problem(spec, batch, size);
      const std::unique_ptr<QuantizedOperator> fresh = make(problem, parameters, activations);
      REQUIRE(op->plan(batch, size, problem.layout, op->route()) == Status::kOk);
      const std::vector<float> input = random_input(problem, random, false);
      Block from(static_cast<int64_t>(input.size()) * 4);
      std::copy(input.begin(), input.end(), from.floats());
      const auto count = static_cast<size_t>(problem.output_elements());
      Block one(static_cast<int64_t>(count) * 4);
      Block other(static_cast<int64_t>(count) * 4);
      REQUIRE(op->run(from.data(), Element::kFloat32, one.data(), Element::kFloat32) ==
              Status::kOk);
      REQUIRE(fresh->run(from.data(), Element::kFloat32, other.data(), Element::kFloat32) ==
              Status::kOk);
      CHECK(std::equal(one.floats(), one.floats() + count, other.floats()));
    }
    // The same size again and again: nothing grows.
    REQUIRE(op->plan(3, {1, 4, 4}, Layout::kChannelsFirst, op->route()) == Status::kOk);
    Block from(3 * 5 * 16 * 4);
    Block to(3 * 3 * 49 * 4);
    std::fill_n(from.floats(), 3 * 5 * 16, 0.25f);
    for (int round = 0; round < 100; ++round) {
      REQUIRE(op->run(from.data(), Element::kFloat32, to.data(), Element::kFloat32) == Status::kOk);
      if (round == 3) settled = deconv::allocated_bytes();
    }
    CHECK(deconv::allocated_bytes() == settled);
  }
}

TEST_CASE("the last quantized operator frees all that was taken") {
  // Natively threads keep some of what they free, which counts as taken.
  const RuntimeThreads one(1);
  Random random(7005);
  const auto live = [&] {
    check_dynamic(small_problem(small_spec(kBoth[0]), 2), random, false);
    check_static(small_problem(small_spec(kBoth[1]), 2), random, false);
  };
  // The first life may initialise what stays for ever.
  live();
  const size_t before = deconv::allocated_bytes();
  for (int round = 0; round < 20; ++round) live();
  CHECK(deconv::allocated_bytes() == before);
}

TEST_CASE("every wrong order of calls and every wrong value is an error with a name") {
  for (const Arithmetic arithmetic : kBoth) {
    const Spec spec = small_spec(arithmetic);
    Random random(7006);
    const Int8Parameters parameters = random_parameters(spec, random, false);
    const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
    REQUIRE(op != nullptr);
    CHECK(op->plan(1, {1, 1 << 30, 1 << 30}, Layout::kChannelsLast) == Status::kTooLarge);
    Block from(5 * 16 * 4);
    Block to(3 * 49 * 4);
    std::fill_n(from.floats(), 5 * 16, 1.0f);
    const auto run = [&](Element in = Element::kFloat32, Element out = Element::kFloat32) {
      return op->run(from.data(), in, to.data(), out);
    };
    const auto set = [&](const Activations& activations) {
      return op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                                parameters.bias_or_null(), activations);
    };

    CHECK(run() == Status::kMissingParameters);
    REQUIRE(set({}) == Status::kOk);
    CHECK(run() == Status::kMissingParameters);
    REQUIRE(op->plan(1, {1, 4, 4}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
            Status::kOk);
    CHECK(run() == Status::kMissingParameters);
    REQUIRE(set({}) == Status::kOk);
    CHECK(run() == Status::kOk);
    if (arithmetic == Arithmetic::kDynamicInt8) {
      CHECK(run(Element::kInt8, Element::kFloat32) == Status::kUnsupported);
      CHECK(run(Element::kFloat32, Element::kInt8) == Status::kUnsupported);
      for (const float value : {NAN, INFINITY, -INFINITY}) {
        for (const int64_t place : {0, 41, 79}) {
          from.floats()[place] = value;
          CHECK(run() == Status::kNotFinite);
          from.floats()[place] = 1;
        }
      }
    } else {
      // One step of a sum would leap over the whole range of the output.
      CHECK(set({.input = {.scale = 1}, .output = {.scale = 1e-7f}}) == Status::kBadSpec);
    }
    // The parameters before it stay.
    CHECK(run() == Status::kOk);
    CHECK(op->keep_copies(1) == 1);
    CHECK_FALSE(op->needs_parameters());
    CHECK(op->keep_copies(0) == 0);
    CHECK(op->needs_parameters());
    CHECK(run() == Status::kMissingParameters);
  }
}

TEST_CASE("a size that memory does not hold is an error, and the operator goes on") {
  Random random(7009);
  for (const Arithmetic arithmetic : kBoth) {
    Spec one_tap;
    one_tap.transposed = false;
    one_tap.arithmetic = arithmetic;
    // The image's copy in int8, and its words.
    for (const auto& [channels, side] : {std::pair{2, 16000}, std::pair{1, 12000}}) {
      CAPTURE(side);
      Spec spec = one_tap;
      spec.in_channels = channels;
      const Int8Parameters parameters = random_parameters(spec, random, false);
      constexpr RouteId route = RouteId::kPolyphase;
      const Problem problem = small_problem(spec);
      const Activations activations = {.input = {.scale = 0.01f}, .output = {.scale = 0.1f}};
      const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, activations, route);
      const std::vector<float> input = random_input(problem, random, false);
      const auto count = static_cast<size_t>(problem.output_elements());
      Block from(static_cast<int64_t>(input.size()) * 4);
      Block before(static_cast<int64_t>(count) * 4);
      Block after(static_cast<int64_t>(count) * 4);
      std::copy(input.begin(), input.end(), from.floats());
      REQUIRE(op->run(from.data(), Element::kFloat32, before.data(), Element::kFloat32) ==
              Status::kOk);
      REQUIRE(op->plan(1, {1, side, side}, Layout::kChannelsFirst, route) == Status::kOk);
      // Refused before a byte of the input is read.
      CHECK(op->run(from.data(), Element::kFloat32, after.data(), Element::kFloat32) ==
            Status::kOutOfMemory);
      REQUIRE(op->plan(1, problem.input, problem.layout, route) == Status::kOk);
      if (op->needs_parameters()) {
        REQUIRE(op->set_parameters(parameters.weight.data(), parameters.scale.data(),
                                   parameters.bias_or_null(), activations) == Status::kOk);
      }
      REQUIRE(op->run(from.data(), Element::kFloat32, after.data(), Element::kFloat32) ==
              Status::kOk);
      CHECK(std::equal(before.floats(), before.floats() + count, after.floats()));
    }
  }
}

TEST_CASE("what a route would get wrong or cannot hold is refused, in words") {
  for (const Arithmetic arithmetic : kBoth) {
    Spec spec = small_spec(arithmetic);
    const auto refusal = [&](RouteId route, Axes input) -> std::string {
      Problem problem;
      REQUIRE(deconv::make_problem(spec, 1, input, Layout::kChannelsFirst, &problem) ==
              Status::kOk);
      const char* reason = route_refusal(route, problem);
      const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
      CHECK((op->plan(1, input, Layout::kChannelsFirst, route) == Status::kOk) ==
            (reason == nullptr));
      return reason == nullptr ? "" : reason;
    };
    const RouteId xnnpack = RouteId::kXnnpackDeconvolution;
    CHECK(refusal(xnnpack, {1, 4, 4}).empty());
    CHECK(refusal(RouteId::kPolyphase, {3, 4, 4}).empty());
    CHECK(refusal(RouteId::kWinograd42, {1, 4, 4}) == "rounds more than a plain sum");
    // An output of one row under a stride of three: a phase would begin behind it.
    spec.kernel = {1, 3, 3};
    spec.stride = {1, 3, 3};
    CHECK(refusal(xnnpack, {1, 1, 1}) == "takes no output shorter than a stride");
    spec = small_spec(arithmetic);
    spec.pad_before = {0, -1, 0};
    CHECK(refusal(xnnpack, {1, 4, 4}) == "cannot extend the head of an axis");
    // Four products an output value for each channel, as many as float32 sums without rounding.
    spec = small_spec(arithmetic);
    spec.in_channels = 129;
    CHECK(refusal(RouteId::kScatter, {1, 4, 4}).empty());
    spec.in_channels = 130;
    CHECK(refusal(RouteId::kScatter, {1, 4, 4}) == "cannot sum that many products exactly");
    CHECK(refusal(xnnpack, {1, 4, 4}) == "cannot sum that many products exactly");
    CHECK(refusal(RouteId::kPolyphase, {1, 4, 4}).empty());
    spec.in_channels = 8288;
    CHECK(refusal(RouteId::kPolyphase, {1, 4, 4}).empty());
    spec.in_channels = 8289;
    CHECK(refusal(RouteId::kPolyphase, {1, 4, 4}) == "cannot sum that many products in 32 bits");
    const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
    CHECK(op->plan(1, {1, 4, 4}, Layout::kChannelsFirst) == Status::kUnsupported);
    spec = small_spec(arithmetic);
    spec.transposed = false;
    spec.input_dilation = {1, 2, 1};
    CHECK(refusal(xnnpack, {1, 4, 4}) == "takes transposed convolutions only");
    CHECK(refusal(RouteId::kImplicitGemm, {1, 4, 4}).empty());
    CHECK(refusal(RouteId::kPolyphase, {1, 4, 4}).empty());
  }
}

TEST_CASE("the longest sums of the greatest products, with the greatest bias, are exact") {
  constexpr int32_t kChannels = 33155;
  for (const int32_t zero_point : {-128, 127}) {
    for (const int8_t weight : {int8_t{-127}, int8_t{127}}) {
      CAPTURE(zero_point);
      CAPTURE(static_cast<int32_t>(weight));
      Spec spec;
      spec.arithmetic = Arithmetic::kStaticInt8;
      spec.transposed = false;
      spec.in_channels = kChannels;
      const Problem problem = small_problem(spec, 1, {1, 1, 1});
      // A bias of 2^30 units of the sum.
      const float scale = 0x1p-30f;
      const float bias = (zero_point < 0) == (weight > 0) ? 1 : -1;
      const Int8Parameters parameters = {
          .weight = std::vector<int8_t>(kChannels, weight), .scale = {scale}, .bias = {bias}};
      const Activations activations = {.input = {.scale = 1, .zero_point = zero_point},
                                       .output = {.scale = 1.0f / 64}};
      const std::vector<int8_t> values(kChannels, zero_point < 0 ? 127 : -128);
      const std::vector<int8_t> expected =
          static_reference(problem, parameters, activations, values);
      CHECK(expected[0] == (bias > 0 ? 127 : -128));
      Block from(kChannels);
      Block to(1);
      std::copy(values.begin(), values.end(), from.bytes());
      int64_t ran = 0;
      on_each_route(problem, [&](RouteId route) {
        const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, activations, route);
        REQUIRE(op->run(from.data(), Element::kInt8, to.data(), Element::kInt8) == Status::kOk);
        CHECK(to.bytes()[0] == expected[0]);
        ++ran;
      });
      CHECK(ran > 0);
    }
  }
}

TEST_CASE("a sum has a term for each channel and tap that a position may meet") {
  Spec spec;
  spec.in_channels = 14;
  spec.groups = spec.out_channels = 2;
  spec.kernel = {2, 3, 5};
  spec.stride = {2, 2, 3};
  spec.transposed = false;
  CHECK(deconv::sum_terms(spec) == 7 * 2 * 3 * 5);
  spec.transposed = true;
  CHECK(deconv::sum_terms(spec) == 7 * 1 * 2 * 2);
  spec.dilation[1] = 2;
  CHECK(deconv::sum_terms(spec) == 7 * 1 * 3 * 2);
}

TEST_CASE("static mode takes products of less than 256 steps of the output each") {
  Spec spec;
  spec.arithmetic = Arithmetic::kStaticInt8;
  for (const bool takes : {true, false}) {
    const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst) == Status::kOk);
    const int8_t weight = 1;
    const float scale = takes ? 255.75f : 256;
    CHECK(op->set_parameters(&weight, &scale, nullptr,
                             {.input = {.scale = 2}, .output = {.scale = 2}}) ==
          (takes ? Status::kOk : Status::kBadSpec));
  }
}

TEST_CASE("a channel of zeros gives the bias, and weights that vanish beside it do too") {
  for (const Arithmetic arithmetic : kBoth) {
    Spec spec;
    spec.arithmetic = arithmetic;
    spec.in_channels = 3;
    spec.out_channels = 2;
    const Problem problem = small_problem(spec);
    Int8Parameters parameters;
    parameters.weight = {0, 127, 0, -127, 0, 64};
    parameters.scale = {1, 1e-30f};
    parameters.bias = {-1.5f, 2.25f};
    on_each_route(problem, [&](RouteId route) {
      const std::unique_ptr<QuantizedOperator> op =
          make(problem, parameters, {.input = {.scale = 0.01f}, .output = {.scale = 0.25f}}, route);
      Block from(3 * 16 * 4);
      Block to(2 * 16 * 4);
      std::fill_n(from.floats(), 3 * 16, 0.5f);
      REQUIRE(op->run(from.data(), Element::kFloat32, to.data(), Element::kFloat32) == Status::kOk);
      for (int64_t point = 0; point < 16; ++point) {
        CHECK(to.floats()[point] == -1.5f);
        CHECK(to.floats()[16 + point] == 2.25f);
      }
    });
  }
}

TEST_CASE("a span that float does not hold gives results that it holds") {
  Spec spec;
  spec.arithmetic = Arithmetic::kDynamicInt8;
  const Problem problem = small_problem(spec);
  constexpr float kBias = 1e37f;
  for (const float weight : {0.5f, 1e-30f}) {
    CAPTURE(weight);
    const Int8Parameters parameters = {{127}, {weight / 127}, {kBias}};
    on_each_route(problem, [&](RouteId route) {
      const std::unique_ptr<QuantizedOperator> op = make(problem, parameters, {}, route);
      Block from(16 * 4);
      Block to(16 * 4);
      for (int64_t point = 0; point < 16; ++point) {
        from.floats()[point] = point % 3 == 0 ? -3e38f : point % 3 == 1 ? 3e38f : 1e38f;
      }
      REQUIRE(op->run(from.data(), Element::kFloat32, to.data(), Element::kFloat32) == Status::kOk);
      // Half a step of the input.
      const float allowed = 3e38f / 255 * weight * 1.01f + kBias * 1e-6f;
      for (int64_t point = 0; point < 16; ++point) {
        const float wanted = from.floats()[point] * weight + kBias;
        CHECK(std::abs(to.floats()[point] - wanted) <= allowed);
      }
    });
  }
}

TEST_CASE("weights beside a bias that is too great become coarser in their own channel alone") {
  constexpr double kMaxBias = int64_t{1} << 30;
  for (const bool transposed : {true, false}) {
    CAPTURE(transposed);
    Spec spec;
    spec.arithmetic = Arithmetic::kStaticInt8;
    spec.transposed = transposed;
    spec.groups = 2;
    spec.in_channels = 6;
    spec.out_channels = 10;
    spec.kernel = {1, 2, 3};
    // Channel by channel the weights lose one bit more, the first channel's none.
    constexpr float kInputScale = 0x1p-20f;
    std::vector<float> scale;
    std::vector<float> bias;
    for (int32_t channel = 0; channel < spec.out_channels; ++channel) {
      scale.push_back(0x1p-12f);
      const double factor = channel % 5 == 0 ? 0.5 : std::exp2(channel % 5 + channel / 5);
      bias.push_back(static_cast<float>(factor * kMaxBias * kInputScale * scale.back()));
    }
    std::vector<int8_t> weight;
    std::vector<int8_t> expected;
    const int32_t rows = transposed ? spec.in_channels : spec.out_channels;
    const int32_t columns = transposed ? spec.group_out_channels() : spec.group_in_channels();
    for (int32_t row = 0; row < rows; ++row) {
      for (int32_t column = 0; column < columns; ++column) {
        const int32_t group = row / (rows / spec.groups);
        const int32_t out = transposed ? group * columns + column : row;
        const int lost = out % 5 == 0 ? 0 : out % 5 + out / 5;
        for (int32_t tap = 0; tap < spec.kernel_elements(); ++tap) {
          weight.push_back(static_cast<int8_t>(127 - 40 * tap - row - column));
          expected.push_back(static_cast<int8_t>(std::nearbyint(weight.back() / std::exp2(lost))));
        }
      }
    }
    deconv::QuantizedParameters made;
    REQUIRE(made.make(spec, weight.data(), scale.data(), bias.data(),
                      {.input = {.scale = kInputScale}, .output = {.scale = 1}}) == Status::kOk);
    CHECK(std::equal(expected.begin(), expected.end(), made.weight));
    for (int32_t channel = 0; channel < spec.out_channels; ++channel) {
      const int lost = channel % 5 == 0 ? 0 : channel % 5 + channel / 5;
      CHECK(made.scale[channel] == std::ldexp(scale[static_cast<size_t>(channel)], lost));
      CHECK(made.integer_bias[channel] == (lost == 0 ? 1 << 29 : 1 << 30));
    }
  }
}

TEST_CASE("a batch of nothing is computed and writes nothing") {
  for (const Arithmetic arithmetic : kBoth) {
    const Problem problem = small_problem(small_spec(arithmetic), 0);
    Random random(7010);
    on_each_route(problem, [&](RouteId route) {
      const std::unique_ptr<QuantizedOperator> op =
          make(problem, random_parameters(problem.spec, random, false), {}, route);
      Block nothing(0);
      CHECK(op->run(nothing.data(), Element::kFloat32, nothing.data(), Element::kFloat32) ==
            Status::kOk);
    });
  }
}

TEST_CASE("static mode takes infinities for the ends of its range, and NaN for 0") {
  Spec spec;
  spec.arithmetic = Arithmetic::kStaticInt8;
  const Problem problem = small_problem(spec, 1, {1, 1, 5});
  const Int8Parameters parameters = {.weight = {100}, .scale = {0.01f}, .bias = {}};
  on_each_route(problem, [&](RouteId route) {
    const std::unique_ptr<QuantizedOperator> op =
        make(problem, parameters,
             {.input = {.scale = 0.5f, .zero_point = 28}, .output = {.scale = 1}}, route);
    Block from(5 * 4);
    Block to(5 * 4);
    const float values[] = {INFINITY, -INFINITY, NAN, 1e30f, 3.0f};
    std::copy_n(values, 5, from.floats());
    REQUIRE(op->run(from.data(), Element::kFloat32, to.data(), Element::kFloat32) == Status::kOk);
    // (127 - 28) / 2 is 49.5, a tie between two neighbours of which 50 is even.
    const float expected[] = {50, -78, 0, 50, 3};
    for (int64_t index = 0; index < 5; ++index) CHECK(to.floats()[index] == expected[index]);
  });
}

namespace {

// A problem with its data and what an operator with all memory makes of it.
class Case {
 public:
  Case(const Problem& given, Random& random)
      : problem(given),
        activations_{.input = random_quantization(random, 2),
                     .output = random_quantization(random, 4)},
        parameters_(random_parameters(problem.spec, random, false)),
        from_(problem.input_elements() * 4),
        expected_(problem.output_elements() * 4),
        to_(problem.output_elements() * 4) {
    const std::vector<float> input = random_input(problem, random, false);
    std::copy(input.begin(), input.end(), from_.floats());
    const std::unique_ptr<QuantizedOperator> op = make(problem, parameters_, activations_);
    REQUIRE(op->run(from_.data(), Element::kFloat32, expected_.data(), Element::kFloat32) ==
            Status::kOk);
  }

  // As a caller does it.
  Status compute(QuantizedOperator& op) const {
    std::fill_n(to_.floats(), problem.output_elements(), std::numeric_limits<float>::quiet_NaN());
    for (;;) {
      if (op.needs_parameters()) {
        const Status status = op.set_parameters(parameters_.weight.data(), parameters_.scale.data(),
                                                parameters_.bias_or_null(), activations_);
        if (status != Status::kOk) return status;
      }
      const Status status = op.run(from_.data(), Element::kFloat32, to_.data(), Element::kFloat32);
      if (status != Status::kReplanned) return status;
    }
  }

  bool is_right() const {
    return std::equal(to_.floats(), to_.floats() + problem.output_elements(), expected_.floats());
  }

  const Problem problem;

 private:
  Activations activations_;
  Int8Parameters parameters_;
  Block from_;
  Block expected_;
  Block to_;
};

}  // namespace

TEST_CASE(
    "whichever allocation fails, on whichever route: a status, and the same bits afterwards") {
  int64_t failures[deconv::kRouteCount] = {};
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case layer(quantizable_problem(random), random);
    INFO(deconv_tests::describe(layer.problem));
    on_each_route(layer.problem, [&](RouteId route) {
      for (int64_t failing = 0;; ++failing) {
        CAPTURE(failing);
        deconv::Workspace::shared().release();
        std::unique_ptr<QuantizedOperator> op;
        Status status = Status::kOutOfMemory;
        int64_t failed = 0;
        {
          const FailingMemory memory(std::numeric_limits<size_t>::max(), failing);
          op = QuantizedOperator::create(layer.problem.spec);
          if (op != nullptr) {
            REQUIRE(op->plan(layer.problem.batch, layer.problem.input, layer.problem.layout,
                             route) == Status::kOk);
            status = layer.compute(*op);
          }
          failed = memory.failed();
        }
        CHECK((status == Status::kOk) == (failed == 0));
        if (failed == 0) break;
        CHECK(status == Status::kOutOfMemory);
        ++failures[static_cast<int>(route)];
        if (op == nullptr) continue;
        CHECK(layer.compute(*op) == Status::kOk);
        CHECK(layer.is_right());
      }
    });
  }
  CHECK(failures[static_cast<int>(RouteId::kXnnpackDeconvolution)] > 20);
  CHECK(failures[static_cast<int>(RouteId::kScalar)] > 20);
}

TEST_CASE("a route of int8 without memory gives way to one that finds it, with the same bits") {
  int64_t gave_way = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case layer(quantizable_problem(random), random);
    INFO(deconv_tests::describe(layer.problem));
    for (size_t most = 1 << 18; most > 64; most /= 2) {
      const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(layer.problem.spec);
      REQUIRE(op->plan(layer.problem.batch, layer.problem.input, layer.problem.layout) ==
              Status::kOk);
      const RouteId first = op->route();
      deconv::Workspace::shared().release();
      Status status = Status::kOk;
      {
        const FailingMemory memory(most);
        status = layer.compute(*op);
      }
      if (status != Status::kOk) {
        CHECK(status == Status::kOutOfMemory);
        CHECK(op->route() == first);
        break;
      }
      CHECK(layer.is_right());
      gave_way += op->route() != first;
    }
  }
  CHECK(gave_way > 10);
}
