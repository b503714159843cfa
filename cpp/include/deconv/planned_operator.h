#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "deconv/geometry.h"
#include "deconv/planner.h"
#include "deconv/status.h"

namespace deconv {

class PackedRoute;

// What operators of every arithmetic have in common: a plan for one input size, and packed
// parameters for the routes that were planned. The caller keeps the canonical weight; an operator
// asks for it when a route needs it.
//
//   plan(...);
//   do {
//     if (needs_parameters()) set_parameters(...);
//   } while (run(...) == Status::kReplanned);
class PlannedOperator {
 public:
  ~PlannedOperator();
  PlannedOperator(const PlannedOperator&) = delete;
  PlannedOperator& operator=(const PlannedOperator&) = delete;

  // Fixes the input size and the route; `route` empty lets the planner choose. Unless `forced`, a
  // route that finds no memory gives way to the cheapest of the others. kUnsupported when the
  // route, or every route, refuses. On failure the previous plan stays in force.
  Status plan(int32_t batch, const Axes& input, Layout layout,
              std::optional<RouteId> route = std::nullopt, bool forced = true);

  // The problem of the last successful plan(), and the route that it chose or that took over.
  const Problem& problem() const { return plan_.problem; }
  RouteId route() const { return plan_.route; }

  // Call where runs will follow: the workspace then grows once for all that expect one. Whether
  // they may write over their input.
  bool prepare() const;

  // True when the planned route has no parameters, or those it has were invalidated.
  bool needs_parameters() const;
  // Drops packed copies until at most `most` are left, those of the routes that were planned last;
  // how many are left. 0 after the caller's weight or bias changed, 1 after trying several routes.
  int keep_copies(int most);

  // Operators that exist in this process.
  static int live_count();

 protected:
  explicit PlannedOperator(const Spec& spec);

  // Null without parameters, or without a plan.
  PackedRoute* ready_route() const;
  void adopt_packed(std::unique_ptr<PackedRoute> route);
  // XNNPACK leaves an operator between two sizes when it cannot reshape it: its next run at the old
  // size would write behind the output. A route that failed packs anew.
  void drop_packed();

  // Packs by `pack` for the planned route, or for the first that may take over and finds memory.
  template <typename Pack>
  Status pack_by(const Pack& pack) {
    Status status = pack();
    while (status == Status::kOutOfMemory && give_way()) status = pack();
    return status;
  }
  // What a run answers that ended with `status`.
  Status ended(Status status) {
    return status == Status::kOutOfMemory && give_way() ? Status::kReplanned : status;
  }

  const Spec spec_;
  Plan plan_;

 private:
  void adopt(const Plan& plan);
  bool give_way();

  bool planned_ = false;
  // The route that plan() chose or was told, and those that found no memory since.
  RouteId first_route_ = RouteId::kScalar;
  RouteSet exhausted_;
  bool forced_ = true;
  // Whether packed copies and the workspace were given up since.
  bool cleared_ = false;
  // A slot stays empty until its route is chosen and given parameters.
  std::unique_ptr<PackedRoute> routes_[kRouteCount];
  // When each route was planned last, in plans.
  uint64_t planned_at_[kRouteCount] = {};
  uint64_t plans_ = 0;
};

}  // namespace deconv
