#include "case.h"

#include <cstdlib>

#include "deconv/workspace.h"

namespace deconv_fuzz {

using deconv::Axes;
using deconv::Layout;
using deconv::Problem;
using deconv::RouteId;
using deconv::Status;

void Case::step(Data& data) {
  switch (data.ConsumeIntegralInRange<int>(0, 7)) {
    case 0:
      return plan(data);
    case 1:
      draw_parameters();
      return keep_copies(0);
    case 2:
      return keep_copies(data.ConsumeIntegralInRange<int>(0, 3));
    case 3:
      return run_out_of_turn();
    case 4:
      if (planned_ && is_small(problem())) gradients(data);
      return;
    default:
      if (planned_ && is_small(problem())) run_as_told(data);
  }
}

void Case::plan(Data& data) {
  const int32_t batch = any(data, 0, 3);
  const Axes input = draw_input(data, spec_);
  const Layout layout = draw_layout(data);
  const int route = data.ConsumeIntegralInRange<int>(-4, deconv::kRouteCount - 1);
  const bool forced = data.ConsumeBool();
  const std::optional<RouteId> id =
      route < 0 ? std::nullopt : std::optional(static_cast<RouteId>(route));
  Problem wanted;
  const Status made = make_problem(spec_, batch, input, layout, &wanted);
  const Status planned = op_.plan(batch, input, layout, id, forced);
  if (made != Status::kOk) {
    if (planned != made) std::abort();
    return;
  }
  const bool refused = id ? deconv::route_refusal(*id, wanted) != nullptr : !choose_plan(wanted);
  require(planned == (refused ? Status::kUnsupported : Status::kOk), "plan() against refusal",
          wanted);
  if (refused) return;
  require(problem() == wanted, "plan() made another problem", wanted);
  require(!id || op_.route() == *id, "plan() took another route", wanted);
  planned_ = true;
  // A route that may give way may also have done so.
  forced_ = id.has_value() && forced;
}

void Case::keep_copies(int most) {
  const int left = op_.keep_copies(most);
  if (left > most || op_.keep_copies(most) != left) std::abort();
}

// The contract says what comes of it.
void Case::run_out_of_turn() {
  if (planned_ && !op_.needs_parameters()) return;
  if (run() != Status::kMissingParameters) std::abort();
}

void Case::run_as_told(Data& data) {
  draw_tensors(data);
  if (one_in(data, 8)) deconv::Workspace::shared().release();
  // Not drawn from the data: kept inputs stay the calls that they were.
  if (random_.one_in(4)) op_.prepare();
  Status status;
  bool was_short;
  {
    const Memory memory(data);
    was_short = memory.is_short();
    status = compute(was_short && !forced_);
  }
  if (status == Status::kOutOfMemory && was_short) status = compute(false);
  check(status);
}

Status Case::compute(bool may_replan) {
  for (;;) {
    Status status = op_.needs_parameters() ? set_parameters() : Status::kOk;
    if (status == Status::kOk) status = run();
    if (status != Status::kReplanned) return status;
    require(may_replan, "kReplanned", problem());
  }
}

}  // namespace deconv_fuzz
