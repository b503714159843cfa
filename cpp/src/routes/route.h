#pragma once

#include <memory>

#include "deconv/geometry.h"
#include "deconv/planner.h"
#include "deconv/status.h"

namespace deconv {

// One way to compute an operator. A route packs the parameters in its own form and may remember
// what it derived from the last input size; input and output are in layout().
class Route {
 public:
  virtual ~Route() = default;

  // `weight` is canonical (see Spec::weight_elements), `bias` has out_channels values, none of them
  // -0. Both may be freed when this returns.
  virtual Status set_parameters(const float* weight, const float* bias) = 0;

  // `input` and `output` hold the problem's elements in the layout given to `RouteEntry::layout`.
  virtual Status run(const Problem& problem, const float* input, float* output) = 0;
};

struct RouteEntry {
  RouteId id;
  const char* name;
  // Null when the route takes this problem, else why not, in words for people.
  const char* (*refusal)(const Problem& problem);
  // Estimated nanoseconds on one thread, layout changes not counted; see routes/cost.h.
  double (*cost)(const Problem& problem);
  // The layout in which run() wants input and output for a caller who has `problem.layout`.
  Layout (*layout)(const Problem& problem);
  // Whether run() leaves Spec::relu to the caller.
  bool leaves_relu = false;
  // Null when out of memory.
  std::unique_ptr<Route> (*create)(const Spec& spec);
};

extern const RouteEntry kDepthwiseRoute;
extern const RouteEntry kPolyphaseRoute;
extern const RouteEntry kScalarRoute;
extern const RouteEntry kScatterRoute;
extern const RouteEntry kWinograd22Route;
extern const RouteEntry kWinograd42Route;
extern const RouteEntry kWinograd43Route;
extern const RouteEntry kXnnpackConvolutionRoute;
extern const RouteEntry kXnnpackDeconvolutionRoute;

// The entry of one route.
const RouteEntry& route_entry(RouteId id);

}  // namespace deconv
