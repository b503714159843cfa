// The planner's choices and estimates against layers whose every route was measured.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "deconv/planner.h"
#include "machine.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Axes;
using deconv::Plan;
using deconv::Problem;
using deconv::RouteId;
using deconv::Spec;

namespace {

struct MeasuredLayer {
  bool transposed;
  int32_t groups, in_channels, out_channels, batch, layout;
  Axes input, kernel, stride, dilation, pad;
  // By RouteId, of the simd build on one thread; 0 for routes that do not take the layer, and for
  // those that are far too slow by their estimate.
  std::array<double, deconv::kRouteCount> milliseconds;

  Problem problem() const {
    Spec spec;
    spec.transposed = transposed;
    spec.groups = groups;
    spec.in_channels = in_channels;
    spec.out_channels = out_channels;
    spec.kernel = kernel;
    spec.stride = stride;
    spec.dilation = dilation;
    spec.pad_before = spec.pad_after = pad;
    Problem made;
    REQUIRE(make_problem(spec, batch, input, static_cast<deconv::Layout>(layout), &made) ==
            deconv::Status::kOk);
    return made;
  }
};

constexpr MeasuredLayer kLayers[] = {
#include "measured_layers.inc"
};

}  // namespace

// Tiles of relaxed SIMD have other costs.
#ifndef __wasm_relaxed_simd__

namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

TEST_CASE("the chosen route of measured layers is the fastest, or nearly so") {
  const deconv_tests::RuntimeThreads one(1);
  double logarithms = 0;
  double worst = 1;
  for (const MeasuredLayer& layer : kLayers) {
    const Problem problem = layer.problem();
    INFO(deconv_tests::describe(problem));
    double fastest = INFINITY;
    for (const double time : layer.milliseconds) {
      if (time > 0) fastest = std::min(fastest, time);
    }
    const RouteId chosen = deconv::choose_plan(problem)->route;
    INFO(std::string(deconv::route_name(chosen)));
    const double time = layer.milliseconds[static_cast<size_t>(chosen)];
    REQUIRE(time > 0);
    const double regret = time / fastest;
    CHECK(regret < 2);
    worst = std::max(worst, regret);
    logarithms += std::log(regret);
  }
  const double mean = std::exp(logarithms / std::size(kLayers));
  std::printf("regret of %d measured layers: %.3f in geometric mean, %.3f at worst\n",
              static_cast<int>(std::size(kLayers)), mean, worst);
  CHECK(mean < 1.1);
}

TEST_CASE("estimates of measured layers are right but for a factor that all routes share") {
  const deconv_tests::RuntimeThreads one(1);
  std::vector<double> ratios[deconv::kRouteCount];
  std::vector<double> all;
  for (const MeasuredLayer& layer : kLayers) {
    const Problem problem = layer.problem();
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const double time = layer.milliseconds[static_cast<size_t>(id)];
      if (time == 0) continue;
      const Plan plan = plan_route(static_cast<RouteId>(id), problem);
      REQUIRE(plan.refusal == nullptr);
      ratios[id].push_back(plan.nanoseconds * 1e-6 / time);
      all.push_back(ratios[id].back());
    }
  }
  const double machine = median(all);
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const double ratio = median(ratios[id]) / machine;
    std::printf("%s: estimate / measured %.3f in the middle of %d\n",
                deconv::route_name(static_cast<RouteId>(id)), ratio,
                static_cast<int>(ratios[id].size()));
    CHECK(ratio > 0.75);
    CHECK(ratio < 1.35);
  }
}

#endif

namespace {

// Every route that takes a layer and the same layer grown asks for at least `least` times as much.
template <typename Grow>
void check_growth(const std::string& what, double least, const Grow& grow) {
  CAPTURE(what);
  for (const MeasuredLayer& layer : kLayers) {
    MeasuredLayer larger = layer;
    grow(&larger);
    const Problem before = layer.problem();
    const Problem after = larger.problem();
    INFO(deconv_tests::describe(before));
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      const Plan plan = plan_route(route, before);
      const Plan grown = plan_route(route, after);
      if (plan.refusal != nullptr || grown.refusal != nullptr) continue;
      INFO(std::string(deconv::route_name(route)));
      CHECK(grown.nanoseconds >= least * plan.nanoseconds);
    }
  }
}

}  // namespace

TEST_CASE("a larger problem costs no less on the same route") {
  const deconv_tests::RuntimeThreads one(1);
  check_growth("batch", 1, [](MeasuredLayer* layer) { ++layer->batch; });
  for (size_t axis = 0; axis < 3; ++axis) {
    check_growth("input", 1, [axis](MeasuredLayer* layer) { ++layer->input[axis]; });
    check_growth("twice the input", 1, [axis](MeasuredLayer* layer) { layer->input[axis] *= 2; });
  }
  check_growth("input channels", 1,
               [](MeasuredLayer* layer) { layer->in_channels += layer->groups; });
  // XNNPACK's micro-kernels of up to four output channels are slower than those of eight, which
  // gain more from relaxed SIMD.
#ifdef __wasm_relaxed_simd__
  constexpr double kLeast = 0.75;
#else
  constexpr double kLeast = 0.95;
#endif
  check_growth("output channels", kLeast,
               [](MeasuredLayer* layer) { layer->out_channels += layer->groups; });
  check_growth("groups", 1, [](MeasuredLayer* layer) {
    layer->in_channels *= 2;
    layer->out_channels *= 2;
    layer->groups *= 2;
  });
}

TEST_CASE("what several threads do in all is no less than what one does, and little more") {
  const deconv::Machine one = deconv::machine;
  double logarithms = 0;
  int64_t plans = 0;
  for (const MeasuredLayer& layer : kLayers) {
    const Problem problem = layer.problem();
    INFO(deconv_tests::describe(problem));
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      INFO(std::string(deconv::route_name(route)));
      deconv::machine.threads = 1;
      const Plan alone = plan_route(route, problem);
      for (const int threads : {2, 4, 8}) {
        CAPTURE(threads);
        deconv::machine.threads = threads;
        const Plan shared = plan_route(route, problem);
        CHECK((shared.refusal == nullptr) == (alone.refusal == nullptr));
        if (alone.refusal != nullptr) continue;
        const double ratio = shared.nanoseconds / alone.nanoseconds;
        // Shorter strips of products may stay in a cache that one thread's do not.
        CHECK(ratio > 0.9);
        CHECK(ratio < 1.01 * threads);
        logarithms += std::log(ratio);
        ++plans;
      }
    }
  }
  deconv::machine = one;
  const double mean = std::exp(logarithms / static_cast<double>(plans));
  std::printf("work on 2 to 8 threads over that on one: %.3f\n", mean);
  CHECK(mean < 1.1);
}
