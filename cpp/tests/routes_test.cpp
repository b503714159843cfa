// Every route against the definition, on buffers that end where the contract says: what a route
// reads or writes behind them stops the sanitizer's run.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "deconv/buffer.h"
#include "deconv/operator.h"
#include "deconv/runtime.h"
#include "machine.h"
#include "reference.h"
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
using deconv_tests::Random;

namespace {

struct Parameters {
  explicit Parameters(const Spec& spec, bool with_bias, Random& random)
      : weight(spec.weight_elements()), bias(with_bias ? spec.out_channels : 0) {
    weight.fill(random);
    bias.fill(random);
  }
  const float* bias_or_null() const { return bias.size() == 0 ? nullptr : bias.data(); }

  // The contract promises no slack behind parameters.
  ExactBuffer weight;
  ExactBuffer bias;
};

bool is_winograd(RouteId id) { return id >= RouteId::kWinogradLine && id <= RouteId::kWinograd22; }

// `magnitude` is the sum of |input * weight| of one output value; values lie in [-1, 1).
double tolerance(const Operator& op, double magnitude) {
  const Spec& spec = op.problem().spec;
  const double terms = static_cast<double>(spec.kernel_elements()) * spec.group_in_channels();
  // It sums in double precision and rounds once; the others round at every step.
  if (op.route() == RouteId::kScalar) return 0x1p-23 * magnitude;
  // The errors of its transforms come from the whole window, also where few taps meet the input.
  if (is_winograd(op.route())) return 0x1p-19 * 9 * spec.group_in_channels();
  return 0x1p-23 * (terms + 1) * magnitude;
}

// An input, and what the definition makes of it.
class Expectation {
 public:
  Expectation(const Problem& problem, const Parameters& parameters, Random& random)
      : input_(problem.input_elements(), Buffer::kSlackBytes) {
    input_.fill(random);
    const float* weight = parameters.weight.data();
    const float* bias = parameters.bias_or_null();
    sums_ = deconv_tests::reference(problem, input_.data(), weight, bias);
    magnitudes_ = deconv_tests::reference_magnitude(problem, input_.data(), weight, bias);
  }

  // Runs the planned operator once, on buffers of its own, and counts output values that are wrong.
  int64_t count_wrong(Operator& op) const {
    const Problem& problem = op.problem();
    const ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    const ExactBuffer output(problem.output_elements(), Buffer::kSlackBytes);
    std::copy_n(input_.data(), input_.size(), input.data());
    if (op.run(input.data(), output.data()) != Status::kOk) return -1;
    int64_t wrong = 0;
    for (int64_t index = 0; index < output.size(); ++index) {
      const size_t at = static_cast<size_t>(index);
      const double wanted = problem.spec.relu ? std::max(sums_[at], 0.0) : sums_[at];
      // Not <= on the error: a NaN must count.
      wrong += !(std::abs(output[index] - wanted) <= tolerance(op, magnitudes_[at]));
    }
    for (int64_t slack = 0; slack < Buffer::kSlackBytes / 4; ++slack) {
      wrong += !output.untouched(output.size() + slack);
    }
    return wrong;
  }

 private:
  ExactBuffer input_;
  std::vector<double> sums_;
  std::vector<double> magnitudes_;
};

int64_t count_wrong(Operator& op, const Parameters& parameters, Random& random) {
  return Expectation(op.problem(), parameters, random).count_wrong(op);
}

// Every route that takes the problem computes it, twice: the second run goes to other addresses
// and reuses what the route derived from the size.
void check_every_route(const Problem& problem, Random& random, int* runs_of_route = nullptr) {
  INFO(deconv_tests::describe(problem));
  const Parameters parameters(problem.spec, random.one_in(2), random);
  const Expectation expectation(problem, parameters, random);
  const std::unique_ptr<Operator> op = Operator::create(problem.spec);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const RouteId route = static_cast<RouteId>(id);
    INFO(std::string(deconv::route_name(route)));
    const Status status = op->plan(problem.batch, problem.input, problem.layout, route);
    if (deconv::route_refusal(route, problem) != nullptr) {
      CHECK(status == Status::kUnsupported);
      continue;
    }
    REQUIRE(status == Status::kOk);
    REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) == Status::kOk);
    CHECK(expectation.count_wrong(*op) == 0);
    CHECK(expectation.count_wrong(*op) == 0);
    if (runs_of_route != nullptr) ++runs_of_route[id];
  }
}

Problem problem_of(const Spec& spec, int32_t batch, const Axes& input, Layout layout) {
  Problem problem;
  REQUIRE(make_problem(spec, batch, input, layout, &problem) == Status::kOk);
  return problem;
}

Spec planar(bool transposed, int32_t kernel, int32_t stride, int32_t pad, int32_t dilation = 1) {
  Spec spec;
  spec.transposed = transposed;
  spec.kernel = {1, kernel, kernel};
  spec.stride = {1, stride, stride};
  spec.dilation = {1, dilation, dilation};
  spec.pad_before = {0, pad, pad};
  spec.pad_after = {0, pad, pad};
  return spec;
}

}  // namespace

TEST_CASE("random problems: every route agrees with the definition") {
  int runs[deconv::kRouteCount] = {};
  for (uint64_t seed = 1000; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(deconv_tests::random_problem(random), random, runs);
  }
  // The random problems reach every route, and often.
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    INFO(std::string(deconv::route_name(static_cast<RouteId>(id))));
    // They have too few channels for Winograd, which has a test of its own.
    if (!is_winograd(static_cast<RouteId>(id))) CHECK(runs[id] >= 100);
  }
}

namespace {

// At least as many channels as Winograd wants.
Problem random_wide_problem(Random& random) {
  for (;;) {
    Spec spec;
    spec.transposed = random.one_in(2);
    spec.groups = random.one_in(4) ? 2 : 1;
    spec.in_channels = spec.groups * random.between(16, 21);
    spec.out_channels = spec.groups * random.between(16, 21);
    spec.relu = random.one_in(3);
    Axes input{random.one_in(4) ? 2 : 1, 1, 1};
    if (random.one_in(3)) {
      // Slices that several of the output share, and phases of the depth that have fewer, or none.
      spec.stride[0] = random.between(1, 3);
      spec.kernel[0] = random.between(1, 2 * spec.stride[0] + 1);
      spec.pad_before[0] = random.between(-2, spec.kernel[0] - 1);
      spec.pad_after[0] = random.between(-2, spec.kernel[0] - 1);
      input[0] = random.between(1, 5);
    }
    for (int axis = 1; axis < 3; ++axis) {
      spec.stride[axis] = random.between(1, 3);
      spec.kernel[axis] = random.between(2, 3 * spec.stride[axis]);
      spec.pad_before[axis] = random.between(-2, spec.kernel[axis] - 1);
      spec.pad_after[axis] = random.between(-2, spec.kernel[axis] - 1);
      input[axis] = random.between(2, axis == 1 ? 11 : 37);
    }
    if (random.one_in(8)) {
      // More rows than a tile has taps.
      spec.stride[1] = 1;
      spec.kernel[1] = random.between(6, 14);
      spec.pad_before[1] = random.between(0, spec.kernel[1] - 1);
    }
    const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
    Problem problem;
    if (make_problem(spec, random.between(1, 2), input, layout, &problem) == Status::kOk) {
      return problem;
    }
  }
}

// Along one axis alone: kernels of every length, with dilation or phases.
Problem random_line_problem(Random& random) {
  for (;;) {
    Spec spec;
    spec.transposed = random.one_in(2);
    spec.groups = random.one_in(4) ? 2 : 1;
    spec.in_channels = spec.groups * random.between(12, 19);
    spec.out_channels = spec.groups * random.between(1, 14);
    spec.relu = random.one_in(3);
    const int axis = random.one_in(2) ? 2 : random.between(0, 1);
    const int32_t stride = spec.transposed && random.one_in(2) ? random.between(2, 8) : 1;
    spec.stride[axis] = stride;
    spec.kernel[axis] = random.between(2, stride == 1 ? 17 : 3 * stride);
    spec.dilation[axis] = stride == 1 ? random.between(1, 5) : 1;
    const int32_t reach = spec.dilation[axis] * (spec.kernel[axis] - 1);
    spec.pad_before[axis] = random.between(-2, reach + 2);
    spec.pad_after[axis] = random.between(-2, reach + 2);
    Axes input{random.one_in(4) ? 2 : 1, random.one_in(4) ? random.between(1, 4) : 1,
               random.between(1, 20)};
    const int32_t most = axis == 2 ? 300 : 40;
    input[axis] = random.one_in(3) ? random.between(1, 12) : random.between(13, most);
    const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
    Problem problem;
    if (make_problem(spec, random.between(1, 2), input, layout, &problem) == Status::kOk &&
        problem.output_elements() > 0) {
      return problem;
    }
  }
}

}  // namespace

TEST_CASE("random problems of enough channels for Winograd") {
  constexpr RouteId kForms[] = {RouteId::kWinograd45, RouteId::kWinograd43, RouteId::kWinograd42,
                                RouteId::kWinograd22};
  int runs[deconv::kRouteCount] = {};
  for (uint64_t seed = 5000; seed < 5700; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::optional<deconv_tests::SmallMachine> small;
    if (random.one_in(2)) small.emplace(random.between(1, 3));
    Problem problem = random_wide_problem(random);
    const Spec spec = problem.spec;
    INFO(deconv_tests::describe(problem));
    const Parameters parameters(spec, random.one_in(2), random);
    const Expectation expectation(problem, parameters, random);
    for (const RouteId id : kForms) {
      problem.spec = spec;
      if (route_refusal(id, problem) != nullptr) continue;
      INFO(std::string(deconv::route_name(id)));
      const std::unique_ptr<Operator> op = Operator::create(spec);
      REQUIRE(op->plan(problem.batch, problem.input, problem.layout, id) == Status::kOk);
      REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) ==
              Status::kOk);
      CHECK(expectation.count_wrong(*op) == 0);
      CHECK(expectation.count_wrong(*op) == 0);
      ++runs[static_cast<int>(id)];
      problem.spec.exact = true;
      CHECK(route_refusal(id, problem) != nullptr);
    }
  }
  for (const RouteId id : kForms) CHECK(runs[static_cast<int>(id)] >= 100);
}

TEST_CASE("random problems along one line, by kernels of every length") {
  int runs[deconv::kRouteCount] = {};
  std::array<int, 18> lengths{};
  for (uint64_t seed = 9000; seed < 9400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const deconv_tests::SmallMachine small(random.between(1, 3));
    if (random.one_in(2)) deconv::machine.winograd_least_panels = random.between(1, 16);
    const Problem problem = random_line_problem(random);
    check_every_route(problem, random, runs);
    if (deconv::route_refusal(RouteId::kWinogradLine, problem) == nullptr) {
      ++lengths[static_cast<size_t>(std::min(problem.spec.kernel[2], 17))];
    }
  }
  CHECK(runs[static_cast<int>(RouteId::kWinogradLine)] >= 300);
  for (size_t length = 2; length < lengths.size(); ++length) CHECK(lengths[length] > 5);
}

TEST_CASE("Winograd's results are the same whenever its weights are transformed") {
  int runs[deconv::kRouteCount] = {};
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const deconv_tests::RuntimeThreads running(random.between(1, 3));
    const deconv_tests::SmallMachine small;
    deconv::Machine& sizes = deconv::machine;
    sizes.winograd_compact_weights = int64_t{1} << 40;
    Problem problem = random.one_in(2) ? random_wide_problem(random) : random_line_problem(random);
    problem.spec.kernel[0] = problem.spec.stride[0] = 1;
    problem.spec.pad_before[0] = problem.spec.pad_after[0] = 0;
    INFO(deconv_tests::describe(problem));
    const Parameters parameters(problem.spec, random.one_in(2), random);
    for (int id = static_cast<int>(RouteId::kWinogradLine); is_winograd(static_cast<RouteId>(id));
         ++id) {
      const auto route = static_cast<RouteId>(id);
      INFO(std::string(deconv::route_name(route)));
      std::vector<float> first;
      int64_t least = 0;
      const auto check = [&](int32_t positions, int64_t kept, bool in_scratch) {
        sizes.winograd_kept_weights = kept;
        Spec spec = problem.spec;
        spec.compact_positions = positions;
        const Problem same = problem_of(spec, problem.batch, problem.input, problem.layout);
        const deconv::Plan plan = plan_route(route, same);
        if (plan.refusal != nullptr) return;
        if (least == 0) least = plan.scratch_elements;
        CHECK((plan.scratch_elements > least) == in_scratch);
        const std::unique_ptr<Operator> op = Operator::create(spec);
        REQUIRE(op->plan(same.batch, same.input, same.layout, route) == Status::kOk);
        REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) ==
                Status::kOk);
        Random same_input(seed);
        ExactBuffer input(same.input_elements(), Buffer::kSlackBytes);
        input.fill(same_input);
        const ExactBuffer output(same.output_elements(), Buffer::kSlackBytes);
        for (int turn = 0; turn < 2; ++turn) {
          REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
          const std::vector<float> values(output.data(), output.data() + output.size());
          if (first.empty()) first = values;
          CHECK(values == first);
        }
        ++runs[id];
      };
      check(0, int64_t{1} << 40, false);
      check(1, 0, true);
      check(0, 0, false);
    }
  }
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    if (is_winograd(static_cast<RouteId>(id))) CHECK(runs[id] >= 60);
  }
}

TEST_CASE("problems cut into the smallest pieces, for one thread and more") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const deconv_tests::SmallMachine small(seed % 2 == 0 ? 1 : random.between(2, 5));
    CAPTURE(deconv::machine.threads);
    check_every_route(deconv_tests::random_problem(random), random);
    if (random.one_in(3)) check_every_route(random_wide_problem(random), random);
    if (random.one_in(3)) check_every_route(random_line_problem(random), random);
  }
}

TEST_CASE("random problems on several threads, as they are and cut into the smallest pieces") {
  for (const int threads : {2, 3}) {
    const deconv_tests::RuntimeThreads running(threads);
    CAPTURE(deconv::runtime_threads());
    for (uint64_t seed = 8000; seed < 8100; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Problem problem = random.one_in(5)   ? random_wide_problem(random)
                              : random.one_in(4) ? random_line_problem(random)
                                                 : deconv_tests::random_problem(random);
      check_every_route(problem, random);
      const deconv_tests::SmallMachine small(deconv::runtime_threads());
      check_every_route(problem, random);
    }
  }
}

TEST_CASE("an operator planned anew for the same problem is cut anew") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    const Parameters parameters(problem.spec, true, random);
    const std::unique_ptr<Operator> op = Operator::create(problem.spec);
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      if (route_refusal(route, problem) != nullptr) continue;
      INFO(std::string(deconv::route_name(route)));
      const auto plan = [&] {
        return op->plan(problem.batch, problem.input, problem.layout, route);
      };
      REQUIRE(plan() == Status::kOk);
      REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) ==
              Status::kOk);
      CHECK(count_wrong(*op, parameters, random) == 0);
      {
        const deconv_tests::SmallMachine small(3);
        REQUIRE(plan() == Status::kOk);
      }
      CHECK(count_wrong(*op, parameters, random) == 0);
    }
  }
}

TEST_CASE("channel counts around the width of a micro-kernel") {
  Random random(5);
  for (const bool transposed : {true, false}) {
    for (const int32_t in : {1, 3, 4, 7, 9}) {
      for (int32_t out = 1; out <= 18; ++out) {
        Spec spec = planar(transposed, 3, 2, 1);
        spec.in_channels = in;
        spec.out_channels = out;
        check_every_route(problem_of(spec, 2, {1, 4, 5}, Layout::kChannelsLast), random);
      }
    }
  }
}

TEST_CASE("more input channels than are packed at once, whatever is kept of their weights") {
  Random random(8);
  for (const bool transposed : {true, false}) {
    for (const auto [kernel, stride] :
         {std::pair{Axes{1, 3, 3}, 1}, {{1, 4, 4}, 2}, {{1, 1, 7}, 1}}) {
      for (const int64_t packed : {deconv::machine.packed_weights, int64_t{0}}) {
        const deconv::Machine before = deconv::machine;
        deconv::machine.packed_weights = packed;
        for (const int32_t in : {41, 85}) {
          Spec spec;
          spec.transposed = transposed;
          spec.kernel = kernel;
          spec.stride = {1, kernel[1] == 1 ? 1 : stride, stride};
          spec.in_channels = in;
          spec.out_channels = 7;
          const Axes input = {1, kernel[1] == 1 ? 1 : 9, 20};
          check_every_route(problem_of(spec, 1, input, Layout::kChannelsFirst), random);
        }
        deconv::machine = before;
      }
    }
  }
}

TEST_CASE("rows of many panels, and images that whole panels fill or do not") {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const deconv_tests::SmallMachine small(random.between(1, 3));
    // Blocks of several panels, which end within rows.
    deconv::machine.polyphase_most_positions = 8 * random.between(1, 6);
    deconv::machine.polyphase_block_bytes = 1 << 16;
    const int32_t kernel = random.between(1, 5);
    Spec spec = planar(random.one_in(3), kernel, random.one_in(3) ? 2 : 1,
                       random.between(0, kernel / 2), random.one_in(4) ? 2 : 1);
    spec.groups = random.between(1, 2);
    spec.in_channels = spec.groups * random.between(1, 4);
    spec.out_channels = spec.groups * random.between(1, 13);
    spec.relu = random.one_in(2);
    const Axes input = {random.between(1, 2), random.between(9, 12),
                        random.one_in(2) ? 40 : random.between(16, 50)};
    check_every_route(problem_of(spec, random.between(1, 2), input, Layout::kChannelsFirst),
                      random);
  }
}

TEST_CASE("convolutions no tap of which meets the input give the bias") {
  Random random(7);
  Spec spec = planar(false, 1, 2, 1, 1);
  spec.input_dilation = {1, 2, 2};
  spec.in_channels = 2;
  spec.out_channels = 3;
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
    check_every_route(problem_of(spec, 2, {1, 7, 15}, layout), random);
  }
}

TEST_CASE("depthwise layers of every small kernel and channel count") {
  Random random(6);
  for (const bool transposed : {true, false}) {
    for (const int32_t kernel : {1, 2, 3, 4, 5, 6}) {
      for (const int32_t channels : {1, 2, 3, 4, 5, 8, 11, 17}) {
        Spec spec = planar(transposed, kernel, transposed ? 2 : 1, (kernel - 1) / 2);
        spec.groups = spec.in_channels = spec.out_channels = channels;
        check_every_route(problem_of(spec, 2, {1, 6, 5}, Layout::kChannelsFirst), random);
      }
    }
  }
}

TEST_CASE("depthwise layers of wide pixels, whose edges take several vectors at once") {
  Random random(61);
  for (const int32_t channels : {8, 12, 15, 16, 20, 23, 24, 28, 37}) {
    for (const int32_t width : {1, 3, 9}) {
      Spec spec = planar(false, 5, 1, 2);
      spec.groups = spec.in_channels = spec.out_channels = channels;
      spec.relu = width == 3;
      check_every_route(problem_of(spec, 2, {1, 3, width}, Layout::kChannelsLast), random);
    }
  }
}

TEST_CASE("kernels as wide as their stride, whose outputs of a cell are columns of one product") {
  Random random(62);
  for (int32_t width = 1; width <= 4; ++width) {
    for (const int32_t height : {1, width, width + 1}) {
      for (const int32_t out : {1, 2, 3, 5, 8}) {
        for (const int32_t groups : {1, 2}) {
          Spec spec = planar(true, width, width, 0);
          spec.kernel[1] = height;
          spec.stride[1] = random.one_in(2) ? width : height;
          spec.stride[0] = spec.kernel[0] = random.between(1, 3);
          spec.groups = groups;
          spec.in_channels = 3 * groups;
          spec.out_channels = out * groups;
          spec.relu = random.one_in(2);
          const deconv_tests::SmallMachine small(random.between(1, 3));
          check_every_route(
              problem_of(spec, 2, {2, 3, random.between(1, 9)}, Layout::kChannelsLast), random);
          // Parts of cells, and of all of them alike.
          spec.pad_after = {random.between(0, spec.kernel[0] - 1), random.between(0, height - 1),
                            0};
          check_every_route(
              problem_of(spec, 1, {2, 2, random.between(1, 20)}, Layout::kChannelsLast), random);
        }
      }
    }
  }
}

TEST_CASE("outputs shorter than the stride, where most phases are empty") {
  Random random(7);
  for (int32_t stride = 1; stride <= 6; ++stride) {
    for (int32_t kernel = stride; kernel <= stride + 3; ++kernel) {
      for (int32_t before = 0; before < kernel; ++before) {
        for (int32_t after = 0; before + after < kernel; ++after) {
          Spec spec = planar(true, kernel, stride, 0);
          spec.in_channels = 2;
          spec.out_channels = 3;
          spec.pad_before = {0, before, after};
          spec.pad_after = {0, after, before};
          check_every_route(problem_of(spec, 1, {1, 1, 1}, Layout::kChannelsLast), random);
        }
      }
    }
  }
}

TEST_CASE("one pixel in, one pixel out, one row, one column") {
  Random random(8);
  for (const bool transposed : {true, false}) {
    for (const Axes input : {Axes{1, 1, 1}, Axes{1, 1, 9}, Axes{1, 9, 1}, Axes{5, 1, 1}}) {
      for (const auto [kernel, stride, pad] :
           {std::array{1, 1, 0}, std::array{3, 1, 1}, std::array{1, 3, 0}, std::array{3, 5, 1},
            std::array{5, 1, 2}}) {
        for (const int32_t batch : {1, 3}) {
          Spec spec = planar(transposed, kernel, stride, pad);
          spec.in_channels = 3;
          spec.out_channels = 2;
          check_every_route(problem_of(spec, batch, input, Layout::kChannelsFirst), random);
        }
      }
    }
  }
}

TEST_CASE("single points of several images and rows, one of which is one point of a dilated axis") {
  Random random(9);
  for (const int axis : {0, 1, 2}) {
    for (const int32_t step : {1, 2, 3}) {
      for (const int32_t extent : {1, 2}) {
        for (const bool transposed : {true, false}) {
          Spec spec = planar(transposed, 1, 1, 0);
          spec.in_channels = 5;
          spec.out_channels = 3;
          (transposed ? spec.stride : spec.input_dilation)[axis] = step;
          Axes input{2, 3, 4};
          input[axis] = extent;
          check_every_route(problem_of(spec, 2, input, Layout::kChannelsLast), random);
        }
      }
    }
  }
}

TEST_CASE("one operator through many sizes, layouts and routes") {
  Random random(9);
  for (const bool transposed : {true, false}) {
    Spec spec = planar(transposed, 3, 2, 1);
    spec.in_channels = 5;
    spec.out_channels = 6;
    const Parameters parameters(spec, true, random);
    const std::unique_ptr<Operator> op = Operator::create(spec);
    for (int round = 0; round < 120; ++round) {
      const Axes input{random.between(1, 2), random.between(1, 9), random.between(1, 9)};
      const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
      const RouteId route = static_cast<RouteId>(random.between(0, deconv::kRouteCount - 1));
      const std::optional<RouteId> forced = random.one_in(3) ? std::nullopt : std::optional(route);
      const Status status = op->plan(random.between(1, 3), input, layout, forced);
      if (status == Status::kUnsupported) continue;
      REQUIRE(status == Status::kOk);
      INFO(deconv_tests::describe(op->problem()));
      if (op->needs_parameters()) {
        REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) ==
                Status::kOk);
      }
      CHECK(count_wrong(*op, parameters, random) == 0);
    }
  }
}

TEST_CASE("batch 0 runs on every route and touches nothing") {
  Random random(10);
  for (const bool transposed : {true, false}) {
    const Spec spec = planar(transposed, 3, 2, 1);
    const Parameters parameters(spec, true, random);
    const std::unique_ptr<Operator> op = Operator::create(spec);
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      if (op->plan(0, {1, 5, 5}, Layout::kChannelsFirst, static_cast<RouteId>(id)) != Status::kOk) {
        continue;
      }
      REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) ==
              Status::kOk);
      CHECK(op->run(nullptr, nullptr) == Status::kOk);
      // The size that follows must not meet what batch 0 left behind.
      REQUIRE(op->plan(1, {1, 5, 5}, Layout::kChannelsFirst, static_cast<RouteId>(id)) ==
              Status::kOk);
      CHECK(count_wrong(*op, parameters, random) == 0);
    }
  }
}

namespace {

// One to four channels a group, kernels and strides far beyond those of random_problem.
Problem random_small_groups(Random& random) {
  constexpr double kEnough = 200e3;
  constexpr std::array<int32_t, 11> kGroups = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33};
  for (;;) {
    Spec spec;
    Axes input{1, 1, 1};
    spec.transposed = random.one_in(2);
    spec.groups = kGroups[static_cast<size_t>(random.between(0, 10))];
    const bool depthwise = random.one_in(2);
    spec.in_channels = spec.groups * (depthwise ? 1 : random.between(1, 4));
    spec.out_channels = spec.groups * (depthwise ? 1 : random.between(1, 4));
    const int first_axis = random.one_in(6) ? 0 : random.one_in(3) ? 2 : 1;
    for (int axis = first_axis; axis < 3; ++axis) {
      spec.kernel[axis] = random.one_in(3) ? random.between(6, 17) : random.between(1, 5);
      spec.stride[axis] = random.one_in(3) ? random.between(3, 8) : random.between(1, 2);
      spec.dilation[axis] = random.one_in(4) ? random.between(2, 4) : 1;
      if (!spec.transposed && random.one_in(6)) spec.input_dilation[axis] = random.between(2, 6);
      spec.pad_before[axis] = random.between(-3, spec.kernel[axis]);
      spec.pad_after[axis] = random.between(-3, spec.kernel[axis]);
      input[axis] = random.one_in(3) ? random.between(16, 70) : random.between(1, 15);
    }
    const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
    Problem problem;
    if (make_problem(spec, random.between(1, 2), input, layout, &problem) == Status::kOk &&
        problem.multiply_accumulates() < kEnough && problem.output_elements() < 100'000) {
      return problem;
    }
  }
}

Spec depthwise(bool transposed, int32_t channels, int32_t kernel, int32_t stride, int32_t pad) {
  Spec spec = planar(transposed, kernel, stride, pad);
  spec.groups = spec.in_channels = spec.out_channels = channels;
  return spec;
}

}  // namespace

TEST_CASE("random problems of few channels a group") {
  int runs[deconv::kRouteCount] = {};
  for (uint64_t seed = 3000; seed < 3600; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(random_small_groups(random), random, runs);
  }
  // It refuses none of them.
  CHECK(runs[static_cast<int>(RouteId::kDepthwise)] == 600);
}

TEST_CASE("every small kernel and stride of a depthwise layer, in both layouts") {
  Random random(14);
  for (const bool transposed : {true, false}) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      for (int32_t kernel = 1; kernel <= 17; ++kernel) {
        for (int32_t stride = 1; stride <= 8; ++stride) {
          const Spec spec = depthwise(transposed, 5, kernel, stride, kernel / 3);
          check_every_route(problem_of(spec, 1, {1, 12, 19}, layout), random);
        }
      }
    }
  }
}

TEST_CASE("depthwise layers that are cut into many tiles") {
  struct Case {
    Spec spec;
    Axes input;
  };
  Random random(15);
  const auto line = [](Spec spec) {
    for (Axes* axes : {&spec.kernel, &spec.stride, &spec.dilation}) (*axes)[1] = 1;
    for (Axes* axes : {&spec.pad_before, &spec.pad_after}) (*axes)[1] = 0;
    return spec;
  };
  Spec multiplied = depthwise(false, 3, 3, 1, 1);
  multiplied.out_channels = 6;
  Spec dilated = depthwise(false, 2, 3, 1, 9);
  dilated.dilation = {1, 9, 9};
  Spec solid = depthwise(true, 2, 3, 2, 1);
  solid.kernel[0] = 3;
  solid.stride[0] = 2;
  for (const Case& large : {
           Case{line(depthwise(true, 2, 3, 2, 1)), {1, 1, 9001}},
           Case{line(depthwise(false, 1, 31, 1, 15)), {1, 1, 20003}},
           Case{line(depthwise(false, 9, 5, 3, 2)), {1, 1, 5003}},
           Case{line(depthwise(true, 1, 9, 1000, 4)), {1, 1, 40}},
           Case{depthwise(false, 2, 5, 1, 2), {1, 301, 203}},
           Case{depthwise(true, 2, 4, 2, 1), {1, 203, 101}},
           Case{depthwise(false, 6, 3, 2, 1), {1, 99, 187}},
           Case{multiplied, {1, 131, 150}},
           Case{dilated, {1, 140, 290}},
           Case{solid, {19, 21, 33}},
       }) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      check_every_route(problem_of(large.spec, 1, large.input, layout), random);
    }
  }
}

TEST_CASE("what is not finite reaches exactly the outputs that read it, on the depthwise route") {
  constexpr std::array<float, 3> kWild = {std::numeric_limits<float>::quiet_NaN(),
                                          std::numeric_limits<float>::infinity(),
                                          -std::numeric_limits<float>::infinity()};
  int64_t wild_outputs = 0;
  for (uint64_t seed = 4000; seed < 4400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Problem problem = random_small_groups(random);
    problem.spec.relu = random.one_in(2);
    INFO(deconv_tests::describe(problem));
    Parameters parameters(problem.spec, true, random);
    ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    ExactBuffer output(problem.output_elements(), Buffer::kSlackBytes);
    input.fill(random);
    const auto spoil = [&](const ExactBuffer& values) {
      values.data()[random.next() % static_cast<uint64_t>(values.size())] =
          kWild[random.next() % kWild.size()];
    };
    if (random.one_in(2)) spoil(parameters.weight);
    if (random.one_in(2)) spoil(input);
    const std::unique_ptr<Operator> op = Operator::create(problem.spec);
    REQUIRE(op->plan(problem.batch, problem.input, problem.layout, RouteId::kDepthwise) ==
            Status::kOk);
    REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias.data()) == Status::kOk);
    REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
    const std::vector<double> expected = deconv_tests::reference(
        problem, input.data(), parameters.weight.data(), parameters.bias.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < output.size(); ++index) {
      const double sum = expected[static_cast<size_t>(index)];
      const double value = problem.spec.relu && sum < 0 ? 0 : sum;
      wild_outputs += !std::isfinite(value);
      wrong += std::isfinite(value) ? !(std::abs(output[index] - value) < 1e-3)
               : std::isnan(value)  ? !std::isnan(output[index])
                                    : output[index] != value;
    }
    CHECK(wrong == 0);
  }
  CHECK(wild_outputs > 1000);
}

namespace {

// Everything that min and max instructions, relaxed ones and compares treat in ways of their own.
constexpr std::array<uint32_t, 6> kWildBits = {
    0x7FC00000u,  // NaN
    0xFFC00000u,  // NaN with the sign bit, which x86 makes of inf - inf
    0x7FA00001u,  // NaN that signals
    0x7F800000u,  // infinity
    0xFF800000u,  // -infinity
    0x80000000u,  // -0
};

// A value in sixteen becomes such a one.
void make_wild(const ExactBuffer& values, Random& random) {
  const int64_t count = std::max<int64_t>(4, values.size() / 16);
  for (int64_t index = 0; index < count && values.size() > 0; ++index) {
    values.data()[random.next() % static_cast<uint64_t>(values.size())] =
        std::bit_cast<float>(kWildBits[random.next() % kWildBits.size()]);
  }
}

std::vector<float> run_on(const Problem& problem, RouteId route, const Parameters& parameters,
                          const ExactBuffer& input) {
  const std::unique_ptr<Operator> op = Operator::create(problem.spec);
  REQUIRE(op->plan(problem.batch, problem.input, problem.layout, route) == Status::kOk);
  REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias_or_null()) == Status::kOk);
  ExactBuffer output(problem.output_elements(), Buffer::kSlackBytes);
  REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
  return {output.data(), output.data() + output.size()};
}

}  // namespace

TEST_CASE("a ReLU clamps what is below zero and nothing else, on every route") {
  std::array<int64_t, deconv::kRouteCount> not_numbers{};
  std::array<int64_t, deconv::kRouteCount> infinities{};
  std::array<int64_t, deconv::kRouteCount> clamped{};
  for (uint64_t seed = 6000; seed < 6450; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Problem problem = random.one_in(4)   ? random_wide_problem(random)
                      : random.one_in(4) ? random_line_problem(random)
                      : random.one_in(3) ? random_small_groups(random)
                                         : deconv_tests::random_problem(random);
    const Parameters parameters(problem.spec, random.one_in(2), random);
    ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    input.fill(random);
    // 0 * infinity and inf - inf come of these by themselves.
    if (random.one_in(2)) make_wild(input, random);
    if (random.one_in(4)) make_wild(parameters.weight, random);
    if (random.one_in(2)) make_wild(parameters.bias, random);
    for (size_t id = 0; id < not_numbers.size(); ++id) {
      const auto route = static_cast<RouteId>(id);
      if (deconv::route_refusal(route, problem) != nullptr) continue;
      problem.spec.relu = false;
      const std::vector<float> sums = run_on(problem, route, parameters, input);
      problem.spec.relu = true;
      INFO(deconv_tests::describe(problem));
      INFO(std::string(deconv::route_name(route)));
      const std::vector<float> outputs = run_on(problem, route, parameters, input);
      int64_t wrong = 0;
      for (size_t index = 0; index < sums.size(); ++index) {
        const float sum = sums[index];
        const float output = outputs[index];
        if (std::isnan(sum)) {
          wrong += !std::isnan(output);
          ++not_numbers[id];
          continue;
        }
        // -0 becomes 0: the sign of a sum that underflowed depends on the route.
        wrong += std::signbit(output) || output != std::max(sum, 0.0f);
        infinities[id] += std::isinf(output);
        clamped[id] += sum < 0;
      }
      CHECK(wrong == 0);
    }
  }
  for (size_t id = 0; id < not_numbers.size(); ++id) {
    INFO(std::string(deconv::route_name(static_cast<RouteId>(id))));
    CHECK(not_numbers[id] > 200);
    CHECK(infinities[id] > 0);
    CHECK(clamped[id] > 200);
  }
}

TEST_CASE("what is not finite in the input or the bias reaches the same outputs on every route") {
  int64_t not_numbers = 0;
  for (uint64_t seed = 7000; seed < 7400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem =
        random.one_in(3) ? random_small_groups(random) : deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    const Parameters parameters(problem.spec, true, random);
    ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    input.fill(random);
    make_wild(input, random);
    if (random.one_in(2)) make_wild(parameters.bias, random);
    const std::vector<double> expected = deconv_tests::reference(
        problem, input.data(), parameters.weight.data(), parameters.bias.data());
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      // Winograd's tiles spread it (README, Limits).
      if (is_winograd(route) || deconv::route_refusal(route, problem) != nullptr) continue;
      INFO(std::string(deconv::route_name(route)));
      const std::vector<float> outputs = run_on(problem, route, parameters, input);
      int64_t wrong = 0;
      for (size_t index = 0; index < outputs.size(); ++index) {
        const double sum = expected[index];
        const double wanted = problem.spec.relu && sum <= 0 ? 0 : sum;
        const float output = outputs[index];
        not_numbers += std::isnan(wanted);
        wrong += std::isnan(wanted)   ? !std::isnan(output)
                 : std::isinf(wanted) ? output != wanted
                                      : !(std::abs(output - wanted) < 1e-3);
        wrong += output == 0 && std::signbit(output);
      }
      CHECK(wrong == 0);
    }
  }
  CHECK(not_numbers > 1000);
}

TEST_CASE("a bias of -0 is one of 0, on every route") {
  Random random(18);
  for (const bool transposed : {true, false}) {
    for (const int32_t channels : {1, 4, 16}) {
      for (const int32_t groups : {1, channels}) {
        for (const bool relu : {true, false}) {
          // Holes of the transposed one meet no tap; pads of the convolution meet padding only.
          Spec spec = planar(transposed, 2, transposed ? 3 : 1, transposed ? 0 : 3);
          spec.groups = groups;
          spec.in_channels = spec.out_channels = channels;
          spec.relu = relu;
          const Parameters parameters(spec, true, random);
          for (int32_t channel = 0; channel < channels; ++channel) {
            parameters.bias.data()[channel] = -0.0f;
          }
          const Problem problem = problem_of(spec, 1, {1, 5, 6}, Layout::kChannelsFirst);
          INFO(deconv_tests::describe(problem));
          ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
          std::fill_n(input.data(), input.size(), 0.0f);
          for (int id = 0; id < deconv::kRouteCount; ++id) {
            const auto route = static_cast<RouteId>(id);
            if (deconv::route_refusal(route, problem) != nullptr) continue;
            INFO(std::string(deconv::route_name(route)));
            for (const float output : run_on(problem, route, parameters, input)) {
              CHECK(std::bit_cast<uint32_t>(output) == 0);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("strides, dilations and pads of billions: every route agrees with the definition") {
  int runs[deconv::kRouteCount] = {};
  for (uint64_t seed = 3000; seed < 5000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    check_every_route(deconv_tests::random_sparse_problem(random), random, runs);
  }
  CHECK(runs[static_cast<int>(RouteId::kScalar)] == 2000);
  CHECK(runs[static_cast<int>(RouteId::kDepthwise)] >= 1000);
  CHECK(runs[static_cast<int>(RouteId::kPolyphase)] >= 100);
}

TEST_CASE("depthwise layers whose steps times their rows leave 32 bits") {
  Random random(19);
  constexpr int32_t kStep = 1 << 20;
  constexpr int32_t kMany = 1 << 12;
  // One output, so that the next position is never read or written, and yet its distance is known.
  for (const bool transposed : {true, false}) {
    Spec wide;
    wide.transposed = transposed;
    wide.groups = wide.in_channels = wide.out_channels = kMany;
    wide.stride[2] = kStep;
    check_every_route(problem_of(wide, 1, {1, 1, 1}, Layout::kChannelsLast), random);
    Spec tall;
    tall.transposed = transposed;
    tall.stride[1] = kStep;
    check_every_route(problem_of(tall, 1, {1, 1, kMany}, Layout::kChannelsFirst), random);
  }
}

TEST_CASE("the depthwise route allocates when the size changes, and never again") {
  Random random(16);
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
    for (const int32_t multiplier : {1, 2}) {
      Spec spec = depthwise(true, 9, 4, 2, 1);
      spec.out_channels *= multiplier;
      const Parameters parameters(spec, true, random);
      const std::unique_ptr<Operator> op = Operator::create(spec);
      REQUIRE(op->plan(1, {1, 20, 20}, layout, RouteId::kDepthwise) == Status::kOk);
      REQUIRE(op->set_parameters(parameters.weight.data(), parameters.bias.data()) == Status::kOk);
      ExactBuffer input(op->problem().input_elements(), Buffer::kSlackBytes);
      ExactBuffer output(op->problem().output_elements(), Buffer::kSlackBytes);
      input.fill(random);
      REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
      const size_t before = deconv::allocated_bytes();
      for (int round = 0; round < 50; ++round) {
        REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
      }
      CHECK(deconv::allocated_bytes() == before);
    }
  }
}

TEST_CASE("the depthwise route without memory gives kOutOfMemory") {
  // 2^27 weights are 512 MB, which is all that this program may have.
  Spec spec = depthwise(true, 64, 1, 1, 0);
  spec.kernel = {1, 1 << 11, 1 << 10};
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kDepthwise) == Status::kOk);
  const float nothing = 0;
  CHECK(op->set_parameters(&nothing, nullptr) == Status::kOutOfMemory);
  CHECK(op->needs_parameters());
}
