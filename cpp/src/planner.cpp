#include "deconv/planner.h"

#include <limits>

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
    &kWinograd43Route,
    &kWinograd42Route,
    &kWinograd22Route,
    &kScalarRoute,
};

// Nanoseconds to move one value from one layout to the other.
constexpr double kTransposedValue = 0.29;

// To apply a ReLU that a route left, in a pass of its own or while the layout changes.
constexpr double kReluValue = 0.12;
constexpr double kReluOnTheWay = 0.02;

// A tensor of one channel reads the same in both layouts.
int64_t transposed_values(const Problem& problem) {
  return (problem.spec.in_channels == 1 ? 0 : problem.input_elements()) +
         (problem.spec.out_channels == 1 ? 0 : problem.output_elements());
}

}  // namespace

const RouteEntry& route_entry(RouteId id) { return *kRoutes[static_cast<int>(id)]; }

const char* route_name(RouteId id) { return route_entry(id).name; }

const char* route_refusal(RouteId id, const Problem& problem) {
  return route_entry(id).refusal(problem);
}

double route_cost(RouteId id, const Problem& problem) {
  const RouteEntry& route = route_entry(id);
  const bool same_layout = route.layout(problem) == problem.layout;
  double cost = route.cost(problem);
  if (!same_layout) cost += kTransposedValue * static_cast<double>(transposed_values(problem));
  if (route.leaves_relu && problem.spec.relu) {
    const bool on_the_way = !same_layout && problem.spec.out_channels > 1;
    cost +=
        (on_the_way ? kReluOnTheWay : kReluValue) * static_cast<double>(problem.output_elements());
  }
  return cost;
}

std::optional<RouteId> choose_route(const Problem& problem, RouteSet without) {
  std::optional<RouteId> best;
  double best_cost = std::numeric_limits<double>::infinity();
  for (const RouteEntry* route : kRoutes) {
    if (without[static_cast<size_t>(route->id)] || route->refusal(problem) != nullptr) continue;
    const double cost = route_cost(route->id, problem);
    if (!best || cost < best_cost) {
      best = route->id;
      best_cost = cost;
    }
  }
  return best;
}

}  // namespace deconv
