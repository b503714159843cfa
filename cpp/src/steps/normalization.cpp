#include "deconv/normalization.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "deconv/workspace.h"
#include "divide.h"
#include "kernels/lanes.h"
#include "parallel.h"
#include "simd.h"

// A tensor is a grid of rows and columns for each outer entry: channels are rows and points
// columns, or the other way round. What has one mean is a line, a row or a column; lines are
// gathered into sets afterwards. Inner loops see tiles: 16 columns of some rows, or some times 16
// values of a row.
namespace deconv {
namespace {

constexpr int kParts = 4;
constexpr int64_t kLanes = 4 * kParts;
// Few enough that sums in single precision keep their digits, and that a tile which is read twice
// stays in the first-level cache.
constexpr int64_t kHeight = 64;
// Values that a thread takes at once, and the most pieces that a line is cut into.
constexpr int64_t kPiece = 1 << 14;
constexpr int64_t kMostPieces = 64;
// Columns of a piece of the reductions that go down them.
constexpr int64_t kPieceColumns = 256;

struct Grid {
  int64_t outer;
  int64_t rows;
  int64_t columns;
};

// The rows of a tile follow each other along one row of the grid, or down its columns.
enum class Walk { kAlong, kDown };

struct Position {
  int64_t outer;
  int64_t row;
  int64_t column;
};

struct Tile {
  Position at;
  int64_t height;
  int64_t lanes;
};

// Pieces that are worked on at once, of `rows` rows and `columns` columns where there are as many.
struct Cut {
  Cut(const Grid& grid, int64_t rows, int64_t columns)
      : grid(grid),
        rows(rows),
        columns(columns),
        down(ceil_divide(grid.rows, rows)),
        across(ceil_divide(grid.columns, columns)) {}

  Grid grid;
  int64_t rows;
  int64_t columns;
  int64_t down;
  int64_t across;
};

// Calls visit(context, tile, down, across) for every tile; the last two number the piece that it is
// in. Those of a piece come in order, from one thread.
void for_each_tile(const Cut& cut, Walk walk, const void* context,
                   void (*visit)(const void*, const Tile&, int64_t, int64_t)) {
  const Grid& grid = cut.grid;
  for_each_item(grid.outer * cut.down * cut.across, [&](int64_t item, int) {
    const int64_t across = item % cut.across;
    const int64_t down = item / cut.across % cut.down;
    const int64_t outer = item / cut.across / cut.down;
    const int64_t last_row = std::min(grid.rows, (down + 1) * cut.rows);
    const int64_t first_column = across * cut.columns;
    const int64_t last_column = std::min(grid.columns, first_column + cut.columns);
    const int64_t most_rows = walk == Walk::kAlong ? 1 : kHeight;
    for (int64_t row = down * cut.rows; row < last_row; row += most_rows) {
      int64_t width = kLanes;
      for (int64_t column = first_column; column < last_column; column += width) {
        const int64_t rest = last_column - column;
        Tile tile{
            {outer, row, column}, std::min(most_rows, last_row - row), std::min(kLanes, rest)};
        if (walk == Walk::kAlong && rest > kLanes) tile.height = std::min(kHeight, rest / kLanes);
        width = walk == Walk::kAlong ? kLanes * tile.height : kLanes;
        visit(context, tile, down, across);
      }
    }
  });
}

// The same with visit(tile, down, across).
template <typename Visit>
void for_each_tile(const Cut& cut, Walk walk, const Visit& visit) {
  for_each_tile(cut, walk, &visit,
                [](const void* context, const Tile& tile, int64_t down, int64_t across) {
                  (*static_cast<const Visit*>(context))(tile, down, across);
                });
}

// A tile's rows, `stride` values apart.
struct Source {
  Source(const float* values, int64_t stride) : values(values), stride(stride) {}

  // Of a tensor.
  Source(const Grid& grid, Walk walk, const float* tensor, const Position& at)
      : Source(tensor + (at.outer * grid.rows + at.row) * grid.columns + at.column,
               walk == Walk::kAlong ? kLanes : grid.columns) {}

  v128_t read(int64_t row, int part) const {
    return wasm_v128_load(values + row * stride + 4 * part);
  }

  // With all lanes: those that the tile has not are zeros, in a copy.
  Source widened(const Tile& tile, float* block) const {
    if (tile.lanes == kLanes) return *this;
    std::memset(block, 0, static_cast<size_t>(tile.height * kLanes) * sizeof(float));
    for (int64_t row = 0; row < tile.height; ++row) {
      copy_floats(values + row * stride, tile.lanes, block + row * kLanes);
    }
    return Source(block, kLanes);
  }

  const float* values;
  int64_t stride;
};

// Room for a tile.
constexpr int64_t kTile = kHeight * kLanes;

// Of a line: its mean with the sum of squared distances from it, or two sums.
struct Pair {
  double first = 0;
  double second = 0;
};

void store_parts(const v128_t (&parts)[kParts], float* lanes) {
  for (int part = 0; part < kParts; ++part) wasm_v128_store(lanes + 4 * part, parts[part]);
}

float sum_of(const v128_t (&parts)[kParts]) {
  float lanes[4];
  wasm_v128_store(lanes, wasm_f32x4_add(wasm_f32x4_add(parts[0], parts[1]),
                                        wasm_f32x4_add(parts[2], parts[3])));
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// Sums of each column, or of all of them.
struct Sums {
  Sums() {
    for (int part = 0; part < kParts; ++part) {
      first[part] = wasm_f32x4_splat(0);
      second[part] = wasm_f32x4_splat(0);
    }
  }

  v128_t first[kParts];
  v128_t second[kParts];
};

// What rounding leaves below zero is zero; NaN stays.
double at_least_zero(double value) { return value < 0 ? 0 : value; }

// What lines are reduced to, tile by tile.
class Reduction {
 public:
  Reduction(const Grid& grid, Walk walk) : grid_(grid), walk_(walk) {}
  Reduction(const Reduction&) = delete;
  Reduction& operator=(const Reduction&) = delete;

  // Of all values of a tile with all lanes.
  virtual Pair whole(const Tile& tile) const = 0;
  // Of fewer values than there are lanes.
  virtual Pair rest(const Tile& tile) const = 0;
  // Of each column.
  virtual void columns(const Tile& tile, Pair* pairs) const = 0;
  // Adds a part of `more` values to one of `count`.
  virtual void add(Pair& total, int64_t count, const Pair& part, int64_t more) const = 0;

 protected:
  ~Reduction() = default;

  Source source(const float* tensor, const Tile& tile) const {
    return Source(grid_, walk_, tensor, tile.at);
  }

  const Grid& grid_;
  const Walk walk_;
};

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

// What inner loops read beside the tensors. Of every line: what x is taken less of, a factor, a
// summand and, for gradients, a factor of grad_output and one of all. Of the channels, where those
// lie across the lines: weight and bias. Readable up to a tile's lanes behind the last.
struct Parameters {
  float* center;
  float* scale;
  float* shift;
  float* gain;
  float* inverse;
  float* weight;
  float* bias;
};

// One value for each row of a tile, or one for each column.
template <bool kOfRow>
struct Operand {
  Operand(const Grid& grid, Walk walk, const float* values, const Position& at, int64_t outer)
      : values(values + outer * (kOfRow ? grid.rows : grid.columns) +
               (kOfRow ? at.row : at.column)),
        step((walk == Walk::kAlong) == kOfRow ? 0
             : kOfRow                         ? 1
                                              : kLanes) {}

  v128_t read(int64_t row, int part) const {
    if constexpr (kOfRow) return wasm_v128_load32_splat(values + row * step);
    return wasm_v128_load(values + row * step + 4 * part);
  }
  // In the first row of a tile.
  float lane(int64_t index) const { return values[kOfRow ? 0 : index]; }

  const float* values;
  int64_t step;
};

// The kinds of loops: whether lines are rows, and whether there are weights across them.
template <bool kLinesAreRows, bool kWeighted>
struct Kind {
  static constexpr bool kRows = kLinesAreRows;
  static constexpr bool kWeights = kWeighted;
};

template <typename Work>
void with_kind(bool lines_are_rows, bool weighted, const Work& work) {
  if (lines_are_rows) {
    weighted ? work(Kind<true, true>()) : work(Kind<true, false>());
  } else {
    weighted ? work(Kind<false, true>()) : work(Kind<false, false>());
  }
}

template <typename AnyKind>
struct Operands {
  Operands(const Grid& grid, Walk walk, const Parameters& parameters, const Position& at)
      : center(grid, walk, parameters.center, at, at.outer),
        scale(grid, walk, parameters.scale, at, at.outer),
        shift(grid, walk, parameters.shift, at, at.outer),
        gain(grid, walk, parameters.gain, at, at.outer),
        inverse(grid, walk, parameters.inverse, at, at.outer),
        weight(grid, walk, parameters.weight, at, 0),
        bias(grid, walk, parameters.bias, at, 0) {}

  // (x - center) * scale + shift
  v128_t line(v128_t x, int64_t row, int part) const {
    return fma_f32x4(wasm_f32x4_sub(x, center.read(row, part)), scale.read(row, part),
                     shift.read(row, part));
  }
  v128_t weighted(v128_t value, int64_t row, int part) const {
    if constexpr (!AnyKind::kWeights) return value;
    return wasm_f32x4_mul(value, weight.read(row, part));
  }

  Operand<AnyKind::kRows> center;
  Operand<AnyKind::kRows> scale;
  Operand<AnyKind::kRows> shift;
  Operand<AnyKind::kRows> gain;
  Operand<AnyKind::kRows> inverse;
  Operand<!AnyKind::kRows> weight;
  Operand<!AnyKind::kRows> bias;
};

// Sums of grad_output, weighted, and of its products with the normalized input.
template <typename AnyKind>
class GradientSums final : public Reduction {
 public:
  GradientSums(const Grid& grid, Walk walk, const Parameters& parameters, const float* x,
               const float* g)
      : Reduction(grid, walk), parameters_(parameters), x_(x), g_(g) {}

  Pair whole(const Tile& tile) const override {
    const Sums all = sums(tile);
    return {sum_of(all.first), sum_of(all.second)};
  }

  Pair rest(const Tile& tile) const override {
    const Operands<AnyKind> operands(grid_, walk_, parameters_, tile.at);
    const Source x = source(x_, tile);
    const Source g = source(g_, tile);
    Pair sums;
    for (int64_t lane = 0; lane < tile.lanes; ++lane) {
      const float normal =
          (x.values[lane] - operands.center.lane(lane)) * operands.scale.lane(lane) +
          operands.shift.lane(lane);
      const float gradient = g.values[lane] * (AnyKind::kWeights ? operands.weight.lane(lane) : 1);
      sums.first += gradient;
      sums.second += double{gradient} * normal;
    }
    return sums;
  }

  void columns(const Tile& tile, Pair* pairs) const override {
    const Sums all = sums(tile);
    float first[kLanes];
    float second[kLanes];
    store_parts(all.first, first);
    store_parts(all.second, second);
    for (int64_t lane = 0; lane < kLanes; ++lane) pairs[lane] = {first[lane], second[lane]};
  }

  void add(Pair& total, int64_t, const Pair& part, int64_t) const override {
    total.first += part.first;
    total.second += part.second;
  }

 private:
  __attribute__((noinline)) Sums sums(const Tile& tile) const {
    const Operands<AnyKind> operands(grid_, walk_, parameters_, tile.at);
    float blocks[2][kTile];
    const Source x = source(x_, tile).widened(tile, blocks[0]);
    const Source g = source(g_, tile).widened(tile, blocks[1]);
    Sums result;
    for (int64_t row = 0; row < tile.height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        const v128_t gradient = operands.weighted(g.read(row, part), row, part);
        const v128_t normal = operands.line(x.read(row, part), row, part);
        result.first[part] = wasm_f32x4_add(result.first[part], gradient);
        result.second[part] = fma_f32x4(gradient, normal, result.second[part]);
      }
    }
    return result;
  }

  const Parameters& parameters_;
  const float* const x_;
  const float* const g_;
};

// Whole rows or columns of the grid.
struct Lines {
  Walk walk() const { return are_rows ? Walk::kAlong : Walk::kDown; }
  int64_t per_outer() const { return are_rows ? grid.rows : grid.columns; }
  int64_t count() const { return grid.outer * per_outer(); }
  int64_t length() const { return are_rows ? grid.columns : grid.rows; }
  Lines crossing() const { return {grid, !are_rows}; }

  // How a reduction cuts them: each line has a slot for every piece of it.
  Cut cut() const {
    const int64_t most = ceil_divide(length(), kMostPieces);
    if (are_rows) {
      const int64_t columns = std::max(kPiece, ceil_divide(most, kLanes) * kLanes);
      return Cut(grid, std::max(int64_t{1}, kPiece / grid.columns), columns);
    }
    const int64_t columns = std::min(grid.columns, kPieceColumns);
    return Cut(grid, std::max({kHeight, kPiece / columns, most}), columns);
  }
  int64_t slots() const {
    const Cut pieces = cut();
    return count() * (are_rows ? pieces.across : pieces.down);
  }

  Grid grid;
  bool are_rows;
};

// Reduces every line to slots[line]; there are lines.slots() of them.
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

// Writes write(operands, x, g, row, part) for every value; g is read where it is used.
template <typename AnyKind, typename Write>
void map(const Grid& grid, const Parameters& parameters, const float* x, const float* g, float* y,
         const Write& write) {
  // Down short columns what belongs to them is read once.
  const bool along = grid.columns >= kLanes * (AnyKind::kRows ? 4 : kHeight);
  const Walk walk = along ? Walk::kAlong : Walk::kDown;
  const Cut cut(grid, std::max(int64_t{1}, kPiece / grid.columns), std::min(grid.columns, kPiece));
  for_each_tile(cut, walk, [&](const Tile& tile, int64_t, int64_t) {
    const Operands<AnyKind> operands(grid, walk, parameters, tile.at);
    float blocks[3][kTile];
    const Source place(grid, walk, x, tile.at);
    const Source inputs = place.widened(tile, blocks[0]);
    const Source gradients = Source(grid, walk, g, tile.at).widened(tile, blocks[1]);
    float* const target = y + (place.values - x);
    const bool all = tile.lanes == kLanes;
    float* const to = all ? target : blocks[2];
    for (int64_t row = 0; row < tile.height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        wasm_v128_store(to + row * inputs.stride + 4 * part,
                        write(operands, inputs.read(row, part), gradients, row, part));
      }
    }
    if (all) return;
    for (int64_t row = 0; row < tile.height; ++row) {
      copy_floats(to + row * kLanes, tile.lanes, target + row * place.stride);
    }
  });
}

// One call: how its lines lie, which of them make a set, and its room in the workspace.
class Normalizer {
 public:
  Normalizer(const Normalization& call, bool fixed)
      : call_(call), set_(fixed ? NormalizedSet::kChannel : call.set), lines_(lines_of()) {}

  [[nodiscard]] bool prepare(const float* weight, const float* bias) {
    const int64_t lines = lines_.count();
    const bool across = set_ == NormalizedSet::kPoint;
    const int64_t slots = std::max(lines_.slots(), across ? lines_.crossing().slots() : 0);
    const int64_t slot_floats = slots * static_cast<int64_t>(sizeof(Pair) / sizeof(float));
    Buffer& room = Workspace::shared().scratch;
    if (!room.reserve(slot_floats + 5 * lines + 2 * call_.channels + kLanes)) return false;
    slots_ = reinterpret_cast<Pair*>(room.data());
    float* next = room.data() + slot_floats;
    for (float** values : {&parameters_.center, &parameters_.scale, &parameters_.shift,
                           &parameters_.gain, &parameters_.inverse}) {
      *values = next;
      next += lines;
    }
    parameters_.weight = next;
    parameters_.bias = next + call_.channels;
    for (int64_t channel = 0; channel < call_.channels; ++channel) {
      parameters_.weight[channel] = weight == nullptr ? 1 : weight[channel];
      parameters_.bias[channel] = bias == nullptr ? 0 : bias[channel];
    }
    weighted_ = set_ == NormalizedSet::kPoint && (weight != nullptr || bias != nullptr);
    return true;
  }

  // Centers, scales and shifts, with weight and bias or without: by `running` moments of the
  // channels, [2][channels], or by the sets' own where there are none.
  void place_lines(const float* x, const float* running, float* statistics, bool with_weight) {
    if (running == nullptr) return measure(x, statistics, with_weight);
    for (int64_t line = 0; line < lines_.count(); ++line) {
      const int64_t channel = line % call_.channels;
      place(line, running[channel], running[call_.channels + channel], with_weight);
    }
  }

  void write(const float* x, float* y) const {
    with_kind(lines_.are_rows, weighted_, [&](auto kind) {
      using Own = decltype(kind);
      map<Own>(
          lines_.grid, parameters_, x, x, y,
          [](const Operands<Own>& operands, v128_t value, const Source&, int64_t row, int part) {
            const v128_t normal = operands.line(value, row, part);
            if constexpr (Own::kWeights) {
              return fma_f32x4(normal, operands.weight.read(row, part),
                               operands.bias.read(row, part));
            } else {
              return normal;
            }
          });
    });
  }

  // Of weight and bias; scales and shifts are without them.
  void write_parameter_gradients(const float* x, const float* g, float* gradients) {
    // A point's channels lie across its line.
    const bool across = set_ == NormalizedSet::kPoint;
    const Lines lines = across ? lines_.crossing() : lines_;
    sum(lines, false, x, g);
    std::fill_n(gradients, 2 * call_.channels, 0.0f);
    for (int64_t channel = 0; channel < call_.channels; ++channel) {
      Pair total;
      for (int64_t line = channel; line < lines.count(); line += call_.channels) {
        total.first += slots_[line].first;
        total.second += slots_[line].second;
      }
      gradients[channel] = static_cast<float>(total.second);
      gradients[call_.channels + channel] = static_cast<float>(total.first);
    }
  }

  // `own`: the gradient goes through the moments too.
  void write_input_gradient(const float* x, const float* g, float* y, bool own) {
    if (own) sum(lines_, weighted_, x, g);
    const int64_t sets = own ? call_.sets() : call_.channels;
    const auto count = static_cast<double>(lines_.length() * lines_of_set());
    for (int64_t set = 0; set < sets; ++set) {
      Pair means;
      if (own) {
        for_each_line(set, [&](int64_t line) {
          means.first += factor_of(line) * slots_[line].first / count;
          means.second += factor_of(line) * slots_[line].second / count;
        });
      }
      for_each_line(set, [&](int64_t line) {
        // inverse * (factor * g - first - normal * second), where normal = distance * inverse +
        // shift. The inverse stays outside: float does not hold its square for large values.
        auto& [center, scale, shift, gain, inverse, weight, bias] = parameters_;
        inverse[line] = scale[line];
        gain[line] = static_cast<float>(factor_of(line));
        scale[line] = static_cast<float>(inverse[line] * means.second);
        shift[line] = static_cast<float>(means.first + shift[line] * means.second);
      });
    }
    with_kind(lines_.are_rows, weighted_, [&](auto kind) {
      using Own = decltype(kind);
      map<Own>(lines_.grid, parameters_, x, g, y,
               [](const Operands<Own>& operands, v128_t value, const Source& source, int64_t row,
                  int part) {
                 const v128_t gradient = operands.weighted(source.read(row, part), row, part);
                 const v128_t gained = wasm_f32x4_mul(gradient, operands.gain.read(row, part));
                 const v128_t rest = wasm_f32x4_sub(gained, operands.line(value, row, part));
                 return wasm_f32x4_mul(rest, operands.inverse.read(row, part));
               });
    });
  }

 private:
  // By the sets' own moments.
  void measure(const float* x, float* statistics, bool with_weight) {
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

  Lines lines_of() const {
    const auto& [unused, layout, batch, channels, points, groups, eps] = call_;
    // A tensor of one point reads the same in both layouts, and has longer rows in this one.
    const bool last = layout == Layout::kChannelsLast || points == 1;
    if (!last) return {{batch, channels, points}, set_ != NormalizedSet::kPoint};
    Grid grid{batch, points, channels};
    if (set_ != NormalizedSet::kGroup) grid = {1, batch * points, channels};
    if (set_ == NormalizedSet::kPoint) return {grid, true};
    // Several points in a row, where that fills tiles: a channel has a column of each then.
    const int64_t repeats = kLanes / std::gcd(channels, kLanes);
    if (grid.rows % repeats == 0) {
      grid.rows /= repeats;
      grid.columns *= repeats;
    }
    return {grid, false};
  }

  // Lines of an outer entry that belong to one channel.
  int64_t repeats() const { return lines_.per_outer() / call_.channels; }

  int64_t lines_of_set() const {
    if (set_ == NormalizedSet::kPoint) return 1;
    if (set_ == NormalizedSet::kChannel) return lines_.grid.outer * repeats();
    return call_.channels / call_.groups * repeats();
  }

  template <typename Visit>
  void for_each_line(int64_t set, const Visit& visit) const {
    const int64_t count = lines_of_set();
    const int64_t channels = call_.channels / call_.groups;
    for (int64_t index = 0; index < count; ++index) {
      if (set_ == NormalizedSet::kPoint) {
        visit(set);
      } else if (set_ == NormalizedSet::kChannel) {
        visit(set + index * call_.channels);
      } else {
        visit(set / call_.groups * lines_.per_outer() + index / channels * call_.channels +
              set % call_.groups * channels + index % channels);
      }
    }
  }

  // The weight, where it belongs to the line.
  double factor_of(int64_t line) const {
    return set_ == NormalizedSet::kPoint ? 1 : parameters_.weight[line % call_.channels];
  }

  // The center is a float, so that little is left for the shift: x - center is exact near it.
  void place(int64_t line, double mean, double variance, bool with_weight) {
    const bool own = with_weight && set_ != NormalizedSet::kPoint;
    const double scale = 1 / std::sqrt(variance + call_.eps) * (own ? factor_of(line) : 1);
    const auto center = static_cast<float>(mean);
    parameters_.center[line] = center;
    parameters_.scale[line] = static_cast<float>(scale);
    parameters_.shift[line] = static_cast<float>(
        (center - mean) * scale + (own ? parameters_.bias[line % call_.channels] : 0));
  }

  void sum(const Lines& lines, bool weighted, const float* x, const float* g) {
    with_kind(lines_.are_rows, weighted, [&](auto kind) {
      reduce(lines, GradientSums<decltype(kind)>(lines.grid, lines.walk(), parameters_, x, g),
             slots_);
    });
  }

  const Normalization& call_;
  const NormalizedSet set_;
  const Lines lines_;
  bool weighted_ = false;
  Pair* slots_ = nullptr;
  Parameters parameters_{};
};

}  // namespace

Status normalize(const Normalization& call, const float* input, const float* weight,
                 const float* bias, const float* running, float* statistics, float* output) {
  if (call.elements() == 0) return Status::kOk;
  Normalizer normalizer(call, running != nullptr);
  if (!normalizer.prepare(weight, bias)) return Status::kOutOfMemory;
  normalizer.place_lines(input, running, statistics, true);
  normalizer.write(input, output);
  return Status::kOk;
}

Status normalization_gradients(const Normalization& call, const float* input,
                               const float* grad_output, const float* weight, const float* running,
                               float* grad_input, float* grad_parameters) {
  if (call.elements() == 0) {
    if (grad_parameters != nullptr) std::fill_n(grad_parameters, 2 * call.channels, 0.0f);
    return Status::kOk;
  }
  Normalizer normalizer(call, running != nullptr);
  if (!normalizer.prepare(weight, nullptr)) return Status::kOutOfMemory;
  normalizer.place_lines(input, running, nullptr, false);
  if (grad_parameters != nullptr) {
    normalizer.write_parameter_gradients(input, grad_output, grad_parameters);
  }
  normalizer.write_input_gradient(input, grad_output, grad_input, running == nullptr);
  return Status::kOk;
}

}  // namespace deconv
