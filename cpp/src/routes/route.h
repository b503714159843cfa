#pragma once

#include <memory>
#include <new>

#include "deconv/geometry.h"
#include "deconv/planner.h"
#include "deconv/status.h"
#include "machine.h"
#include "output.h"

namespace deconv {

// One way to compute an operator, with its parameters packed in a form of its own.
class PackedRoute {
 public:
  virtual ~PackedRoute() = default;
};

// In float32; of int8's see quantized/quantized_route.h.
class Route : public PackedRoute {
 public:
  // `weight` is canonical (see Spec::weight_elements), `bias` has out_channels values, none of them
  // -0. Both may be freed when this returns.
  virtual Status set_parameters(const float* weight, const float* bias) = 0;

  // `plan` is of this route and takes its problem, whose elements `input` and `output` hold in
  // Plan::layout; `scratch` has room for Plan::scratch_elements. Finishes the output.
  virtual Status run(const Plan& plan, const float* input, const Output& output,
                     float* scratch) = 0;
};

class QuantizedRoute;

struct RouteEntry {
  RouteId id;
  const char* name;
  // Null when the route takes plan->problem, else why not, in words for people. Sets what the
  // caller's layout does not depend on: the nanoseconds without layout changes and ReLU, the
  // scratch memory, the cut, and the layout and the ReLU unless they are the caller's and done.
  const char* (*plan)(const Machine& machine, Plan* plan);
  // Null when out of memory.
  std::unique_ptr<Route> (*create)(const Spec& spec);
  // Of a route that plans int8 as well; int8 on any other is integers_in_floats.cpp's.
  std::unique_ptr<QuantizedRoute> (*create_int8)(const Spec& spec) = nullptr;
};

// RouteEntry::create of a class that is made from `of` and a spec.
template <typename Made, const auto&... of>
std::unique_ptr<Route> create_route(const Spec& spec) {
  return std::unique_ptr<Route>(new (std::nothrow) Made(of..., spec));
}

extern const RouteEntry kDepthwiseRoute;
extern const RouteEntry kImplicitGemmRoute;
extern const RouteEntry kPolyphaseRoute;
extern const RouteEntry kScalarRoute;
extern const RouteEntry kScatterRoute;
extern const RouteEntry kWinograd22Route;
extern const RouteEntry kWinograd42Route;
extern const RouteEntry kWinograd43Route;
extern const RouteEntry kWinograd45Route;
extern const RouteEntry kWinogradLineRoute;
extern const RouteEntry kXnnpackDeconvolutionRoute;

// The entry of one route.
const RouteEntry& route_entry(RouteId id);

}  // namespace deconv
