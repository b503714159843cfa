#include "deconv/planned_operator.h"

#include <utility>

#include "deconv/workspace.h"
#include "routes/route.h"

namespace deconv {
namespace {

int live_operators = 0;

}  // namespace

PlannedOperator::PlannedOperator(const Spec& spec) : spec_(spec) {
  ++live_operators;
  Workspace::hold();
}

PlannedOperator::~PlannedOperator() {
  --live_operators;
  Workspace::let_go();
}

int PlannedOperator::live_count() { return live_operators; }

Status PlannedOperator::plan(int32_t batch, const Axes& input, Layout layout,
                             std::optional<RouteId> route, bool forced) {
  Problem problem;
  if (const Status status = make_problem(spec_, batch, input, layout, &problem);
      status != Status::kOk) {
    return status;
  }
  const std::optional<Plan> plan = route ? plan_route(*route, problem) : choose_plan(problem);
  if (!plan || plan->refusal != nullptr) return Status::kUnsupported;
  adopt(*plan);
  first_route_ = plan->route;
  forced_ = route && forced;
  exhausted_.reset();
  cleared_ = false;
  planned_ = true;
  return Status::kOk;
}

void PlannedOperator::adopt(const Plan& plan) {
  plan_ = plan;
  planned_at_[static_cast<int>(plan.route)] = ++plans_;
}

bool PlannedOperator::prepare() const {
  Workspace::shared().expect(plan_.scratch_elements);
  return plan_.in_place;
}

bool PlannedOperator::needs_parameters() const {
  return routes_[static_cast<int>(plan_.route)] == nullptr;
}

PackedRoute* PlannedOperator::ready_route() const {
  return planned_ ? routes_[static_cast<int>(plan_.route)].get() : nullptr;
}

void PlannedOperator::adopt_packed(std::unique_ptr<PackedRoute> route) {
  routes_[static_cast<int>(plan_.route)] = std::move(route);
}

void PlannedOperator::drop_packed() { routes_[static_cast<int>(plan_.route)].reset(); }

// What to try after a route found no memory: the same once more when all that can be made again is
// given up, then the cheapest of those that were not tried. When none is left, the first one is
// planned, for a time of more memory.
bool PlannedOperator::give_way() {
  if (forced_) return false;
  keep_copies(0);
  Workspace::shared().release_own();
  if (!std::exchange(cleared_, true)) return true;
  exhausted_.set(static_cast<size_t>(plan_.route));
  const std::optional<Plan> next = choose_plan(problem(), exhausted_);
  adopt(next ? *next : plan_route(first_route_, problem()));
  if (!next) exhausted_.reset();
  return next.has_value();
}

int PlannedOperator::keep_copies(int most) {
  int left = 0;
  for (const std::unique_ptr<PackedRoute>& route : routes_) left += route != nullptr ? 1 : 0;
  for (; left > most; --left) {
    int oldest = -1;
    for (int id = 0; id < kRouteCount; ++id) {
      const bool older = oldest < 0 || planned_at_[id] < planned_at_[oldest];
      if (routes_[id] != nullptr && older) oldest = id;
    }
    routes_[oldest].reset();
  }
  return left;
}

}  // namespace deconv
