#include "deconv/planner.h"

#include "routes/route.h"

namespace deconv {
namespace {

// Indexed by RouteId.
constexpr const RouteEntry* kRoutes[kRouteCount] = {
    &kXnnpackDeconvolutionRoute,
    &kXnnpackConvolutionRoute,
    &kDepthwiseRoute,
    &kPolyphaseRoute,
    &kScatterRoute,
    &kWinogradRoute,
    &kScalarRoute,
};

}  // namespace

const RouteEntry& route_entry(RouteId id) { return *kRoutes[static_cast<int>(id)]; }

const char* route_name(RouteId id) { return route_entry(id).name; }

const char* route_refusal(RouteId id, const Problem& problem) {
  return route_entry(id).refusal(problem);
}

double route_cost(RouteId id, const Problem& problem) { return route_entry(id).cost(problem); }

RouteId choose_route(const Problem& problem) {
  RouteId best = RouteId::kScalar;
  double best_cost = route_cost(best, problem);
  for (const RouteEntry* route : kRoutes) {
    if (route->refusal(problem) != nullptr) continue;
    const double cost = route->cost(problem);
    if (cost < best_cost) {
      best = route->id;
      best_cost = cost;
    }
  }
  return best;
}

}  // namespace deconv
