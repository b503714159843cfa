// What TypeScript sees of the core. Registrations only: every check and every computation lives
// behind the includes. Pointers cross as numbers, because Embind hands out no views; operators do
// too: their owner in TypeScript deletes each exactly once, and Embind's classes would add 3 KB of
// handles to the download that nobody sees.

#include <emscripten/bind.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "deconv/buffer.h"
#include "deconv/geometry.h"
#include "deconv/gradients.h"
#include "deconv/operator.h"
#include "deconv/planner.h"
#include "deconv/runtime.h"
#include "deconv/status.h"
#include "deconv/workspace.h"

namespace {

using deconv::Axes;
using deconv::Buffer;
using deconv::Layout;
using deconv::Operator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv::Workspace;

// A failed allocation is 0 to TypeScript, which knows what it asked for and says so.
uintptr_t address_of(Buffer& buffer, double elements) {
  if (elements > static_cast<double>(deconv::kMaxTensorElements)) return 0;
  return buffer.reserve(static_cast<int64_t>(elements)) ? reinterpret_cast<uintptr_t>(buffer.data())
                                                        : 0;
}

uintptr_t reserve_parameters(double elements) {
  return address_of(Workspace::shared().parameters, elements);
}
uintptr_t reserve_input(double elements) { return address_of(Workspace::shared().input, elements); }
uintptr_t reserve_output(double elements) {
  return address_of(Workspace::shared().output, elements);
}
// A block of the caller's, until free_floats.
uintptr_t allocate_floats(double elements) {
  if (elements > static_cast<double>(deconv::kMaxTensorElements)) return 0;
  return reinterpret_cast<uintptr_t>(Buffer::allocate(static_cast<int64_t>(elements)));
}
void free_floats(uintptr_t address) { std::free(reinterpret_cast<float*>(address)); }

void release_parameters() { Workspace::shared().parameters.release(); }

int check_spec(const Spec& spec) { return static_cast<int>(deconv::check_spec(spec)); }

Operator& operator_at(uintptr_t address) { return *reinterpret_cast<Operator*>(address); }

// 0 for a spec that check_spec refuses, and when out of memory.
uintptr_t create_operator(const Spec& spec) {
  if (deconv::check_spec(spec) != Status::kOk) return 0;
  return reinterpret_cast<uintptr_t>(Operator::create(spec).release());
}
void delete_operator(uintptr_t op) { delete &operator_at(op); }

// `route` below 0 lets the planner choose.
int plan(uintptr_t op, int batch, const Axes& input, int layout, int route) {
  if (route >= deconv::kRouteCount) return static_cast<int>(Status::kUnsupported);
  const std::optional<RouteId> forced =
      route < 0 ? std::nullopt : std::optional(static_cast<RouteId>(route));
  return static_cast<int>(operator_at(op).plan(batch, input, static_cast<Layout>(layout), forced));
}

int planned_route(uintptr_t op) { return static_cast<int>(operator_at(op).route()); }

// Milliseconds that `route` is estimated to take for the operator's planned problem on one thread,
// or -1 when it does not take it.
double estimate(uintptr_t op, int route) {
  const auto id = static_cast<RouteId>(route);
  const deconv::Problem& problem = operator_at(op).problem();
  if (deconv::route_refusal(id, problem) != nullptr) return -1;
  return deconv::route_cost(id, problem) * 1e-6;
}

// Why `route` does not take `spec` at this input size; empty when it does.
std::string refusal(const Spec& spec, int batch, const Axes& input, int layout, int route) {
  deconv::Problem problem;
  if (deconv::make_problem(spec, batch, input, static_cast<Layout>(layout), &problem) !=
      Status::kOk) {
    return "there is no such output";
  }
  const char* reason = deconv::route_refusal(static_cast<RouteId>(route), problem);
  return reason == nullptr ? "" : reason;
}

bool needs_parameters(uintptr_t op) { return operator_at(op).needs_parameters(); }

int set_parameters(uintptr_t op, uintptr_t weight, uintptr_t bias) {
  return static_cast<int>(operator_at(op).set_parameters(reinterpret_cast<const float*>(weight),
                                                         reinterpret_cast<const float*>(bias)));
}

void invalidate_parameters(uintptr_t op) { operator_at(op).invalidate_parameters(); }
void drop_other_routes(uintptr_t op) { operator_at(op).drop_other_routes(); }

int run(uintptr_t op, uintptr_t input, uintptr_t output) {
  return static_cast<int>(
      operator_at(op).run(reinterpret_cast<const float*>(input), reinterpret_cast<float*>(output)));
}

// Gradients of weight and bias, behind each other at `gradient`; no bias gradient when there is no
// bias. `input` and `grad_output` are the addresses of their values.
int parameter_gradients(const Spec& spec, int batch, const Axes& extents, int layout,
                        uintptr_t input, uintptr_t grad_output, uintptr_t gradient,
                        bool with_bias) {
  deconv::Problem problem;
  if (const Status status =
          deconv::make_problem(spec, batch, extents, static_cast<Layout>(layout), &problem);
      status != Status::kOk) {
    return static_cast<int>(status);
  }
  const auto* grads = reinterpret_cast<const float*>(grad_output);
  auto* weight = reinterpret_cast<float*>(gradient);
  if (with_bias) deconv::bias_gradient(problem, grads, weight + spec.weight_elements());
  return static_cast<int>(
      deconv::weight_gradient(problem, reinterpret_cast<const float*>(input), grads, weight));
}

// One name a line, in the order of the numbers that calls return.
template <typename Number>
std::string lines(int count, const char* (*name)(Number)) {
  std::string text;
  for (int number = 0; number < count; ++number) {
    text += name(static_cast<Number>(number));
    text += '\n';
  }
  return text;
}

std::string status_names() { return lines(deconv::kStatusCount, deconv::status_name); }
std::string route_names() { return lines(deconv::kRouteCount, deconv::route_name); }

int start_runtime(int threads) { return static_cast<int>(deconv::start_runtime(threads)); }

double allocated_bytes() { return static_cast<double>(deconv::allocated_bytes()); }

}  // namespace

EMSCRIPTEN_BINDINGS(deconv) {
  using namespace emscripten;

  value_array<Axes>("Axes")
      .element(emscripten::index<0>())
      .element(emscripten::index<1>())
      .element(emscripten::index<2>());

  value_object<Spec>("Spec")
      .field("transposed", &Spec::transposed)
      .field("groups", &Spec::groups)
      .field("inChannels", &Spec::in_channels)
      .field("outChannels", &Spec::out_channels)
      .field("kernel", &Spec::kernel)
      .field("stride", &Spec::stride)
      .field("dilation", &Spec::dilation)
      .field("inputDilation", &Spec::input_dilation)
      .field("padBefore", &Spec::pad_before)
      .field("padAfter", &Spec::pad_after)
      .field("relu", &Spec::relu)
      .field("exact", &Spec::exact);

  function("createOperator", &create_operator);
  function("deleteOperator", &delete_operator);
  function("plan", &plan);
  function("plannedRoute", &planned_route);
  function("estimate", &estimate);
  function("needsParameters", &needs_parameters);
  function("setParameters", &set_parameters);
  function("invalidateParameters", &invalidate_parameters);
  function("dropOtherRoutes", &drop_other_routes);
  function("run", &run);

  function("checkSpec", &check_spec);
  function("refusal", &refusal);
  function("parameterGradients", &parameter_gradients);
  function("statusNames", &status_names);
  function("routeNames", &route_names);

  function("reserveParameters", &reserve_parameters);
  function("releaseParameters", &release_parameters);
  function("reserveInput", &reserve_input);
  function("reserveOutput", &reserve_output);
  function("allocateFloats", &allocate_floats);
  function("freeFloats", &free_floats);

  function("startRuntime", &start_runtime);
  function("stopRuntime", &deconv::stop_runtime);
  function("allocatedBytes", &allocated_bytes);
}
