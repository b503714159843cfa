// The gradient where groups have few channels on both sides. Vectors are neighbouring positions of
// a row, channels first; channels last they are neighbouring channels of the dense side, and beside
// each stands the strided one that it meets. Rows of the strided side are copied, as many as stay
// in a cache, their phases apart and with zeros around them, so that all positions of a dense row
// meet every tap of the width, one behind the other from somewhere on in one phase.

#include <algorithm>

#include "axis_phases.h"
#include "deconv/workspace.h"
#include "divide.h"
#include "gradients/route.h"
#include "gradients/sides.h"
#include "layout.h"
#include "machine.h"
#include "parallel.h"
#include "simd.h"

namespace deconv::gradients {
namespace {

constexpr int kMostTaps = 4;
// Channels at a time; or positions, and then the rest of a row is added as the last of so many.
constexpr int64_t kAtOnce = 8;

// Lines of dense values, and where taps of the width read those of the first line.
struct Lines {
  const float* dense;
  const float* strided[kMostTaps];
  int64_t dense_step;
  int64_t dense_line_step;
  int64_t strided_line_step;
  int64_t lines;
  int64_t steps;
  int64_t rest;
};

// sums[tap] += dense * strided, kAtOnce sums a tap. This is compiled for size, where the loops
// would stay loops and the sums in memory.
template <int kTaps>
void add_lines(const Lines& lines, float* sums) {
  v128_t low_sums[kTaps];
  v128_t high_sums[kTaps];
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
    low_sums[tap] = wasm_v128_load(sums + kAtOnce * tap);
    high_sums[tap] = wasm_v128_load(sums + kAtOnce * tap + 4);
  }
  const int64_t known = kAtOnce - lines.rest;
  const v128_t lanes = wasm_i32x4_const(0, 1, 2, 3);
  const v128_t low_rest = wasm_i32x4_ge(lanes, wasm_i32x4_splat(static_cast<int32_t>(known)));
  const v128_t high_rest = wasm_i32x4_ge(lanes, wasm_i32x4_splat(static_cast<int32_t>(known - 4)));
  const float* dense = lines.dense;
  const float* strided[kTaps];
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) strided[tap] = lines.strided[tap];
  // From the end of a line to the next.
  const int64_t dense_back = lines.dense_line_step - lines.steps * lines.dense_step;
  const int64_t strided_back = lines.strided_line_step - lines.steps * kAtOnce;
  for (int64_t line = 0; line < lines.lines; ++line) {
    for (int64_t step = 0; step < lines.steps; ++step) {
      const v128_t low = wasm_v128_load(dense);
      const v128_t high = wasm_v128_load(dense + 4);
      dense += lines.dense_step;
#pragma clang loop unroll(full)
      for (int tap = 0; tap < kTaps; ++tap) {
        low_sums[tap] = fma_f32x4(low, wasm_v128_load(strided[tap]), low_sums[tap]);
        high_sums[tap] = fma_f32x4(high, wasm_v128_load(strided[tap] + 4), high_sums[tap]);
        strided[tap] += kAtOnce;
      }
    }
    if (lines.rest > 0) {
      const v128_t low = wasm_v128_and(low_rest, wasm_v128_load(dense - known));
      const v128_t high = wasm_v128_and(high_rest, wasm_v128_load(dense - known + 4));
#pragma clang loop unroll(full)
      for (int tap = 0; tap < kTaps; ++tap) {
        const float* const values = strided[tap] - known;
        const v128_t low_values = wasm_v128_and(low_rest, wasm_v128_load(values));
        const v128_t high_values = wasm_v128_and(high_rest, wasm_v128_load(values + 4));
        low_sums[tap] = fma_f32x4(low, low_values, low_sums[tap]);
        high_sums[tap] = fma_f32x4(high, high_values, high_sums[tap]);
      }
    }
    dense += dense_back;
#pragma clang loop unroll(full)
    for (const float*& each : strided) each += strided_back;
  }
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
    wasm_v128_store(sums + kAtOnce * tap, low_sums[tap]);
    wasm_v128_store(sums + kAtOnce * tap + 4, high_sums[tap]);
  }
}

// Of one channel on either side, both layouts are alike.
bool in_channels(const Problem& problem) {
  return problem.layout == Layout::kChannelsLast &&
         (problem.spec.in_channels > 1 || problem.spec.out_channels > 1);
}

// Where each of kAtOnce channels lies in a point; beside each other where `spread` is not set.
struct Lanes {
  bool spread;
  int64_t at[kAtOnce];

  void copy(const float* source, int64_t step, int64_t points, float* target) const {
    for (; points > 0 && spread; --points, source += step, target += kAtOnce) {
#pragma clang loop unroll(full)
      for (int lane = 0; lane < kAtOnce; ++lane) target[lane] = source[at[lane]];
    }
    for (source += at[0]; points > 0; --points, source += step, target += kAtOnce) {
      const v128_t high = wasm_v128_load(source + 4);
      wasm_v128_store(target, wasm_v128_load(source));
      wasm_v128_store(target + 4, high);
    }
  }
};

// How the taps of the width read the copy of a strided row: phase for phase, `length` points each.
struct RowCopy {
  explicit RowCopy(const Problem& problem)
      : stride(problem.spec.stride[kWidth]),
        dilation(problem.spec.dilation[kWidth]),
        pad(problem.spec.pad_before[kWidth]),
        values(in_channels(problem) ? kAtOnce : 1) {
    const int64_t last = (problem.spec.kernel[kWidth] - 1) * dilation - pad;
    const int64_t positions = sides_of(problem).dense.extents[kWidth];
    first = floor_divide(-pad, stride);
    length = positions + floor_divide(last, stride) - first;
  }

  int64_t floats() const { return stride * length * values; }
  // Where the value begins that a tap reads for the first dense position.
  int64_t start_of(int64_t tap) const {
    const int64_t at = tap * dilation - pad;
    const int64_t column = floor_divide(at, stride);
    return ((at - column * stride) * length + column - first) * values;
  }

  // Copies `rows` rows of `side`; what no value lies at is not touched.
  void fill(const Side& side, const float* source, int64_t rows, const Lanes& lanes,
            float* target) const {
    const int64_t begin = std::clamp<int64_t>(-first, 0, length);
    const int64_t skipped = std::max<int64_t>(first, 0) * stride;
    const int64_t left = std::max<int64_t>(side.extents[kWidth] - skipped, 0);
    const int64_t whole = std::min(left / stride, length - begin);
    const int64_t rest = begin + whole < length ? left - whole * stride : 0;
    const int64_t step = stride * side.point_stride;
    source += skipped * side.point_stride;
    target += begin * values;
    for (int64_t row = 0; row < rows; ++row, source += side.row_stride, target += floats()) {
      if (values > 1) {
        for (int64_t phase = 0; phase < stride; ++phase) {
          lanes.copy(source + phase * side.point_stride, step, whole + (phase < rest ? 1 : 0),
                     target + phase * length * values);
        }
        continue;
      }
      if (stride == 1) {
        copy_floats(source, whole, target);
      } else {
        deinterleave(stride, whole, source, target, length);
      }
      for (int64_t phase = 0; phase < rest; ++phase) {
        target[phase * length + whole] = source[whole * stride + phase];
      }
    }
  }

  int64_t stride;
  int64_t dilation;
  int64_t pad;
  int64_t values;  // of a point
  int64_t first;
  int64_t length;
};

// Dense channels, and one strided channel of each of their groups: those of a group, or in channels
// kAtOnce of any groups, of which the first `others` are another item's.
struct Item {
  int64_t first;
  int64_t others;
  int64_t channel;
};

class Depthwise {
 public:
  Depthwise(const Problem& problem, const float* input, const float* grad_output)
      : problem_(problem),
        spec_(problem.spec),
        dense_(sides_of(problem, input, grad_output).dense),
        strided_(sides_of(problem, input, grad_output).strided),
        in_channels_(in_channels(problem)),
        block_(in_channels_ ? kAtOnce : dense_.group_channels),
        row_(problem) {
    const int64_t height = dense_.extents[kHeight];
    const int64_t stride = spec_.stride[kHeight];
    const int64_t reach = AxisPhases::reach(spec_, kHeight);
    // Neighbouring bands both copy what lies between them.
    const int64_t most = std::max(machine.gradient_band_floats / row_.floats(), 4 * reach);
    band_ = std::clamp<int64_t>(most / stride, 1, height);
    band_ = ceil_divide(height, ceil_divide(height, band_));
    copied_rows_ = std::min<int64_t>(strided_.extents[kHeight], (band_ - 1) * stride + reach + 1);
  }

  Status run(float* grad_weight) {
    Buffer& scratch = Workspace::shared().scratch;
    const int64_t sums = (in_channels_ ? 1 : block_) * spec_.kernel_elements() * kAtOnce;
    const int64_t worker_floats = sums + copied_rows_ * row_.floats();
    if (!prepare() || !scratch.reserve(worker_floats * machine.threads)) {
      return Status::kOutOfMemory;
    }
    // The zeros around the rows, for all items.
    clear_floats(scratch.data(), worker_floats * machine.threads);
    const int64_t channels = strided_.group_channels;
    const int64_t all = spec_.groups * dense_.group_channels;
    for_each_item(ceil_divide(all, block_) * channels, [&](int64_t index, int worker) {
      float* const own = scratch.data() + worker * worker_floats;
      const int64_t begin = index / channels * block_;
      // The last block ends at the last channel.
      const int64_t first = std::min(begin, all - block_);
      const Item item{first, begin - first, index % channels};
      clear_floats(own, sums);
      sum(item, own, own + sums);
      write(item, own, grad_weight);
    });
    return Status::kOk;
  }

 private:
  bool prepare() {
    if (!depths_.reserve(spec_.kernel[0]) || !heights_.reserve(spec_.kernel[kHeight]) ||
        !starts_.reserve(spec_.kernel[kWidth])) {
      return false;
    }
    for (int64_t tap = 0; tap < spec_.kernel[0]; ++tap) depths_[tap] = meeting_of(problem_, 0, tap);
    for (int64_t tap = 0; tap < spec_.kernel[kHeight]; ++tap) {
      heights_[tap] = meeting_of(problem_, kHeight, tap);
    }
    for (int64_t tap = 0; tap < spec_.kernel[kWidth]; ++tap) starts_[tap] = row_.start_of(tap);
    return true;
  }

  // The strided channel that a dense one meets.
  int64_t partner(const Item& item, int64_t dense) const {
    return dense / dense_.group_channels * strided_.group_channels + item.channel;
  }

  void sum(const Item& item, float* sums, float* copy) const {
    Lanes lanes{.spread = dense_.group_channels * strided_.group_channels > 1, .at = {}};
    for (int lane = 0; lane < kAtOnce; ++lane) lanes.at[lane] = partner(item, item.first + lane);
    const int64_t plane = in_channels_ ? 0 : partner(item, item.first);
    const int64_t height = dense_.extents[kHeight];
    for (int64_t batch = 0; batch < problem_.batch; ++batch) {
      for (int64_t depth = 0; depth < strided_.extents[0]; ++depth) {
        for (int64_t row = 0; row < height; row += band_) {
          const Range rows{row, std::min(row + band_, height)};
          const Range copied = strided_rows(rows);
          row_.fill(strided_, strided_.at(batch, 0, plane, depth, copied.begin, 0), copied.count(),
                    lanes, copy);
          for (int64_t tap = 0; tap < spec_.kernel[0]; ++tap) {
            const Meeting& met = depths_[tap];
            const int64_t index = floor_divide(depth - met.strided.first, met.strided.step);
            if (index < 0 || index >= met.count || met.strided.at(index) != depth) continue;
            for (int64_t dense = 0; dense < (in_channels_ ? 1 : block_); ++dense) {
              const int64_t first = (dense * spec_.kernel[0] + tap) * spec_.kernel[kHeight];
              add_band(dense_.at(batch, 0, item.first + dense, met.dense.at(index), 0, 0), rows,
                       copy, copied.begin, sums + first * spec_.kernel[kWidth] * kAtOnce);
            }
          }
        }
      }
    }
  }

  // The rows that some tap meets where dense ones are `rows`.
  Range strided_rows(const Range& rows) const {
    // Whichever side is the input: as a convolution reads.
    Spec reading = spec_;
    reading.transposed = false;
    const Range all = AxisPhases::inputs_of(reading, kHeight, rows);
    const int64_t extent = strided_.extents[kHeight];
    const int64_t begin = std::clamp<int64_t>(all.begin, 0, extent);
    return {begin, std::clamp(all.end, begin, extent)};
  }

  // All taps of height and width, as many of the width at a time as there are loops for.
  void add_band(const float* dense, const Range& rows, const float* copy, int64_t first_copied,
                float* sums) const {
    const int64_t width = spec_.kernel[kWidth];
    const int64_t positions = dense_.extents[kWidth];
    for (int64_t tap_row = 0; tap_row < spec_.kernel[kHeight]; ++tap_row) {
      const Meeting& met = heights_[tap_row];
      const Range own = indices_inside(met.dense.first - rows.begin, met.dense.step, rows.count(),
                                       {0, met.count});
      if (own.count() == 0) continue;
      const float* const strided =
          copy + (met.strided.at(own.begin) - first_copied) * row_.floats();
      Lines lines{.dense = dense + met.dense.at(own.begin) * dense_.row_stride,
                  .strided = {},
                  .dense_step = in_channels_ ? dense_.point_stride : kAtOnce,
                  .dense_line_step = met.dense.step * dense_.row_stride,
                  .strided_line_step = met.strided.step * row_.floats(),
                  .lines = own.count(),
                  .steps = in_channels_ ? positions : positions / kAtOnce,
                  .rest = in_channels_ ? 0 : positions % kAtOnce};
      for (int64_t first = 0, taps = 0; first < width; first += taps) {
        const int64_t left = width - first;
        taps = left % 3 == 0 ? 3 : left >= kMostTaps ? kMostTaps : 1;
        for (int64_t tap = 0; tap < taps; ++tap)
          lines.strided[tap] = strided + starts_[first + tap];
        const auto add = taps == 1 ? add_lines<1> : taps == 3 ? add_lines<3> : add_lines<kMostTaps>;
        add(lines, sums + (tap_row * width + first) * kAtOnce);
      }
    }
  }

  void write(const Item& item, const float* sums, float* grad_weight) const {
    const int64_t taps = spec_.kernel_elements();
    for (int64_t dense = item.others; dense < block_; ++dense) {
      float* const target =
          grad_weight + ((item.first + dense) * strided_.group_channels + item.channel) * taps;
      for (int64_t tap = 0; tap < taps; ++tap) {
        if (in_channels_) {
          target[tap] = sums[tap * kAtOnce + dense];
        } else {
          const float* const own = sums + (dense * taps + tap) * kAtOnce;
          target[tap] =
              ((own[0] + own[4]) + (own[1] + own[5])) + ((own[2] + own[6]) + (own[3] + own[7]));
        }
      }
    }
  }

  const Problem& problem_;
  const Spec& spec_;
  const Side dense_;
  const Side strided_;
  const bool in_channels_;
  const int64_t block_;  // dense channels of an item
  const RowCopy row_;
  int64_t band_;         // dense rows at a time
  int64_t copied_rows_;  // for them, at most
  // Of the taps of each axis.
  Block<Meeting> depths_;
  Block<Meeting> heights_;
  Block<int64_t> starts_;
};

bool takes(const Problem& problem) {
  const Spec& spec = problem.spec;
  const Side dense = sides_of(problem).dense;
  const int64_t channels = in_channels(problem) ? 1 : dense.group_channels;
  const int64_t most_at_once =
      in_channels(problem) ? spec.groups * dense.group_channels : dense.extents[kWidth];
  if (spec.input_dilation[kWidth] != 1 || most_at_once < kAtOnce) return false;
  // Every thread has vectors of sums for all taps of an item.
  constexpr int64_t kMostSums = 1 << 17;
  if (channels * spec.kernel_elements() > kMostSums) return false;
  // Far away from the tensor there may be any number of zeros.
  const RowCopy row(problem);
  return row.stride * row.length <=
         2 * (int64_t{sides_of(problem).strided.extents[kWidth]} + spec.kernel[kWidth]) + 64;
}

}  // namespace

constexpr Route kDepthwise = {
    "depthwise", takes,
    [](const Problem& problem, const float* input, const float* grad_output, float* grad_weight) {
      return Depthwise(problem, input, grad_output).run(grad_weight);
    }};

}  // namespace deconv::gradients
