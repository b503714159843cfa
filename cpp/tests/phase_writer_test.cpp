#include "phase_writer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>

#include "reference.h"

using deconv::Layout;
using deconv::OutputStretch;
using deconv::PhaseWriter;
using deconv::Problem;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

Problem random_output(Random& random) {
  Problem problem;
  problem.spec.groups = random.between(1, 3);
  problem.spec.out_channels = problem.spec.groups * random.between(1, 6);
  problem.batch = random.between(1, 2);
  problem.output = {random.between(1, 2), random.between(1, 3), random.between(1, 40)};
  problem.layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
  return problem;
}

OutputStretch random_stretch(const Problem& problem, Random& random) {
  const int32_t column = random.between(0, problem.output[2] - 1);
  return {.image = random.between(0, problem.batch - 1),
          .channel_group = random.between(0, problem.spec.groups - 1),
          .depth = random.between(0, problem.output[0] - 1),
          .height = random.between(0, problem.output[1] - 1),
          .column = column,
          .columns = random.between(1, problem.output[2] - column)};
}

// Values of the output that are not expected(channel of the group, column of the stretch), and
// those outside of the stretch that were touched.
int64_t count_wrong(const Problem& problem, const OutputStretch& stretch, const ExactBuffer& output,
                    const std::function<float(int64_t, int64_t)>& expected) {
  const int64_t channels = problem.spec.out_channels;
  const int64_t points = problem.output_points();
  const int64_t group = problem.spec.group_out_channels();
  int64_t wrong = 0;
  for (int64_t index = 0; index < output.size(); ++index) {
    const bool planes = problem.layout == Layout::kChannelsFirst;
    const int64_t channel = planes ? index / points % channels : index % channels;
    const int64_t point = planes ? index % points : index / channels % points;
    const int64_t column = point % problem.output[2] - stretch.column;
    const bool inside =
        index / (channels * points) == stretch.image && channel / group == stretch.channel_group &&
        point / problem.output[2] == stretch.depth * problem.output[1] + stretch.height &&
        column >= 0 && column < stretch.columns;
    wrong += inside ? output[index] != expected(channel % group, column) : !output.untouched(index);
  }
  return wrong;
}

}  // namespace

TEST_CASE("phases are written side by side into their stretch alone") {
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = random_output(random);
    INFO(deconv_tests::describe(problem));
    const OutputStretch stretch = random_stretch(problem, random);
    const int32_t phases = random.one_in(8) ? random.between(6, 45) : random.between(1, 5);
    const int64_t channels = problem.spec.group_out_channels();
    const int64_t pitch = (stretch.columns - 1) / phases + 1 + random.between(0, 3);
    // The last row ends with its last step, which others may have beyond it.
    const int64_t rows = phases * channels;
    ExactBuffer source((rows - 1) * pitch + stretch.columns / phases +
                       (stretch.columns < phases ? pitch : 0));
    source.fill(random);
    ExactBuffer output(problem.output_elements());
    PhaseWriter(problem, {.values = output.data()})
        .write_phases(phases, stretch, source.data(), pitch);
    CHECK(count_wrong(problem, stretch, output, [&](int64_t channel, int64_t column) {
            return source[(column % phases * channels + channel) * pitch + column / phases];
          }) == 0);
  }
}

TEST_CASE("constants fill their stretch alone") {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = random_output(random);
    INFO(deconv_tests::describe(problem));
    const OutputStretch stretch = random_stretch(problem, random);
    ExactBuffer values(problem.spec.group_out_channels());
    values.fill(random);
    ExactBuffer output(problem.output_elements());
    PhaseWriter(problem, {.values = output.data()}).write_constants(stretch, values.data());
    CHECK(count_wrong(problem, stretch, output,
                      [&](int64_t channel, int64_t) { return values[channel]; }) == 0);
  }
}
