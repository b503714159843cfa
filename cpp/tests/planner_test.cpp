#include "deconv/planner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "deconv/runtime.h"
#include "matrix_tile.h"
#include "reference.h"
#include "routes/cuts.h"
#include "routes/depthwise.h"
#include "routes/route.h"
#include "small_machine.h"

using deconv::choose_plan;
using deconv::Layout;
using deconv::plan_route;
using deconv::Problem;
using deconv::route_name;
using deconv::route_refusal;
using deconv::RouteId;
using deconv::Spec;
using deconv_tests::Random;

namespace {

Problem problem_of(const Spec& spec, int32_t batch = 1, int32_t side = 16) {
  Problem problem;
  REQUIRE(make_problem(spec, batch, {1, side, side}, Layout::kChannelsFirst, &problem) ==
          deconv::Status::kOk);
  return problem;
}

bool refuses(RouteId route, const Spec& spec, int32_t side = 16) {
  return route_refusal(route, problem_of(spec, 1, side)) != nullptr;
}

Spec dense_layer(bool transposed) {
  Spec spec;
  spec.transposed = transposed;
  spec.in_channels = 32;
  spec.out_channels = 16;
  spec.kernel = {1, 4, 4};
  spec.stride = {1, 2, 2};
  spec.pad_before = {0, 1, 1};
  spec.pad_after = {0, 1, 1};
  return spec;
}

}  // namespace

TEST_CASE("every problem has a route, and the chosen one takes it at the lowest cost") {
  Random random(4);
  for (int round = 0; round < 1000; ++round) {
    const Problem problem = deconv_tests::random_problem(random);
    INFO(deconv_tests::describe(problem));
    const RouteId chosen = choose_plan(problem)->route;
    CHECK(route_refusal(chosen, problem) == nullptr);
    CHECK(route_refusal(RouteId::kScalar, problem) == nullptr);
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const RouteId route = static_cast<RouteId>(id);
      const char* refusal = route_refusal(route, problem);
      if (refusal != nullptr) {
        CHECK(std::string(refusal).size() > 10);
        continue;
      }
      CHECK(std::isfinite(plan_route(route, problem).nanoseconds));
      CHECK(plan_route(route, problem).nanoseconds >= plan_route(chosen, problem).nanoseconds);
    }
  }
}

TEST_CASE(
    "layers of ordinary size run on products of phases, those of few output channels on scatter") {
  Spec wide;
  wide.in_channels = wide.out_channels = 64;
  wide.kernel = {1, 3, 3};
  CHECK(choose_plan(problem_of(wide, 1, 64))->route == RouteId::kWinograd43);
  wide.exact = true;
  CHECK(choose_plan(problem_of(wide, 1, 64))->route == RouteId::kImplicitGemm);
  Spec super_resolution;
  super_resolution.exact = true;
  super_resolution.in_channels = 56;
  super_resolution.kernel = {1, 9, 9};
  super_resolution.stride = {1, 3, 3};
  CHECK(choose_plan(problem_of(super_resolution, 1, 32))->route == RouteId::kScatter);
}

TEST_CASE("layers of one channel a group run on the depthwise route") {
  for (const bool transposed : {true, false}) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      for (const int32_t kernel : {3, 5, 7, 16}) {
        Spec spec;
        spec.transposed = transposed;
        spec.groups = spec.in_channels = spec.out_channels = 64;
        spec.kernel = {1, kernel, kernel};
        // Where phases have many taps, those of a group are rows enough for a matrix product.
        const int32_t stride = kernel == 16 ? 8 : 2;
        if (transposed) spec.stride = {1, stride, stride};
        Problem problem;
        REQUIRE(make_problem(spec, 1, {1, 32, 32}, layout, &problem) == deconv::Status::kOk);
        INFO(deconv_tests::describe(problem));
        CHECK(choose_plan(problem)->route == RouteId::kDepthwise);
      }
    }
  }
}

TEST_CASE("the depthwise route refuses wide groups and numbers that no layer has") {
  Spec spec = dense_layer(true);
  CHECK(refuses(RouteId::kDepthwise, spec));
  spec.groups = 2;
  CHECK_FALSE(refuses(RouteId::kDepthwise, spec));
  // The copy of a tile would span all that lies between two taps.
  for (const auto [dilation, refused] : {std::pair{1 << 8, false}, std::pair{1 << 20, true}}) {
    spec.kernel[2] = 3;
    spec.dilation[2] = spec.pad_before[2] = spec.pad_after[2] = dilation;
    CHECK(refuses(RouteId::kDepthwise, spec) == refused);
  }
  // Of many phases it would hold a row each that long.
  spec.stride[2] = 2047;
  for (const auto [dilation, refused] : {std::pair{1 << 22, false}, std::pair{1 << 24, true}}) {
    spec.dilation[2] = spec.pad_before[2] = spec.pad_after[2] = dilation;
    CHECK(refuses(RouteId::kDepthwise, spec, 3) == refused);
  }
}

TEST_CASE("batch 0 has a route too") {
  const Problem problem = problem_of(dense_layer(true), 0);
  const std::optional<deconv::Plan> chosen = choose_plan(problem);
  // The scalar route takes every problem of float32.
  CHECK((chosen || problem.spec.quantized()));
  if (chosen) CHECK(chosen->refusal == nullptr);
}

TEST_CASE("XNNPACK's route refuses what XNNPACK does not do") {
  const RouteId route = RouteId::kXnnpackDeconvolution;
  CHECK_FALSE(refuses(route, dense_layer(true)));
  CHECK(refuses(route, dense_layer(false)));

  Spec spec = dense_layer(true);
  spec.pad_before[1] = -1;
  CHECK(refuses(route, spec));
  spec = dense_layer(true);
  spec.pad_after[2] = -1;
  CHECK_FALSE(refuses(route, spec));
  spec.pad_after[2] = -2;
  CHECK(refuses(route, spec));

  spec = dense_layer(true);
  spec.kernel[0] = 2;
  spec.pad_after[0] = 1;
  CHECK(refuses(route, spec));
}

TEST_CASE(
    "implicit GEMM takes every geometry, but no kernel that no panel holds, nor a part of one") {
  for (const bool transposed : {true, false}) {
    Spec spec = dense_layer(transposed);
    CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
    spec.kernel[0] = 2;
    spec.pad_before[1] = -1;
    spec.dilation[2] = 3;
    if (!transposed) {
      spec.input_dilation[1] = 2;
      spec.pad_before[0] = 1;
    }
    CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
    spec = dense_layer(transposed);
    spec.in_channels = 1 << 17;
    CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
    spec.in_channels = 1 << 18;
    CHECK(refuses(RouteId::kImplicitGemm, spec));
  }
  Spec spec = dense_layer(true);
  spec.kernel = spec.stride = {1, 2, 2};
  spec.pad_before = {0, 1, 0};
  spec.pad_after = {0, 0, 0};
  CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
  spec.pad_after[2] = 1;
  CHECK(refuses(RouteId::kImplicitGemm, spec));
  spec.groups = 2;
  CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
  // Few outputs, which are one position with those of all rows of a cell.
  spec.groups = 1;
  spec.pad_before = {0, 0, 0};
  spec.pad_after = {0, 1, 0};
  CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
  spec.out_channels = 2;
  CHECK(refuses(RouteId::kImplicitGemm, spec));
  spec.pad_after[1] = 2;
  CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
  spec.kernel[0] = spec.stride[0] = 2;
  CHECK_FALSE(refuses(RouteId::kImplicitGemm, spec));
  spec.pad_after[0] = 1;
  CHECK(refuses(RouteId::kImplicitGemm, spec));
}

TEST_CASE("XNNPACK's route refuses sizes at which its 32-bit counts of bytes would wrap") {
  struct Case {
    const char* name;
    int32_t kernel, stride, dilation, channels, groups, side;
  };
  // XNNPACK keeps one pointer a tap and output point, whatever the channels.
  for (const Case& large : {
           Case{"transposed, in phases", 4, 2, 1, 1, 1, 4100},
           Case{"transposed, dilated", 7, 1, 2, 1, 1, 4800},
           Case{"transposed, many groups", 16, 1, 1, 1 << 20, 1 << 20, 1},
           Case{"transposed, a tile for each phase", 64, 64, 1, 1, 1, 3},
       }) {
    INFO(std::string(large.name));
    Spec spec;
    spec.groups = large.groups;
    spec.in_channels = spec.out_channels = large.channels;
    spec.kernel = {1, large.kernel, large.kernel};
    spec.stride = {1, large.stride, large.stride};
    spec.dilation = {1, large.dilation, large.dilation};
    const int32_t pad = large.dilation * (large.kernel - 1) / 2;
    spec.pad_before = spec.pad_after = {0, pad, pad};
    const Problem problem = problem_of(spec, 1, large.side);
    CHECK(route_refusal(RouteId::kXnnpackDeconvolution, problem) != nullptr);
  }
}

TEST_CASE("XNNPACK's route refuses pads that its 32-bit extents cannot hold") {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  Spec spec;
  spec.kernel = {1, 2, 2};
  spec.stride = spec.dilation = {1, kMax, kMax};
  spec.pad_before = {0, kMax, kMax};
  spec.pad_after = {0, kMax - 2, kMax - 2};
  const Problem problem = problem_of(spec, 1, 2);
  CHECK(choose_plan(problem)->route == RouteId::kScalar);
  CHECK(route_refusal(RouteId::kXnnpackDeconvolution, problem) != nullptr);
}

TEST_CASE("Winograd refuses what either axis has no transform for") {
  Spec dense;
  dense.transposed = false;
  dense.in_channels = dense.out_channels = 16;
  dense.kernel = {1, 3, 3};
  CHECK_FALSE(refuses(RouteId::kWinograd43, dense));
  for (const int axis : {1, 2}) {
    CAPTURE(axis);
    Spec spec = dense;
    spec.stride[axis] = 2;
    CHECK_FALSE(refuses(RouteId::kWinograd43, spec));
    spec.kernel[axis] = 2;
    CHECK(refuses(RouteId::kWinograd43, spec));
    spec = dense;
    spec.dilation[axis] = 2;
    CHECK(refuses(RouteId::kWinograd43, spec));
    spec = dense;
    spec.input_dilation[axis] = 2;
    CHECK(refuses(RouteId::kWinograd43, spec));
    spec = dense;
    spec.kernel[axis] = 1;
    CHECK(refuses(RouteId::kWinograd43, spec));
  }
  // Taps of the depth are further channels.
  Spec deep = dense;
  deep.kernel[0] = 3;
  deep.pad_before[0] = deep.pad_after[0] = 1;
  CHECK_FALSE(refuses(RouteId::kWinograd43, deep));
  for (deconv::Axes Spec::* const along : {&Spec::stride, &Spec::pad_before, &Spec::pad_after}) {
    Spec spec = deep;
    (spec.*along)[0] += 1;
    CHECK_FALSE(refuses(RouteId::kWinograd43, spec));
  }
  for (deconv::Axes Spec::* const along : {&Spec::dilation, &Spec::input_dilation}) {
    Spec spec = deep;
    (spec.*along)[0] += 1;
    spec.pad_before[0] = spec.pad_after[0] = 4;
    CHECK(refuses(RouteId::kWinograd43, spec));
  }
  dense.in_channels = deep.in_channels = 4;
  CHECK(refuses(RouteId::kWinograd43, dense));
  CHECK_FALSE(refuses(RouteId::kWinograd43, deep));
}

TEST_CASE("Winograd takes few channels where there is much to multiply") {
  Spec spec;
  spec.transposed = false;
  spec.kernel = {1, 3, 3};
  spec.pad_before = spec.pad_after = {0, 1, 1};
  spec.out_channels = 16;
  const auto takes = [&spec](RouteId route, int32_t channels, int32_t side) {
    spec.in_channels = channels;
    return route_refusal(route, problem_of(spec, 1, side)) == nullptr;
  };
  // 3 x 3 x 16 x 4 x side x side multiply-adds, of 2^20.
  CHECK_FALSE(takes(RouteId::kWinograd43, 4, 42));
  CHECK(takes(RouteId::kWinograd43, 4, 43));
  CHECK_FALSE(takes(RouteId::kWinograd43, 3, 200));
  CHECK(takes(RouteId::kWinograd43, 12, 4));
  spec.kernel[1] = 1;
  spec.pad_before[1] = spec.pad_after[1] = 0;
  CHECK_FALSE(takes(RouteId::kWinogradLine, 4, 73));
  CHECK(takes(RouteId::kWinogradLine, 4, 74));
  CHECK_FALSE(takes(RouteId::kWinogradLine, 3, 200));
}

TEST_CASE("Winograd keeps 80 MB of weights at most") {
  // F(4, 5) along the width: 5 taps of each of 5 lines, and transformed ones of 8 points.
  Spec spec;
  spec.transposed = false;
  spec.kernel = {1, 5, 5};
  spec.in_channels = 512;
  spec.out_channels = (20 << 20) / 512 / 25;
  CHECK_FALSE(refuses(RouteId::kWinograd45, spec));
  spec.out_channels += 1;
  CHECK(refuses(RouteId::kWinograd45, spec));
  const deconv_tests::SmallMachine small;
  deconv::machine.winograd_kept_weights = int64_t{1} << 40;
  CHECK(refuses(RouteId::kWinograd45, spec));
  spec.out_channels = (20 << 20) / (512 * 40 + 8);
  CHECK_FALSE(refuses(RouteId::kWinograd45, spec));
  spec.out_channels += 1;
  CHECK(refuses(RouteId::kWinograd45, spec));
}

TEST_CASE("Winograd takes the last layer that keeps 80 MB of weights") {
  // Too many to be kept transformed: their taps are.
  for (const auto& [route, kernel] : {std::pair{RouteId::kWinograd42, deconv::Axes{1, 2, 2}},
                                      std::pair{RouteId::kWinogradLine, deconv::Axes{1, 1, 5}}}) {
    Spec spec;
    spec.transposed = false;
    spec.kernel = kernel;
    spec.in_channels = 2048;
    spec.out_channels = (20 << 20) / 2048 / (kernel[1] * kernel[2]);
    CHECK_FALSE(refuses(route, spec));
    spec.out_channels += 1;
    CHECK(refuses(route, spec));
  }
}

TEST_CASE("scatter holds no more products at once than are indexed, whatever strips would save") {
  // Stamps of 33 x 33: strips several times as high as what two of them share were 44 million.
  Spec spec;
  spec.kernel = {1, 33, 33};
  const deconv::Plan plan = plan_route(RouteId::kScatter, problem_of(spec, 1, 256));
  REQUIRE(plan.refusal == nullptr);
  const auto& cut = plan.cut<deconv::Strips>();
  CHECK(cut.product_elements <= 1 << 24);
  CHECK(cut.strip > 1);
  CHECK(cut.strips * cut.strip >= cut.cells);
}

TEST_CASE("Winograd along a line refuses what is not along one axis") {
  Spec dense;
  dense.transposed = false;
  dense.in_channels = dense.out_channels = 16;
  dense.kernel = {1, 1, 4};
  CHECK_FALSE(refuses(RouteId::kWinogradLine, dense));
  for (deconv::Axes Spec::* const along :
       {&Spec::stride, &Spec::input_dilation, &Spec::pad_before, &Spec::pad_after}) {
    for (const int axis : {0, 1}) {
      Spec spec = dense;
      (spec.*along)[axis] += 1;
      CHECK(refuses(RouteId::kWinogradLine, spec));
    }
  }
  Spec spec = dense;
  spec.kernel[1] = 2;
  CHECK(refuses(RouteId::kWinogradLine, spec));
  std::swap(spec.kernel[1], spec.kernel[2]);
  spec.kernel[2] = 1;
  CHECK_FALSE(refuses(RouteId::kWinogradLine, spec));
  spec.pad_after[2] += 1;
  CHECK(refuses(RouteId::kWinogradLine, spec));
  for (auto [kernel, refused] : {std::pair{1, true}, std::pair{2, false}}) {
    spec = dense;
    spec.kernel[2] = kernel;
    CHECK(refuses(RouteId::kWinogradLine, spec) == refused);
  }
  spec = dense;
  spec.input_dilation[2] = 2;
  CHECK(refuses(RouteId::kWinogradLine, spec));
  for (const bool transposed : {false, true}) {
    spec = dense;
    spec.transposed = transposed;
    spec.stride[2] = 2;
    CHECK(refuses(RouteId::kWinogradLine, spec) != transposed);
    spec.dilation[2] = 2;
    CHECK(refuses(RouteId::kWinogradLine, spec));
  }
}

TEST_CASE("weights stream when they are more than a cache holds") {
  for (const auto [in, out, streams] : {std::tuple{1024, 64, false}, std::tuple{64, 1024, false},
                                        std::tuple{2048, 64, true}, std::tuple{64, 2048, true}}) {
    Spec spec;
    spec.transposed = false;
    spec.in_channels = in;
    spec.out_channels = out;
    spec.kernel = {1, 3, 3};
    const auto blocks =
        plan_route(RouteId::kPolyphase, problem_of(spec, 1, 64)).cut<deconv::Blocks>();
    CHECK(blocks.streams_weights == streams);
  }
  // Winograd's pass by more tiles at once than there would be otherwise, if not for the threads.
  for (const auto [channels, compact, bands] : {std::tuple{96, 900, 3}, std::tuple{128, 900, 1},
                                                std::tuple{128, 0, 4}, std::tuple{512, 0, 1}}) {
    Spec spec;
    spec.compact_positions = compact;
    spec.in_channels = spec.out_channels = channels;
    spec.kernel = {1, 3, 3};
    const auto cut = plan_route(RouteId::kWinograd43, problem_of(spec, 1, 30)).cut<deconv::Bands>();
    CHECK(cut.bands == std::max(bands, deconv::runtime_threads()));
  }
}

TEST_CASE("refusals and costs of problems that no memory holds") {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  constexpr std::array<int32_t, 10> kExtremes = {
      2, 3, 1 << 10, 1 << 15, 1 << 16, (1 << 20) - 1, 1 << 20, 1 << 29, kMax - 1, kMax};
  int64_t planned = 0;
  for (uint64_t seed = 1; planned < 50'000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto extreme = [&] {
      return random.one_in(4) ? kExtremes[random.next() % kExtremes.size()] : random.between(1, 5);
    };
    Spec spec;
    spec.transposed = random.one_in(2);
    spec.groups = extreme();
    const bool few = random.one_in(2);
    const auto channels = [&](int32_t in_group) {
      const int64_t all = int64_t{spec.groups} * in_group;
      return static_cast<int32_t>(all > kMax ? spec.groups : all);
    };
    spec.in_channels = channels(few ? random.between(1, 3) : extreme());
    spec.out_channels = channels(few ? random.between(1, 3) : extreme());
    spec.exact = random.one_in(4);
    spec.arithmetic = static_cast<deconv::Arithmetic>(random.between(0, 2));
    spec.relu = random.one_in(4);
    deconv::Axes input{1, 1, 1};
    for (int axis = static_cast<int>(random.between(0, 2)); axis < 3; ++axis) {
      spec.kernel[axis] = extreme();
      spec.stride[axis] = extreme();
      spec.dilation[axis] = extreme();
      if (!spec.transposed) spec.input_dilation[axis] = extreme();
      spec.pad_before[axis] = random.one_in(3) ? -extreme() : extreme();
      spec.pad_after[axis] = random.one_in(3) ? -extreme() : extreme();
      input[axis] = extreme();
    }
    const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
    Problem problem;
    if (make_problem(spec, extreme(), input, layout, &problem) != deconv::Status::kOk) continue;
    ++planned;
    INFO(deconv_tests::describe(problem));
    for (int id = 0; id < deconv::kRouteCount; ++id) {
      const auto route = static_cast<RouteId>(id);
      if (route_refusal(route, problem) != nullptr) continue;
      INFO(std::string(route_name(route)));
      const double cost = plan_route(route, problem).nanoseconds;
      CHECK(std::isfinite(cost));
      CHECK(cost > 0);
    }
    const std::optional<deconv::Plan> chosen = choose_plan(problem);
    // The scalar route takes every problem of float32.
    CHECK((chosen || problem.spec.quantized()));
    if (chosen) CHECK(chosen->refusal == nullptr);
  }
}

TEST_CASE("how far routes of phases go, to the channel") {
  constexpr int32_t kMost = 1 << 21;
  for (const bool refused : {false, true}) {
    CAPTURE(refused);
    const auto check = [refused](RouteId route, const Spec& spec, int32_t side) {
      CHECK((route_refusal(route, problem_of(spec, 1, side)) != nullptr) == refused);
    };
    Spec spec;
    spec.in_channels = kMost + (refused ? 1 : 0);
    check(RouteId::kPolyphase, spec, 1);
    spec.in_channels = 1;
    spec.out_channels = kMost + (refused ? 1 : 0);
    check(RouteId::kPolyphase, spec, 1);
    spec = dense_layer(true);
    spec.in_channels = refused ? 11 : 12;
    spec.out_channels = 1;
    check(RouteId::kWinograd22, spec, 16);
    spec.kernel[1] = refused ? 32 : 31;
    spec.kernel[2] = 5;
    spec.in_channels = 12;
    check(RouteId::kWinograd45, spec, 16);
    spec.kernel[1] = 1;
    spec.stride = {1, 1, 1};
    spec.pad_before = spec.pad_after = {0, 0, 0};
    // Seven pieces of five taps and one of six.
    spec.kernel[2] = refused ? 42 : 41;
    check(RouteId::kWinogradLine, spec, 16);
    // Parities of both axes.
    spec.transposed = false;
    spec.kernel = {1, 11, 8};
    spec.stride = {1, refused ? 9 : 8, 4};
    check(RouteId::kWinograd43, spec, 16);
  }
}

TEST_CASE("int8 is clamped where it is converted, on every route") {
  for (const auto arithmetic :
       {deconv::Arithmetic::kDynamicInt8, deconv::Arithmetic::kStaticInt8}) {
    for (const bool transposed : {true, false}) {
      Spec spec = dense_layer(transposed);
      spec.relu = true;
      spec.arithmetic = arithmetic;
      for (int id = 0; id < deconv::kRouteCount; ++id) {
        INFO(std::string(route_name(static_cast<RouteId>(id))));
        const deconv::Plan plan = plan_route(static_cast<RouteId>(id), problem_of(spec));
        if (plan.refusal == nullptr) CHECK_FALSE(plan.leaves_relu);
      }
    }
  }
}

TEST_CASE("every route has a name of its own, and stands where its id says") {
  std::set<std::string> names;
  for (int id = 0; id < deconv::kRouteCount; ++id) {
    const auto route = static_cast<RouteId>(id);
    names.insert(route_name(route));
    CHECK(deconv::route_entry(route).id == route);
  }
  CHECK(names.size() == static_cast<size_t>(deconv::kRouteCount));
}

TEST_CASE("on a small machine a problem of 10 x 10 is cut everywhere") {
  Spec spec;
  spec.in_channels = spec.out_channels = 16;
  spec.kernel = {1, 3, 3};
  const Problem problem = problem_of(spec, 1, 10);
  for (const int threads : {1, 3}) {
    CAPTURE(threads);
    const deconv_tests::SmallMachine small(threads);
    const auto blocks = plan_route(RouteId::kPolyphase, problem).cut<deconv::Blocks>();
    CHECK(blocks.streams_weights);
    CHECK(blocks.blocks == 18);
    CHECK(blocks.block == deconv::kPanel);
    const auto strips = plan_route(RouteId::kScatter, problem).cut<deconv::Strips>();
    CHECK(strips.strips == 12);
    CHECK(strips.overlap == 2);
    CHECK(strips.block < strips.pitch);
    // An odd number of quads in a row of tiles, with bands of two rows but for the threads' sake.
    const auto bands = plan_route(RouteId::kWinograd43, problem).cut<deconv::Bands>();
    CHECK(bands.quads == 1);
    CHECK(bands.bands == (deconv::machine.threads == 1 ? 2 : 3));
    CHECK(bands.bands * bands.band_rows > bands.tile_rows - bands.band_rows);
    const auto grid = plan_route(RouteId::kDepthwise, problem).cut<deconv::depthwise::TileGrid>();
    CHECK(grid.row_tiles > 1);
    CHECK(grid.column_tiles > 1);
  }
  // One for each thread.
  CHECK(plan_route(RouteId::kPolyphase, problem).cut<deconv::Blocks>().blocks ==
        deconv::machine.threads);
}
