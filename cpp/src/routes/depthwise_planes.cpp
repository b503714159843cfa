// Depthwise with channels first: every phase of an output plane is a sum of shifted copies of the
// input plane, times one weight each. The part of the input that a tile needs is copied once, with
// zeros around it, so that a shift is one offset for all rows together and no vector meets an edge:
// vectors run on from row to row, and what they compute between the rows is thrown away.

#include <algorithm>

#include "layout.h"
#include "relu.h"
#include "routes/depthwise.h"
#include "simd.h"

namespace deconv::depthwise {
namespace {

// Rows from this length on are computed each on its own, straight into the output.
constexpr int32_t kLongRow = 48;

// These are too short for the library's functions.
void copy_floats(const float* source, int32_t count, float* target) {
  int32_t index = 0;
  for (; index + 4 <= count; index += 4) {
    wasm_v128_store(target + index, wasm_v128_load(source + index));
  }
  for (; index < count; ++index) target[index] = source[index];
}

void clear_floats(float* target, int32_t count) {
  int32_t index = 0;
  for (; index + 4 <= count; index += 4) {
    wasm_v128_store(target + index, wasm_f32x4_const_splat(0));
  }
  for (; index < count; ++index) target[index] = 0;
}

// What of a part lies on the input, along one axis: indices begin .. end of `count`.
struct Covered {
  int32_t begin, end;
};

// Index i is the input position first + i * step.
Covered covered(int32_t first, int32_t step, int32_t count, int32_t extent) {
  const int32_t begin = first >= 0 ? 0 : std::min((-first + step - 1) / step, count);
  const int32_t room = extent - first;
  return {begin, room <= 0 ? begin : std::clamp((room + step - 1) / step, begin, count)};
}

// target[i] = row[i * step] for every i below `count`.
void copy_every(const float* row, int32_t step, int32_t count, float* target) {
  if (step == 1) return copy_floats(row, count, target);
  int32_t index = 0;
  if (step == 2) {
    // The second load ends at the value behind the last one taken, which may not be there.
    for (; index + 4 < count; index += 4) {
      wasm_v128_store(target + index,
                      wasm_i32x4_shuffle(wasm_v128_load(row + 2 * index),
                                         wasm_v128_load(row + 2 * index + 4), 0, 2, 4, 6));
    }
  }
  for (; index < count; ++index) target[index] = row[index * step];
}

template <int kVectors>
void store_sums(v128_t* sums, bool clamps, float* target) {
  if (clamps) {
    for (int vector = 0; vector < kVectors; ++vector) sums[vector] = relu(sums[vector]);
  }
  for (int vector = 0; vector < kVectors; ++vector) {
    wasm_v128_store(target + 4 * vector, sums[vector]);
  }
}

// kVectors vectors of sums at a time, weights loaded again for every block; returns the vectors
// that are left.
template <int kVectors>
int32_t sum_taps(const Tap* taps, int32_t tap_count, int32_t* first, int32_t vectors, float bias,
                 bool clamps, float** target) {
  for (; vectors >= kVectors; vectors -= kVectors) {
    v128_t sums[kVectors];
    for (v128_t& sum : sums) sum = wasm_f32x4_splat(bias);
    for (int32_t tap = 0; tap < tap_count; ++tap) {
      const v128_t factor = wasm_v128_load32_splat(&taps[tap].weight);
      const float* x = taps[tap].x + *first;
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
void sum_few_taps(const Tap* taps, int32_t first, int32_t vectors, float bias, bool clamps,
                  float* target) {
  v128_t factors[kTaps];
  const float* x[kTaps];
  for (int tap = 0; tap < kTaps; ++tap) {
    factors[tap] = wasm_f32x4_splat(taps[tap].weight);
    x[tap] = taps[tap].x + first;
  }
  const v128_t start = wasm_f32x4_splat(bias);
  int32_t index = 0;
  for (; index + 8 <= 4 * vectors; index += 8) {
    v128_t sums[2] = {start, start};
    for (int tap = 0; tap < kTaps; ++tap) {
      sums[0] = fma_f32x4(wasm_v128_load(x[tap] + index), factors[tap], sums[0]);
      sums[1] = fma_f32x4(wasm_v128_load(x[tap] + index + 4), factors[tap], sums[1]);
    }
    store_sums<2>(sums, clamps, target + index);
  }
  if (index < 4 * vectors) {
    v128_t sum = start;
    for (int tap = 0; tap < kTaps; ++tap) {
      sum = fma_f32x4(wasm_v128_load(x[tap] + index), factors[tap], sum);
    }
    store_sums<1>(&sum, clamps, target + index);
  }
}

// `vectors` vectors of target[i] = bias + sum over taps of weight * x[first + i].
void sum_vectors(const Tap* taps, int32_t tap_count, int32_t first, int32_t vectors, float bias,
                 bool clamps, float* target) {
  switch (tap_count) {
    case 1:
      return sum_few_taps<1>(taps, first, vectors, bias, clamps, target);
    case 2:
      return sum_few_taps<2>(taps, first, vectors, bias, clamps, target);
    case 3:
      return sum_few_taps<3>(taps, first, vectors, bias, clamps, target);
    case 4:
      return sum_few_taps<4>(taps, first, vectors, bias, clamps, target);
    default:
      vectors = sum_taps<8>(taps, tap_count, &first, vectors, bias, clamps, &target);
      vectors = sum_taps<4>(taps, tap_count, &first, vectors, bias, clamps, &target);
      vectors = sum_taps<2>(taps, tap_count, &first, vectors, bias, clamps, &target);
      sum_taps<1>(taps, tap_count, &first, vectors, bias, clamps, &target);
  }
}

class PlaneTile {
 public:
  PlaneTile(const Job& job, const Tile& tile, const Scratch& scratch)
      : job_(job),
        tile_(tile),
        problem_(*job.problem),
        spec_(job.problem->spec),
        tiling_(*job.tiling),
        lines_(scratch.lines),
        taps_(scratch.taps),
        copy_(scratch.floats),
        results_(scratch.floats + job.tiling->copy_floats),
        columns_(std::min(tile.columns * width().count,
                          problem_.output[2] - tile.column * width().count)) {}

  void run() {
    if (job_.finite_weight) copy_input();
    const int32_t group_out = spec_.group_out_channels();
    const int32_t phases = height().count;
    for (int32_t phase = 0; phase < phases; ++phase) {
      const int32_t below = (problem_.output[1] - phase + phases - 1) / phases;
      const int32_t rows = std::min(tile_.rows, below - tile_.row);
      if (rows <= 0) break;
      gather_lines(phase);
      for (int32_t out = tile_.group * group_out; out < (tile_.group + 1) * group_out; ++out) {
        if (job_.finite_weight) {
          sum_plane(phase, rows, out);
        } else {
          sum_plane_exactly(phase, rows, out);
        }
      }
    }
  }

 private:
  const Phases& width() const { return job_.phases[2]; }
  const Phases& height() const { return job_.phases[1]; }

  int64_t part_floats() const { return int64_t{tiling_.part_rows} * tiling_.part_columns; }
  // All parts of one input plane.
  int64_t plane_floats() const { return part_floats() * height().step * width().step; }

  const float* weight_of(int32_t out) const {
    return job_.weight + int64_t{out} * spec_.group_in_channels() * spec_.kernel[0] *
                             spec_.kernel[1] * width().slots();
  }

  // Calls body(depth tap, input depth) for the planes under the kernel.
  template <typename Body>
  void for_each_depth(const Body& body) const {
    const Phases& depth = job_.phases[0];
    const int32_t phase = tile_.depth % depth.count;
    const int32_t q = tile_.depth / depth.count;
    for (int32_t slot = depth.first[phase]; slot < depth.first[phase + 1]; ++slot) {
      const int32_t source = q * depth.step + depth.offset[slot];
      if (source >= 0 && source < problem_.input[0]) body(depth.tap[slot], source);
    }
  }

  const float* input_row(int32_t in, int64_t depth, int64_t row) const {
    const int64_t plane =
        int64_t{tile_.batch} * spec_.in_channels + tile_.group * spec_.group_in_channels() + in;
    return job_.input +
           ((plane * problem_.input[0] + depth) * problem_.input[1] + row) * problem_.input[2];
  }

  float* output_row(int32_t out, int32_t row) const {
    const int64_t plane = int64_t{tile_.batch} * spec_.out_channels + out;
    return job_.output +
           ((plane * problem_.output[0] + tile_.depth) * problem_.output[1] + row) *
               problem_.output[2] +
           tile_.column * width().count;
  }

  void copy_input() {
    const int32_t rows = tile_.rows + tiling_.part_rows - tiling_.rows;
    const int32_t first_row = (tile_.row + tiling_.first_row_shift) * height().step;
    const int32_t first_column = (tile_.column + tiling_.first_column_shift) * width().step;
    float* target = copy_;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for_each_depth([&](int32_t, int32_t depth) {
        const float* plane = input_row(in, depth, 0);
        for (int32_t part_row = 0; part_row < height().step; ++part_row) {
          for (int32_t part_column = 0; part_column < width().step; ++part_column) {
            copy_part(plane, first_row + part_row, first_column + part_column, rows, target);
            target += part_floats();
          }
        }
      });
    }
  }

  void copy_part(const float* plane, int32_t first_row, int32_t first_column, int32_t rows,
                 float* target) const {
    const int32_t pitch = tiling_.part_columns;
    const int32_t step = width().step;
    const Covered down = covered(first_row, height().step, rows, problem_.input[1]);
    const Covered across = covered(first_column, step, pitch, problem_.input[2]);
    if (across.begin >= across.end || down.begin >= down.end) {
      return clear_floats(target, rows * pitch);
    }
    clear_floats(target, down.begin * pitch);
    const float* source = plane +
                          int64_t{first_row + down.begin * height().step} * problem_.input[2] +
                          first_column + across.begin * step;
    const int64_t source_pitch = int64_t{height().step} * problem_.input[2];
    for (int32_t row = down.begin; row < down.end; ++row, source += source_pitch) {
      float* part_row = target + row * pitch;
      for (int32_t column = 0; column < across.begin; ++column) part_row[column] = 0;
      copy_every(source, step, across.end - across.begin, part_row + across.begin);
      for (int32_t column = across.end; column < pitch; ++column) part_row[column] = 0;
    }
    clear_floats(target + down.end * pitch, (rows - down.end) * pitch);
  }

  // The rows of the kernel that one phase of the height meets, with the shifted parts under them.
  void gather_lines(int32_t phase) {
    const Phases& rows = height();
    line_count_ = 0;
    const float* plane = copy_;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for_each_depth([&](int32_t depth_tap, int32_t) {
        for (int32_t slot = rows.first[phase]; slot < rows.first[phase + 1]; ++slot) {
          const int32_t offset = rows.offset[slot];
          const int32_t part = (offset % rows.step + rows.step) % rows.step;
          const int32_t shift = (offset - part) / rows.step - tiling_.first_row_shift;
          lines_[line_count_++] = {
              plane + part * width().step * part_floats() + shift * tiling_.part_columns,
              (in * spec_.kernel[0] + depth_tap) * spec_.kernel[1] + rows.tap[slot],
          };
        }
        plane += plane_floats();
      });
    }
  }

  void sum_plane(int32_t row_phase, int32_t rows, int32_t out) {
    const int32_t pitch = tiling_.part_columns;
    if (width().count == 1 && tile_.columns >= kLongRow) {
      gather_taps(out, 0);
      for (int32_t row = 0; row < rows; ++row) {
        float* target = output_row(out, (tile_.row + row) * height().count + row_phase);
        // The last vector may be wider than the row.
        const int32_t whole = tile_.columns / 4 * 4;
        sum_span(out, row * pitch, whole, target);
        if (whole == tile_.columns) continue;
        sum_span(out, row * pitch + whole, tile_.columns - whole, results_);
        copy_floats(results_, tile_.columns - whole, target + whole);
      }
      return;
    }
    for (int32_t first = 0; first < rows; first += tiling_.result_rows) {
      const int32_t count = std::min(tiling_.result_rows, rows - first);
      const int32_t floats = (count - 1) * pitch + tile_.columns;
      const int32_t stride = whole_vectors(floats);
      for (int32_t phase = 0; phase < width().count; ++phase) {
        gather_taps(out, phase);
        sum_span(out, first * pitch, floats, results_ + phase * stride);
      }
      for (int32_t row = 0; row < count; ++row) {
        interleave(width().count, columns_, results_ + row * pitch, stride,
                   output_row(out, (tile_.row + first + row) * height().count + row_phase));
      }
    }
  }

  void gather_taps(int32_t out, int32_t phase) {
    const float* weight = weight_of(out);
    tap_count_ = 0;
    for (int32_t line = 0; line < line_count_; ++line) {
      const float* w = weight + int64_t{lines_[line].weight} * width().slots();
      for (int32_t slot = width().first[phase]; slot < width().first[phase + 1]; ++slot) {
        taps_[tap_count_++] = {lines_[line].x + job_.columns[slot], w[slot]};
      }
    }
  }

  // `count` values of the gathered phase from `first` of a part on; the last vector is written as
  // a whole.
  void sum_span(int32_t out, int32_t first, int32_t count, float* target) const {
    sum_vectors(taps_, tap_count_, first, whole_vectors(count) / 4, job_.bias[out], spec_.relu,
                target);
  }

  // The same, but no weight ever meets padding.
  void sum_plane_exactly(int32_t row_phase, int32_t rows, int32_t out) {
    for (int32_t row = 0; row < rows; ++row) {
      float* target = output_row(out, (tile_.row + row) * height().count + row_phase);
      for (int32_t column = 0; column < columns_; ++column) {
        const float sum =
            sum_at(row_phase, tile_.row + row, tile_.column * width().count + column, out);
        target[column] = spec_.relu ? relu(sum) : sum;
      }
    }
  }

  float sum_at(int32_t row_phase, int32_t row, int32_t column, int32_t out) const {
    const int32_t column_phase = column % width().count;
    const int32_t first_column = column / width().count * width().step;
    float sum = job_.bias[out];
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for_each_depth([&](int32_t depth_tap, int32_t depth) {
        for (int32_t line = height().first[row_phase]; line < height().first[row_phase + 1];
             ++line) {
          const int32_t source_row = row * height().step + height().offset[line];
          if (source_row < 0 || source_row >= problem_.input[1]) continue;
          const float* x = input_row(in, depth, source_row);
          const float* w =
              weight_of(out) +
              int64_t{(in * spec_.kernel[0] + depth_tap) * spec_.kernel[1] + height().tap[line]} *
                  width().slots();
          for (int32_t slot = width().first[column_phase]; slot < width().first[column_phase + 1];
               ++slot) {
            const int32_t source = first_column + width().offset[slot];
            if (source >= 0 && source < problem_.input[2]) sum += x[source] * w[slot];
          }
        }
      });
    }
    return sum;
  }

  const Job& job_;
  const Tile& tile_;
  const Problem& problem_;
  const Spec& spec_;
  const Tiling& tiling_;
  Line* lines_;
  int32_t line_count_ = 0;
  Tap* taps_;
  int32_t tap_count_ = 0;
  float* copy_;
  float* results_;
  const int32_t columns_;  // output positions of the tile
};

}  // namespace

void run_plane_tile(const Job& job, const Tile& tile, const Scratch& scratch) {
  PlaneTile(job, tile, scratch).run();
}

}  // namespace deconv::depthwise
