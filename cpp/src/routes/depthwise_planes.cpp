// Depthwise with channels first: every output row is a sum of short one-dimensional convolutions
// along the width, whose vectors are neighbours in a row. The input rows of a tile are copied once,
// with zeros around them, so that no vector meets the end of a row.

#include <algorithm>

#include "routes/depthwise.h"
#include "routes/source_position.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv::depthwise {
namespace {

constexpr int32_t kMaxVectors = 8;

// Every `step`-th value from position `first` of a row of `width` values; zeros outside of it.
void copy_part(const float* row, int32_t width, int64_t first, int32_t step, int32_t count,
               float* target) {
  const int64_t zeros = first >= 0 ? 0 : (-first + step - 1) / step;
  const auto begin = static_cast<int32_t>(std::min<int64_t>(zeros, count));
  const int64_t room = width - first;
  const auto end = static_cast<int32_t>(
      std::clamp<int64_t>(room <= 0 ? 0 : (room + step - 1) / step, begin, count));
  std::fill_n(target, begin, 0.0f);
  int32_t index = begin;
  if (step == 1) {
    std::copy_n(row + first + begin, end - begin, target + begin);
    index = end;
  } else if (step == 2) {
    // The second load ends at the value behind the last one taken, which may not be there.
    for (; index + 4 < end; index += 4) {
      const float* source = row + first + 2 * index;
      wasm_v128_store(target + index, wasm_i32x4_shuffle(wasm_v128_load(source),
                                                         wasm_v128_load(source + 4), 0, 2, 4, 6));
    }
  }
  for (; index < end; ++index) target[index] = row[first + int64_t{index} * step];
  std::fill_n(target + end, count - end, 0.0f);
}

// 4 * kVectors neighbouring values of q of one phase: lines x taps, all of them in registers.
template <int kVectors>
void sum_taps(const Line* lines, int32_t line_count, const float* weight, int32_t line_slots,
              const int32_t* columns, int32_t taps, int32_t q, float bias, bool relu,
              float* target) {
  v128_t sums[kVectors];
  for (v128_t& sum : sums) sum = wasm_f32x4_splat(bias);
  for (int32_t line = 0; line < line_count; ++line) {
    const float* x = lines[line].x + q;
    const float* w = weight + lines[line].weight * line_slots;
    for (int32_t tap = 0; tap < taps; ++tap) {
      const v128_t factor = wasm_v128_load32_splat(w + tap);
      const float* source = x + columns[tap];
      for (int vector = 0; vector < kVectors; ++vector) {
        sums[vector] = fma_f32x4(wasm_v128_load(source + 4 * vector), factor, sums[vector]);
      }
    }
  }
  if (relu) {
    // A NaN is not below zero.
    for (v128_t& sum : sums) {
      sum = wasm_v128_andnot(sum, wasm_f32x4_lt(sum, wasm_f32x4_const_splat(0)));
    }
  }
  for (int vector = 0; vector < kVectors; ++vector) {
    wasm_v128_store(target + 4 * vector, sums[vector]);
  }
}

using SumTaps = decltype(&sum_taps<1>);
constexpr SumTaps kSumTaps[kMaxVectors + 1] = {
    nullptr,     sum_taps<1>, sum_taps<2>, sum_taps<3>, sum_taps<4>,
    sum_taps<5>, sum_taps<6>, sum_taps<7>, sum_taps<8>,
};

// target[q * phases + phase] = rows[phase * stride + q], for the first `count` of them.
void interleave(const float* rows, int32_t phases, int32_t stride, int32_t count, float* target) {
  int32_t q = 0;
  if (phases == 2) {
    for (; 2 * (q + 4) <= count; q += 4) {
      const v128_t even = wasm_v128_load(rows + q);
      const v128_t odd = wasm_v128_load(rows + stride + q);
      wasm_v128_store(target + 2 * q, wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5));
      wasm_v128_store(target + 2 * q + 4, wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7));
    }
  } else if (phases % 4 == 0) {
    for (; (q + 4) * phases <= count; q += 4) {
      for (int32_t phase = 0; phase < phases; phase += 4) {
        transpose_4x4(rows + phase * stride + q, stride, target + q * phases + phase, phases);
      }
    }
  }
  for (int32_t phase = 0; phase < phases; ++phase) {
    const float* row = rows + phase * stride;
    for (int32_t from = q; from * phases + phase < count; ++from) {
      target[from * phases + phase] = row[from];
    }
  }
}

class PlaneTile {
 public:
  PlaneTile(const Job& job, const Tile& tile, const Scratch& scratch)
      : job_(job),
        tile_(tile),
        problem_(*job.problem),
        spec_(job.problem->spec),
        phases_(*job.phases),
        tiling_(*job.tiling),
        lines_(scratch.lines),
        copy_(scratch.floats),
        results_(scratch.floats + job.tiling->copied_rows * job.tiling->row_floats) {}

  void run() {
    rows_ = input_range(problem_, 1, tile_.row, tile_.row + tile_.rows);
    copy_input();
    const int64_t width = problem_.output[2];
    const int32_t first = tile_.column * phases_.count;
    const auto count = static_cast<int32_t>(
        std::min<int64_t>(width - first, int64_t{tile_.columns} * phases_.count));
    const int32_t group_out = spec_.group_out_channels();
    const int64_t line_weights =
        spec_.kernel_elements() / spec_.kernel[2] * spec_.group_in_channels() * phases_.slots();
    for (int32_t row = tile_.row; row < tile_.row + tile_.rows; ++row) {
      gather_lines(row);
      for (int32_t out = tile_.group * group_out; out < (tile_.group + 1) * group_out; ++out) {
        const int64_t plane = int64_t{tile_.batch} * spec_.out_channels + out;
        float* target =
            job_.output +
            ((plane * problem_.output[0] + tile_.depth) * problem_.output[1] + row) * width + first;
        const float* weight = job_.weight + out * line_weights;
        if (job_.finite_weight) {
          sum_row(weight, job_.bias[out], count, target);
        } else {
          sum_row_exactly(weight, job_.bias[out], count, target);
        }
      }
    }
  }

 private:
  // Only the input planes and rows that some output of the tile reads.
  void copy_input() {
    float* target = copy_;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      const int64_t plane =
          int64_t{tile_.batch} * spec_.in_channels + tile_.group * spec_.group_in_channels() + in;
      for (int32_t tap = 0; tap < spec_.kernel[0]; ++tap) {
        const int64_t depth = source_position(problem_, 0, tile_.depth, tap);
        if (depth < 0) continue;
        for (int32_t row = rows_.begin; row < rows_.end; ++row, target += tiling_.row_floats) {
          const float* source =
              job_.input +
              ((plane * problem_.input[0] + depth) * problem_.input[1] + row) * problem_.input[2];
          for (int32_t part = 0; part < phases_.step; ++part) {
            const int64_t first =
                (int64_t{tile_.column} + tiling_.first_shift) * phases_.step + part;
            copy_part(source, problem_.input[2], first, phases_.step, tiling_.part_floats,
                      target + part * tiling_.part_floats);
          }
        }
      }
    }
  }

  void gather_lines(int32_t row) {
    line_count_ = 0;
    const float* slice = copy_;
    const int64_t slice_floats = (rows_.end - rows_.begin) * tiling_.row_floats;
    for (int32_t in = 0; in < spec_.group_in_channels(); ++in) {
      for (int32_t depth_tap = 0; depth_tap < spec_.kernel[0]; ++depth_tap) {
        if (source_position(problem_, 0, tile_.depth, depth_tap) < 0) continue;
        for (int32_t tap = 0; tap < spec_.kernel[1]; ++tap) {
          const int64_t source = source_position(problem_, 1, row, tap);
          if (source < 0) continue;
          lines_[line_count_++] = {
              slice + (source - rows_.begin) * tiling_.row_floats,
              (in * spec_.kernel[0] + depth_tap) * spec_.kernel[1] + tap,
          };
        }
        slice += slice_floats;
      }
    }
  }

  void sum_row(const float* weight, float bias, int32_t count, float* target) {
    const bool direct = phases_.count == 1;
    const int32_t stride = whole_vectors(tile_.columns);
    for (int32_t phase = 0; phase < phases_.count; ++phase) {
      const int32_t first = phases_.first[phase];
      const int32_t taps = phases_.first[phase + 1] - first;
      int32_t vectors = stride / 4;
      int32_t q = 0;
      for (int32_t blocks = (vectors + kMaxVectors - 1) / kMaxVectors; blocks > 0; --blocks) {
        const int32_t block = (vectors + blocks - 1) / blocks;
        // The last block of a row may be wider than the row.
        const bool in_place = direct && q + 4 * block <= count;
        float* sums = in_place ? target + q : direct ? results_ : results_ + phase * stride + q;
        kSumTaps[block](lines_, line_count_, weight + first, phases_.slots(), job_.columns + first,
                        taps, q, bias, spec_.relu, sums);
        if (direct && !in_place) std::copy_n(results_, count - q, target + q);
        q += 4 * block;
        vectors -= block;
      }
    }
    if (!direct) interleave(results_, phases_.count, stride, count, target);
  }

  // The same, but no weight ever meets padding.
  void sum_row_exactly(const float* weight, float bias, int32_t count, float* target) {
    for (int32_t at = 0; at < count; ++at) {
      const int32_t q = at / phases_.count;
      const int32_t phase = at % phases_.count;
      float sum = bias;
      for (int32_t line = 0; line < line_count_; ++line) {
        const float* w = weight + lines_[line].weight * phases_.slots();
        for (int32_t slot = phases_.first[phase]; slot < phases_.first[phase + 1]; ++slot) {
          const int64_t source = (int64_t{tile_.column} + q) * phases_.step + phases_.offset[slot];
          if (source < 0 || source >= problem_.input[2]) continue;
          sum += lines_[line].x[q + job_.columns[slot]] * w[slot];
        }
      }
      target[at] = spec_.relu && sum < 0 ? 0 : sum;
    }
  }

  const Job& job_;
  const Tile& tile_;
  const Problem& problem_;
  const Spec& spec_;
  const Phases& phases_;
  const Tiling& tiling_;
  Line* lines_;
  int32_t line_count_ = 0;
  float* copy_;
  float* results_;
  Range rows_{0, 0};
};

}  // namespace

void run_plane_tile(const Job& job, const Tile& tile, const Scratch& scratch) {
  PlaneTile(job, tile, scratch).run();
}

}  // namespace deconv::depthwise
