// The gradient where every group has one channel on both sides, channels last: vectors are
// neighbouring groups. A tap of the width meets almost the same positions as its neighbours, and
// where several meet them the dense values are read once for all.

#include <algorithm>

#include "axis_phases.h"
#include "deconv/workspace.h"
#include "divide.h"
#include "gradients/route.h"
#include "gradients/sides.h"
#include "machine.h"
#include "parallel.h"
#include "simd.h"

namespace deconv::gradients {
namespace {

constexpr int kMostTaps = 3;
constexpr int kVectors = 2;
constexpr int64_t kBlock = 4 * kVectors;

// A row of positions: sums[tap] += dense * strided, for kBlock groups.
struct Row {
  const float* dense;
  const float* strided[kMostTaps];
  int64_t dense_step;
  int64_t strided_step;
  int64_t positions;
};

template <int kTaps>
void add_row(const Row& row, float* sums) {
  v128_t own[kTaps][kVectors];
  const float* strided[kTaps];
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
    strided[tap] = row.strided[tap];
#pragma clang loop unroll(full)
    for (int vector = 0; vector < kVectors; ++vector) {
      own[tap][vector] = wasm_v128_load(sums + tap * kBlock + 4 * vector);
    }
  }
  const float* dense = row.dense;
  for (int64_t position = 0; position < row.positions; ++position) {
#pragma clang loop unroll(full)
    for (int vector = 0; vector < kVectors; ++vector) {
      const v128_t factor = wasm_v128_load(dense + 4 * vector);
#pragma clang loop unroll(full)
      for (int tap = 0; tap < kTaps; ++tap) {
        own[tap][vector] =
            fma_f32x4(factor, wasm_v128_load(strided[tap] + 4 * vector), own[tap][vector]);
      }
    }
    dense += row.dense_step;
#pragma clang loop unroll(full)
    for (const float*& each : strided) each += row.strided_step;
  }
#pragma clang loop unroll(full)
  for (int tap = 0; tap < kTaps; ++tap) {
#pragma clang loop unroll(full)
    for (int vector = 0; vector < kVectors; ++vector) {
      wasm_v128_store(sums + tap * kBlock + 4 * vector, own[tap][vector]);
    }
  }
}

class DepthwiseChannels {
 public:
  DepthwiseChannels(const Problem& problem, const float* input, const float* grad_output)
      : problem_(problem),
        spec_(problem.spec),
        sides_(sides_of(problem, input, grad_output)),
        width_(spec_.kernel[kWidth]) {}

  Status run(float* grad_weight) const {
    Buffer& scratch = Workspace::shared().scratch;
    const int64_t worker_sums = width_ * kBlock;
    if (!scratch.reserve(worker_sums * machine.threads)) return Status::kOutOfMemory;
    const int64_t blocks = ceil_divide(spec_.groups, kBlock);
    const int64_t tap_rows = spec_.kernel_elements() / width_;
    for_each_item(blocks * tap_rows, [&](int64_t item, int worker) {
      float* const sums = scratch.data() + worker * worker_sums;
      const int64_t block = item % blocks * kBlock;
      const int64_t tap_row = item / blocks;
      // The last block ends at the last group, and its first groups are another's.
      const int64_t first = std::min(block, spec_.groups - kBlock);
      clear_floats(sums, worker_sums);
      sum(first, tap_row / spec_.kernel[1], tap_row % spec_.kernel[1], sums);
      for (int64_t group = block; group < first + kBlock; ++group) {
        float* const target = grad_weight + (group * tap_rows + tap_row) * width_;
        for (int64_t tap = 0; tap < width_; ++tap) target[tap] = sums[tap * kBlock + group - first];
      }
    });
    return Status::kOk;
  }

 private:
  // Of kBlock groups from `first` on.
  void sum(int64_t first, int64_t tap_depth, int64_t tap_height, float* sums) const {
    const Meeting depth = meeting_of(problem_, 0, tap_depth);
    const Meeting height = meeting_of(problem_, 1, tap_height);
    for (int64_t tap = 0, taps = 0; tap < width_; tap += taps) {
      taps = width_ - tap >= kMostTaps ? kMostTaps : 1;
      Meeting widths[kMostTaps];
      for (int64_t each = 0; each < taps; ++each) {
        widths[each] = meeting_of(problem_, kWidth, tap + each);
      }
      const Range common = common_positions(widths, taps);
      for (int64_t batch = 0; batch < problem_.batch; ++batch) {
        for (int64_t d = 0; d < depth.count; ++d) {
          for (int64_t h = 0; h < height.count; ++h) {
            const float* const dense =
                sides_.dense.at(batch, first, 0, depth.dense.at(d), height.dense.at(h), 0);
            const float* const strided =
                sides_.strided.at(batch, first, 0, depth.strided.at(d), height.strided.at(h), 0);
            add_positions(dense, strided, widths, taps, common, sums + tap * kBlock);
          }
        }
      }
    }
  }

  // The dense positions that all taps meet.
  static Range common_positions(const Meeting* widths, int64_t taps) {
    Range common{widths[0].dense.first, widths[0].dense.first + widths[0].count};
    for (int64_t tap = 1; tap < taps; ++tap) {
      common.begin = std::max(common.begin, widths[tap].dense.first);
      common.end = std::min(common.end, widths[tap].dense.first + widths[tap].count);
    }
    common.end = std::max(common.begin, common.end);
    return common;
  }

  void add_positions(const float* dense, const float* strided, const Meeting* widths, int64_t taps,
                     const Range& common, float* sums) const {
    add(dense, strided, widths, taps, common, sums);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t begin = widths[tap].dense.first;
      const int64_t end = begin + widths[tap].count;
      float* const own = sums + tap * kBlock;
      add(dense, strided, widths + tap, 1, {begin, std::clamp(common.begin, begin, end)}, own);
      add(dense, strided, widths + tap, 1, {std::clamp(common.end, begin, end), end}, own);
    }
  }

  void add(const float* dense, const float* strided, const Meeting* widths, int64_t taps,
           const Range& positions, float* sums) const {
    if (positions.count() == 0) return;
    const int64_t channels = spec_.groups;
    Row row{.dense = dense + positions.begin * channels,
            .strided = {},
            .dense_step = channels,
            .strided_step = widths[0].strided.step * channels,
            .positions = positions.count()};
    for (int64_t tap = 0; tap < taps; ++tap) {
      const Meeting& width = widths[tap];
      row.strided[tap] = strided + width.strided.at(positions.begin - width.dense.first) * channels;
    }
    taps == 1 ? add_row<1>(row, sums) : add_row<kMostTaps>(row, sums);
  }

  const Problem& problem_;
  const Spec& spec_;
  const Sides sides_;
  const int64_t width_;
};

bool takes(const Problem& problem) {
  const Spec& spec = problem.spec;
  return problem.layout == Layout::kChannelsLast && spec.groups >= kBlock &&
         spec.group_in_channels() == 1 && spec.group_out_channels() == 1 &&
         spec.input_dilation[kWidth] == 1;
}

}  // namespace

constexpr Route kChannels = route_of<DepthwiseChannels>("channels", takes);

}  // namespace deconv::gradients
