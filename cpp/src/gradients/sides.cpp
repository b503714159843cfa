#include "gradients/sides.h"

#include "axis_phases.h"

namespace deconv::gradients {
namespace {

Side side_of(const Problem& problem, const Axes& extents, int64_t channels, const float* data) {
  const int64_t points = int64_t{extents[0]} * extents[1] * extents[2];
  const bool last = problem.layout == Layout::kChannelsLast;
  const int64_t channel_stride = last || channels == 1 ? 1 : points;
  const int64_t point_stride = last ? channels : 1;
  return {.data = data,
          .extents = extents,
          .group_channels = channels / problem.spec.groups,
          .batch_stride = points * channels,
          .group_stride = channels / problem.spec.groups * channel_stride,
          .channel_stride = channel_stride,
          .depth_stride = int64_t{extents[1]} * extents[2] * point_stride,
          .row_stride = extents[2] * point_stride,
          .point_stride = point_stride};
}

}  // namespace

const float* Side::at(int64_t batch, int64_t group, int64_t channel, int64_t depth, int64_t height,
                      int64_t width) const {
  return data + batch * batch_stride + group * group_stride + channel * channel_stride +
         depth * depth_stride + height * row_stride + width * point_stride;
}

Sides sides_of(const Problem& problem, const float* input, const float* grad_output) {
  const Spec& spec = problem.spec;
  const Side in = side_of(problem, problem.input, spec.in_channels, input);
  const Side out = side_of(problem, problem.output, spec.out_channels, grad_output);
  return spec.transposed ? Sides{in, out} : Sides{out, in};
}

Meeting meeting_of(const Problem& problem, int axis, int64_t tap) {
  const Spec& spec = problem.spec;
  int64_t phase = 0;
  int64_t offset = 0;
  if (!AxisPhases::find(spec, axis, problem.output[axis], tap, &phase, &offset)) return {};
  const int64_t phases = AxisPhases::count(spec, axis);
  const int64_t step = AxisPhases::step(spec, axis);
  const Range steps = indices_inside(
      offset, step, problem.input[axis],
      indices_inside(phase, phases, problem.output[axis], {0, problem.output[axis]}));
  const Positions input{offset + steps.begin * step, step};
  const Positions output{phase + steps.begin * phases, phases};
  return spec.transposed ? Meeting{steps.count(), input, output}
                         : Meeting{steps.count(), output, input};
}

}  // namespace deconv::gradients
