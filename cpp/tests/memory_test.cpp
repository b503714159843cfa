// What becomes of an operator when memory is short.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deconv/buffer.h"
#include "deconv/operator.h"
#include "deconv/workspace.h"
#include "failing_memory.h"
#include "reference.h"

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

namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

// A layer with its data and the right result, all there before memory becomes short.
class Case {
 public:
  Case(const Problem& problem, Random& random)
      : problem_(problem),
        weight_(problem.spec.weight_elements()),
        bias_(problem.spec.out_channels),
        input_(problem.input_elements(), Buffer::kSlackBytes),
        output_(problem.output_elements(), Buffer::kSlackBytes) {
    for (ExactBuffer* values : {&weight_, &bias_, &input_}) values->fill(random);
    expected_ = deconv_tests::reference(problem, input_.data(), weight_.data(), bias_.data());
    magnitude_ =
        deconv_tests::reference_magnitude(problem, input_.data(), weight_.data(), bias_.data());
  }

  // As a caller does it. What the last call answered that was not kOk or kReplanned, or kOk.
  Status compute(Operator& op) const {
    std::fill_n(output_.data(), output_.size(), std::numeric_limits<float>::quiet_NaN());
    for (;;) {
      if (op.needs_parameters()) {
        const Status status = op.set_parameters(weight_.data(), bias_.data());
        if (status != Status::kOk) return status;
      }
      const Status status = op.run(input_.data(), output_.data());
      if (status != Status::kReplanned) return status;
    }
  }

  Status plan(Operator& op, std::optional<RouteId> route, bool forced = true) const {
    return op.plan(problem_.batch, problem_.input, problem_.layout, route, forced);
  }

  bool is_right() const {
    const Spec& spec = problem_.spec;
    for (int64_t index = 0; index < output_.size(); ++index) {
      const auto at = static_cast<size_t>(index);
      const double wanted = spec.relu ? std::max(expected_[at], 0.0) : expected_[at];
      // Winograd's errors come from the whole window.
      const double allowed = 1e-5 * magnitude_[at] + 0x1p-19 * 9 * spec.group_in_channels();
      if (!(std::abs(output_[index] - wanted) <= allowed)) return false;
    }
    return true;
  }

  const Problem& problem() const { return problem_; }

 private:
  const Problem problem_;
  ExactBuffer weight_;
  ExactBuffer bias_;
  ExactBuffer input_;
  ExactBuffer output_;
  std::vector<double> expected_;
  std::vector<double> magnitude_;
};

// The routes that take a problem, cheapest first.
std::vector<RouteId> by_cost(const Problem& problem) {
  std::vector<RouteId> routes;
  deconv::RouteSet seen;
  while (const std::optional<deconv::Plan> next = choose_plan(problem, seen)) {
    seen.set(static_cast<size_t>(next->route));
    routes.push_back(next->route);
  }
  return routes;
}

}  // namespace

TEST_CASE("a route without memory gives way to the next by cost, down to the scalar one") {
  int64_t gave_way = 0;
  int64_t scalar = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case layer(random_problem_of_all_routes(random), random);
    const Problem& problem = layer.problem();
    INFO(deconv_tests::describe(problem));
    const std::vector<RouteId> routes = by_cost(problem);
    // What the scalar route needs for its weights, in whole cache lines, and the operator for
    // itself.
    const auto least = static_cast<size_t>(std::max<int64_t>(
        1024, 4 * problem.spec.weight_elements() + Buffer::kSlackBytes + Buffer::kAlignment));
    size_t place = 0;
    for (size_t most = least << 10; most >= least; most /= 2) {
      const std::unique_ptr<Operator> op = Operator::create(problem.spec);
      REQUIRE(layer.plan(*op, std::nullopt) == Status::kOk);
      REQUIRE(op->route() == routes.front());
      deconv::Workspace::shared().release();
      {
        const FailingMemory memory(std::max(most, least));
        REQUIRE(layer.compute(*op) == Status::kOk);
      }
      CHECK(layer.is_right());
      // The less memory there is, the further down the list.
      const auto now = static_cast<size_t>(std::find(routes.begin(), routes.end(), op->route()) -
                                           routes.begin());
      CHECK(now >= place);
      place = now;
      gave_way += now > 0;
      // Once it has a way, it keeps to it.
      CHECK(layer.compute(*op) == Status::kOk);
      CHECK(op->route() == routes[now]);
      // A new plan begins anew.
      REQUIRE(layer.plan(*op, std::nullopt) == Status::kOk);
      CHECK(op->route() == routes.front());
      CHECK(layer.compute(*op) == Status::kOk);
      CHECK(op->route() == routes.front());
    }
    scalar += routes[place] == RouteId::kScalar;
  }
  CHECK(gave_way > 100);
  CHECK(scalar > 20);
}

TEST_CASE("a forced route does not give way, one that is merely preferred does") {
  Random random(3);
  Spec spec;
  spec.in_channels = spec.out_channels = 16;
  spec.kernel = {1, 3, 3};
  spec.stride = {1, 2, 2};
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 20, 20}, Layout::kChannelsFirst, &problem) == Status::kOk);
  const Case layer(problem, random);
  const std::unique_ptr<Operator> op = Operator::create(spec);
  // XNNPACK's route needs the layout changed: 25600 bytes and more.
  for (const bool forced : {true, false}) {
    REQUIRE(layer.plan(*op, RouteId::kXnnpackDeconvolution, forced) == Status::kOk);
    deconv::Workspace::shared().release();
    {
      const FailingMemory memory(20'000);
      CHECK(layer.compute(*op) == (forced ? Status::kOutOfMemory : Status::kOk));
    }
    CHECK((op->route() == RouteId::kXnnpackDeconvolution) == forced);
    CHECK(layer.is_right() == !forced);
  }
}

TEST_CASE("an operator that found no way at all is planned as before, and computes when it can") {
  Random random(4);
  const Case layer(random_problem_of_all_routes(random), random);
  const std::unique_ptr<Operator> op = Operator::create(layer.problem().spec);
  REQUIRE(layer.plan(*op, std::nullopt) == Status::kOk);
  const RouteId first = op->route();
  for (int round = 0; round < 3; ++round) {
    {
      const FailingMemory memory(0);
      CHECK(layer.compute(*op) == Status::kOutOfMemory);
    }
    CHECK(op->route() == first);
    CHECK(op->needs_parameters());
    CHECK(layer.compute(*op) == Status::kOk);
    CHECK(op->route() == first);
    CHECK(layer.is_right());
    op->keep_copies(0);
    deconv::Workspace::shared().release();
  }
}

TEST_CASE("packed copies of other sizes give way before the planned route does") {
  Random random(5);
  Spec spec;
  spec.in_channels = spec.out_channels = 16;
  spec.kernel = {1, 3, 3};
  const std::unique_ptr<Operator> op = Operator::create(spec);
  Problem problem;
  REQUIRE(make_problem(spec, 1, {1, 9, 9}, Layout::kChannelsFirst, &problem) == Status::kOk);
  const Case layer(problem, random);
  REQUIRE(layer.plan(*op, RouteId::kScatter) == Status::kOk);
  REQUIRE(layer.compute(*op) == Status::kOk);
  REQUIRE(layer.plan(*op, std::nullopt) == Status::kOk);
  const RouteId chosen = op->route();
  REQUIRE(chosen != RouteId::kScatter);
  {
    // The first allocation alone fails.
    const FailingMemory memory(kAny, 0);
    CHECK(layer.compute(*op) == Status::kOk);
    CHECK(memory.failed() == 1);
  }
  CHECK(op->route() == chosen);
  CHECK(layer.is_right());
  REQUIRE(layer.plan(*op, RouteId::kScatter) == Status::kOk);
  CHECK(op->needs_parameters());
}

TEST_CASE("whichever allocation fails: a status, and everything right afterwards") {
  int64_t failures[deconv::kRouteCount] = {};
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case layer(random_problem_of_all_routes(random), random);
    INFO(deconv_tests::describe(layer.problem()));
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      if (route_refusal(route, layer.problem()) != nullptr) continue;
      INFO(std::string(route_name(route)));
      for (int64_t failing = 0;; ++failing) {
        CAPTURE(failing);
        deconv::Workspace::shared().release();
        std::unique_ptr<Operator> op;
        Status status = Status::kOutOfMemory;
        int64_t failed = 0;
        {
          const FailingMemory memory(kAny, failing);
          op = Operator::create(layer.problem().spec);
          if (op != nullptr) {
            REQUIRE(layer.plan(*op, route) == Status::kOk);
            status = layer.compute(*op);
          }
          failed = memory.failed();
        }
        if (failed == 0) {
          CHECK(status == Status::kOk);
          break;
        }
        CHECK(status == Status::kOutOfMemory);
        ++failures[id];
        if (op == nullptr) continue;
        CHECK(layer.compute(*op) == Status::kOk);
        CHECK(layer.is_right());
      }
    }
  }
  for (const int64_t count : failures) CHECK(count > 5);
}
