#pragma once

#include <cstdint>

#include "axis_phases.h"

namespace deconv {

// Phases behind each other whose taps read near `offset`, the first of theirs.
struct PhaseWindow {
  int32_t first_phase;
  int32_t phases;
  int64_t offset;
};

// Calls visit(window) with the windows of `reach` offsets that hold the phases of one axis, by
// rising phase, which is by rising offset. A phase that reaches farther has a window of its own.
template <typename Visit>
void visit_windows(const Spec& spec, int axis, int64_t reach, const Visit& visit) {
  const auto count = static_cast<int32_t>(AxisPhases::count(spec, axis));
  PhaseWindow window{0, 0, 0};
  bool empty = true;
  for (int32_t phase = 0; phase < count; ++phase, ++window.phases) {
    const Range offsets = AxisPhases::inputs_of(spec, axis, {phase, phase + 1});
    if (offsets.count() <= 0) continue;
    if (!empty && offsets.end - window.offset <= reach) continue;
    if (!empty) visit(window);
    window = {empty ? 0 : phase, empty ? phase : 0, offsets.begin};
    empty = false;
  }
  visit(window);
}

}  // namespace deconv
