// The gradients against their definition: the output is linear in the weight, so the gradient of
// one weight is the inner product of grad_output with the output of a weight that is 1 there and 0
// elsewhere. Buffers have no slack: what is read or written behind them stops the sanitizer's run.

#include "deconv/gradients.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "deconv/operator.h"
#include "deconv/workspace.h"
#include "failing_memory.h"
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

// Counts wrong values among some of the weight's gradients and all of the bias's.
int64_t count_wrong(const Problem& problem, Random& random) {
  const Spec& spec = problem.spec;
  ExactBuffer input(problem.input_elements());
  ExactBuffer grad_output(problem.output_elements());
  ExactBuffer grad_weight(spec.weight_elements());
  ExactBuffer grad_bias(spec.out_channels);
  input.fill(random);
  grad_output.fill(random);
  if (weight_gradient(problem, input.data(), grad_output.data(), grad_weight.data()) !=
      Status::kOk) {
    return -1;
  }
  bias_gradient(problem, grad_output.data(), grad_bias.data());

  int64_t wrong = 0;
  for (int tries = 0; tries < 6; ++tries) {
    const int64_t index = random.between(0, static_cast<int32_t>(spec.weight_elements() - 1));
    const InnerProduct expected = expected_gradient(problem, input, grad_output, index);
    // A float sum of n products rounds each of them n times at most.
    wrong += !(std::abs(grad_weight[index] - expected.value) <=
               expected.terms * 0x1p-24 * expected.magnitude);
  }
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

}  // namespace

TEST_CASE("random problems: the parameters' gradients agree with their definition") {
  for (uint64_t seed = 5000; seed < 5600; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    CHECK(count_wrong(problem, random) == 0);
  }
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

TEST_CASE("no cut and no number of threads changes a bit of the gradients") {
  for (uint64_t seed = 5600; seed < 5900; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    ExactBuffer input(problem.input_elements());
    ExactBuffer grad_output(problem.output_elements());
    input.fill(random);
    grad_output.fill(random);
    const auto gradients = [&] {
      ExactBuffer weight(problem.spec.weight_elements());
      ExactBuffer bias(problem.spec.out_channels);
      CHECK(weight_gradient(problem, input.data(), grad_output.data(), weight.data()) ==
            Status::kOk);
      bias_gradient(problem, grad_output.data(), bias.data());
      std::vector<float> all(weight.data(), weight.data() + weight.size());
      all.insert(all.end(), bias.data(), bias.data() + bias.size());
      return all;
    };
    const std::vector<float> whole = gradients();
    const deconv_tests::RuntimeThreads running(3);
    const deconv_tests::SmallMachine small(3);
    CHECK(gradients() == whole);
  }
}

TEST_CASE("whichever allocation fails: no weight's gradient, and the same bits afterwards") {
  Random random(8);
  Spec spec;
  spec.in_channels = 6;
  spec.out_channels = 3;
  spec.kernel = {1, 2, 2};
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 3, 3}, Layout::kChannelsFirst, &problem) == Status::kOk);
  ExactBuffer input(problem.input_elements());
  ExactBuffer grad_output(problem.output_elements());
  ExactBuffer expected(spec.weight_elements());
  ExactBuffer grad_weight(spec.weight_elements());
  input.fill(random);
  grad_output.fill(random);
  const auto gradient = [&](ExactBuffer& target) {
    return weight_gradient(problem, input.data(), grad_output.data(), target.data());
  };
  REQUIRE(gradient(expected) == Status::kOk);
  int64_t failing = 0;
  for (;; ++failing) {
    CAPTURE(failing);
    deconv::Workspace::shared().release();
    {
      const deconv_tests::FailingMemory memory(std::numeric_limits<size_t>::max(), failing);
      const Status status = gradient(grad_weight);
      CHECK((status == Status::kOutOfMemory) == (memory.failed() > 0));
      if (memory.failed() == 0) break;
    }
    CHECK(gradient(grad_weight) == Status::kOk);
    CHECK(std::equal(expected.data(), expected.data() + expected.size(), grad_weight.data()));
  }
  // Both tensors, channels last, and the sums; Emscripten's aligned_alloc asks malloc in turn.
  CHECK(failing % 3 == 0);
  CHECK(failing > 0);
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
