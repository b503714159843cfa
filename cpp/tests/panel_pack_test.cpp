#include "panel_pack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "deconv/buffer.h"
#include "reference.h"

using deconv::Axes;
using deconv::kPanel;
using deconv::Layout;
using deconv::PanelPacker;
using deconv::PanelPositions;
using deconv::Problem;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

Problem random_input(Random& random) {
  Problem problem;
  problem.spec.in_channels = random.between(1, 14);
  problem.batch = random.between(1, 3);
  problem.input = {random.between(1, 2), random.between(1, 4), random.between(1, 13)};
  problem.layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast;
  return problem;
}

// What one lane reads: an image, and a position on axes without ends.
struct Lane {
  int64_t image = 0;
  Axes at{PanelPositions::kNowhere, 0, 0};
};

// Element of channel 0 at a position, which need not lie in the input.
int64_t element(const Problem& problem, const Lane& lane) {
  const int64_t point =
      (int64_t{lane.at[0]} * problem.input[1] + lane.at[1]) * problem.input[2] + lane.at[2];
  const int64_t step = problem.layout == Layout::kChannelsFirst ? 1 : problem.spec.in_channels;
  return lane.image * problem.input_points() * problem.spec.in_channels + point * step;
}

// Lanes as routes make them: steps behind each other from row to row, a few apart, the last ones
// perhaps nowhere.
void random_lanes(const Problem& problem, Random& random, Lane (&lanes)[kPanel]) {
  const int32_t step = random.one_in(3) ? 2 : 1;
  const int32_t used = random.one_in(3) ? random.between(1, kPanel) : kPanel;
  Lane lane{random.between(0, problem.batch - 1),
            {random.between(0, problem.input[0] - 1), random.between(0, problem.input[1] - 1),
             random.between(-2, problem.input[2] + 1)}};
  const int32_t row = problem.input[2] + random.between(-1, 2);
  for (int32_t index = 0; index < kPanel; ++index) {
    lanes[index] = index < used ? lane : Lane{};
    lane.at[2] += step;
    if (lane.at[2] < row) continue;
    lane.at[2] = random.between(0, 1);
    if (++lane.at[1] < problem.input[1]) continue;
    lane.at[1] = 0;
    if (++lane.at[0] < problem.input[0]) continue;
    lane.at[0] = 0;
    lane.image = (lane.image + 1) % problem.batch;
  }
}

PanelPositions positions_of(const Problem& problem, const Lane (&lanes)[kPanel]) {
  PanelPositions positions{};
  for (int index = 0; index < kPanel; ++index) {
    for (int axis = 0; axis < 3; ++axis) positions.spatial[axis][index] = lanes[index].at[axis];
    if (lanes[index].at[0] == PanelPositions::kNowhere) continue;
    positions.start[index] = element(problem, lanes[index]);
  }
  return positions;
}

bool reads(const Problem& problem, const Lane& lane) {
  for (int axis = 0; axis < 3; ++axis) {
    if (lane.at[axis] < 0 || lane.at[axis] >= problem.input[axis]) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("panels hold what each lane reads, and 0 where that lies outside") {
  int64_t read = 0;
  int64_t outside = 0;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = random_input(random);
    const auto guard = random.one_in(2) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
    ExactBuffer input(problem.input_elements(), deconv::Buffer::kSlackBytes, guard);
    input.fill(random);
    PanelPacker packer(problem, input.data());
    // One packer serves many panels, and each of them many offsets.
    for (int panels = 0; panels < 2; ++panels) {
      Lane lanes[kPanel];
      random_lanes(problem, random, lanes);
      const PanelPositions positions = positions_of(problem, lanes);
      packer.select(positions);
      for (int offsets = 0; offsets < 3; ++offsets) {
        const int32_t offset[3] = {random.between(-1, 1), random.between(-2, 2),
                                   random.between(-4, 4)};
        const int32_t first = random.between(0, problem.spec.in_channels - 1);
        const int32_t channels = random.between(1, problem.spec.in_channels - first);
        ExactBuffer panel(int64_t{channels} * kPanel);
        packer.pack(offset, first, channels, panel.data());
        int64_t wrong = 0;
        for (int64_t index = 0; index < panel.size(); ++index) {
          Lane lane = lanes[index % kPanel];
          for (int axis = 0; axis < 3; ++axis) lane.at[axis] += offset[axis];
          const int64_t channel = first + index / kPanel;
          const int64_t step =
              problem.layout == Layout::kChannelsFirst ? problem.input_points() : 1;
          const bool is_read = reads(problem, lane);
          const float wanted = is_read ? input[element(problem, lane) + channel * step] : 0.0f;
          wrong += std::bit_cast<uint32_t>(panel[index]) != std::bit_cast<uint32_t>(wanted);
          ++(is_read ? read : outside);
        }
        CHECK(wrong == 0);
      }
    }
  }
  CHECK(read > 50'000);
  CHECK(outside > 50'000);
}

TEST_CASE("rows that a whole panel reads side by side, at both ends of the input") {
  Random random(1);
  for (const int32_t width : {8, 9, 15, 16}) {
    for (const int32_t channels : {1, 3, 4, 5}) {
      for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
        for (const auto guard : {ExactBuffer::Guard::kBefore, ExactBuffer::Guard::kBehind}) {
          Problem problem;
          problem.spec.in_channels = channels;
          problem.input = {1, 1, width};
          problem.layout = layout;
          // Of the slack nothing may be seen.
          ExactBuffer input(problem.input_elements(), deconv::Buffer::kSlackBytes, guard);
          input.fill(random);
          PanelPacker packer(problem, input.data());
          for (int32_t first = -8; first <= width; ++first) {
            Lane lanes[kPanel];
            for (int32_t lane = 0; lane < kPanel; ++lane) lanes[lane].at = {0, 0, first + lane};
            const PanelPositions positions = positions_of(problem, lanes);
            packer.select(positions);
            ExactBuffer panel(int64_t{channels} * kPanel);
            packer.pack({0, 0, 0}, 0, channels, panel.data());
            int64_t wrong = 0;
            for (int64_t index = 0; index < panel.size(); ++index) {
              const int64_t channel = index / kPanel;
              const Lane& lane = lanes[index % kPanel];
              const int64_t step = layout == Layout::kChannelsFirst ? width : 1;
              const float wanted =
                  reads(problem, lane) ? input[element(problem, lane) + channel * step] : 0.0f;
              wrong += std::bit_cast<uint32_t>(panel[index]) != std::bit_cast<uint32_t>(wanted);
            }
            CHECK(wrong == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("panels of a row hold what each lane reads, and 0 where that lies outside") {
  constexpr float kBetween = 77;
  int64_t whole = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Problem problem = random_input(random);
    problem.layout = Layout::kChannelsFirst;
    problem.input[2] = random.one_in(4) ? random.between(120, 300) : random.between(1, 40);
    const auto guard = random.one_in(2) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
    ExactBuffer input(problem.input_elements(), deconv::Buffer::kSlackBytes, guard);
    input.fill(random);
    const Lane first{random.between(0, problem.batch - 1),
                     {random.between(0, problem.input[0] - 1),
                      random.between(0, problem.input[1] - 1), random.between(-9, 9)}};
    const int32_t panels = random.between(1, problem.input[2] / kPanel + 1);
    const int32_t offset[3] = {random.between(-1, 1), random.between(-2, 2), random.between(-9, 9)};
    const int32_t channel = random.between(0, problem.spec.in_channels - 1);
    const int32_t channels = random.between(1, problem.spec.in_channels - channel);
    const int64_t stride = int64_t{channels} * kPanel + random.between(0, 8);
    ExactBuffer packed((panels - 1) * stride + channels * kPanel);
    std::fill_n(packed.data(), packed.size(), kBetween);
    PanelPacker(problem, input.data())
        .pack_row({.start = element(problem, first),
                   .spatial = {first.at[0], first.at[1]},
                   .column = first.at[2],
                   .columns = problem.input[2],
                   .panels = panels},
                  offset, channel, channels, stride, packed.data());
    int64_t wrong = 0;
    for (int64_t index = 0; index < packed.size(); ++index) {
      float wanted = kBetween;
      const int64_t within = index % stride;
      if (within < channels * kPanel) {
        Lane lane = first;
        lane.at[2] += static_cast<int32_t>(index / stride * kPanel + within % kPanel);
        for (int axis = 0; axis < 3; ++axis) lane.at[axis] += offset[axis];
        const int64_t plane = (channel + within / kPanel) * problem.input_points();
        wanted = reads(problem, lane) ? input[element(problem, lane) + plane] : 0.0f;
        whole += wanted != 0;
      }
      wrong += std::bit_cast<uint32_t>(packed[index]) != std::bit_cast<uint32_t>(wanted);
    }
    CHECK(wrong == 0);
  }
  CHECK(whole > 30'000);
}
