// The gradients against their definition: the output is linear in the weight, so the gradient of
// one weight is the inner product of grad_output with the output of a weight that is 1 there and 0
// elsewhere. Buffers have no slack: what is read or written behind them stops the sanitizer's run.

#include "deconv/gradients.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "deconv/operator.h"
#include "deconv/workspace.h"
#include "failing_memory.h"
#include "gradients/route.h"
#include "reference.h"
#include "runtime_threads.h"
#include "small_machine.h"

using deconv::Layout;
using deconv::Problem;
using deconv::Spec;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

using deconv::gradients::kDepthwise;
using deconv::gradients::Route;

// How often count_wrong() ran each route.
std::map<std::string, int64_t> runs_of;

// A problem's, of random values.
struct Tensors {
  Tensors(const Problem& problem, Random& random)
      : input(problem.input_elements()), grad_output(problem.output_elements()) {
    input.fill(random);
    grad_output.fill(random);
  }

  ExactBuffer input;
  ExactBuffer grad_output;
};

struct InnerProduct {
  double value = 0;
  double magnitude = 0;
  double terms = 0;
};

InnerProduct expected_gradient(const Problem& problem, const ExactBuffer& input,
                               const ExactBuffer& grad_output, int64_t index) {
  std::vector<float> unit(static_cast<size_t>(problem.spec.weight_elements()), 0.0f);
  unit[static_cast<size_t>(index)] = 1.0f;
  const std::vector<double> output =
      deconv_tests::reference(problem, input.data(), unit.data(), nullptr);
  InnerProduct sum;
  for (int64_t at = 0; at < grad_output.size(); ++at) {
    const double product = output[static_cast<size_t>(at)] * grad_output[at];
    sum.value += product;
    sum.magnitude += std::abs(product);
    sum.terms += product == 0 ? 0 : 1;
  }
  return sum;
}

Status run(const Route& route, const Problem& problem, const ExactBuffer& input,
           const ExactBuffer& grad_output, ExactBuffer& grad_weight) {
  return route.run(problem, input.data(), grad_output.data(), grad_weight.data());
}

// Counts wrong values among some of the weight's gradients, by every route that takes the problem,
// and all of the bias's.
int64_t count_wrong(const Problem& problem, Random& random) {
  const Spec& spec = problem.spec;
  Tensors tensors(problem, random);
  auto& [input, grad_output] = tensors;
  ExactBuffer grad_bias(spec.out_channels);

  int64_t wrong = 0;
  std::vector<int64_t> indices(6);
  std::vector<InnerProduct> expected;
  for (int64_t& index : indices) {
    index = random.between(0, static_cast<int32_t>(spec.weight_elements() - 1));
    expected.push_back(expected_gradient(problem, input, grad_output, index));
  }
  for (const Route* route : deconv::gradients::routes()) {
    if (!route->takes(problem)) continue;
    ++runs_of[route->name];
    ExactBuffer grad_weight(spec.weight_elements());
    grad_weight.fill(random);
    if (run(*route, problem, input, grad_output, grad_weight) != Status::kOk) return -1;
    for (size_t tries = 0; tries < indices.size(); ++tries) {
      // A float sum of n products rounds each of them n times at most.
      const InnerProduct& right = expected[tries];
      const bool near = std::abs(grad_weight[indices[tries]] - right.value) <=
                        right.terms * 0x1p-24 * right.magnitude;
      if (!near) MESSAGE(route->name);
      wrong += !near;
    }
  }
  bias_gradient(problem, grad_output.data(), grad_bias.data());
  const int64_t points = problem.output_points();
  for (int64_t channel = 0; channel < spec.out_channels; ++channel) {
    double sum = 0;
    for (int64_t batch = 0; batch < problem.batch; ++batch) {
      for (int64_t point = 0; point < points; ++point) {
        sum += problem.layout == Layout::kChannelsFirst
                   ? grad_output[(batch * spec.out_channels + channel) * points + point]
                   : grad_output[(batch * points + point) * spec.out_channels + channel];
      }
    }
    // Summed in double precision and rounded once.
    wrong += grad_bias[channel] != static_cast<float>(sum);
  }
  return wrong;
}

// Of a small machine: columns that lie far apart are copied beside each other for several rows of
// tiles.
void several_rows_to_a_block() {
  deconv::machine.gradient_block_sums = 1 << 15;
  deconv::machine.gradient_positions_at_once = 3;
}

// Of problems that `random_problem` draws from seeds from `first` to before `last`.
void check_gradients(uint64_t first, uint64_t last, Problem (*random_problem)(Random&)) {
  for (uint64_t seed = first; seed < last; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = random_problem(random);
    INFO(deconv_tests::describe(problem));
    CHECK(count_wrong(problem, random) == 0);
  }
}

}  // namespace

TEST_CASE("random problems: the parameters' gradients agree with their definition") {
  check_gradients(5000, 5600, deconv_tests::random_problem);
}

TEST_CASE("strides, dilations and pads of billions: the gradients agree with their definition") {
  check_gradients(5600, 5900, deconv_tests::random_sparse_problem);
}

TEST_CASE("channel counts around the blocks of the weight's gradient") {
  Random random(7);
  for (const bool transposed : {true, false}) {
    for (const int32_t in : {1, 3, 4, 5, 8, 9, 17}) {
      for (const int32_t out : {1, 2, 4, 7, 8, 12, 16}) {
        Spec spec;
        spec.transposed = transposed;
        spec.in_channels = in;
        spec.out_channels = out;
        spec.kernel = {1, 3, 2};
        spec.stride = {1, 2, 1};
        spec.pad_before = {0, 1, 0};
        for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
          Problem problem;
          REQUIRE(make_problem(spec, 2, {1, 4, 5}, layout, &problem) == Status::kOk);
          INFO(deconv_tests::describe(problem));
          CHECK(count_wrong(problem, random) == 0);
        }
      }
    }
  }
}

TEST_CASE("more columns than a block has, and as few as a vector lacks") {
  Random random(11);
  for (const int32_t channels : {63, 64, 65, 72, 129, 131}) {
    for (const bool transposed : {true, false}) {
      for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
        Spec spec;
        spec.transposed = transposed;
        spec.in_channels = channels;
        spec.out_channels = 194 - channels;
        spec.kernel = {1, 1, 2};
        Problem problem;
        REQUIRE(make_problem(spec, 1, {1, 2, 9}, layout, &problem) == Status::kOk);
        INFO(deconv_tests::describe(problem));
        CHECK(count_wrong(problem, random) == 0);
        const deconv_tests::SmallMachine small;
        several_rows_to_a_block();
        CHECK(count_wrong(problem, random) == 0);
      }
    }
  }
}

TEST_CASE("few channels in many groups, kernels and rows of every length") {
  Random random(13);
  runs_of.clear();
  for (const int32_t groups : {1, 3, 4, 5, 15, 16, 17, 30}) {
    for (const int32_t width : {1, 3, 4, 5, 7, 8, 9, 13}) {
      for (const int32_t kernel : {1, 2, 3, 4, 5, 9}) {
        Spec spec;
        spec.transposed = random.one_in(2);
        spec.groups = groups;
        const int32_t most = random.one_in(2) ? 1 : 2;
        spec.in_channels = groups * random.between(1, most);
        spec.out_channels = groups * random.between(1, most);
        spec.kernel = {random.between(1, 2), random.between(1, 3), kernel};
        for (int32_t& stride : spec.stride) stride = random.between(1, 4);
        for (int32_t& dilation : spec.dilation) dilation = random.between(1, 3);
        for (int32_t& pad : spec.pad_before) pad = random.between(-2, 3);
        for (int32_t& pad : spec.pad_after) pad = random.between(-2, 3);
        for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
          Problem problem;
          if (make_problem(spec, 2, {2, 5, width}, layout, &problem) != Status::kOk) continue;
          INFO(deconv_tests::describe(problem));
          CHECK(count_wrong(problem, random) == 0);
          const deconv_tests::SmallMachine few_rows_at_a_time;
          CHECK(count_wrong(problem, random) == 0);
        }
      }
    }
  }
  for (const Route* route : deconv::gradients::routes()) {
    INFO(route->name);
    CHECK(runs_of[route->name] > 50);
  }
}

TEST_CASE("no cut and no number of threads changes a bit of the gradients") {
  for (uint64_t seed = 5600; seed < 5900; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    Tensors tensors(problem, random);
    auto& [input, grad_output] = tensors;
    const auto gradients = [&] {
      ExactBuffer bias(problem.spec.out_channels);
      bias_gradient(problem, grad_output.data(), bias.data());
      std::vector<float> all(bias.data(), bias.data() + bias.size());
      for (const Route* route : deconv::gradients::routes()) {
        if (!route->takes(problem)) continue;
        ExactBuffer weight(problem.spec.weight_elements());
        CHECK(run(*route, problem, input, grad_output, weight) == Status::kOk);
        all.insert(all.end(), weight.data(), weight.data() + weight.size());
      }
      return all;
    };
    const std::vector<float> whole = gradients();
    const deconv_tests::RuntimeThreads running(3);
    const deconv_tests::SmallMachine small(3);
    CHECK(gradients() == whole);
    several_rows_to_a_block();
    CHECK(gradients() == whole);
  }
}

TEST_CASE("the gradient is that of the best route") {
  for (uint64_t seed = 5900; seed < 5950; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    const Route& best = deconv::gradients::best_route(problem);
    REQUIRE(best.takes(problem));
    Tensors tensors(problem, random);
    auto& [input, grad_output] = tensors;
    ExactBuffer expected(problem.spec.weight_elements());
    ExactBuffer grad_weight(problem.spec.weight_elements());
    REQUIRE(run(best, problem, input, grad_output, expected) == Status::kOk);
    REQUIRE(weight_gradient(problem, input.data(), grad_output.data(), grad_weight.data()) ==
            Status::kOk);
    CHECK(std::equal(expected.data(), expected.data() + expected.size(), grad_weight.data()));
  }
}

TEST_CASE("zeros around a tensor are no values, whatever they would be multiplied with") {
  const float infinity = std::numeric_limits<float>::infinity();
  int64_t spread = 0;
  for (uint64_t seed = 5950; seed < 6550; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    Tensors tensors(problem, random);
    auto& [input, grad_output] = tensors;
    ExactBuffer& tensor = random.one_in(2) ? input : grad_output;
    if (tensor.size() == 0) continue;
    tensor.data()[random.one_in(2) ? 0 : tensor.size() - 1] =
        random.one_in(2) ? infinity : std::nanf("");
    ExactBuffer right(problem.spec.weight_elements());
    ExactBuffer best(problem.spec.weight_elements());
    ExactBuffer gradient(problem.spec.weight_elements());
    REQUIRE(run(deconv::gradients::kTaps, problem, input, grad_output, right) == Status::kOk);
    REQUIRE(run(deconv::gradients::best_route(problem), problem, input, grad_output, best) ==
            Status::kOk);
    REQUIRE(weight_gradient(problem, input.data(), grad_output.data(), gradient.data()) ==
            Status::kOk);
    for (int64_t index = 0; index < right.size(); ++index) {
      spread += std::isfinite(right[index]) && !std::isfinite(best[index]);
      const bool same = std::isnan(right[index])      ? std::isnan(gradient[index])
                        : std::isfinite(right[index]) ? std::isfinite(gradient[index])
                                                      : gradient[index] == right[index];
      CHECK(same);
    }
  }
  // There was something to keep away.
  CHECK(spread > 20);
}

TEST_CASE("a tap that meets nothing but zeros has a gradient of 0, beside NaN") {
  for (const bool transposed : {false, true}) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      Spec spec;
      spec.transposed = transposed;
      spec.kernel = {1, 1, 2};
      if (transposed) {
        spec.pad_before = {0, 0, 1};
      } else {
        spec.pad_after = {0, 0, 1};
      }
      Problem problem;
      REQUIRE(make_problem(spec, 1, {1, 1, 1}, layout, &problem) == Status::kOk);
      const float one[] = {1};
      const float nan[] = {std::nanf("")};
      float weight[2];
      REQUIRE(weight_gradient(problem, one, nan, weight) == Status::kOk);
      CHECK(weight[transposed ? 0 : 1] == 0);
      CHECK(std::isnan(weight[transposed ? 1 : 0]));
    }
  }
}

TEST_CASE("zeros far away from a tensor are not copied") {
  Random random(14);
  Spec spec;
  spec.transposed = false;
  spec.kernel = {1, 1, 3};
  spec.stride = {1, 1, 100'000'000};
  spec.pad_before = {0, 0, 1};
  spec.pad_after = {0, 0, 2'000'000'000};
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 1, 6}, Layout::kChannelsFirst, &problem) == Status::kOk);
  CHECK(count_wrong(problem, random) == 0);
  CHECK(deconv::gradients::kTaps.takes(problem));
  CHECK(!deconv::gradients::kWindows.takes(problem));
  CHECK(!kDepthwise.takes(problem));
}

TEST_CASE("sums that take megabytes for every thread are left to others") {
  Spec spec;
  spec.transposed = false;
  spec.kernel = {1, 16, 17};
  for (const int32_t channels : {256, 512}) {
    spec.out_channels = channels;
    Problem problem;
    REQUIRE(make_problem(spec, 1, {1, 16, 24}, Layout::kChannelsFirst, &problem) == Status::kOk);
    CHECK(kDepthwise.takes(problem) == (channels == 256));
  }
}

TEST_CASE("one channel is summed over positions in either layout, which read the same") {
  Random random(15);
  Spec spec;
  spec.kernel = {1, 3, 3};
  Problem first;
  Problem last;
  REQUIRE(make_problem(spec, 2, {1, 5, 24}, Layout::kChannelsFirst, &first) == Status::kOk);
  REQUIRE(make_problem(spec, 2, {1, 5, 24}, Layout::kChannelsLast, &last) == Status::kOk);
  REQUIRE(kDepthwise.takes(first));
  REQUIRE(kDepthwise.takes(last));
  Tensors tensors(first, random);
  auto& [input, grad_output] = tensors;
  ExactBuffer expected(spec.weight_elements());
  ExactBuffer grad_weight(spec.weight_elements());
  REQUIRE(run(kDepthwise, first, input, grad_output, expected) == Status::kOk);
  REQUIRE(run(kDepthwise, last, input, grad_output, grad_weight) == Status::kOk);
  CHECK(std::equal(expected.data(), expected.data() + expected.size(), grad_weight.data()));
  // Channels of their own lie beside each other there, and these are fewer than it sums at once.
  for (const int32_t out : {1, 2}) {
    spec.in_channels = 2;
    spec.out_channels = out;
    REQUIRE(make_problem(spec, 2, {1, 5, 24}, Layout::kChannelsLast, &last) == Status::kOk);
    CHECK(!kDepthwise.takes(last));
  }
}

TEST_CASE("channels last, groups of a few channels are summed beside each other") {
  Random random(17);
  for (const int32_t groups : {4, 5, 9}) {
    for (const int32_t dense : {2, 3, 5}) {
      for (const int32_t strided : {1, 2, 3}) {
        Spec spec;
        spec.transposed = random.one_in(2);
        spec.groups = groups;
        spec.in_channels = groups * (spec.transposed ? dense : strided);
        spec.out_channels = groups * (spec.transposed ? strided : dense);
        spec.kernel = {1, 2, 3};
        spec.stride = {1, 2, random.between(1, 3)};
        spec.pad_before = {0, 1, 1};
        Problem problem;
        REQUIRE(make_problem(spec, 2, {1, 5, 7}, Layout::kChannelsLast, &problem) == Status::kOk);
        INFO(deconv_tests::describe(problem));
        CHECK(kDepthwise.takes(problem));
        CHECK(count_wrong(problem, random) == 0);
        if (dense * strided <= 4) CHECK(&deconv::gradients::best_route(problem) == &kDepthwise);
      }
    }
  }
}

TEST_CASE("a large plane is copied some rows at a time") {
  Random random(16);
  for (const int32_t channels : {1, 8}) {
    Spec spec;
    spec.groups = channels;
    spec.in_channels = channels;
    spec.out_channels = channels;
    spec.kernel = {1, 3, 3};
    Problem problem;
    REQUIRE(make_problem(spec, 1, {1, 150, 150}, Layout::kChannelsLast, &problem) == Status::kOk);
    CHECK(count_wrong(problem, random) == 0);
    deconv::Workspace::shared().release();
    Tensors tensors(problem, random);
    auto& [input, grad_output] = tensors;
    ExactBuffer grad_weight(spec.weight_elements());
    // Less than a plane of one channel.
    const deconv_tests::FailingMemory memory(static_cast<size_t>(deconv::machine.threads) << 16);
    CHECK(run(kDepthwise, problem, input, grad_output, grad_weight) == Status::kOk);
  }
}

TEST_CASE("whichever allocation fails: no weight's gradient, and the same bits afterwards") {
  Random random(8);
  Spec dense;
  dense.in_channels = 6;
  dense.out_channels = 3;
  dense.kernel = {1, 2, 2};
  Spec depthwise = dense;
  depthwise.groups = 9;
  depthwise.in_channels = 9;
  depthwise.out_channels = 9;
  struct Case {
    const Route& route;
    const Spec& spec;
    Layout layout;
    int64_t allocations;
  };
  const Case cases[] = {
      // Columns, or what takes their place, and the sums.
      {deconv::gradients::kTaps, dense, Layout::kChannelsFirst, 2},
      {deconv::gradients::kWindows, dense, Layout::kChannelsFirst, 2},
      // Where the taps of each axis meet, and the sums.
      {kDepthwise, depthwise, Layout::kChannelsFirst, 4},
      {kDepthwise, depthwise, Layout::kChannelsLast, 4},
  };
  for (const auto& [route, spec, layout, allocations] : cases) {
    CAPTURE(route.name);
    Problem problem;
    REQUIRE(make_problem(spec, 1, {1, 3, 8}, layout, &problem) == Status::kOk);
    REQUIRE(route.takes(problem));
    Tensors tensors(problem, random);
    auto& [input, grad_output] = tensors;
    ExactBuffer expected(spec.weight_elements());
    ExactBuffer grad_weight(spec.weight_elements());
    REQUIRE(run(route, problem, input, grad_output, expected) == Status::kOk);
    int64_t failing = 0;
    for (;; ++failing) {
      CAPTURE(failing);
      deconv::Workspace::shared().release();
      {
        const deconv_tests::FailingMemory memory(std::numeric_limits<size_t>::max(), failing);
        const Status status = run(route, problem, input, grad_output, grad_weight);
        CHECK((status == Status::kOutOfMemory) == (memory.failed() > 0));
        if (memory.failed() == 0) break;
      }
      CHECK(run(route, problem, input, grad_output, grad_weight) == Status::kOk);
      CHECK(std::equal(expected.data(), expected.data() + expected.size(), grad_weight.data()));
    }
    // Emscripten's aligned_alloc asks malloc in turn.
    CHECK(failing % allocations == 0);
    CHECK(failing > 0);
  }
}

TEST_CASE("an empty batch has gradients of zero") {
  Random random(9);
  Spec spec;
  spec.kernel = {1, 2, 2};
  Problem problem;
  REQUIRE(make_problem(spec, 0, {1, 3, 3}, Layout::kChannelsFirst, &problem) == Status::kOk);
  ExactBuffer grad_weight(spec.weight_elements());
  ExactBuffer grad_bias(1);
  grad_weight.fill(random);
  grad_bias.fill(random);
  ExactBuffer nothing(0);
  REQUIRE(weight_gradient(problem, nothing.data(), nothing.data(), grad_weight.data()) ==
          Status::kOk);
  bias_gradient(problem, nothing.data(), grad_bias.data());
  for (int64_t index = 0; index < grad_weight.size(); ++index) CHECK(grad_weight[index] == 0.0f);
  CHECK(grad_bias[0] == 0.0f);
}

TEST_CASE("an empty batch asks for no memory, however long its axes are") {
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
    Spec spec;
    spec.kernel = {1, 1, 3};
    Problem problem;
    REQUIRE(make_problem(spec, 0, {1, 1, 400'000'000}, layout, &problem) == Status::kOk);
    float grad_weight[] = {1, 2, 3};
    const deconv_tests::FailingMemory memory(std::numeric_limits<size_t>::max(), 0);
    CHECK(weight_gradient(problem, nullptr, nullptr, grad_weight) == Status::kOk);
    CHECK(memory.asked() == 0);
    for (const float sum : grad_weight) CHECK(sum == 0);
  }
}

TEST_CASE("a billion phases take no longer than the outputs that there are") {
  Random random(12);
  Spec spec;
  spec.transposed = false;
  spec.kernel = {1, 1, 7};
  spec.stride = {1, 1, 999999937};
  spec.input_dilation = {1, 1, 1000000007};
  spec.pad_before = {0, 0, 3};
  spec.pad_after = {0, 0, 3};
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 1, 4}, Layout::kChannelsFirst, &problem) == Status::kOk);
  CHECK(count_wrong(problem, random) == 0);
}
