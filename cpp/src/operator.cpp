#include "deconv/operator.h"

#include <algorithm>
#include <new>
#include <utility>

#include "deconv/workspace.h"
#include "layout.h"
#include "routes/route.h"
#include "steps/elementwise_part.h"

namespace deconv {

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

Status Operator::set_epilogue(const std::optional<Elementwise>& function) {
  function_.reset();
  repeated_a_ = {};
  if (function && function->channel_a != nullptr) {
    repeated_a_ = repeat_channels(function->channel_a, spec_.out_channels, channel_a_);
    if (repeated_a_.empty()) return Status::kOutOfMemory;
  }
  function_ = function;
  if (!repeated_a_.empty()) function_->channel_a = repeated_a_.data();
  return Status::kOk;
}

Status Operator::run(const float* input, float* output, const float* residual) {
  auto* route = static_cast<Route*>(ready_route());
  if (route == nullptr) return Status::kMissingParameters;
  if (problem().batch == 0) return Status::kOk;
  return ended(run_route(*route, input, output, residual));
}

Status Operator::run_route(Route& route, const float* input, float* output, const float* residual) {
  const Problem& problem = plan_.problem;
  Workspace& workspace = Workspace::shared();
  const bool moves_input = !plan_.input_as_is || (input == output && !plan_.in_place);
  const auto finds_room = [](Buffer& buffer, int64_t elements) {
    return elements == 0 || buffer.reserve(elements);
  };
  if (!finds_room(workspace.route_input, moves_input ? problem.input_elements() : 0) ||
      !finds_room(workspace.route_output, plan_.output_as_is ? 0 : problem.output_elements()) ||
      (plan_.scratch_elements > 0 && !workspace.reserve_scratch(plan_.scratch_elements))) {
    return Status::kOutOfMemory;
  }
  // Every route that changes the layout wants channels last from a channels-first caller.
  if (!plan_.input_as_is) {
    transpose(problem.batch, spec_.in_channels, problem.input_points(), input,
              workspace.route_input.data());
  } else if (moves_input) {
    std::copy_n(input, problem.input_elements(), workspace.route_input.data());
  }
  if (function_) {
    const bool planes = problem.layout == Layout::kChannelsFirst;
    function_->outer = problem.batch * (planes ? 1 : problem.output_points());
    function_->channels = spec_.out_channels;
    function_->inner = planes ? problem.output_points() : 1;
  }
  const Output result{.values = output,
                      .relu = plan_.leaves_relu && plan_.output_as_is,
                      .residual = residual,
                      .function = function_ ? &*function_ : nullptr,
                      .repeated_a = repeated_a_};
  const Output elsewhere{.values = workspace.route_output.data()};
  if (const Status status =
          route.run(plan_, moves_input ? workspace.route_input.data() : input,
                    plan_.output_as_is ? result : elsewhere, workspace.scratch.data());
      status != Status::kOk) {
    drop_packed();
    return status;
  }
  if (!plan_.output_as_is) {
    (plan_.leaves_relu ? transpose_relu : transpose)(problem.batch, problem.output_points(),
                                                     spec_.out_channels, elsewhere.values, output);
    result.finish_all(problem.output_elements());
  }
  return Status::kOk;
}

}  // namespace deconv
