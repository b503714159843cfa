// Depthwise with channels first: every phase of an output plane is a sum of shifted copies of the
// input plane, times one weight each. The part of the input that a tile needs is copied once, with
// zeros around it, so that a shift is one offset for all rows together and no vector meets an edge:
// vectors run on from row to row, and what they compute between the rows is thrown away.

#include <algorithm>

#include "layout.h"
#include "phase_writer.h"
#include "relu.h"
#include "routes/depthwise.h"
#include "simd.h"

namespace deconv::depthwise {
namespace {

// Rows from this length on are computed each on its own, straight into the output.
constexpr int32_t kLongRow = 48;

template <int kVectors>
void store_sums(v128_t* sums, bool clamps, float* target) {
  if (clamps) {
#pragma unroll
    for (int vector = 0; vector < kVectors; ++vector) sums[vector] = relu(sums[vector]);
  }
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector) {
    wasm_v128_store(target + 4 * vector, sums[vector]);
  }
}

// kVectors vectors of sums at a time, weights loaded again for every block; returns the vectors
// that are left.
template <int kVectors>
int32_t sum_taps(const PlaneTap* taps, int32_t tap_count, int32_t* first, int32_t vectors,
                 float bias, bool clamps, float** target) {
  for (; vectors >= kVectors; vectors -= kVectors) {
    v128_t sums[kVectors];
#pragma unroll
    for (v128_t& sum : sums) sum = wasm_f32x4_splat(bias);
    for (int32_t tap = 0; tap < tap_count; ++tap) {
      const v128_t factor = wasm_v128_load32_splat(&taps[tap].weight);
      const float* x = taps[tap].x + *first;
#pragma unroll
      for (int vector = 0; vector < kVectors; ++vector) {
        sums[vector] = fma_f32x4(wasm_v128_load(x + 4 * vector), factor, sums[vector]);
      }
    }
    store_sums<kVectors>(sums, clamps, *target);
    *first += 4 * kVectors;
    *target += 4 * kVectors;
  }
  return vectors;
}

// The few taps that a phase of a transposed convolution has, all weights in registers.
template <int kTaps>
void sum_few_taps(const PlaneTap* taps, int32_t first, int32_t vectors, float bias, float* target) {
  v128_t factors[kTaps];
  const float* x[kTaps];
#pragma unroll
  for (int tap = 0; tap < kTaps; ++tap) {
    factors[tap] = wasm_f32x4_splat(taps[tap].weight);
    x[tap] = taps[tap].x + first;
  }
  const v128_t start = wasm_f32x4_splat(bias);
  int32_t index = 0;
  for (; index + 8 <= 4 * vectors; index += 8) {
    v128_t sums[2] = {start, start};
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      sums[0] = fma_f32x4(wasm_v128_load(x[tap] + index), factors[tap], sums[0]);
      sums[1] = fma_f32x4(wasm_v128_load(x[tap] + index + 4), factors[tap], sums[1]);
    }
    wasm_v128_store(target + index, sums[0]);
    wasm_v128_store(target + index + 4, sums[1]);
  }
  if (index < 4 * vectors) {
    v128_t sum = start;
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      sum = fma_f32x4(wasm_v128_load(x[tap] + index), factors[tap], sum);
    }
    wasm_v128_store(target + index, sum);
  }
}

// `vectors` vectors of target[i] = bias + sum over taps of weight * x[first + i].
void sum_vectors(const PlaneTap* taps, int32_t tap_count, int32_t first, int32_t vectors,
                 float bias, bool clamps, float* target) {
  switch (tap_count) {
    case 1:
      sum_few_taps<1>(taps, first, vectors, bias, target);
      break;
    case 2:
      sum_few_taps<2>(taps, first, vectors, bias, target);
      break;
    case 3:
      sum_few_taps<3>(taps, first, vectors, bias, target);
      break;
    case 4:
      sum_few_taps<4>(taps, first, vectors, bias, target);
      break;
    default:
      vectors = sum_taps<8>(taps, tap_count, &first, vectors, bias, clamps, &target);
      vectors = sum_taps<4>(taps, tap_count, &first, vectors, bias, clamps, &target);
      vectors = sum_taps<2>(taps, tap_count, &first, vectors, bias, clamps, &target);
      sum_taps<1>(taps, tap_count, &first, vectors, bias, clamps, &target);
      return;
  }
  // So few terms are summed faster than a loop asks, each time, whether to clamp them.
  if (clamps) relu(4 * vectors, target);
}

class PlaneTile {
 public:
  PlaneTile(const Job& job, const Tile& tile, float* scratch)
      : job_(job),
        tile_(tile),
        problem_(*job.problem),
        spec_(job.problem->spec),
        grid_(*job.grid),
        rows_(reinterpret_cast<InputRow*>(scratch + job.grid->scratch_floats())),
        taps_(reinterpret_cast<PlaneTap*>(rows_ + rows_of_output(spec_))),
        copy_(scratch),
        results_(scratch + job.grid->copy_floats),
        columns_(std::min(tile.columns * width().count(),
                          problem_.output[2] - tile.column * width().count())) {}

  void run() {
    copy_input();
    const int32_t group_out = spec_.group_out_channels();
    const int32_t phases = height().count();
    for (int32_t phase = 0; phase < phases; ++phase) {
      const int32_t below = (problem_.output[1] - phase + phases - 1) / phases;
      const int32_t rows = std::min(tile_.rows, below - tile_.row);
      if (rows <= 0) break;
      gather_rows(phase);
      for (int32_t out = tile_.group * group_out; out < (tile_.group + 1) * group_out; ++out) {
        sum_plane(phase, rows, out);
      }
    }
    finish();
  }

 private:
  const AxisPhases& width() const { return job_.phases[2]; }
  const AxisPhases& height() const { return job_.phases[1]; }

  int64_t part_floats() const { return int64_t{grid_.part_rows} * grid_.part_columns; }
  // All parts of one input plane.
  int64_t plane_floats() const { return part_floats() * height().step() * width().step(); }

  int32_t width_taps() const { return static_cast<int32_t>(width().taps().size()); }

  const float* weight_of(int32_t out) const {
    return job_.weight + int64_t{out} * spec_.group_in_channels() * spec_.kernel[0] *
                             spec_.kernel[1] * width_taps();
  }

  // Where the taps of a row of the kernel begin among those of one output channel.
  int32_t first_tap(int32_t in, const AxisPhases::Tap& depth, const AxisPhases::Tap& row) const {
    return ((in * spec_.kernel[0] + depth.tap) * spec_.kernel[1] + row.tap) * width_taps();
  }

  // The planes under the kernel.
  AxisPhases::Sources depths() const {
    return job_.phases[0].sources(tile_.depth, problem_.input[0]);
  }

  const float* input_row(int32_t in, int64_t depth, int64_t row) const {
    const int64_t plane =
        int64_t{tile_.batch} * spec_.in_channels + tile_.group * spec_.group_in_channels() + in;
    return job_.input +
           ((plane * problem_.input[0] + depth) * problem_.input[1] + row) * problem_.input[2];
  }

  float* output_row(int32_t out, int32_t row) const {
    const int64_t plane = int64_t{tile_.batch} * spec_.out_channels + out;
    return job_.output->values +
           ((plane * problem_.output[0] + tile_.depth) * problem_.output[1] + row) *
               problem_.output[2] +
           tile_.column * width().count();
  }

  void finish() const {
    PhaseWriter writer(problem_, *job_.output);
    const int32_t first = tile_.row * height().count();
    const int32_t end = std::min(first + tile_.rows * height().count(), problem_.output[1]);
    for (int32_t row = first; row < end; ++row) {
      writer.add({.image = tile_.batch,
                  .channel_group = tile_.group,
                  .depth = tile_.depth,
                  .height = row,
                  .column = int64_t{tile_.column} * width().count(),
                  .columns = columns_});
    }
  }

  void copy_input() {
    const int32_t rows = tile_.rows + grid_.part_rows - grid_.rows;
    const int32_t first_row = (tile_.row + grid_.first_row_shift) * height().step();
    const int32_t first_column = (tile_.column + grid_.first_column_shift) * width().step();
    const AxisPhases::Sources planes = depths();
    float* target = copy_;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for (const AxisPhases::Tap& tap : planes.taps) {
        const float* plane = input_row(in, planes.first + tap.offset, 0);
        for (int32_t part_row = 0; part_row < height().step(); ++part_row) {
          for (int32_t part_column = 0; part_column < width().step(); ++part_column) {
            copy_part(plane, first_row + part_row, first_column + part_column, rows, target);
            target += part_floats();
          }
        }
      }
    }
  }

  void copy_part(const float* plane, int32_t first_row, int32_t first_column, int32_t rows,
                 float* target) const {
    const int32_t pitch = grid_.part_columns;
    const int32_t step = width().step();
    const Range down = indices_inside(first_row, height().step(), problem_.input[1], {0, rows});
    const Range across = indices_inside(first_column, step, problem_.input[2], {0, pitch});
    if (across.count() == 0 || down.count() == 0) return clear_floats(target, rows * pitch);
    const auto begin = static_cast<int32_t>(across.begin);
    const auto end = static_cast<int32_t>(across.end);
    const int64_t source_pitch = int64_t{height().step()} * problem_.input[2];
    const float* source = plane + int64_t{first_row} * problem_.input[2] +
                          down.begin * source_pitch + first_column + begin * step;
    clear_floats(target, static_cast<int32_t>(down.begin) * pitch);
    for (int64_t row = down.begin; row < down.end; ++row, source += source_pitch) {
      float* part_row = target + row * pitch;
      for (int32_t column = 0; column < begin; ++column) part_row[column] = 0;
      copy_every(source, step, end - begin, part_row + begin);
      for (int32_t column = end; column < pitch; ++column) part_row[column] = 0;
    }
    clear_floats(target + down.end * pitch, (rows - static_cast<int32_t>(down.end)) * pitch);
  }

  // The rows of the kernel that one phase of the height meets, with the shifted parts under them.
  void gather_rows(int32_t phase) {
    const int32_t step = height().step();
    row_count_ = 0;
    const float* plane = copy_;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for (const AxisPhases::Tap& depth : depths().taps) {
        for (const AxisPhases::Tap& tap : height().taps(phase)) {
          const int64_t shift = floor_divide(tap.offset, step);
          const int64_t part = tap.offset - shift * step;
          rows_[row_count_++] = {
              plane + part * width().step() * part_floats() +
                  (shift - grid_.first_row_shift) * grid_.part_columns,
              first_tap(in, depth, tap),
          };
        }
        plane += plane_floats();
      }
    }
  }

  void sum_plane(int32_t row_phase, int32_t rows, int32_t out) {
    const int32_t pitch = grid_.part_columns;
    if (width().count() == 1 && tile_.columns >= kLongRow) {
      gather_taps(out, 0);
      for (int32_t row = 0; row < rows; ++row) {
        float* target = output_row(out, (tile_.row + row) * height().count() + row_phase);
        // The last vector may be wider than the row.
        const int32_t whole = tile_.columns / 4 * 4;
        sum_span(out, row * pitch, whole, target);
        if (whole == tile_.columns) continue;
        sum_span(out, row * pitch + whole, tile_.columns - whole, results_);
        copy_floats(results_, tile_.columns - whole, target + whole);
      }
      return;
    }
    for (int32_t first = 0; first < rows; first += grid_.result_rows) {
      const int32_t count = std::min(grid_.result_rows, rows - first);
      const int32_t floats = (count - 1) * pitch + tile_.columns;
      const int32_t stride = whole_vectors(floats);
      for (int32_t phase = 0; phase < width().count(); ++phase) {
        gather_taps(out, phase);
        sum_span(out, first * pitch, floats, results_ + phase * stride);
      }
      const int64_t row_step = int64_t{height().count()} * problem_.output[2];
      interleave({width().count(), columns_, stride, count, pitch, row_step}, results_,
                 output_row(out, (tile_.row + first) * height().count() + row_phase));
    }
  }

  void gather_taps(int32_t out, int32_t phase) {
    const int32_t first = width().first_tap(phase);
    const int32_t end = width().first_tap(phase + 1);
    const float* const weight = weight_of(out);
    PlaneTap* target = taps_;
    for (int32_t row = 0; row < row_count_; ++row) {
      const float* const x = rows_[row].x;
      const float* const w = weight + rows_[row].first_tap;
      for (int32_t tap = first; tap < end; ++tap) *target++ = {x + job_.columns[tap], w[tap]};
    }
    tap_count_ = static_cast<int32_t>(target - taps_);
  }

  // `count` values of the gathered phase from `first` of a part on; the last vector is written as
  // a whole.
  void sum_span(int32_t out, int32_t first, int32_t count, float* target) const {
    sum_vectors(taps_, tap_count_, first, whole_vectors(count) / 4, job_.bias[out], spec_.relu,
                target);
  }

  const Job& job_;
  const Tile& tile_;
  const Problem& problem_;
  const Spec& spec_;
  const TileGrid& grid_;
  InputRow* rows_;
  int32_t row_count_ = 0;
  PlaneTap* taps_;
  int32_t tap_count_ = 0;
  float* copy_;
  float* results_;
  const int32_t columns_;  // output positions of the tile
};

}  // namespace

void run_plane_tile(const Job& job, const Tile& tile, float* scratch) {
  PlaneTile(job, tile, scratch).run();
}

}  // namespace deconv::depthwise
