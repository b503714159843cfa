#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <type_traits>

#include "deconv/geometry.h"

namespace deconv {

enum class RouteId : int {
  kXnnpackDeconvolution = 0,
  kImplicitGemm,
  kDepthwise,
  kPolyphase,
  kScatter,
  kWinogradLine,
  kWinograd45,
  kWinograd43,
  kWinograd42,
  kWinograd22,
  kScalar
};

inline constexpr int kRouteCount = 11;

const char* route_name(RouteId id);

// What one route will do for one problem. Whoever refuses, chooses, reserves memory or computes
// reads it here.
class Plan {
 public:
  RouteId route = RouteId::kScalar;
  Problem problem;
  // Null when the route takes the problem, else why not, in words for people; nothing below holds
  // then.
  const char* refusal = nullptr;
  // Estimated for one thread, layout changes and the ReLU included.
  double nanoseconds = 0;
  // In which the route reads and writes, and whether a tensor of the caller's reads the same.
  Layout layout = Layout::kChannelsFirst;
  bool input_as_is = true;
  bool output_as_is = true;
  // Whether the route may write over its input, whose elements stand where the output's do.
  bool in_place = false;
  // Whether the route leaves Spec::relu to its caller.
  bool leaves_relu = false;
  // Floats that all workers together compute in.
  int64_t scratch_elements = 0;

  // How the route cuts the problem for so many workers, in a form of its own.
  template <typename Cut>
  void set_cut(const Cut& cut, int workers, int64_t shared_elements = 0) {
    static_assert(std::is_trivially_copyable_v<Cut> && sizeof(Cut) <= sizeof(cut_));
    new (cut_) Cut(cut);
    scratch_elements = shared_elements + cut.worker_elements * workers;
  }
  template <typename Cut>
  const Cut& cut() const {
    return *std::launder(reinterpret_cast<const Cut*>(cut_));
  }

 private:
  alignas(8) std::byte cut_[208] = {};
};

Plan plan_route(RouteId id, const Problem& problem);

inline const char* route_refusal(RouteId id, const Problem& problem) {
  return plan_route(id, problem).refusal;
}

// Routes by their RouteId.
using RouteSet = std::bitset<kRouteCount>;

// The cheapest plan of all routes that take the problem and are not among `without`. The scalar
// route takes every problem, so that there is one unless it is among these.
std::optional<Plan> choose_plan(const Problem& problem, RouteSet without = {});

}  // namespace deconv
