#include "deconv/operator.h"

#include <algorithm>
#include <new>
#include <utility>

#include "deconv/workspace.h"
#include "layout.h"
#include "parallel.h"
#include "relu.h"
#include "routes/route.h"

namespace deconv {
namespace {

int live_operators = 0;

void relu_everywhere(int64_t count, float* values) {
  // 256 KiB, which one thread has written and may still have at hand.
  constexpr int64_t kPiece = 1 << 16;
  for_each_item((count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    relu(std::min(kPiece, count - piece * kPiece), values + piece * kPiece);
  });
}

}  // namespace

std::unique_ptr<Operator> Operator::create(const Spec& spec) {
  return std::unique_ptr<Operator>(new (std::nothrow) Operator(spec));
}

Operator::Operator(const Spec& spec) : spec_(spec) {
  ++live_operators;
  Workspace::hold();
}

Operator::~Operator() {
  --live_operators;
  Workspace::let_go();
}

int Operator::live_count() { return live_operators; }

Status Operator::plan(int32_t batch, const Axes& input, Layout layout, std::optional<RouteId> route,
                      bool forced) {
  Problem problem;
  if (const Status status = make_problem(spec_, batch, input, layout, &problem);
      status != Status::kOk) {
    return status;
  }
  // The scalar route takes every problem.
  const Plan plan = route ? plan_route(*route, problem) : *choose_plan(problem);
  if (plan.refusal != nullptr) return Status::kUnsupported;
  adopt(plan);
  first_route_ = plan.route;
  forced_ = route && forced;
  exhausted_.reset();
  cleared_ = false;
  planned_ = true;
  return Status::kOk;
}

void Operator::adopt(const Plan& plan) {
  plan_ = plan;
  planned_at_[static_cast<int>(plan.route)] = ++plans_;
}

bool Operator::needs_parameters() const { return current_route() == nullptr; }

// What to try after a route found no memory: the same once more when all that can be made again is
// given up, then the cheapest of those that were not tried. When none is left, the first one is
// planned, for a time of more memory.
bool Operator::give_way() {
  if (forced_) return false;
  keep_copies(0);
  Workspace::shared().release_own();
  if (!std::exchange(cleared_, true)) return true;
  exhausted_.set(static_cast<size_t>(plan_.route));
  const std::optional<Plan> next = choose_plan(problem(), exhausted_);
  adopt(next ? *next : plan_route(first_route_, problem()));
  if (!next) exhausted_.reset();
  return next.has_value();
}

Status Operator::set_parameters(const float* weight, const float* bias) {
  Status status = pack(weight, bias);
  while (status == Status::kOutOfMemory && give_way()) status = pack(weight, bias);
  return status;
}

Status Operator::pack(const float* weight, const float* bias) {
  std::unique_ptr<Route> route = route_entry(plan_.route).create(spec_);
  if (route == nullptr) return Status::kOutOfMemory;
  Buffer own_bias;
  if (!own_bias.reserve(spec_.out_channels)) return Status::kOutOfMemory;
  for (int32_t channel = 0; channel < spec_.out_channels; ++channel) {
    // + 0 makes 0 of -0, which would survive on the routes that add to it nothing, and not on those
    // that multiply the zeros around the input.
    own_bias[channel] = bias == nullptr ? 0.0f : bias[channel] + 0.0f;
  }
  if (const Status status = route->set_parameters(weight, own_bias.data()); status != Status::kOk)
    return status;
  routes_[static_cast<int>(plan_.route)] = std::move(route);
  return Status::kOk;
}

int Operator::keep_copies(int most) {
  int left = 0;
  for (const std::unique_ptr<Route>& route : routes_) left += route != nullptr ? 1 : 0;
  for (; left > most; --left) {
    int oldest = -1;
    for (int id = 0; id < kRouteCount; ++id) {
      const bool older = oldest < 0 || planned_at_[id] < planned_at_[oldest];
      if (routes_[id] != nullptr && older) oldest = id;
    }
    routes_[oldest].reset();
  }
  return left;
}

Status Operator::run(const float* input, float* output) {
  Route* route = current_route();
  if (!planned_ || route == nullptr) return Status::kMissingParameters;
  if (problem().batch == 0) return Status::kOk;
  const Status status = run_route(*route, input, output);
  if (status == Status::kOutOfMemory && give_way()) return Status::kReplanned;
  return status;
}

Status Operator::run_route(Route& route, const float* input, float* output) {
  const Problem& problem = plan_.problem;
  Workspace& workspace = Workspace::shared();
  const auto finds_room = [](Buffer& buffer, int64_t elements) {
    return elements == 0 || buffer.reserve(elements);
  };
  if (!finds_room(workspace.route_input, plan_.input_as_is ? 0 : problem.input_elements()) ||
      !finds_room(workspace.route_output, plan_.output_as_is ? 0 : problem.output_elements()) ||
      !finds_room(workspace.scratch, plan_.scratch_elements)) {
    return Status::kOutOfMemory;
  }
  // Every route that changes the layout wants channels last from a channels-first caller.
  if (!plan_.input_as_is) {
    transpose(problem.batch, spec_.in_channels, problem.input_points(), input,
              workspace.route_input.data());
  }
  if (const Status status = route.run(
          plan_, plan_.input_as_is ? input : workspace.route_input.data(),
          plan_.output_as_is ? output : workspace.route_output.data(), workspace.scratch.data());
      status != Status::kOk) {
    // XNNPACK leaves an operator between two sizes when it cannot reshape it: its next run at the
    // old size would write behind the output. The route packs anew.
    routes_[static_cast<int>(plan_.route)].reset();
    return status;
  }
  if (!plan_.output_as_is) {
    (plan_.leaves_relu ? transpose_relu : transpose)(problem.batch, problem.output_points(),
                                                     spec_.out_channels,
                                                     workspace.route_output.data(), output);
  } else if (plan_.leaves_relu) {
    relu_everywhere(problem.output_elements(), output);
  }
  return Status::kOk;
}

}  // namespace deconv
