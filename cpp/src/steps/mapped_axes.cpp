#include "steps/mapped_axes.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "deconv/runtime.h"
#include "parallel.h"
#include "simd.h"
#include "steps/combine_taps.h"
#include "steps/row_copy.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// What a thread takes at once: values of a tensor, and channels of a row of them.
constexpr int64_t kValues = 1 << 12;
constexpr int64_t kChannels = 64;

constexpr Tap kItself[] = {{0, 1}};
constexpr AxisMap::Taps kNoMap = {kItself, kItself + 1};

// A call, and where the rows of targets have their sources.
struct Rows {
  Rows(const AxisMaps& maps, int64_t outer, int64_t inner)
      : maps(maps),
        inner(inner),
        source_row(maps[2].sources() * inner),
        target_row(maps[2].targets() * inner),
        count(outer * maps[0].targets() * maps[1].targets()) {}

  TapPoint point(int64_t row) const {
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
const float* make_row(const Rows& rows, int64_t row, const TapLoops& op, const float* source,
                      float* room) {
  const TapPoint point = rows.point(row);
  const float* const sources = source + rows.outer_source(row);
  if (point.depth.is_copy() && point.height.is_copy()) {
    return sources + point.depth.first->source * point.depth_stride +
           point.height.first->source * point.height_stride;
  }
  const auto combine = rows.source_row < 4 ? op.combine_few : op.combine_rows;
  combine(point, rows.source_row, sources, room);
  return room;
}

// With 4 inner values and more, where targets share sources along the width: along depth and height
// first, a whole row at a time.
Status run_shared(const Rows& rows, const TapLoops& op, const float* source, float* target) {
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
Status run_points(const Rows& rows, const TapLoops& op, const float* source, float* target) {
  const int64_t blocks = (rows.inner + kChannels - 1) / kChannels;
  for_each_item(rows.count * blocks, [&](int64_t item, int /*worker*/) {
    const int64_t row = item / blocks;
    // Equal parts, of 4 and more.
    const int64_t first = rows.inner * (item % blocks) / blocks;
    const int64_t count = rows.inner * (item % blocks + 1) / blocks - first;
    const float* const sources = source + rows.outer_source(row) + first;
    TapPoint point = rows.point(row);
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
Status run_rows(const Rows& rows, const TapLoops& op, const float* source, float* target) {
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

Status run(const Rows& rows, const TapLoops& op, const float* source, float* target) {
  const bool shared = rows.maps[2].tap_count() > rows.maps[2].sources();
  const auto way = rows.inner < 4 ? run_rows : shared ? run_shared : run_points;
  return way(rows, op, source, target);
}

Status run_copies(const Rows& rows, const float* source, float* target, float fill) {
  RowCopy copy;
  if (!copy.prepare(rows.maps[2], rows.inner)) return Status::kOutOfMemory;
  for_each_rows(rows, [&](int64_t first, int64_t end, int /*worker*/) {
    for (int64_t row = first; row < end; ++row) {
      const TapPoint point = rows.point(row);
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
  return run(rows, kSumOfTaps, source, target);
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
  return run(Rows(maps, outer, inner), kMaximumOfTaps, source, target);
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
