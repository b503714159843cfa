#pragma once

#include <bitset>
#include <optional>

#include "deconv/geometry.h"

namespace deconv {

enum class RouteId : int {
  kXnnpackDeconvolution = 0,
  kXnnpackConvolution,
  kDepthwise,
  kPolyphase,
  kScatter,
  kWinograd43,
  kWinograd42,
  kWinograd22,
  kScalar
};

inline constexpr int kRouteCount = 9;

const char* route_name(RouteId id);

// Null when the route takes this problem, else why not, in words for people.
const char* route_refusal(RouteId id, const Problem& problem);

// Estimated nanoseconds on one thread, layout changes included.
double route_cost(RouteId id, const Problem& problem);

// Routes by their RouteId.
using RouteSet = std::bitset<kRouteCount>;

// The cheapest route that takes the problem and is not one of `without`. The scalar route takes
// every problem, so that there is one unless it is among these.
std::optional<RouteId> choose_route(const Problem& problem, RouteSet without = {});

}  // namespace deconv
