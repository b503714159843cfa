#include "deconv/operator.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <optional>

#include "deconv/buffer.h"
#include "deconv/runtime.h"
#include "deconv/workspace.h"
#include "failing_memory.h"
#include "reference.h"
#include "xnnpack_runtime.h"

using deconv::Buffer;
using deconv::Layout;
using deconv::Operator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv::Workspace;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// One stamp of 2 x 2 a pixel: of one pixel the output repeats the value four times, times the
// weight.
Spec repeat_spec(int32_t channels = 1) {
  Spec spec;
  spec.groups = spec.in_channels = spec.out_channels = channels;
  spec.kernel = {1, 2, 2};
  return spec;
}

// Runs `op`, planned for one pixel of one channel, on `value`.
float run_on(Operator& op, float value) {
  ExactBuffer input(1, Buffer::kSlackBytes);
  ExactBuffer output(4, Buffer::kSlackBytes);
  input.data()[0] = value;
  REQUIRE(op.run(input.data(), output.data()) == Status::kOk);
  for (int64_t index = 1; index < 4; ++index) CHECK(output[index] == output[0]);
  return output[0];
}

void set_all_weights(Operator& op, const Spec& spec, float value) {
  // Freed before the first run: an operator must keep its own copy.
  ExactBuffer weight(spec.weight_elements());
  for (int64_t index = 0; index < weight.size(); ++index) weight.data()[index] = value;
  REQUIRE(op.set_parameters(weight.data(), nullptr) == Status::kOk);
}

}  // namespace

TEST_CASE("plan, parameters, run: every other order is an error with a name") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op != nullptr);
  ExactBuffer input(1, Buffer::kSlackBytes);
  ExactBuffer output(4, Buffer::kSlackBytes);
  input.data()[0] = 1;

  CHECK(op->needs_parameters());
  CHECK(op->run(input.data(), output.data()) == Status::kMissingParameters);
  set_all_weights(*op, spec, 1);
  // Parameters without a plan are not enough.
  CHECK(op->run(input.data(), output.data()) == Status::kMissingParameters);

  REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
          Status::kOk);
  CHECK(op->needs_parameters());
  CHECK(op->run(input.data(), output.data()) == Status::kMissingParameters);
  CHECK(std::isnan(output[0]));
  set_all_weights(*op, spec, 3);
  CHECK_FALSE(op->needs_parameters());
  CHECK(run_on(*op, 2) == 6);
}

TEST_CASE("invalidated parameters are asked for again, on every route") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  const auto plan_on = [&](RouteId route) {
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, route) == Status::kOk);
  };
  for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
    plan_on(route);
    REQUIRE(op->needs_parameters());
    set_all_weights(*op, spec, 2);
    CHECK(run_on(*op, 1) == 2);
  }
  plan_on(RouteId::kScalar);
  // What another route packed is kept.
  CHECK_FALSE(op->needs_parameters());

  CHECK(op->keep_copies(0) == 0);
  CHECK(op->needs_parameters());
  float input[5] = {};
  float output[8] = {};
  CHECK(op->run(input, output) == Status::kMissingParameters);
  for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
    plan_on(route);
    REQUIRE(op->needs_parameters());
    set_all_weights(*op, spec, 5);
    CHECK(run_on(*op, 1) == 5);
  }
}

TEST_CASE("after trying several routes only the planned one keeps its parameters") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  const auto plan_on = [&](RouteId route) {
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, route) == Status::kOk);
  };
  for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
    plan_on(route);
    set_all_weights(*op, spec, 2);
  }
  CHECK(op->keep_copies(1) == 1);
  CHECK_FALSE(op->needs_parameters());
  CHECK(run_on(*op, 1) == 2);
  plan_on(RouteId::kScalar);
  CHECK(op->needs_parameters());
  set_all_weights(*op, spec, 3);
  CHECK(run_on(*op, 1) == 3);
}

TEST_CASE("setting parameters again replaces them") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsLast, route) == Status::kOk);
    set_all_weights(*op, spec, 2);
    CHECK(run_on(*op, 1) == 2);
    set_all_weights(*op, spec, 7);
    CHECK(run_on(*op, 1) == 7);
  }
}

TEST_CASE("a plan that fails leaves the previous one in force") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
          Status::kOk);
  set_all_weights(*op, spec, 4);
  const deconv::Problem before = op->problem();

  CHECK(op->plan(1, {1, 0, 1}, Layout::kChannelsFirst, std::nullopt) == Status::kBadShape);
  CHECK(op->plan(-1, {1, 1, 1}, Layout::kChannelsFirst, std::nullopt) == Status::kBadShape);
  CHECK(op->plan(1, {1, 1 << 30, 1 << 30}, Layout::kChannelsFirst, std::nullopt) ==
        Status::kTooLarge);
  CHECK(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kWinograd43) ==
        Status::kUnsupported);
  CHECK(op->problem() == before);
  CHECK(op->route() == RouteId::kXnnpackDeconvolution);
  CHECK(run_on(*op, 2) == 8);
}

TEST_CASE("live_count counts, and the last operator takes the workspace with it") {
  CHECK(Operator::live_count() == 0);
  Random random(11);
  const Spec spec = repeat_spec(3);
  std::unique_ptr<Operator> first = Operator::create(spec);
  std::unique_ptr<Operator> second = Operator::create(spec);
  CHECK(Operator::live_count() == 2);

  REQUIRE(first->plan(1, {1, 2, 2}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
          Status::kOk);
  set_all_weights(*first, spec, 1);
  ExactBuffer input(first->problem().input_elements(), Buffer::kSlackBytes);
  ExactBuffer output(first->problem().output_elements(), Buffer::kSlackBytes);
  input.fill(random);
  REQUIRE(first->run(input.data(), output.data()) == Status::kOk);
  // XNNPACK wants channels last: both sides went through the workspace.
  CHECK(Workspace::shared().route_input.data() != nullptr);
  CHECK(Workspace::shared().route_output.data() != nullptr);

  first.reset();
  CHECK(Operator::live_count() == 1);
  CHECK(Workspace::shared().route_input.data() != nullptr);
  second.reset();
  CHECK(Operator::live_count() == 0);
  CHECK(Workspace::shared().route_input.data() == nullptr);
  CHECK(Workspace::shared().route_output.data() == nullptr);
}

TEST_CASE("a life of an operator leaves no byte behind") {
  const auto live = [] {
    const Spec spec = repeat_spec(3);
    const std::unique_ptr<Operator> op = Operator::create(spec);
    ExactBuffer input(3 * 9, Buffer::kSlackBytes);
    ExactBuffer output(4 * 3 * 9, Buffer::kSlackBytes);
    Random random(12);
    input.fill(random);
    for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
      REQUIRE(op->plan(1, {1, 3, 3}, Layout::kChannelsFirst, route) == Status::kOk);
      set_all_weights(*op, spec, 1);
      REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
      REQUIRE(op->plan(1, {1, 2, 4}, Layout::kChannelsFirst, route) == Status::kOk);
      REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
    }
  };
  // The first life may initialise what stays for ever.
  live();
  const size_t before = deconv::allocated_bytes();
  for (int round = 0; round < 20; ++round) live();
  CHECK(deconv::allocated_bytes() == before);
}

TEST_CASE("memory that is not there gives kOutOfMemory, and the operator lives on") {
  // 2^27 floats are 512 MB, which is all that this program may have.
  Spec wide;
  wide.in_channels = 1 << 14;
  wide.out_channels = 1 << 13;
  const float nothing = 0;
  for (const RouteId route : {RouteId::kScalar, RouteId::kXnnpackDeconvolution}) {
    const std::unique_ptr<Operator> op = Operator::create(wide);
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, route) == Status::kOk);
    CHECK(op->set_parameters(&nothing, nullptr) == Status::kOutOfMemory);
    CHECK(op->needs_parameters());
  }

  constexpr int32_t kChannels = 64;
  const Spec spec = repeat_spec(kChannels);
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op->plan(1, {1, 1 << 11, 1 << 10}, Layout::kChannelsFirst,
                   RouteId::kXnnpackDeconvolution) == Status::kOk);
  set_all_weights(*op, spec, 2);
  float dummy = 0;
  // It fails before it touches input or output: there is no room to change their layout.
  CHECK(op->run(&dummy, &dummy) == Status::kOutOfMemory);
  REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
          Status::kOk);
  ExactBuffer input(kChannels, Buffer::kSlackBytes);
  ExactBuffer output(4 * kChannels, Buffer::kSlackBytes);
  for (int32_t channel = 0; channel < kChannels; ++channel) input.data()[channel] = 0.5f;
  REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
  for (int64_t index = 0; index < output.size(); ++index) CHECK(output[index] == 1);
}

TEST_CASE("the runtime starts as many threads as are asked for, where the build has threads") {
  const int threads = deconv::runtime_threads();
  CHECK(deconv::start_runtime(0) == Status::kUnsupported);
  deconv::stop_runtime();
  CHECK(deconv::runtime_threads() == 1);
  CHECK(deconv::start_runtime(3) == (DECONV_THREADS ? Status::kOk : Status::kUnsupported));
  CHECK(deconv::runtime_threads() == (DECONV_THREADS ? 3 : 1));
  deconv::stop_runtime();
  if (DECONV_THREADS) {
    const deconv_tests::FailingMemory memory(0);
    CHECK(deconv::start_runtime(3) == Status::kOutOfMemory);
    CHECK(deconv::runtime_threads() == 1);
  }
  CHECK(deconv::start_runtime(threads) == Status::kOk);
  CHECK(deconv::runtime_threads() == threads);
}

TEST_CASE("what XNNPACK answers is a status of ours") {
  CHECK(deconv::from_xnnpack(xnn_status_success) == Status::kOk);
  CHECK(deconv::from_xnnpack(xnn_status_out_of_memory) == Status::kOutOfMemory);
  CHECK(deconv::from_xnnpack(xnn_status_invalid_parameter) == Status::kInternal);
  // A create function without memory for its row of zeros.
  CHECK(deconv::created_status(xnn_status_success, nullptr) == Status::kOutOfMemory);
  CHECK(deconv::created_status(xnn_status_unsupported_parameter, nullptr) == Status::kInternal);
}

TEST_CASE("an operator whose size memory did not hold is right again at the next one") {
  // 3x3 taps, stride 2: XNNPACK's index for the large size takes a thousand million bytes.
  Spec spec;
  spec.kernel = {1, 3, 3};
  spec.stride = {1, 2, 2};
  const std::unique_ptr<Operator> op = Operator::create(spec);
  REQUIRE(op != nullptr);
  ExactBuffer input(16, Buffer::kSlackBytes);
  ExactBuffer before(81, Buffer::kSlackBytes);
  ExactBuffer after(81, Buffer::kSlackBytes);
  Random random(17);
  input.fill(random);
  const auto run = [&](ExactBuffer& output) {
    REQUIRE(op->plan(1, {1, 4, 4}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
            Status::kOk);
    if (op->needs_parameters()) set_all_weights(*op, spec, 0.5f);
    REQUIRE(op->run(input.data(), output.data()) == Status::kOk);
  };
  run(before);
  REQUIRE(op->plan(1, {1, 2600, 2600}, Layout::kChannelsFirst, RouteId::kXnnpackDeconvolution) ==
          Status::kOk);
  // Refused before a value of the input is read.
  CHECK(op->run(input.data(), after.data()) == Status::kOutOfMemory);
  run(after);
  for (int64_t index = 0; index < 81; ++index) CHECK(after[index] == before[index]);
}

TEST_CASE("of the packed copies the ones planned last are kept") {
  const Spec spec = repeat_spec();
  const std::unique_ptr<Operator> op = Operator::create(spec);
  const auto plan_on = [&](RouteId route) {
    REQUIRE(op->plan(1, {1, 1, 1}, Layout::kChannelsFirst, route) == Status::kOk);
  };
  const RouteId routes[] = {RouteId::kScalar, RouteId::kXnnpackDeconvolution, RouteId::kPolyphase,
                            RouteId::kScatter};
  CHECK(op->keep_copies(3) == 0);
  for (const RouteId route : routes) {
    plan_on(route);
    REQUIRE(op->needs_parameters());
    set_all_weights(*op, spec, 2);
  }
  // The first packed is now the one used last.
  plan_on(RouteId::kScalar);
  CHECK(op->keep_copies(5) == 4);
  CHECK(op->keep_copies(2) == 2);
  const bool kept[] = {true, false, false, true};
  for (int index = 0; index < 4; ++index) {
    plan_on(routes[index]);
    CHECK(op->needs_parameters() == !kept[index]);
    if (kept[index]) CHECK(run_on(*op, 3) == 6);
  }
  CHECK(op->keep_copies(0) == 0);
}
