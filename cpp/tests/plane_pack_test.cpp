#include "plane_pack.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

#include "matrix_tile.h"
#include "reference.h"

using deconv::AxisPhases;
using deconv::Planes;
using deconv::Problem;
using deconv::Spec;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

Problem problem_of_planes(Random& random) {
  Spec spec;
  spec.transposed = random.one_in(2);
  spec.in_channels = random.between(1, 3);
  for (size_t axis = 0; axis < 3; ++axis) {
    spec.kernel[axis] = random.between(1, axis == 2 ? 7 : 3);
    spec.stride[axis] = random.between(1, axis == 2 ? 5 : 3);
    spec.dilation[axis] = random.one_in(3) ? 2 : 1;
    if (!spec.transposed && random.one_in(5)) spec.input_dilation[axis] = 2;
    const int32_t reach = spec.dilation[axis] * (spec.kernel[axis] - 1);
    spec.pad_before[axis] = random.between(0, reach);
    spec.pad_after[axis] = random.between(0, reach);
  }
  Problem problem;
  const deconv::Axes input = {random.between(1, 3), random.between(1, 9), random.between(1, 40)};
  if (make_problem(spec, 1, input, deconv::Layout::kChannelsFirst, &problem) !=
      deconv::Status::kOk) {
    return problem_of_planes(random);
  }
  return problem;
}

// What cells of a block read by all taps that is not as it should be, and columns up to a whole
// panel that nobody wrote.
int64_t count_wrong(const Problem& problem, const Planes& cut, const AxisPhases (&axes)[3],
                    const deconv::PlaneBlock& block, const float* input, const ExactBuffer& band) {
  int64_t wrong = 0;
  const auto cell = [&](int64_t start, const int64_t(&tap)[3], int64_t row, int64_t column) {
    const int64_t at[3] = {block.depth * int64_t{cut.step[0]} + tap[0],
                           (block.row + row) * cut.step[1] + tap[1],
                           (block.column + column) * cut.step[2] + tap[2]};
    bool inside = true;
    int64_t point = 0;
    for (size_t axis = 0; axis < 3; ++axis) {
      inside = inside && at[axis] >= 0 && at[axis] < problem.input[axis];
      point = point * problem.input[axis] + at[axis];
    }
    for (int64_t channel = 0; channel < problem.spec.in_channels; ++channel) {
      const int64_t index = channel * cut.plane + start + row * cut.pitch + column;
      const float wanted = inside ? input[channel * problem.input_points() + point] : 0.0f;
      wrong += column < block.columns
                   ? std::bit_cast<uint32_t>(band[index]) != std::bit_cast<uint32_t>(wanted)
                   : band.untouched(index);
    }
  };
  for (const AxisPhases::Tap& d : axes[0].taps()) {
    for (const AxisPhases::Tap& h : axes[1].taps()) {
      for (const AxisPhases::Tap& w : axes[2].taps()) {
        const int64_t start = start_in_band(cut, axes, d, h, w);
        for (int64_t row = 0; row < block.rows; ++row) {
          for (int64_t column = 0; column < deconv::whole_panels(block.columns); ++column) {
            cell(start, {d.offset, h.offset, w.offset}, row, column);
          }
        }
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("every tap reads in a band what its cells read in the planes, and 0 outside") {
  int64_t bands = 0;
  int64_t parts = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = problem_of_planes(random);
    INFO(deconv_tests::describe(problem));
    const Planes cut =
        cut_planes(problem, random.between(1, 4000), random.between(1, 40), random.between(1, 3));
    if (cut.columns == 0) continue;
    AxisPhases axes[3];
    REQUIRE(AxisPhases::derive_all(problem.spec, axes));
    ExactBuffer input(problem.input_elements());
    input.fill(random);
    int64_t cells = 0;
    for (int32_t depth = 0; depth < cut.cells[0]; ++depth) {
      for (int32_t row = 0; row < cut.row_blocks; ++row) {
        for (int32_t column = 0; column < cut.column_blocks; ++column) {
          const deconv::PlaneBlock block = block_at(cut, depth, row, column);
          CHECK(block.rows > 0);
          CHECK(block.columns > 0);
          cells += int64_t{block.rows} * block.columns;
          ExactBuffer band(cut.plane * problem.spec.in_channels);
          pack_band(cut, problem, axes[0], block, input.data(), band.data());
          CHECK(count_wrong(problem, cut, axes, block, input.data(), band) == 0);
          ++bands;
        }
      }
    }
    parts += cut.row_blocks > 1 || cut.column_blocks > 1;
    CHECK(cells == int64_t{cut.cells[0]} * cut.cells[1] * cut.cells[2]);
  }
  // The test reaches what it is for.
  CHECK(bands > 1000);
  CHECK(parts > 100);
}

TEST_CASE("planes: none where the band of a block would be more than 64 MB") {
  const auto cut_of = [](int64_t channels) {
    Spec spec;
    spec.in_channels = static_cast<int32_t>(channels);
    spec.kernel = {1, 3, 3};
    Problem problem;
    REQUIRE(make_problem(spec, 1, {1, 10, 10}, deconv::Layout::kChannelsFirst, &problem) ==
            deconv::Status::kOk);
    return cut_planes(problem, int64_t{1} << 40, 1, 1);
  };
  const int64_t most = (int64_t{1} << 24) / cut_of(1).plane;
  CHECK(cut_of(most).columns > 0);
  CHECK(cut_of(most + 1).columns == 0);
}
