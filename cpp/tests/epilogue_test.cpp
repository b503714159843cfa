// What a route applies while it writes, against the same in passes over its whole result: to the
// bit, wherever values lie and however a problem is cut.

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "deconv/buffer.h"
#include "deconv/combine.h"
#include "deconv/elementwise.h"
#include "deconv/operator.h"
#include "failing_memory.h"
#include "reference.h"
#include "runtime_threads.h"
#include "small_machine.h"

using deconv::Buffer;
using deconv::Combination;
using deconv::Elementwise;
using deconv::Function;
using deconv::Layout;
using deconv::Operator;
using deconv::Problem;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::FailingMemory;
using deconv_tests::Random;

namespace {

// Now and then a value that not every arithmetic keeps.
void sprinkle(const ExactBuffer& values, Random& random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kOdd[] = {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, -0.0f,
                            0.0f};
  for (int64_t index = random.between(0, 30); index < values.size();
       index += random.between(1, 60)) {
    values.data()[index] = kOdd[random.between(0, 4)];
  }
}

bool is_same(float one, float other) {
  if (std::isnan(one)) return std::isnan(other);
  return std::bit_cast<uint32_t>(one) == std::bit_cast<uint32_t>(other);
}

// A problem with an epilogue, and all data that it takes.
struct Case {
  Case(const Problem& of, Random& random)
      : problem(of),
        weight(of.spec.weight_elements()),
        bias(of.spec.out_channels),
        input(of.input_elements(), Buffer::kSlackBytes),
        // The contract promises no slack behind these two.
        residual(of.output_elements()),
        channel_a(of.spec.out_channels),
        expected(of.output_elements(), Buffer::kSlackBytes),
        output(of.output_elements(), Buffer::kSlackBytes) {
    for (ExactBuffer* values : {&weight, &bias, &input, &residual, &channel_a}) {
      values->fill(random);
    }
    if (random.one_in(3)) sprinkle(input, random);
    if (random.one_in(3)) sprinkle(residual, random);
    adds = random.one_in(2);
    if (!adds || !random.one_in(8)) {
      const bool planes = of.layout == Layout::kChannelsFirst;
      function = Elementwise{
          .function = static_cast<Function>(random.between(0, deconv::kFunctionCount - 1)),
          .outer = of.batch * (planes ? 1 : of.output_points()),
          .channels = of.spec.out_channels,
          .inner = planes ? of.output_points() : 1,
          .a = random.value(),
          .b = 1 + random.value(),
          .channel_a = random.one_in(2) ? channel_a.data() : nullptr};
    }
  }

  void set_parameters(Operator& op) const {
    REQUIRE(op.set_parameters(weight.data(), bias.data()) == Status::kOk);
  }

  // The passes one after the other, over what the operator makes without an epilogue.
  void compute_in_passes(Operator& op) const {
    REQUIRE(op.set_epilogue(std::nullopt) == Status::kOk);
    REQUIRE(op.run(input.data(), expected.data()) == Status::kOk);
    float* const values = expected.data();
    if (adds) combine(Combination::kAdd, expected.size(), values, residual.data(), values);
    if (function) REQUIRE(elementwise(*function, values, values) == Status::kOk);
  }

  Status set_epilogue(Operator& op) const {
    if (!function) return op.set_epilogue(function);
    // The shape is the operator's, and its copies are its own.
    const ExactBuffer copy(channel_a.size());
    std::copy_n(channel_a.data(), channel_a.size(), copy.data());
    Elementwise given = *function;
    given.outer = given.channels = given.inner = 0;
    if (given.channel_a != nullptr) given.channel_a = copy.data();
    return op.set_epilogue(given);
  }

  int64_t count_wrong(Operator& op) const {
    std::fill_n(output.data(), output.size(), 1e30f);
    if (op.run(input.data(), output.data(), adds ? residual.data() : nullptr) != Status::kOk) {
      return -1;
    }
    int64_t wrong = 0;
    for (int64_t index = 0; index < output.size(); ++index) {
      wrong += !is_same(output[index], expected[index]);
    }
    for (int64_t slack = 0; slack < Buffer::kSlackBytes / 4; ++slack) {
      wrong += !output.untouched(output.size() + slack);
    }
    return wrong;
  }

  Problem problem;
  ExactBuffer weight;
  ExactBuffer bias;
  ExactBuffer input;
  ExactBuffer residual;
  ExactBuffer channel_a;
  ExactBuffer expected;
  ExactBuffer output;
  bool adds = false;
  std::optional<Elementwise> function;
};

// Counts [route][function].
void check_every_route(const Problem& problem, Random& random, int* runs) {
  INFO(deconv_tests::describe(problem));
  const Case layer(problem, random);
  const std::unique_ptr<Operator> op = Operator::create(problem.spec);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const RouteId route = static_cast<RouteId>(id);
    if (deconv::route_refusal(route, problem) != nullptr) continue;
    INFO(std::string(deconv::route_name(route)));
    REQUIRE(op->plan(problem.batch, problem.input, problem.layout, route) == Status::kOk);
    layer.set_parameters(*op);
    layer.compute_in_passes(*op);
    REQUIRE(layer.set_epilogue(*op) == Status::kOk);
    CHECK(layer.count_wrong(*op) == 0);
    int64_t wrong = 0;
    int64_t allocations = 0;
    {
      const FailingMemory none(0);
      wrong = layer.count_wrong(*op);
      allocations = none.asked();
    }
    CHECK(wrong == 0);
    CHECK(allocations == 0);
    if (layer.function) {
      ++runs[id * deconv::kFunctionCount + static_cast<int>(layer.function->function)];
    }
  }
}

}  // namespace

TEST_CASE("an epilogue gives what the passes give that it replaces, to the bit, on every route") {
  int runs[deconv::kRouteCount * deconv::kFunctionCount] = {};
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(deconv_tests::random_problem_of_all_routes(random), random, runs);
  }
  for (const int count : runs) CHECK(count >= 5);
}

TEST_CASE("the same in small pieces, by three threads where the build has them") {
  const deconv_tests::RuntimeThreads threads(3);
  const deconv_tests::SmallMachine machine;
  int runs[deconv::kRouteCount * deconv::kFunctionCount] = {};
  for (uint64_t seed = 5000; seed < 5500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(deconv_tests::random_problem_of_all_routes(random), random, runs);
  }
  // Pieces of a pass over everything are of thousands of values.
  Spec spec;
  spec.in_channels = spec.out_channels = 19;
  spec.kernel = {1, 3, 3};
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      spec.transposed = random.one_in(2);
      spec.relu = random.one_in(2);
      Problem problem;
      REQUIRE(make_problem(spec, 2, {1, 19, 23}, layout, &problem) == Status::kOk);
      check_every_route(problem, random, runs);
    }
  }
  // Few outputs of whole cells, which are spread over the rows before they are finished.
  for (uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Spec cells;
    cells.in_channels = 3;
    cells.kernel = cells.stride = {random.between(1, 2), 2, 2};
    cells.out_channels = random.between(1, 2);
    cells.relu = random.one_in(2);
    Problem problem;
    REQUIRE(make_problem(cells, 2, {2, 3, 17}, Layout::kChannelsLast, &problem) == Status::kOk);
    check_every_route(problem, random, runs);
  }
}

TEST_CASE("an epilogue stays from plan to plan, in either layout, until there is another") {
  Random random(7);
  Spec spec;
  spec.out_channels = 5;
  const std::unique_ptr<Operator> op = Operator::create(spec);
  const float slopes[] = {2, 3, 4, 5, 6};
  const Elementwise prelu{.function = Function::kLeakyRelu, .channel_a = slopes};
  REQUIRE(op->set_epilogue(prelu) == Status::kOk);
  const float weight[] = {-1, -1, -1, -1, 1};
  const ExactBuffer input(3, Buffer::kSlackBytes);
  const ExactBuffer output(15, Buffer::kSlackBytes);
  std::fill_n(input.data(), 3, 1.0f);
  const auto run_in = [&](Layout layout, float of_first, float of_fourth, float of_fifth) {
    for (const RouteId route : {RouteId::kScalar, RouteId::kPolyphase, RouteId::kDepthwise}) {
      REQUIRE(op->plan(1, {1, 1, 3}, layout, route) == Status::kOk);
      if (op->needs_parameters()) REQUIRE(op->set_parameters(weight, nullptr) == Status::kOk);
      REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
      const bool planes = layout == Layout::kChannelsFirst;
      for (int64_t point = 0; point < 3; ++point) {
        CHECK(output[planes ? point : 5 * point] == of_first);
        CHECK(output[planes ? 9 + point : 5 * point + 3] == of_fourth);
        CHECK(output[planes ? 12 + point : 5 * point + 4] == of_fifth);
      }
    }
  };
  run_in(Layout::kChannelsFirst, -2, -5, 1);
  run_in(Layout::kChannelsLast, -2, -5, 1);
  REQUIRE(op->set_epilogue(Elementwise{.function = Function::kClamp, .a = -0.5f, .b = 0.25f}) ==
          Status::kOk);
  run_in(Layout::kChannelsLast, -0.5f, -0.5f, 0.25f);
  REQUIRE(op->set_epilogue(std::nullopt) == Status::kOk);
  run_in(Layout::kChannelsFirst, -1, -1, 1);
}

TEST_CASE("without memory for its parameters there is no epilogue") {
  Spec spec;
  const std::unique_ptr<Operator> op = Operator::create(spec);
  const float slope = 2;
  const float weight = -1;
  REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kScalar) == Status::kOk);
  REQUIRE(op->set_parameters(&weight, nullptr) == Status::kOk);
  REQUIRE(op->set_epilogue(Elementwise{.function = Function::kLeakyRelu, .a = 3}) == Status::kOk);
  {
    const FailingMemory none(0);
    CHECK(op->set_epilogue(Elementwise{.function = Function::kLeakyRelu, .channel_a = &slope}) ==
          Status::kOutOfMemory);
  }
  const ExactBuffer input(1, Buffer::kSlackBytes);
  const ExactBuffer output(1, Buffer::kSlackBytes);
  *input.data() = 1;
  REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
  CHECK(output[0] == -1);
}
