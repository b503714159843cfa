#include "routes/winograd_weights.h"

#include <algorithm>

#include "matrix_tile.h"
#include "simd.h"

namespace deconv {

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

int64_t WinogradWeights::all_elements(int64_t channels) const {
  return (lines() - 1) * line_elements(channels, 0) + line_elements(channels, lines() - 1);
}

int64_t WinogradWeights::row_elements(int64_t channels) const {
  return kept_ ? all_elements(channels) : parts_ * window() * channels;
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

void WinogradWeights::pack(int64_t rows, int64_t channels, float* target, const void* context,
                           GatherTaps gather) const {
  // Whole vectors of rows, and what apply() reads behind them.
  constexpr int64_t kAtOnce = 40;
  constexpr int64_t kMostWindow = std::max(
      WeightTransform::kMostLines * WeightTransform::kMostLines, WeightTransform::kMostTaps);
  const int64_t at_once = kept_ ? kAtOnce : channels;
  for_each_tile(
      rows, row_elements(channels), target, [&](float* tile, int64_t first_row, int64_t height) {
        clear_floats(tile, row_elements(channels) * height);
        float own[kMostWindow * kAtOnce * kTileRows + 4];
        float* taps = tile;
        for (int part = 0; part < parts_; ++part) {
          for (int64_t begin = 0; begin < channels; begin += at_once) {
            const Range range{begin, std::min(begin + at_once, channels)};
            const int64_t tap_stride = range.count() * height;
            const int64_t count = window() * tap_stride;
            if (kept_) clear_floats(taps = own, count);
            for (int64_t row = 0; row < height; ++row) {
              gather(context, {part, first_row + row, range, taps + row, tap_stride, height});
            }
            float* of_line = tile;
            for (int line = 0; kept_ && line < lines(); ++line) {
              transform(taps, tap_stride, part, range, channels, height, line, of_line);
              of_line += line_elements(channels, line) * height;
            }
            taps += count;
          }
        }
      });
}

const float* WinogradWeights::load_line(const float* tile, int64_t height, int64_t channels,
                                        int line, float* scratch) const {
  if (kept_) return tile + line * line_elements(channels, 0) * height;
  const int64_t tap_stride = channels * height;
  for (int part = 0; part < parts_; ++part, tile += window() * tap_stride) {
    transform(tile, tap_stride, part, {0, channels}, channels, height, line, scratch);
  }
  clear_biases(height, channels, line, scratch);
  return scratch;
}

}  // namespace deconv
