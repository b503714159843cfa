#include "reference.h"

#include <cmath>

namespace deconv_tests {

using deconv::Axes;
using deconv::Layout;
using deconv::Problem;
using deconv::Spec;

namespace {

// Mostly few, sometimes around the width of a micro-kernel (4 or 8 channels).
int32_t random_channels(Random& random) {
  return random.one_in(4) ? random.between(5, 19) : random.between(1, 4);
}

void random_axis(Random& random, int axis, Spec& spec, Axes& input) {
  spec.kernel[axis] = random.between(1, 5);
  spec.stride[axis] = random.between(1, 4);
  spec.dilation[axis] = random.one_in(3) ? random.between(2, 3) : 1;
  if (!spec.transposed && random.one_in(8)) spec.input_dilation[axis] = random.between(2, 3);
  // Mostly ordinary pads, so that XNNPACK gets its share; sometimes negative or wide ones.
  const bool wild = random.one_in(8);
  spec.pad_before[axis] = wild ? random.between(-5, 5) : random.between(0, 2);
  spec.pad_after[axis] = wild ? random.between(-5, 5) : random.between(-1, 2);
  input[axis] = random.one_in(4) ? random.between(8, 17) : random.between(1, 7);
}

Problem candidate(Random& random) {
  Problem problem;
  Spec& spec = problem.spec;
  spec.transposed = random.one_in(2);
  spec.groups = random.one_in(3) ? random.between(2, 9) : 1;
  const bool depthwise = spec.groups > 1 && random.one_in(2);
  spec.in_channels = spec.groups * (depthwise ? 1 : random_channels(random));
  spec.out_channels = spec.groups * (depthwise ? 1 : random_channels(random));
  const int first_axis = random.one_in(6) ? 0 : random.one_in(4) ? 2 : 1;
  for (int axis = first_axis; axis < 3; ++axis) {
    random_axis(random, axis, spec, problem.input);
  }
  problem.batch = random.between(1, 3);
  problem.layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
  spec.relu = random.one_in(3);
  return problem;
}

// Position of a value in a tensor of `channels` channels and `extents`.
int64_t offset(Layout layout, int32_t channels, const Axes& extents, int32_t batch, int32_t channel,
               const Axes& at) {
  const int64_t points = int64_t{extents[0]} * extents[1] * extents[2];
  const int64_t point = (int64_t{at[0]} * extents[1] + at[1]) * extents[2] + at[2];
  return layout == Layout::kChannelsFirst ? (int64_t{batch} * channels + channel) * points + point
                                          : (int64_t{batch} * points + point) * channels + channel;
}

template <typename Body>
void for_each(const Axes& extents, const Body& body) {
  Axes at;
  for (at[0] = 0; at[0] < extents[0]; ++at[0]) {
    for (at[1] = 0; at[1] < extents[1]; ++at[1]) {
      for (at[2] = 0; at[2] < extents[2]; ++at[2]) body(at);
    }
  }
}

bool inside(const Axes& at, const Axes& extents) {
  for (int axis = 0; axis < 3; ++axis) {
    if (at[axis] < 0 || at[axis] >= extents[axis]) return false;
  }
  return true;
}

// Where the stamp of input position `at` puts tap `tap`. False when the crops cut it off.
bool stamped(const Problem& problem, const Axes& at, const Axes& tap, Axes& target) {
  const Spec& spec = problem.spec;
  for (int axis = 0; axis < 3; ++axis) {
    target[axis] =
        at[axis] * spec.stride[axis] + tap[axis] * spec.dilation[axis] - spec.pad_before[axis];
  }
  return inside(target, problem.output);
}

// The input position under tap `tap` of the window at output position `at`. False when the window
// lies there on padding or on an inserted zero.
bool seen(const Problem& problem, const Axes& at, const Axes& tap, Axes& source) {
  const Spec& spec = problem.spec;
  for (int axis = 0; axis < 3; ++axis) {
    const int32_t zero_inserted =
        at[axis] * spec.stride[axis] + tap[axis] * spec.dilation[axis] - spec.pad_before[axis];
    if (zero_inserted % spec.input_dilation[axis] != 0) return false;
    source[axis] = zero_inserted / spec.input_dilation[axis];
  }
  return inside(source, problem.input);
}

// `combine(x, w)` is what one multiply-accumulate adds.
template <typename Combine>
std::vector<double> accumulate(const Problem& problem, const float* input, const float* weight,
                               const float* bias, const Combine& combine) {
  const Spec& spec = problem.spec;
  const int32_t group_in = spec.group_in_channels();
  const int32_t group_out = spec.group_out_channels();
  const auto output_offset = [&](int32_t batch, int32_t channel, const Axes& at) {
    return static_cast<size_t>(
        offset(problem.layout, spec.out_channels, problem.output, batch, channel, at));
  };
  const auto tap_number = [&](const Axes& tap) {
    return (int64_t{tap[0]} * spec.kernel[1] + tap[1]) * spec.kernel[2] + tap[2];
  };
  std::vector<double> result(static_cast<size_t>(problem.output_elements()));
  for (int32_t batch = 0; batch < problem.batch; ++batch) {
    for (int32_t out = 0; out < spec.out_channels; ++out) {
      const int32_t group = out / group_out;
      for_each(problem.output, [&](const Axes& at) {
        result[output_offset(batch, out, at)] = bias == nullptr ? 0.0 : combine(1.0, bias[out]);
      });
      for (int32_t in = group * group_in; in < (group + 1) * group_in; ++in) {
        const int64_t row = spec.transposed ? int64_t{in} * group_out + out % group_out
                                            : int64_t{out} * group_in + in % group_in;
        const auto add = [&](const Axes& source, const Axes& tap, const Axes& target) {
          const double x =
              input[offset(problem.layout, spec.in_channels, problem.input, batch, in, source)];
          const double w = weight[row * spec.kernel_elements() + tap_number(tap)];
          result[output_offset(batch, out, target)] += combine(x, w);
        };
        for_each(spec.transposed ? problem.input : problem.output, [&](const Axes& at) {
          for_each(spec.kernel, [&](const Axes& tap) {
            Axes other;
            if (spec.transposed) {
              if (stamped(problem, at, tap, other)) add(at, tap, other);
            } else {
              if (seen(problem, at, tap, other)) add(other, tap, at);
            }
          });
        });
      }
    }
  }
  return result;
}

}  // namespace

Problem random_problem(Random& random) {
  // A few giants would take all the time and find nothing that the small ones do not.
  constexpr double kEnough = 300e3;
  for (;;) {
    const Problem drawn = candidate(random);
    Problem made;
    if (make_problem(drawn.spec, drawn.batch, drawn.input, drawn.layout, &made) ==
            deconv::Status::kOk &&
        made.multiply_accumulates() < kEnough) {
      return made;
    }
  }
}

std::string describe(const Problem& problem) {
  const auto axes = [](const Axes& values) {
    return std::to_string(values[0]) + "," + std::to_string(values[1]) + "," +
           std::to_string(values[2]);
  };
  const Spec& spec = problem.spec;
  return std::string(spec.transposed ? "transposed" : "convolution") + " groups " +
         std::to_string(spec.groups) + " channels " + std::to_string(spec.in_channels) + "->" +
         std::to_string(spec.out_channels) + " kernel " + axes(spec.kernel) + " stride " +
         axes(spec.stride) + " dilation " + axes(spec.dilation) + " input dilation " +
         axes(spec.input_dilation) + " before " + axes(spec.pad_before) + " after " +
         axes(spec.pad_after) + " batch " + std::to_string(problem.batch) + " input " +
         axes(problem.input) + " output " + axes(problem.output) +
         (problem.layout == Layout::kChannelsFirst ? " channels first" : " channels last") +
         (spec.relu ? " relu" : "");
}

std::vector<double> reference(const Problem& problem, const float* input, const float* weight,
                              const float* bias) {
  return accumulate(problem, input, weight, bias, [](double x, double w) { return x * w; });
}

std::vector<double> reference_magnitude(const Problem& problem, const float* input,
                                        const float* weight, const float* bias) {
  return accumulate(problem, input, weight, bias,
                    [](double x, double w) { return std::abs(x * w); });
}

}  // namespace deconv_tests
