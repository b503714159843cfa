#include <cmath>

#include "steps/normalization/normalizer.h"

namespace deconv::normalization {
namespace {

// What rounding leaves below zero is zero; NaN stays.
double at_least_zero(double value) { return value < 0 ? 0 : value; }

// Moments around a first estimate of the mean, which is close to it: a mean far from zero takes
// none of the deviation's digits.
class Moments final : public Reduction {
 public:
  Moments(const Grid& grid, Walk walk, const float* x) : Reduction(grid, walk), x_(x) {}

  Pair whole(const Tile& tile) const override {
    const Source x = source(x_, tile);
    const auto count = static_cast<double>(kLanes * tile.height);
    Sums all = sums(x, tile.height);
    const auto center = static_cast<float>(sum_of(all.first) / count);
    for (v128_t& part : all.first) part = wasm_f32x4_splat(center);
    const Sums moved = distances(x, tile.height, all.first);
    const double first = sum_of(moved.first);
    const double second = at_least_zero(sum_of(moved.second) - first * first / count);
    if (!std::isfinite(second)) return exact(x.values, kLanes * tile.height, 1);
    return {center + first / count, second};
  }

  Pair rest(const Tile& tile) const override {
    return exact(source(x_, tile).values, tile.lanes, 1);
  }

  void columns(const Tile& tile, Pair* moments) const override {
    float block[kTile];
    const Source x = source(x_, tile).widened(tile, block);
    const auto count = static_cast<double>(tile.height);
    Sums all = sums(x, tile.height);
    for (v128_t& part : all.first) {
      part = wasm_f32x4_div(part, wasm_f32x4_splat(static_cast<float>(tile.height)));
    }
    const Sums moved = distances(x, tile.height, all.first);
    float centers[kLanes];
    float first[kLanes];
    float second[kLanes];
    store_parts(all.first, centers);
    store_parts(moved.first, first);
    store_parts(moved.second, second);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const double sum = first[lane];
      moments[lane] = {centers[lane] + sum / count,
                       at_least_zero(second[lane] - sum * sum / count)};
      if (std::isfinite(moments[lane].second)) continue;
      moments[lane] = exact(x.values + lane, tile.height, x.stride);
    }
  }

  // Chan, Golub and LeVeque (1983).
  void add(Pair& total, int64_t count, const Pair& part, int64_t more) const override {
    const double share = static_cast<double>(more) / static_cast<double>(count + more);
    const double distance = part.first - total.first;
    total.first += distance * share;
    total.second += part.second + distance * distance * static_cast<double>(count) * share;
  }

 private:
  // In double precision: float does not hold the squares of large values.
  __attribute__((noinline)) static Pair exact(const float* x, int64_t count, int64_t step) {
    Pair moments;
    for (int64_t index = 0; index < count; ++index) moments.first += x[index * step];
    moments.first /= static_cast<double>(count);
    for (int64_t index = 0; index < count; ++index) {
      const double distance = x[index * step] - moments.first;
      moments.second += distance * distance;
    }
    return moments;
  }

  static Sums sums(const Source& x, int64_t height) {
    Sums result;
    for (int64_t row = 0; row < height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        result.first[part] = wasm_f32x4_add(result.first[part], x.read(row, part));
      }
    }
    return result;
  }

  static Sums distances(const Source& x, int64_t height, const v128_t (&centers)[kParts]) {
    Sums result;
    for (int64_t row = 0; row < height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        const v128_t distance = wasm_f32x4_sub(x.read(row, part), centers[part]);
        result.first[part] = wasm_f32x4_add(result.first[part], distance);
        result.second[part] = fma_f32x4(distance, distance, result.second[part]);
      }
    }
    return result;
  }

  const float* const x_;
};

}  // namespace

void Normalizer::place_lines(const float* x, const float* running, float* statistics,
                             bool with_weight) {
  if (running == nullptr) return measure(x, statistics, with_weight);
  for (int64_t line = 0; line < lines_.count(); ++line) {
    const int64_t channel = line % call_.channels;
    place(line, running[channel], running[call_.channels + channel], with_weight);
  }
}

void Normalizer::measure(const float* x, float* statistics, bool with_weight) {
  reduce(lines_, Moments(lines_.grid, lines_.walk(), x), slots_);
  const auto line_count = static_cast<double>(lines_.length());
  const auto set_lines = static_cast<double>(lines_of_set());
  for (int64_t set = 0; set < call_.sets(); ++set) {
    Pair moments;
    for_each_line(set, [&](int64_t line) { moments.first += slots_[line].first / set_lines; });
    for_each_line(set, [&](int64_t line) {
      const double distance = slots_[line].first - moments.first;
      moments.second += slots_[line].second + line_count * distance * distance;
    });
    const double variance = moments.second / (line_count * set_lines);
    if (statistics != nullptr) {
      statistics[set] = static_cast<float>(moments.first);
      statistics[call_.sets() + set] = static_cast<float>(variance);
    }
    for_each_line(set, [&](int64_t line) { place(line, moments.first, variance, with_weight); });
  }
}

// The center is a float, so that little is left for the shift: x - center is exact near it.
void Normalizer::place(int64_t line, double mean, double variance, bool with_weight) {
  const bool own = with_weight && set_ != NormalizedSet::kPoint;
  const double scale = 1 / std::sqrt(variance + call_.eps) * (own ? factor_of(line) : 1);
  const auto center = static_cast<float>(mean);
  parameters_.center[line] = center;
  parameters_.scale[line] = static_cast<float>(scale);
  parameters_.shift[line] = static_cast<float>((center - mean) * scale +
                                               (own ? parameters_.bias[line % call_.channels] : 0));
}

}  // namespace deconv::normalization
