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

Status Operator::set_parameters(const float* weight, const float* bias) {
  return pack_by([&] { return pack(weight, bias); });
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
  adopt_packed(std::move(route));
  return Status::kOk;
}

Status Operator::run(const float* input, float* output) {
  auto* route = static_cast<Route*>(ready_route());
  if (route == nullptr) return Status::kMissingParameters;
  if (problem().batch == 0) return Status::kOk;
  return ended(run_route(*route, input, output));
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
    drop_packed();
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
