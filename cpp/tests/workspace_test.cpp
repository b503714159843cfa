#include "deconv/workspace.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "deconv/operator.h"
#include "deconv/planner.h"
#include "failing_memory.h"

using deconv::Layout;
using deconv::Operator;
using deconv::Plan;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv::Workspace;
using deconv_tests::FailingMemory;

namespace {

// Without another byte of the heap.
bool has_room(Workspace& workspace, int64_t elements) {
  const float* const before = workspace.scratch.data();
  const FailingMemory memory(0);
  return workspace.scratch.reserve(elements) && workspace.scratch.data() == before;
}

}  // namespace

TEST_CASE("scratch grows once for all that expect to run") {
  Workspace workspace;
  workspace.expect(5000);
  workspace.expect(3000);
  REQUIRE(workspace.reserve_scratch(10));
  CHECK(has_room(workspace, 5000));
  REQUIRE(workspace.reserve_scratch(5000));
  CHECK_FALSE(has_room(workspace, 5001));
}

TEST_CASE("scratch that is expected and not to be had does not stand in the way of a smaller run") {
  Workspace workspace;
  workspace.expect(20000);
  {
    const FailingMemory memory(40000);
    CHECK(workspace.reserve_scratch(1000));
    CHECK(memory.failed() == 1);
  }
  // Nor is it tried again and again.
  const FailingMemory memory(40000);
  CHECK(workspace.reserve_scratch(2000));
  CHECK(memory.failed() == 0);
  CHECK_FALSE(workspace.reserve_scratch(15000));
}

TEST_CASE("scratch that is expected and wanted is asked for once") {
  Workspace workspace;
  workspace.expect(1000);
  const FailingMemory memory(std::numeric_limits<size_t>::max(), 0);
  CHECK_FALSE(workspace.reserve_scratch(1000));
}

TEST_CASE("what is given back is no longer expected") {
  Workspace workspace;
  workspace.expect(5000);
  workspace.release_own();
  REQUIRE(workspace.reserve_scratch(10));
  CHECK_FALSE(has_room(workspace, 5000));
}

TEST_CASE(
    "an operator that is prepared expects the scratch of its plan, one that is only planned "
    "nothing") {
  const Spec spec{.in_channels = 16, .out_channels = 16, .kernel = {1, 3, 3}};
  const std::unique_ptr<Operator> op = Operator::create(spec);
  Workspace& workspace = Workspace::shared();
  workspace.release();
  REQUIRE(op->plan(1, {1, 20, 20}, Layout::kChannelsLast, RouteId::kWinograd43) == Status::kOk);
  const Plan plan = deconv::plan_route(op->route(), op->problem());
  const int64_t elements = plan.scratch_elements;
  REQUIRE(elements > 100);
  REQUIRE(workspace.reserve_scratch(10));
  CHECK_FALSE(has_room(workspace, elements));
  CHECK(op->prepare() == plan.in_place);
  REQUIRE(workspace.reserve_scratch(100));
  CHECK(has_room(workspace, elements));
  workspace.release();
}
