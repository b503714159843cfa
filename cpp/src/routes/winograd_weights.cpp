#include "routes/winograd_weights.h"

#include <algorithm>

#include "matrix_tile.h"
#include "parallel.h"
#include "routes/kernel_rows.h"
#include "simd.h"

namespace deconv {

bool too_few_channels(int64_t channels, const Problem& problem) {
  if (channels >= 12) return false;
  return channels < 4 ||
         problem.multiply_accumulates() < static_cast<double>(machine.winograd_least_products);
}

void WinogradWeights::add(bool last_line, bool last_point) {
  Part& part = list_[parts_++];
  part = {{}, last_line, last_point};
  for (const bool line : {false, true}) {
    for (const bool point : {false, true}) {
      part.before[line][point] = counts_[line][point];
      counts_[line][point] += (last_line || !line) && (last_point || !point);
    }
  }
}

int64_t WinogradWeights::line_elements(int64_t channels, int line) const {
  return transform_.points * point_elements(channels, line) +
         parts_at(line, transform_.points) * channels + 1;
}

int64_t WinogradWeights::values_before(int line, int64_t height, int64_t channels) const {
  return line * line_elements(channels, 0) * height;
}

int64_t WinogradWeights::all_elements(int64_t channels) const {
  return (lines() - 1) * line_elements(channels, 0) + line_elements(channels, lines() - 1);
}

void WinogradWeights::choose(int64_t kernels, int64_t tile_positions, const Spec& spec,
                             const Machine& sizes) {
  using enum WeightTransforms;
  const int64_t all = kernels * all_parts();
  const bool compact = spec.compact_positions > 0 && spec.kernel[0] == 1 && spec.stride[0] == 1;
  const bool pays = compact && all > sizes.winograd_small_weights &&
                    spec.compact_positions >= sizes.winograd_least_run_tiles * tile_positions;
  const int64_t most = compact ? sizes.winograd_compact_weights : sizes.winograd_kept_weights;
  transforms_ = all > most ? kEachBand : pays ? kEachRun : kOnce;
}

int64_t WinogradWeights::kept_elements(int64_t channels) const {
  return transforms_ == WeightTransforms::kOnce ? all_elements(channels)
                                                : parts_ * window() * channels;
}

int64_t WinogradWeights::row_elements(int64_t channels) const {
  return transforms_ == WeightTransforms::kEachBand ? kept_elements(channels)
                                                    : all_elements(channels);
}

int64_t WinogradWeights::scratch_elements(int64_t channels) const {
  return kTileRows * line_elements(channels, 0);
}

void WinogradWeights::clear_biases(int64_t height, int64_t channels, int line,
                                   float* target) const {
  for (int point = 0; point < reads(); ++point) {
    clear_floats(target + point * point_elements(channels, line) * height, height);
  }
}

// Of channels of a part, to the tiles of the points of a line.
void WinogradWeights::transform(const float* taps, int64_t tap_stride, int part,
                                const Range& channels, int64_t all_channels, int64_t height,
                                int line, float* target) const {
  if (!reaches(part, line, 0)) return;
  const int64_t stride = point_elements(all_channels, line) * height;
  const auto at = [&](int point) {
    const int64_t before = list_[part].before[is_last(line)][is_infinity(point)];
    return target + point * stride + (1 + before * all_channels + channels.begin) * height;
  };
  const int last = transform_.points;
  transform_.apply(both_axes_ ? line : -1, taps, tap_stride, channels.count() * height,
                   {at(0), stride, reaches(part, line, last) ? at(last) : nullptr});
}

void WinogradWeights::pack(const Spec& spec, const float* weight, int64_t rows, int64_t slices,
                           float* target, const void* context, GatherTaps gather) const {
  constexpr int64_t kAtOnce = 40;
  constexpr int64_t kMostWindow = std::max(
      WeightTransform::kMostLines * WeightTransform::kMostLines, WeightTransform::kMostTaps);
  const int64_t of_slice = spec.group_in_channels();
  const int64_t all = slices * of_slice;
  const bool once = transforms_ == WeightTransforms::kOnce;
  const int transforms = once ? lines() : 0;
  visit_channels(spec, [&](const Range& piece) {
    for_each_tile(rows, kept_elements(all), target, [&](float* tile, int64_t row, int64_t height) {
      const auto line_of = [&](int line) { return tile + values_before(line, height, all); };
      for (int line = 0; line < transforms; ++line) clear_biases(height, all, line, line_of(line));
      // And what apply() reads behind the last of them.
      float own[kMostWindow * kAtOnce * kTileRows + 4];
      const auto pack_channels = [&](int64_t slice, int part, const Range& channels) {
        const int64_t first = slice * of_slice + channels.begin;
        const int64_t count = channels.count() * height;
        const int64_t stride = once ? count : all * height;
        float* const taps = once ? own : tile + part * window() * stride + first * height;
        for (int64_t tap = 0; tap < window(); ++tap) clear_floats(taps + tap * stride, count);
        visit_kernels(
            spec, row, height, [&](int64_t at, int64_t phase, int64_t channel, int64_t together) {
              const TilePart kernels = kernels_of(spec, weight, 0, channel, together, channels);
              gather(context, {part, phase, slice, kernels, height, taps + at, stride});
            });
        const Range of_all{first, first + channels.count()};
        for (int line = 0; line < transforms; ++line) {
          transform(taps, stride, part, of_all, all, height, line, line_of(line));
        }
      };
      for (int64_t slice = 0; slice < slices; ++slice) {
        for (int part = 0; part < parts_; ++part) {
          for (int64_t begin = piece.begin; begin < piece.end; begin += kAtOnce) {
            pack_channels(slice, part, {begin, std::min(begin + kAtOnce, piece.end)});
          }
        }
      }
    });
  });
}

void WinogradWeights::transform_line(const float* taps, int64_t height, int64_t channels, int line,
                                     float* target) const {
  const int64_t tap_stride = channels * height;
  for (int part = 0; part < parts_; ++part, taps += window() * tap_stride) {
    transform(taps, tap_stride, part, {0, channels}, channels, height, line, target);
  }
  clear_biases(height, channels, line, target);
}

void WinogradWeights::transform_all(int64_t groups, int64_t rows, int64_t channels,
                                    const float** kept, float** target) const {
  const Tiling tiling(rows);
  for_each_item(groups * tiling.count, [&](int64_t item, int) {
    const int64_t index = item % tiling.count;
    const int64_t before = item / tiling.count * rows + tiling.first_row(index);
    const int height = tiling.height(index);
    const float* const taps = *kept + before * kept_elements(channels);
    float* const tile = *target + before * all_elements(channels);
    for (int line = 0; line < lines(); ++line) {
      transform_line(taps, height, channels, line, tile + values_before(line, height, channels));
    }
  });
  *kept += groups * rows * kept_elements(channels);
  *target += groups * rows * all_elements(channels);
}

const float* WinogradWeights::load_line(const float* tile, int64_t height, int64_t channels,
                                        int line, float* scratch) const {
  if (transforms_ != WeightTransforms::kEachBand) {
    return tile + values_before(line, height, channels);
  }
  transform_line(tile, height, channels, line, scratch);
  return scratch;
}

}  // namespace deconv
