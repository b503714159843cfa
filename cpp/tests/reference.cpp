#include "reference.h"

#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

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

template <typename Body>
void for_each(const Axes& extents, const Body& body) {
  Axes at;
  for (at[0] = 0; at[0] < extents[0]; ++at[0]) {
    for (at[1] = 0; at[1] < extents[1]; ++at[1]) {
      for (at[2] = 0; at[2] < extents[2]; ++at[2]) body(at);
    }
  }
}

// Where the stamp of input position `at` puts tap `tap`. False when the crops cut it off.
bool stamped(const Problem& problem, const Axes& at, const Axes& tap, Axes& target) {
  const Spec& spec = problem.spec;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t place = int64_t{at[axis]} * spec.stride[axis] +
                          int64_t{tap[axis]} * spec.dilation[axis] - spec.pad_before[axis];
    if (place < 0 || place >= problem.output[axis]) return false;
    target[axis] = static_cast<int32_t>(place);
  }
  return true;
}

// The input position under tap `tap` of the window at output position `at`. False when the window
// lies there on padding or on an inserted zero.
bool seen(const Problem& problem, const Axes& at, const Axes& tap, Axes& source) {
  const Spec& spec = problem.spec;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t zero_inserted = int64_t{at[axis]} * spec.stride[axis] +
                                  int64_t{tap[axis]} * spec.dilation[axis] - spec.pad_before[axis];
    const int64_t place = zero_inserted / spec.input_dilation[axis];
    if (zero_inserted % spec.input_dilation[axis] != 0) return false;
    if (place < 0 || place >= problem.input[axis]) return false;
    source[axis] = static_cast<int32_t>(place);
  }
  return true;
}

// Where the values of a channel lie: the first at a position, and how far apart.
struct Values {
  int64_t first;
  int64_t step;
};

Values values_at(Layout layout, int32_t channels, const Axes& extents, int32_t batch,
                 const Axes& at) {
  const int64_t points = int64_t{extents[0]} * extents[1] * extents[2];
  const int64_t point = (int64_t{at[0]} * extents[1] + at[1]) * extents[2] + at[2];
  return layout == Layout::kChannelsFirst ? Values{batch * points * channels + point, points}
                                          : Values{(batch * points + point) * channels, 1};
}

// Adds all products of one tap between an input and an output position. `combine(x, w)` is what one
// of them adds.
template <typename Combine>
void add_tap(const Spec& spec, int64_t tap, const float* input, Values source, const float* weight,
             double* result, Values target, const Combine& combine) {
  const int64_t taps = spec.kernel_elements();
  const int32_t group_in = spec.group_in_channels();
  const int32_t group_out = spec.group_out_channels();
  for (int32_t in = 0; in < spec.in_channels; ++in) {
    const double x = input[source.first + in * source.step];
    const int32_t first_out = in / group_in * group_out;
    for (int32_t out = first_out; out < first_out + group_out; ++out) {
      const int64_t row = spec.transposed ? int64_t{in} * group_out + out % group_out
                                          : int64_t{out} * group_in + in % group_in;
      result[target.first + out * target.step] += combine(x, double{weight[row * taps + tap]});
    }
  }
}

template <typename Combine>
std::vector<double> accumulate(const Problem& problem, const float* input, const float* weight,
                               const float* bias, const Combine& combine) {
  const Spec& spec = problem.spec;
  std::vector<double> result(static_cast<size_t>(problem.output_elements()));
  for (int32_t batch = 0; batch < problem.batch; ++batch) {
    const auto source_of = [&](const Axes& at) {
      return values_at(problem.layout, spec.in_channels, problem.input, batch, at);
    };
    const auto target_of = [&](const Axes& at) {
      return values_at(problem.layout, spec.out_channels, problem.output, batch, at);
    };
    for_each(problem.output, [&](const Axes& at) {
      const Values target = target_of(at);
      for (int32_t out = 0; out < spec.out_channels && bias != nullptr; ++out) {
        result[static_cast<size_t>(target.first + out * target.step)] =
            combine(1.0, double{bias[out]});
      }
    });
    for_each(spec.transposed ? problem.input : problem.output, [&](const Axes& at) {
      int64_t number = 0;
      for_each(spec.kernel, [&](const Axes& tap) {
        Axes other;
        if (spec.transposed ? stamped(problem, at, tap, other) : seen(problem, at, tap, other)) {
          add_tap(spec, number, input, source_of(spec.transposed ? at : other), weight,
                  result.data(), target_of(spec.transposed ? other : at), combine);
        }
        ++number;
      });
    });
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

Problem random_sparse_problem(Random& random) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  const auto extreme = [&] {
    constexpr int64_t kExtremes[] = {1, 2, 3, 1 << 15, 1 << 20, kMax / 3 + 1, kMax / 2 + 1, kMax};
    return random.one_in(3) ? kExtremes[random.next() % std::size(kExtremes)]
                            : int64_t{random.between(1, 3)};
  };
  for (;;) {
    Spec spec;
    spec.transposed = random.one_in(2);
    const int32_t in_group = random.one_in(4) ? 2 : 1;
    const int32_t out_group = random.one_in(4) ? 2 : 1;
    spec.groups = random.one_in(4) ? 1 : random.between(2, 9);
    spec.in_channels = spec.groups * in_group;
    spec.out_channels = spec.groups * out_group;
    Axes input{1, 1, 1};
    bool fits = true;
    for (int axis = 1; axis < 3; ++axis) {
      const int64_t stride = extreme();
      const int64_t dilation = extreme();
      const int64_t input_dilation = spec.transposed ? 1 : extreme();
      spec.kernel[axis] = random.between(1, 4);
      input[axis] = random.between(1, 9);
      const int64_t outputs = random.between(1, 9);
      const int64_t reach = dilation * (spec.kernel[axis] - 1);
      // Some tap of one of the first outputs meets some value.
      const int64_t tap = dilation * random.between(0, spec.kernel[axis] - 1);
      const int64_t value = random.between(0, input[axis] - 1);
      const int64_t shift = random.between(0, 2);
      const int64_t before = spec.transposed ? value * stride + tap - shift
                                             : tap + shift * stride - value * input_dilation;
      const int64_t last = int64_t{input[axis]} - 1;
      const int64_t after = spec.transposed
                                ? last * stride + reach + 1 - before - outputs
                                : (outputs - 1) * stride + reach - last * input_dilation - before;
      fits = fits && std::abs(before) <= kMax && std::abs(after) <= kMax;
      spec.stride[axis] = static_cast<int32_t>(stride);
      spec.dilation[axis] = static_cast<int32_t>(dilation);
      spec.input_dilation[axis] = static_cast<int32_t>(input_dilation);
      spec.pad_before[axis] = static_cast<int32_t>(before);
      spec.pad_after[axis] = static_cast<int32_t>(after);
    }
    const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
    Problem problem;
    if (fits && make_problem(spec, 1, input, layout, &problem) == deconv::Status::kOk)
      return problem;
  }
}

Problem random_problem_of_all_routes(Random& random) {
  for (;;) {
    Problem problem = random_problem(random);
    if (random.one_in(2)) {
      Spec spec;
      spec.transposed = random.one_in(2);
      spec.in_channels = random.between(16, 20);
      spec.out_channels = random.between(16, 20);
      const bool line = random.one_in(2);
      spec.kernel = {1, line ? 1 : 3, line ? random.between(3, 12) : 3};
      if (spec.transposed) spec.stride = {1, line ? 1 : 2, 2};
      spec.relu = random.one_in(2);
      const Layout layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
      if (make_problem(spec, 1, {1, line ? 1 : 9, 11}, layout, &problem) != deconv::Status::kOk)
        continue;
    }
    return problem;
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
