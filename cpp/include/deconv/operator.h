#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "deconv/geometry.h"
#include "deconv/planner.h"
#include "deconv/status.h"

namespace deconv {

class Route;

// One operator with its packed parameters. The caller keeps the canonical weight: an Operator
// holds only what its routes packed, and asks for the parameters when a route needs them.
//
//   plan(...);
//   do {
//     if (needs_parameters()) set_parameters(w, b);
//   } while (run(x, y) == Status::kReplanned);
class Operator {
 public:
  // Null when out of memory. `spec` must have passed check_spec.
  static std::unique_ptr<Operator> create(const Spec& spec);
  ~Operator();
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // Fixes the input size and the route; `route` empty lets the planner choose. Unless `forced`, a
  // route that finds no memory gives way to the cheapest of the others, down to the scalar one,
  // which needs none but for its weights. On failure the previous plan stays in force.
  Status plan(int32_t batch, const Axes& input, Layout layout, std::optional<RouteId> route,
              bool forced = true);

  // The problem of the last successful plan(), and the route that it chose or that took over.
  const Problem& problem() const { return plan_.problem; }
  RouteId route() const { return plan_.route; }

  // True when the planned route has no parameters, or those it has were invalidated.
  bool needs_parameters() const;
  // Packs for the planned route, or for the first of those that may take over that finds the
  // memory. `bias` may be null. Both may be freed when this returns.
  Status set_parameters(const float* weight, const float* bias);
  // Drops packed copies until at most `most` are left, those of the routes that were planned last;
  // how many are left. 0 after the caller's weight or bias changed, 1 after trying several routes.
  int keep_copies(int most);

  // `input` and `output` hold the planned problem's elements in the planned layout;
  // both must have 16 readable bytes behind their last element. After a failure the parameters may
  // be needed again. kReplanned: memory was short, nothing was computed, and what route() says now
  // is worth a try.
  Status run(const float* input, float* output);

  // Operators that exist in this process.
  static int live_count();

 private:
  explicit Operator(const Spec& spec);

  Route* current_route() const { return routes_[static_cast<int>(plan_.route)].get(); }
  void adopt(const Plan& plan);
  Status pack(const float* weight, const float* bias);
  Status run_route(Route& route, const float* input, float* output);
  bool give_way();

  Spec spec_;
  Plan plan_;
  bool planned_ = false;
  // The route that plan() chose or was told, and those that found no memory since.
  RouteId first_route_ = RouteId::kScalar;
  RouteSet exhausted_;
  bool forced_ = true;
  // Whether packed copies and the workspace were given up since.
  bool cleared_ = false;
  // A slot stays empty until its route is chosen and given parameters.
  std::unique_ptr<Route> routes_[kRouteCount];
  // When each route was planned last, in plans.
  uint64_t planned_at_[kRouteCount] = {};
  uint64_t plans_ = 0;
};

}  // namespace deconv
