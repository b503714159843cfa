#include "deconv/planner.h"

#include "quantized/quantized_route.h"
#include "routes/cost.h"
#include "routes/route.h"

namespace deconv {
namespace {

constexpr const RouteEntry* kRoutes[] = {
    &kXnnpackDeconvolutionRoute,
    &kImplicitGemmRoute,
    &kDepthwiseRoute,
    &kPolyphaseRoute,
    &kScatterRoute,
    &kWinogradLineRoute,
    &kWinograd45Route,
    &kWinograd43Route,
    &kWinograd42Route,
    &kWinograd22Route,
    &kScalarRoute,
};

static_assert(std::size(kRoutes) == kRouteCount &&
              static_cast<int>(RouteId::kScalar) == kRouteCount - 1);

// What follows from the layout and the ReLU of the route and those of the caller.
void add_surroundings(Plan* plan) {
  const Problem& problem = plan->problem;
  const bool same = plan->layout == problem.layout;
  plan->input_as_is = same || !problem.input_layout_matters();
  plan->output_as_is = same || !problem.output_layout_matters();
  plan->leaves_relu = plan->leaves_relu && problem.spec.relu;
  plan->nanoseconds += surrounding_nanoseconds(*plan);
}

}  // namespace

const RouteEntry& route_entry(RouteId id) { return *kRoutes[static_cast<int>(id)]; }

const char* route_name(RouteId id) { return route_entry(id).name; }

Plan plan_route(RouteId id, const Problem& problem) {
  Plan plan;
  plan.route = id;
  plan.problem = problem;
  plan.layout = problem.layout;
  const RouteEntry& entry = route_entry(id);
  const bool widens = problem.spec.quantized() && entry.create_int8 == nullptr;
  plan.refusal = (widens ? plan_integers_in_floats : entry.plan)(machine, &plan);
  if (plan.refusal == nullptr) add_surroundings(&plan);
  return plan;
}

std::optional<Plan> choose_plan(const Problem& problem, RouteSet without) {
  std::optional<Plan> best;
  for (int id = 0; id < kRouteCount; ++id) {
    if (without[static_cast<size_t>(id)]) continue;
    const Plan plan = plan_route(static_cast<RouteId>(id), problem);
    if (plan.refusal != nullptr) continue;
    if (!best || plan.nanoseconds < best->nanoseconds) best = plan;
  }
  return best;
}

}  // namespace deconv
