// The gradient where groups have few channels on both sides, channels first: vectors are
// neighbouring positions of a row. A plane of the strided side is copied once, the phases of its
// rows apart and with zeros around them, so that all positions of a dense row meet every tap of the
// width, from somewhere on in one phase.

#include <algorithm>

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

constexpr int kMostTaps = 3;
// Positions at a time; the rest of a row is added as the last of so many.
constexpr int64_t kAtOnce = 8;

// Lines of dense positions, and where taps of the width read those of the first line.
struct Lines {
  const float* dense;
  const float* strided[kMostTaps];
  int64_t dense_step;
  int64_t strided_step;
  int64_t lines;
  int64_t positions;  // kAtOnce at least
};

// sums[tap] += dense * strided, in vectors whose lanes are summed in the end. Of two vectors each,
// because a unit adds to the same sum every four cycles only.
template <int kTaps>
void add_lines(const Lines& lines, float* sums) {
  v128_t low_sums[kTaps];
  v128_t high_sums[kTaps];
  const float* strided[kTaps];
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
    low_sums[tap] = wasm_v128_load(sums + 4 * tap);
    high_sums[tap] = wasm_i32x4_const_splat(0);
    strided[tap] = lines.strided[tap];
  }
  const auto rest = static_cast<int32_t>(lines.positions % kAtOnce);
  const v128_t lanes = wasm_i32x4_const(0, 1, 2, 3);
  const v128_t low_rest = wasm_i32x4_ge(lanes, wasm_i32x4_splat(8 - rest));
  const v128_t high_rest = wasm_i32x4_ge(lanes, wasm_i32x4_splat(4 - rest));
  const float* dense = lines.dense;
  for (int64_t line = 0; line < lines.lines; ++line) {
    int64_t at = 0;
    for (; at + kAtOnce <= lines.positions; at += kAtOnce) {
      const v128_t low = wasm_v128_load(dense + at);
      const v128_t high = wasm_v128_load(dense + at + 4);
#pragma clang loop unroll(full)
      for (int tap = 0; tap < kTaps; ++tap) {
        const float* const values = strided[tap] + at;
        low_sums[tap] = fma_f32x4(low, wasm_v128_load(values), low_sums[tap]);
        high_sums[tap] = fma_f32x4(high, wasm_v128_load(values + 4), high_sums[tap]);
      }
    }
    if (rest > 0) {
      at = lines.positions - kAtOnce;
      const v128_t low = wasm_v128_and(low_rest, wasm_v128_load(dense + at));
      const v128_t high = wasm_v128_and(high_rest, wasm_v128_load(dense + at + 4));
#pragma clang loop unroll(full)
      for (int tap = 0; tap < kTaps; ++tap) {
        const float* const values = strided[tap] + at;
        const v128_t low_values = wasm_v128_and(low_rest, wasm_v128_load(values));
        const v128_t high_values = wasm_v128_and(high_rest, wasm_v128_load(values + 4));
        low_sums[tap] = fma_f32x4(low, low_values, low_sums[tap]);
        high_sums[tap] = fma_f32x4(high, high_values, high_sums[tap]);
      }
    }
    dense += lines.dense_step;
#pragma clang loop unroll(full)
    for (const float*& each : strided) each += lines.strided_step;
  }
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
    wasm_v128_store(sums + 4 * tap, wasm_f32x4_add(low_sums[tap], high_sums[tap]));
  }
}

// How the taps of the width read the copy of a strided row: phase for phase, `length` values each.
struct RowCopy {
  explicit RowCopy(const Problem& problem)
      : stride(problem.spec.stride[kWidth]),
        dilation(problem.spec.dilation[kWidth]),
        pad(problem.spec.pad_before[kWidth]) {
    const int64_t last = (problem.spec.kernel[kWidth] - 1) * dilation - pad;
    const int64_t positions = sides_of(problem).dense.extents[kWidth];
    first = floor_divide(-pad, stride);
    length = positions + floor_divide(last, stride) - first;
  }

  int64_t floats() const { return stride * length; }
  // Where the value begins that a tap reads for the first dense position.
  int64_t start_of(int64_t tap) const {
    const int64_t at = tap * dilation - pad;
    const int64_t column = floor_divide(at, stride);
    return (at - column * stride) * length + column - first;
  }

  // Copies `rows` rows of `extent` values; what no value lies at keeps its zeros.
  void fill(const float* source, int64_t rows, int64_t extent, float* target) const {
    const int64_t begin = std::clamp<int64_t>(-first, 0, length);
    const int64_t skipped = std::max<int64_t>(first, 0) * stride;
    const int64_t left = std::max<int64_t>(extent - skipped, 0);
    const int64_t whole = std::min(left / stride, length - begin);
    const int64_t rest = begin + whole < length ? left - whole * stride : 0;
    for (int64_t row = 0; row < rows; ++row, target += floats()) {
      const float* const own = source + row * extent + skipped;
      if (stride == 1) {
        copy_floats(own, whole, target + begin);
      } else {
        deinterleave(stride, whole, own, target + begin, length);
      }
      for (int64_t phase = 0; phase < rest; ++phase) {
        target[phase * length + begin + whole] = own[whole * stride + phase];
      }
    }
  }

  int64_t stride;
  int64_t dilation;
  int64_t pad;
  int64_t first;
  int64_t length;
};

// One item is one strided channel, with all dense ones of its group.
class DepthwisePlanes {
 public:
  DepthwisePlanes(const Problem& problem, const float* input, const float* grad_output)
      : problem_(problem),
        spec_(problem.spec),
        sides_(sides_of(problem, input, grad_output)),
        copy_(problem) {}

  Status run(float* grad_weight) {
    Buffer& scratch = Workspace::shared().scratch;
    const int64_t channels = sides_.strided.group_channels;
    const int64_t sums = sides_.dense.group_channels * spec_.kernel_elements() * 4;
    const int64_t worker_floats = sums + sides_.strided.extents[kHeight] * copy_.floats();
    if (!prepare() || !scratch.reserve(worker_floats * machine.threads)) {
      return Status::kOutOfMemory;
    }
    for_each_item(spec_.groups * channels, [&](int64_t item, int worker) {
      float* const own = scratch.data() + worker * worker_floats;
      const int64_t group = item / channels;
      const int64_t channel = item % channels;
      clear_floats(own, worker_floats);
      sum(group, channel, own, own + sums);
      write(group, channel, own, grad_weight);
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
    for (int64_t tap = 0; tap < spec_.kernel[kWidth]; ++tap) starts_[tap] = copy_.start_of(tap);
    return true;
  }

  void sum(int64_t group, int64_t channel, float* sums, float* plane) const {
    const Side& strided = sides_.strided;
    for (int64_t batch = 0; batch < problem_.batch; ++batch) {
      for (int64_t depth = 0; depth < strided.extents[0]; ++depth) {
        const float* const source = strided.at(batch, group, channel, depth, 0, 0);
        copy_.fill(source, strided.extents[kHeight], strided.extents[kWidth], plane);
        for (int64_t tap = 0; tap < spec_.kernel[0]; ++tap) {
          const Meeting& met = depths_[tap];
          const int64_t index = floor_divide(depth - met.strided.first, met.strided.step);
          if (index < 0 || index >= met.count || met.strided.at(index) != depth) continue;
          for (int64_t dense = 0; dense < sides_.dense.group_channels; ++dense) {
            const int64_t first = (dense * spec_.kernel[0] + tap) * spec_.kernel[kHeight];
            add_plane(sides_.dense.at(batch, group, dense, met.dense.at(index), 0, 0), plane,
                      sums + first * spec_.kernel[kWidth] * 4);
          }
        }
      }
    }
  }

  // All taps of height and width, as many of the width at a time as there are loops for.
  void add_plane(const float* dense, const float* strided, float* sums) const {
    const int64_t width = spec_.kernel[kWidth];
    for (int64_t row = 0; row < spec_.kernel[kHeight]; ++row) {
      const Meeting& height = heights_[row];
      Lines lines{.dense = dense + height.dense.first * sides_.dense.row_stride,
                  .strided = {},
                  .dense_step = height.dense.step * sides_.dense.row_stride,
                  .strided_step = height.strided.step * copy_.floats(),
                  .lines = height.count,
                  .positions = sides_.dense.extents[kWidth]};
      for (int64_t first = 0, taps = 0; first < width; first += taps) {
        taps = width - first >= kMostTaps ? kMostTaps : 1;
        for (int64_t tap = 0; tap < taps; ++tap) {
          lines.strided[tap] =
              strided + height.strided.first * copy_.floats() + starts_[first + tap];
        }
        float* const own = sums + (row * width + first) * 4;
        taps == 1 ? add_lines<1>(lines, own) : add_lines<kMostTaps>(lines, own);
      }
    }
  }

  void write(int64_t group, int64_t channel, const float* sums, float* grad_weight) const {
    const int64_t taps = spec_.kernel_elements();
    const int64_t dense_channels = sides_.dense.group_channels;
    const int64_t strided_channels = sides_.strided.group_channels;
    for (int64_t dense = 0; dense < dense_channels; ++dense) {
      const int64_t kernel = (group * dense_channels + dense) * strided_channels + channel;
      for (int64_t tap = 0; tap < taps; ++tap, sums += 4) {
        grad_weight[kernel * taps + tap] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      }
    }
  }

  const Problem& problem_;
  const Spec& spec_;
  const Sides sides_;
  const RowCopy copy_;
  // Of the taps of each axis.
  Block<Meeting> depths_;
  Block<Meeting> heights_;
  Block<int64_t> starts_;
};

bool takes(const Problem& problem) {
  const Spec& spec = problem.spec;
  const Sides sides = sides_of(problem);
  const bool planes =
      problem.layout == Layout::kChannelsFirst || (spec.in_channels == 1 && spec.out_channels == 1);
  if (!planes || spec.input_dilation[kWidth] != 1) return false;
  if (sides.dense.extents[kWidth] < kAtOnce) return false;
  // Every thread has vectors of sums for all of a channel's taps.
  constexpr int64_t kMostSums = 1 << 18;
  if (sides.dense.group_channels * spec.kernel_elements() > kMostSums) return false;
  // Far away from the tensor there may be any number of zeros.
  return RowCopy(problem).floats() <=
         2 * (int64_t{sides.strided.extents[kWidth]} + spec.kernel[kWidth]) + 64;
}

}  // namespace

constexpr Route kPlanes = route_of<DepthwisePlanes>("planes", takes);

}  // namespace deconv::gradients
