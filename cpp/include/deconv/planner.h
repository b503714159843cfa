#pragma once

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

// The cheapest route that takes the problem; the scalar route takes every problem.
RouteId choose_route(const Problem& problem);

}  // namespace deconv
