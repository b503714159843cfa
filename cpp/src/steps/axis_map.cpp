#include "steps/axis_map.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "deconv/runtime.h"
#include "parallel.h"
#include "simd.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// What a thread takes at once: values of a tensor, and channels of a row of them.
constexpr int64_t kValues = 1 << 12;
constexpr int64_t kChannels = 64;

constexpr Tap kItself[] = {{0, 1}};
constexpr AxisMap::Taps kNoMap = {kItself, kItself + 1};

struct Sum {
  static v128_t none() { return wasm_f32x4_const_splat(0); }
  static v128_t with(v128_t total, v128_t value, v128_t weight) {
    return fma_f32x4(value, weight, total);
  }
};

struct Maximum {
  static v128_t none() { return wasm_f32x4_const_splat(-std::numeric_limits<float>::infinity()); }
  static v128_t with(v128_t total, v128_t value, v128_t /*weight*/) {
    return wasm_f32x4_max(total, value);
  }
};

// The taps of one target on all three axes, and how far apart the sources lie.
struct Point {
  AxisMap::Taps depth;
  AxisMap::Taps height;
  AxisMap::Taps width;
  int64_t depth_stride;
  int64_t height_stride;
  int64_t width_stride;
};

// Vectors at `target` of those at the taps. Rows are summed first: the error grows with the sizes
// of the axes, not with their product.
template <typename Op, int vectors>
void combine_vectors(const Point& point, const float* source, float* target) {
  v128_t totals[vectors];
#pragma unroll
  for (v128_t& total : totals) total = Op::none();
  for (const Tap& depth : point.depth) {
    for (const Tap& height : point.height) {
      const float* const row =
          source + depth.source * point.depth_stride + height.source * point.height_stride;
      v128_t values[vectors];
#pragma unroll
      for (v128_t& value : values) value = Op::none();
      for (const Tap& width : point.width) {
        const float* const at = row + width.source * point.width_stride;
        const v128_t weight = wasm_f32x4_splat(width.weight);
#pragma unroll
        for (int vector = 0; vector < vectors; ++vector) {
          values[vector] = Op::with(values[vector], wasm_v128_load(at + 4 * vector), weight);
        }
      }
      const v128_t weight = wasm_f32x4_splat(depth.weight * height.weight);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        totals[vector] = Op::with(totals[vector], values[vector], weight);
      }
    }
  }
#pragma unroll
  for (int vector = 0; vector < vectors; ++vector) {
    wasm_v128_store(target + 4 * vector, totals[vector]);
  }
}

// `count` values, 4 or more, that lie together in sources and target; the last vector may overlap
// the one before it.
template <typename Op>
void combine(const Point& point, int64_t count, const float* source, float* target) {
  int64_t index = 0;
  for (; index + 16 <= count; index += 16) {
    combine_vectors<Op, 4>(point, source + index, target + index);
  }
  for (; index + 4 <= count; index += 4) {
    combine_vectors<Op, 1>(point, source + index, target + index);
  }
  if (index < count) combine_vectors<Op, 1>(point, source + count - 4, target + count - 4);
}

// The same for rows of `count` values, at most 3.
template <typename Op>
void combine_few(const Point& point, int64_t count, const float* source, float* target) {
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  v128_t total = Op::none();
  for (const Tap& depth : point.depth) {
    for (const Tap& height : point.height) {
      v128_t value = wasm_f32x4_const_splat(0);
      std::memcpy(&value,
                  source + depth.source * point.depth_stride + height.source * point.height_stride,
                  bytes);
      total = Op::with(total, value, wasm_f32x4_splat(depth.weight * height.weight));
    }
  }
  std::memcpy(target, &total, bytes);
}

// Along the width: `vectors` of each position, which lie `step` apart.
template <typename Op, int vectors>
void combine_columns(const AxisMap& width, int64_t step, const float* source, float* target) {
  for (int32_t column = 0; column < width.targets(); ++column) {
    v128_t totals[vectors];
#pragma unroll
    for (v128_t& total : totals) total = Op::none();
    for (const Tap& tap : width.of(column)) {
      const float* const at = source + tap.source * step;
      const v128_t weight = wasm_f32x4_splat(tap.weight);
#pragma unroll
      for (int vector = 0; vector < vectors; ++vector) {
        totals[vector] = Op::with(totals[vector], wasm_v128_load(at + 4 * vector), weight);
      }
    }
#pragma unroll
    for (int vector = 0; vector < vectors; ++vector) {
      wasm_v128_store(target + 4 * vector, totals[vector]);
    }
    target += step;
  }
}

// The loops of one way to combine taps.
struct Operation {
  void (*combine)(const Point& point, int64_t count, const float* source, float* target);
  void (*combine_few)(const Point& point, int64_t count, const float* source, float* target);
  // By the number of vectors.
  void (*columns[4])(const AxisMap& width, int64_t step, const float* source, float* target);

  // Along the width, of positions of `count` values, 4 or more; the last vector may overlap the one
  // before it.
  void along(const AxisMap& width, int64_t count, const float* source, float* target) const {
    for (int64_t done = 0; done < count;) {
      const int64_t vectors = std::clamp<int64_t>((count - done) / 4, 1, 4);
      const int64_t at = std::min(done, count - 4);
      columns[vectors - 1](width, count, source + at, target + at);
      done = at + 4 * vectors;
    }
  }
};

template <typename Op>
constexpr Operation kOperation = {
    combine<Op>,
    combine_few<Op>,
    {combine_columns<Op, 1>, combine_columns<Op, 2>, combine_columns<Op, 3>,
     combine_columns<Op, 4>},
};

bool is_copy(const AxisMap::Taps& taps) {
  return taps.last - taps.first == 1 && taps.first->weight == 1;
}

// A call, and where the rows of targets have their sources.
struct Rows {
  Rows(const AxisMaps& maps, int64_t outer, int64_t inner)
      : maps(maps),
        inner(inner),
        source_row(maps[2].sources() * inner),
        target_row(maps[2].targets() * inner),
        count(outer * maps[0].targets() * maps[1].targets()) {}

  Point point(int64_t row) const {
    return {maps[0].of(row / maps[1].targets() % maps[0].targets()),
            maps[1].of(row % maps[1].targets()),
            kNoMap,
            source_row * maps[1].sources(),
            source_row,
            inner};
  }
  // The first value of the sources that have the outer index of a row.
  int64_t outer_source(int64_t row) const {
    return row / maps[1].targets() / maps[0].targets() * maps[0].sources() * maps[1].sources() *
           source_row;
  }

  const AxisMaps& maps;
  const int64_t inner;
  const int64_t source_row;
  const int64_t target_row;
  const int64_t count;
};

// work(first, end, worker) for rows of targets, so many at once that a thread has something to do:
// multiples of 4.
template <typename Work>
void for_each_rows(const Rows& rows, const Work& work) {
  const int64_t at_once = (kValues / std::max<int64_t>(rows.target_row, 1) + 4) / 4 * 4;
  for_each_piece(rows.count, at_once, work);
}

// The sources of a row of targets, combined along depth and height: in `room`, or where they lie.
const float* make_row(const Rows& rows, int64_t row, const Operation& op, const float* source,
                      float* room) {
  const Point point = rows.point(row);
  const float* const sources = source + rows.outer_source(row);
  if (is_copy(point.depth) && is_copy(point.height)) {
    return sources + point.depth.first->source * point.depth_stride +
           point.height.first->source * point.height_stride;
  }
  const auto combine = rows.source_row < 4 ? op.combine_few : op.combine;
  combine(point, rows.source_row, sources, room);
  return room;
}

// With 4 inner values and more, where targets share sources along the width: along depth and height
// first, a whole row at a time.
Status run_shared(const Rows& rows, const Operation& op, const float* source, float* target) {
  Block<float> rooms;
  if (!rooms.reserve(runtime_threads() * rows.source_row)) return Status::kOutOfMemory;
  for_each_item(rows.count, [&](int64_t row, int worker) {
    const float* const made =
        make_row(rows, row, op, source, rooms.data() + worker * rows.source_row);
    op.along(rows.maps[2], rows.inner, made, target + row * rows.target_row);
  });
  return Status::kOk;
}

// With 4 inner values and more: every target by itself.
Status run_points(const Rows& rows, const Operation& op, const float* source, float* target) {
  const int64_t blocks = (rows.inner + kChannels - 1) / kChannels;
  for_each_item(rows.count * blocks, [&](int64_t item, int /*worker*/) {
    const int64_t row = item / blocks;
    // Equal parts, of 4 and more.
    const int64_t first = rows.inner * (item % blocks) / blocks;
    const int64_t count = rows.inner * (item % blocks + 1) / blocks - first;
    const float* const sources = source + rows.outer_source(row) + first;
    Point point = rows.point(row);
    for (int64_t column = 0; column < rows.maps[2].targets(); ++column) {
      point.width = rows.maps[2].of(column);
      op.combine(point, count, sources,
                 target + row * rows.target_row + column * rows.inner + first);
    }
  });
  return Status::kOk;
}

// The four rows of `count` values each, side by side, and back; only `lanes` of them are written.
void pack_rows(const float* const (&rows)[4], int64_t count, float* packed) {
  int64_t index = 0;
  for (; index + 4 <= count; index += 4) {
    v128_t values[4];
#pragma unroll
    for (int lane = 0; lane < 4; ++lane) values[lane] = wasm_v128_load(rows[lane] + index);
    transpose_4x4(values);
#pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      wasm_v128_store(packed + 4 * (index + lane), values[lane]);
    }
  }
  for (; index < count; ++index) {
    for (int lane = 0; lane < 4; ++lane) packed[4 * index + lane] = rows[lane][index];
  }
}

void unpack_rows(const float* packed, int64_t count, int64_t lanes, float* target) {
  int64_t index = 0;
  for (; index + 4 <= count; index += 4) {
    v128_t values[4];
#pragma unroll
    for (int at = 0; at < 4; ++at) values[at] = wasm_v128_load(packed + 4 * (index + at));
    transpose_4x4(values);
#pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      if (lane < lanes) wasm_v128_store(target + lane * count + index, values[lane]);
    }
  }
  for (; index < count; ++index) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      target[lane * count + index] = packed[4 * index + lane];
    }
  }
}

// With fewer: along depth and height first, whole rows at a time; four rows that are made so are
// side by side a tensor of four times as many inner values, and its targets are those of the width.
Status run_rows(const Rows& rows, const Operation& op, const float* source, float* target) {
  const int64_t row_room = (rows.source_row + 3) / 4 * 4;
  const int64_t room = 8 * row_room + 4 * ((rows.target_row + 3) / 4 * 4);
  Block<float> rooms;
  if (!rooms.reserve(runtime_threads() * room)) return Status::kOutOfMemory;
  for_each_rows(rows, [&](int64_t first, int64_t end, int worker) {
    float* const combined = rooms.data() + worker * room;
    float* const packed = combined + 4 * row_room;
    float* const results = packed + 4 * row_room;
    for (int64_t row = first; row < end; row += 4) {
      const int64_t lanes = std::min<int64_t>(4, end - row);
      const float* made[4];
      for (int64_t lane = 0; lane < lanes; ++lane) {
        made[lane] = make_row(rows, row + lane, op, source, combined + lane * row_room);
      }
      std::fill(made + lanes, made + 4, made[0]);
      pack_rows(made, rows.source_row, packed);
      op.along(rows.maps[2], 4 * rows.inner, packed, results);
      unpack_rows(results, rows.target_row, lanes, target + row * rows.target_row);
    }
  });
  return Status::kOk;
}

Status run(const Rows& rows, const Operation& op, const float* source, float* target) {
  const bool shared = rows.maps[2].tap_count() > rows.maps[2].sources();
  const auto way = rows.inner < 4 ? run_rows : shared ? run_shared : run_points;
  return way(rows, op, source, target);
}

// Four values of a target row as a shuffle of four of its source that lie together.
struct alignas(16) Shuffle {
  uint8_t lanes[16];
  // Of the first of the four; below 0 where there are no such four.
  int32_t first;
};

// What a row of targets copies of its row of sources: places of values, below 0 for none.
class RowCopy {
 public:
  // With more inner values than these whole pixels are copied.
  static constexpr int64_t kFewInner = 8;

  [[nodiscard]] bool prepare(const AxisMap& width, int64_t inner) {
    inner_ = inner < kFewInner ? 1 : inner;
    const int64_t repeats = inner < kFewInner ? inner : 1;
    count_ = width.targets() * repeats;
    if (!places_.reserve(count_) || !shuffles_.reserve(count_ / 4 + 1)) return false;
    for (int64_t index = 0; index < count_; ++index) {
      const AxisMap::Taps taps = width.of(index / repeats);
      places_[index] = taps.first == taps.last
                           ? -1
                           : static_cast<int32_t>(taps.first->source * repeats + index % repeats);
    }
    for (int64_t four = 0; inner_ == 1 && four < count_ / 4; ++four) {
      prepare_four(&places_[4 * four], width.sources() * repeats, shuffles_[four]);
    }
    return true;
  }

  void operator()(const float* source, float fill, float* target) const {
    if (inner_ == 1) {
      copy_values(source, fill, target);
      return;
    }
    for (int64_t index = 0; index < count_;) {
      const int64_t begin = index++;
      if (places_[begin] < 0) {
        fill_floats(target + begin * inner_, inner_, fill);
        continue;
      }
      while (index < count_ && places_[index] == places_[index - 1] + 1) ++index;
      std::copy_n(source + places_[begin] * inner_, (index - begin) * inner_,
                  target + begin * inner_);
    }
  }

 private:
  static void prepare_four(const int32_t* places, int64_t sources, Shuffle& shuffle) {
    int64_t least = sources - 4;
    for (int lane = 0; lane < 4; ++lane) {
      if (places[lane] >= 0) least = std::min<int64_t>(least, places[lane]);
    }
    shuffle.first = static_cast<int32_t>(least);
    for (int lane = 0; lane < 4; ++lane) {
      const int64_t offset = places[lane] - least;
      if (places[lane] >= 0 && offset > 3) shuffle.first = -1;
      for (int byte = 0; byte < 4; ++byte) {
        shuffle.lanes[4 * lane + byte] =
            places[lane] < 0 ? 0xff : static_cast<uint8_t>(4 * offset + byte);
      }
    }
  }

  void copy_values(const float* source, float fill, float* target) const {
    const v128_t fills = wasm_f32x4_splat(fill);
    int64_t index = 0;
    for (; index + 4 <= count_; index += 4) {
      const Shuffle& shuffle = shuffles_[index / 4];
      if (shuffle.first < 0) {
        copy_each(index, index + 4, source, fill, target);
        continue;
      }
      const v128_t lanes = wasm_v128_load(shuffle.lanes);
      const v128_t values = wasm_i8x16_swizzle(wasm_v128_load(source + shuffle.first), lanes);
      const v128_t none = wasm_i8x16_shr(lanes, 7);
      wasm_v128_store(target + index, wasm_v128_or(values, wasm_v128_and(fills, none)));
    }
    copy_each(index, count_, source, fill, target);
  }

  void copy_each(int64_t first, int64_t end, const float* source, float fill, float* target) const {
    for (; first < end; ++first) target[first] = places_[first] < 0 ? fill : source[places_[first]];
  }

  int64_t inner_ = 1;
  int64_t count_ = 0;
  Block<int32_t> places_;
  Block<Shuffle> shuffles_;
};

Status run_copies(const Rows& rows, const float* source, float* target, float fill) {
  RowCopy copy;
  if (!copy.prepare(rows.maps[2], rows.inner)) return Status::kOutOfMemory;
  for_each_rows(rows, [&](int64_t first, int64_t end, int /*worker*/) {
    for (int64_t row = first; row < end; ++row) {
      const Point point = rows.point(row);
      float* const own = target + row * rows.target_row;
      if (point.depth.first == point.depth.last || point.height.first == point.height.last) {
        fill_floats(own, rows.target_row, fill);
        continue;
      }
      copy(source + rows.outer_source(row) + point.depth.first->source * point.depth_stride +
               point.height.first->source * point.height_stride,
           fill, own);
    }
  });
  return Status::kOk;
}

}  // namespace

bool AxisMap::reserve(int32_t sources, int32_t targets, int64_t most) {
  if (!own_ends_.reserve(targets) || !own_taps_.reserve(most)) return false;
  view(sources, targets, own_ends_.data(), own_taps_.data());
  target_ = 0;
  ends_[0] = 0;
  return true;
}

void AxisMap::view(int32_t sources, int32_t targets, int32_t* ends, Tap* taps) {
  sources_ = sources;
  targets_ = targets;
  ends_ = ends;
  taps_ = taps;
}

void AxisMap::next() {
  if (++target_ < targets_) ends_[target_] = ends_[target_ - 1];
}

bool AxisMap::transpose_of(const AxisMap& other) {
  if (!reserve(other.targets_, other.sources_, other.tap_count())) return false;
  std::fill_n(ends_, targets_, 0);
  const auto counted = [&](auto&& count) {
    for (int32_t target = 0; target < other.targets_; ++target) {
      for (const Tap& tap : other.of(target)) count(target, tap);
    }
  };
  // How many there are, then where they begin; when all are there, where they end.
  counted([&](int32_t, const Tap& tap) { ++ends_[tap.source]; });
  int32_t begin = 0;
  for (int64_t target = 0; target < targets_; ++target) {
    const int32_t count = ends_[target];
    ends_[target] = begin;
    begin += count;
  }
  counted(
      [&](int32_t target, const Tap& tap) { taps_[ends_[tap.source]++] = {target, tap.weight}; });
  return true;
}

bool AxisMap::copies() const {
  for (int64_t target = 0; target < targets_; ++target) {
    const Taps taps = of(target);
    if (taps.first != taps.last && !is_copy(taps)) return false;
  }
  return true;
}

Status check_volume(const Volume& volume) {
  if (volume.outer < 0 || volume.inner < 1) return Status::kBadShape;
  for (const Axes& axes : {volume.input, volume.output}) {
    double elements = double{1} * volume.outer * volume.inner;
    for (const int32_t extent : axes) {
      if (extent < 1) return Status::kBadShape;
      elements *= extent;
    }
    if (elements > static_cast<double>(kMaxTensorElements)) return Status::kTooLarge;
  }
  return Status::kOk;
}

Status sum_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                float* target, float fill) {
  const Rows rows(maps, outer, inner);
  if (maps[0].copies() && maps[1].copies() && maps[2].copies()) {
    return run_copies(rows, source, target, fill);
  }
  return run(rows, kOperation<Sum>, source, target);
}

Status sum_transposed_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                           float* target) {
  AxisMaps transposes;
  for (int axis = 0; axis < 3; ++axis) {
    if (!transposes[axis].transpose_of(maps[axis])) return Status::kOutOfMemory;
  }
  return sum_taps(transposes, outer, inner, source, target);
}

Status maximum_of_taps(const AxisMaps& maps, int64_t outer, int64_t inner, const float* source,
                       float* target) {
  return run(Rows(maps, outer, inner), kOperation<Maximum>, source, target);
}

Status apply_maps(const MappedAxes& call, int32_t* tables, const float* source, float* target) {
  const auto& [volume, maximum, fill] = call;
  AxisMaps maps;
  for (int axis = 0; axis < 3; ++axis) {
    const int32_t targets = volume.output[axis];
    auto* const taps = reinterpret_cast<Tap*>(tables + targets);
    maps[axis].view(volume.input[axis], targets, tables, taps);
    tables += targets + 2 * tables[targets - 1];
  }
  if (maximum != 0) return maximum_of_taps(maps, volume.outer, volume.inner, source, target);
  return sum_taps(maps, volume.outer, volume.inner, source, target, fill);
}

}  // namespace deconv
