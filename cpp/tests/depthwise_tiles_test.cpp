#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "reference.h"
#include "routes/depthwise.h"
#include "small_machine.h"

using deconv::Axes;
using deconv::AxisPhases;
using deconv::Layout;
using deconv::Problem;
using deconv::Range;
using deconv::Spec;
using deconv::whole_vectors;
using deconv_tests::Random;
using namespace deconv::depthwise;

namespace {

Problem random_depthwise(Random& random) {
  for (;;) {
    Problem problem = deconv_tests::random_problem(random);
    if (problem.batch > 0) return problem;
  }
}

int32_t positions_of(const Problem& problem, int axis) {
  const int64_t count = AxisPhases::count(problem.spec, axis);
  return static_cast<int32_t>((problem.output[axis] + count - 1) / count);
}

// Input positions that a stretch of outputs reads on an axis that ends.
int64_t read_by(const Problem& problem, int axis, int64_t first, int64_t count) {
  const Range inputs = AxisPhases::inputs_of(problem.spec, axis, {first, first + count});
  const int64_t begin = std::max<int64_t>(inputs.begin, 0);
  return std::max<int64_t>(std::min<int64_t>(inputs.end, problem.input[axis]) - begin, 0);
}

// Input slices that one output slice reads, at most.
int64_t most_slices(const Problem& problem) {
  AxisPhases depth;
  REQUIRE(depth.derive(problem.spec, 0));
  int64_t most = 0;
  for (int32_t output = 0; output < problem.output[0]; ++output) {
    const auto slices = depth.sources(output, problem.input[0]).taps.size();
    most = std::max(most, static_cast<int64_t>(slices));
  }
  return most;
}

// Where the parts of an axis begin, and how much longer they are than a tile.
void check_parts(const Spec& spec, int axis, int32_t first_shift, int32_t span) {
  AxisPhases phases;
  REQUIRE(phases.derive(spec, axis));
  if (phases.offset_count() == 0) return;
  const int64_t low = deconv::floor_divide(phases.offset(0), phases.step());
  const int64_t high =
      deconv::floor_divide(phases.offset(phases.offset_count() - 1), phases.step());
  CHECK(first_shift <= low);
  CHECK(first_shift + span >= high);
  // Without holes in the kernel nothing is copied in vain.
  if (spec.dilation[axis] == 1 && spec.input_dilation[axis] == 1) {
    CHECK(first_shift == low);
    CHECK(first_shift + span == high);
  }
}

}  // namespace

TEST_CASE("tiles cover every output once, and their memory holds what they read") {
  std::array<int, 3> kinds{};
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = random_depthwise(random);
    INFO(deconv_tests::describe(problem));
    const Spec& spec = problem.spec;
    const deconv::Machine usual{.threads = random.between(1, 4)};
    const deconv_tests::SmallMachine small(random.between(1, 4));
    const deconv::Machine& machine = random.one_in(3) ? usual : deconv::machine;
    TileGrid grid;
    REQUIRE(cut_into_tiles(problem, machine, &grid));

    const bool planes = runs_planes(problem);
    const int32_t rows = positions_of(problem, 1);
    const int32_t columns = positions_of(problem, 2);
    CHECK(grid.groups == (planes ? spec.groups : 1));
    std::vector<int> covered(static_cast<size_t>(int64_t{problem.batch} * grid.groups *
                                                 problem.output[0] * rows * columns));
    int64_t wrong = 0;
    int64_t most_copied = 0;
    for (int64_t index = 0; index < grid.count; ++index) {
      const Tile tile = tile_at(problem, grid, index);
      wrong += tile.rows < 1 || tile.rows > grid.rows || tile.columns < 1 ||
               tile.columns > grid.columns || tile.row + tile.rows > rows ||
               tile.column + tile.columns > columns;
      const int64_t slice =
          (int64_t{tile.batch} * grid.groups + tile.group) * problem.output[0] + tile.depth;
      for (int32_t row = tile.row; row < tile.row + tile.rows; ++row) {
        for (int32_t column = tile.column; column < tile.column + tile.columns; ++column) {
          ++covered[static_cast<size_t>((slice * rows + row) * columns + column)];
        }
      }
      const int64_t row_phases = AxisPhases::count(spec, 1);
      const int64_t phases = AxisPhases::count(spec, 2);
      most_copied = std::max(most_copied,
                             read_by(problem, 1, tile.row * row_phases, tile.rows * row_phases) *
                                 read_by(problem, 2, tile.column * phases, tile.columns * phases));
    }
    wrong += std::count_if(covered.begin(), covered.end(), [](int times) { return times != 1; });
    CHECK(wrong == 0);

    CHECK(grid.scratch_floats() >= grid.copy_floats + grid.result_floats);
    CHECK(grid.scratch_floats() % 4 == 0);
    CHECK(grid.worker_elements % 4 == 0);
    const size_t rows_and_taps = static_cast<size_t>(rows_of_output(spec)) * sizeof(InputRow) +
                                 static_cast<size_t>(taps_of_output(spec)) *
                                     (planes ? sizeof(PlaneTap) : sizeof(ChannelTaps));
    CHECK(static_cast<size_t>(grid.worker_elements - grid.scratch_floats()) * sizeof(float) >=
          rows_and_taps);
    const int64_t values = most_slices(problem) * spec.group_in_channels();
    if (planes) {
      ++kinds[0];
      check_parts(spec, 1, grid.first_row_shift, grid.part_rows - grid.rows);
      check_parts(spec, 2, grid.first_column_shift, grid.part_columns - grid.columns);
      const int64_t parts = AxisPhases::step(spec, 1) * AxisPhases::step(spec, 2);
      CHECK(grid.copy_floats >= values * parts * grid.part_rows * grid.part_columns + kSlackFloats);
      CHECK(grid.result_rows >= 1);
      CHECK(grid.result_rows <= grid.rows);
      const int32_t result = (grid.result_rows - 1) * grid.part_columns + grid.columns;
      CHECK(grid.result_floats >= whole_vectors(result) * AxisPhases::count(spec, 2));
    } else if (expands_channels(spec)) {
      ++kinds[1];
      CHECK(grid.copy_floats >= values * whole_vectors(spec.out_channels) * most_copied);
    } else {
      ++kinds[2];
      CHECK(grid.scratch_floats() == 0);
    }
  }
  for (const int seen : kinds) CHECK(seen > 20);
}

TEST_CASE("more threads get more tiles, as long as there are rows") {
  Problem problem;
  problem.spec.groups = problem.spec.in_channels = problem.spec.out_channels = 2;
  problem.spec.kernel = {1, 3, 3};
  problem.input = problem.output = {1, 64, 64};
  int64_t before = 0;
  for (const int threads : {1, 2, 4}) {
    TileGrid grid;
    REQUIRE(cut_into_tiles(problem, {.threads = threads}, &grid));
    CHECK(grid.count > before);
    if (threads > 1) CHECK(grid.count >= 4 * threads);
    before = grid.count;
  }
}

TEST_CASE("rows of results stay in the first-level cache, tiles in the second") {
  const deconv::Machine machine;
  // A remainder of up to a half is not cut off.
  const auto fits = [](int64_t size, int64_t cache) { return 2 * size <= 3 * cache; };
  for (const int32_t channels : {4, 32}) {
    for (const int32_t stride : {1, 4}) {
      for (const bool transposed : {true, false}) {
        for (const int32_t group_in : {1, 2}) {
          for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
            Problem problem;
            Spec spec;
            spec.transposed = transposed;
            spec.groups = spec.out_channels = channels;
            spec.in_channels = channels * group_in;
            spec.kernel = {1, 4, 4};
            spec.stride = {1, stride, stride};
            REQUIRE(make_problem(spec, 1, {1, 1000, 1000}, layout, &problem) ==
                    deconv::Status::kOk);
            INFO(deconv_tests::describe(problem));
            TileGrid grid;
            REQUIRE(cut_into_tiles(problem, machine, &grid));
            const bool planes = runs_planes(problem);
            const int64_t row = grid.columns * AxisPhases::count(spec, 2) * (planes ? 1 : channels);
            CHECK((fits(row, machine.depthwise_row_outputs) ||
                   fits(grid.columns, machine.depthwise_least_columns)));
            CHECK(2 * row >= std::min<int64_t>(machine.depthwise_row_outputs, problem.output[2]));
            const int64_t floats = planes || expands_channels(spec)
                                       ? grid.copy_floats
                                       : grid.rows * row * AxisPhases::count(spec, 1);
            // The rows that neighbours have in common come on top.
            CHECK((fits(floats, 2 * machine.depthwise_tile_floats) || grid.rows <= 3));
            CHECK(8 * floats >= machine.depthwise_tile_floats);
            if (!planes && expands_channels(spec)) {
              // A tile that padding does not shorten reads all that is held, but for the ends.
              const Tile tile = tile_at(problem, grid, grid.column_tiles + 1);
              const auto read = [&](int axis, int32_t first, int32_t positions) {
                const int64_t phases = AxisPhases::count(spec, axis);
                return read_by(problem, axis, first * phases, positions * phases) + 1;
              };
              CHECK(grid.copy_floats <= int64_t{group_in} * channels *
                                            read(1, tile.row, tile.rows) *
                                            read(2, tile.column, tile.columns));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("vectors run along the width of planes, and along channels where these are many") {
  Problem problem;
  problem.spec.groups = problem.spec.in_channels = problem.spec.out_channels = 8;
  problem.output = {1, 12, 12};
  CHECK_FALSE(runs_planes(problem));
  problem.output = {1, 5, 29};
  CHECK(runs_planes(problem));
  problem.layout = Layout::kChannelsLast;
  CHECK_FALSE(runs_planes(problem));
  problem.layout = Layout::kChannelsFirst;
  problem.output = {1, 12, 12};
  problem.spec.groups = problem.spec.in_channels = problem.spec.out_channels = 7;
  CHECK(runs_planes(problem));
  problem.spec.groups = 8;
  problem.spec.in_channels = 16;
  problem.spec.out_channels = 8;
  CHECK(runs_planes(problem));
  problem.spec.in_channels = 8;
  problem.spec.out_channels = 16;
  CHECK(runs_planes(problem));
  // One channel reads the same in both layouts.
  problem.spec.groups = problem.spec.in_channels = problem.spec.out_channels = 1;
  problem.layout = Layout::kChannelsLast;
  CHECK(runs_planes(problem));
  problem.spec.out_channels = 2;
  CHECK_FALSE(runs_planes(problem));
}

TEST_CASE("floats in whole vectors, and channels that need a copy of their own") {
  for (int32_t floats = 0; floats <= 12; ++floats) {
    CHECK(whole_vectors(floats) % 4 == 0);
    CHECK(whole_vectors(floats) >= floats);
    CHECK(whole_vectors(floats) < floats + 4);
  }
  Spec spec;
  spec.groups = spec.in_channels = spec.out_channels = 3;
  CHECK_FALSE(expands_channels(spec));
  spec.in_channels = 6;
  CHECK(expands_channels(spec));
  spec.in_channels = 3;
  spec.out_channels = 6;
  CHECK(expands_channels(spec));
}
