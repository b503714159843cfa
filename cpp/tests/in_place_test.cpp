// A result that is written over its input, against the same beside it: to the bit, on every route,
// also on those that take a copy of the input for it.

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>

#include "deconv/buffer.h"
#include "deconv/operator.h"
#include "failing_memory.h"
#include "reference.h"
#include "routes/route.h"
#include "runtime_threads.h"
#include "small_machine.h"

using deconv::Axes;
using deconv::Buffer;
using deconv::Layout;
using deconv::Operator;
using deconv::Problem;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::FailingMemory;
using deconv_tests::Random;
using deconv_tests::RuntimeThreads;
using deconv_tests::SmallMachine;

namespace {

// A problem whose output is as large as its input: nearly always of stride 1 and with pads that
// keep the extents, sometimes all before or behind, and further than the kernel reaches.
Problem problem_as_large(Random& random) {
  Spec spec;
  spec.transposed = random.one_in(3);
  spec.groups = random.one_in(4) ? 2 : 1;
  spec.in_channels = spec.out_channels =
      spec.groups * (random.one_in(2) ? random.between(12, 20) : random.between(1, 12));
  spec.relu = random.one_in(3);
  const int32_t extent = random.between(1, 5);
  for (int axis = 0; axis < 3; ++axis) {
    spec.kernel[axis] = axis == 0          ? (random.one_in(6) ? 3 : 1)
                        : random.one_in(3) ? random.between(1, 5)
                                           : extent;
    spec.dilation[axis] = random.one_in(8) ? 2 : 1;
    const int32_t reach = (spec.kernel[axis] - 1) * spec.dilation[axis];
    const int32_t moved = random.one_in(8) ? random.between(-2, 2) : 0;
    spec.pad_before[axis] = (random.one_in(4) ? random.between(0, reach) : reach / 2) + moved;
    spec.pad_after[axis] = reach - spec.pad_before[axis];
  }
  Problem problem;
  const Axes input = {random.between(1, 3), random.between(1, 18), random.between(1, 18)};
  const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
  if (check_spec(spec) != Status::kOk ||
      make_problem(spec, random.between(1, 2), input, layout, &problem) != Status::kOk) {
    return problem_as_large(random);
  }
  return problem;
}

struct Runs {
  int all[deconv::kRouteCount] = {};
  int in_place[deconv::kRouteCount] = {};
};

void check_every_route(const Problem& problem, Random& random, Runs& runs) {
  INFO(deconv_tests::describe(problem));
  ExactBuffer weight(problem.spec.weight_elements());
  ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
  ExactBuffer residual(problem.output_elements());
  const ExactBuffer apart(problem.output_elements(), Buffer::kSlackBytes);
  const ExactBuffer both(problem.output_elements(), Buffer::kSlackBytes);
  for (ExactBuffer* values : {&weight, &input, &residual}) values->fill(random);
  const float* const adds = random.one_in(2) ? residual.data() : nullptr;
  const std::unique_ptr<Operator> op = Operator::create(problem.spec);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const deconv::Plan plan = deconv::plan_route(static_cast<RouteId>(id), problem);
    if (plan.refusal != nullptr) continue;
    INFO(std::string(deconv::route_name(plan.route)));
    REQUIRE(op->plan(problem.batch, problem.input, problem.layout, plan.route) == Status::kOk);
    REQUIRE(op->set_parameters(weight.data(), nullptr) == Status::kOk);
    REQUIRE(op->run(input.data(), apart.data(), adds) == Status::kOk);
    std::copy_n(input.data(), input.size(), both.data());
    REQUIRE(op->run(both.data(), both.data(), adds) == Status::kOk);
    int64_t wrong = 0;
    for (int64_t index = 0; index < apart.size(); ++index) {
      wrong += std::bit_cast<uint32_t>(apart[index]) != std::bit_cast<uint32_t>(both[index]);
    }
    CHECK(wrong == 0);
    ++runs.all[id];
    runs.in_place[id] += plan.in_place;
  }
}

Runs check_problems(uint64_t first, uint64_t last) {
  Runs runs;
  for (uint64_t seed = first; seed < last; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(problem_as_large(random), random, runs);
  }
  return runs;
}

bool is_in_place(const Spec& spec, const Axes& input) {
  Problem problem;
  REQUIRE(make_problem(spec, 1, input, Layout::kChannelsFirst, &problem) == Status::kOk);
  const deconv::Plan plan = deconv::plan_route(RouteId::kWinograd43, problem);
  REQUIRE(plan.refusal == nullptr);
  return plan.in_place;
}

}  // namespace

TEST_CASE("over its input a result is what it is beside it, on every route") {
  const RuntimeThreads one(1);
  const SmallMachine small;
  const Runs runs = check_problems(0, 1500);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    INFO(std::string(deconv::route_name(static_cast<RouteId>(id))));
    CHECK((runs.all[id] > 20 || static_cast<RouteId>(id) == RouteId::kXnnpackDeconvolution));
  }
  for (const RouteId route :
       {RouteId::kWinograd45, RouteId::kWinograd43, RouteId::kWinograd42, RouteId::kWinograd22}) {
    CHECK(runs.in_place[static_cast<int>(route)] > 20);
  }
}

TEST_CASE("over its input a result is what it is beside it, cut as on any machine") {
  check_problems(1500, 1800);
}

TEST_CASE("with threads no route writes over its input, and results over theirs are right") {
  const RuntimeThreads threads(3);
  const SmallMachine small(3);
  const Runs runs = check_problems(1800, 2300);
  CHECK(std::ranges::all_of(runs.in_place, [](int count) { return count == 0; }));
}

TEST_CASE("a route writes over its input where every row that it still needs is kept") {
  const RuntimeThreads one(1);
  Spec spec;
  spec.transposed = false;
  spec.in_channels = spec.out_channels = 16;
  spec.kernel = {1, 3, 3};
  spec.pad_before = spec.pad_after = {0, 1, 1};
  CHECK(is_in_place(spec, {1, 9, 9}));
  CHECK(is_in_place(spec, {4, 9, 9}));
  spec.pad_before[1] = 2;
  spec.pad_after[1] = 0;
  CHECK(is_in_place(spec, {1, 9, 9}));
  // The row above the two that are kept is gone.
  spec.pad_before[1] = 3;
  spec.pad_after[1] = -1;
  CHECK_FALSE(is_in_place(spec, {1, 9, 9}));
  spec.pad_before[1] = spec.pad_after[1] = 1;
  spec.kernel[0] = 3;
  spec.pad_before[0] = spec.pad_after[0] = 1;
  CHECK_FALSE(is_in_place(spec, {4, 9, 9}));
  // Of a shifted depth a slice is read after it was written.
  spec.kernel[0] = 1;
  spec.pad_after[0] = -1;
  CHECK_FALSE(is_in_place(spec, {4, 9, 9}));
  spec.pad_before[0] = spec.pad_after[0] = 0;
  spec.out_channels = 17;
  CHECK_FALSE(is_in_place(spec, {1, 9, 9}));
}

TEST_CASE("in place a route asks for no copy of its input") {
  const RuntimeThreads one(1);
  Spec spec;
  spec.in_channels = spec.out_channels = 16;
  spec.kernel = {1, 3, 3};
  spec.pad_before = spec.pad_after = {0, 1, 1};
  const ExactBuffer weight(spec.weight_elements());
  const ExactBuffer values(int64_t{16} * 9 * 9, Buffer::kSlackBytes);
  std::fill_n(weight.data(), weight.size(), 0.5f);
  std::fill_n(values.data(), values.size(), 1.0f);
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op->plan(1, {1, 9, 9}, Layout::kChannelsFirst, RouteId::kWinograd43) == Status::kOk);
  REQUIRE(op->set_parameters(weight.data(), nullptr) == Status::kOk);
  REQUIRE(op->run(values.data(), values.data()) == Status::kOk);
  CHECK(values[4 * 9 + 4] == 72);
  const FailingMemory none(0);
  CHECK(op->run(values.data(), values.data()) == Status::kOk);
  CHECK(none.asked() == 0);
}
