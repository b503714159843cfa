#include "steps/line_reduction.h"

#include <algorithm>

namespace deconv::lines {
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
    return {center + first / count, at_least_zero(sum_of(moved.second) - first * first / count)};
  }

  Pair rest(const Tile& tile) const override {
    const Source x = source(x_, tile);
    Pair moments;
    for (int64_t lane = 0; lane < tile.lanes; ++lane) moments.first += x.values[lane];
    moments.first /= static_cast<double>(tile.lanes);
    for (int64_t lane = 0; lane < tile.lanes; ++lane) {
      const double distance = x.values[lane] - moments.first;
      moments.second += distance * distance;
    }
    return moments;
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

void reduce(const Lines& lines, const Reduction& reduction, Pair* slots) {
  const Cut cut = lines.cut();
  const int64_t per_outer = lines.per_outer();
  std::fill_n(slots, lines.slots(), Pair{});
  for_each_tile(cut, lines.walk(), [&](const Tile& tile, int64_t down, int64_t across) {
    const auto& [outer, row, column] = tile.at;
    if (lines.are_rows) {
      Pair& slot = slots[(outer * per_outer + row) * cut.across + across];
      const bool all = tile.lanes == kLanes;
      reduction.add(slot, column - across * cut.columns,
                    all ? reduction.whole(tile) : reduction.rest(tile), tile.height * tile.lanes);
      return;
    }
    Pair pairs[kLanes];
    reduction.columns(tile, pairs);
    Pair* const first = slots + (outer * cut.down + down) * per_outer + column;
    for (int64_t lane = 0; lane < tile.lanes; ++lane) {
      reduction.add(first[lane], row - down * cut.rows, pairs[lane], tile.height);
    }
  });
  // What is written has been read: a line's slots never stand before its place.
  const int64_t pieces = lines.are_rows ? cut.across : cut.down;
  const int64_t piece = lines.are_rows ? cut.columns : cut.rows;
  if (pieces == 1) return;
  for (int64_t line = 0; line < lines.count(); ++line) {
    const int64_t outer = line / per_outer;
    Pair total;
    for (int64_t index = 0; index < pieces; ++index) {
      const int64_t slot = lines.are_rows ? line * pieces + index
                                          : (outer * pieces + index) * per_outer + line % per_outer;
      const int64_t begin = index * piece;
      reduction.add(total, begin, slots[slot], std::min(piece, lines.length() - begin));
    }
    slots[line] = total;
  }
}

void reduce_to_moments(const Lines& lines, const float* x, Pair* slots) {
  reduce(lines, Moments(lines.grid, lines.walk(), x), slots);
}

}  // namespace deconv::lines
