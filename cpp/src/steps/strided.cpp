#include "deconv/strided.h"

#include <algorithm>

#include "layout.h"
#include "parallel.h"
#include "simd.h"
#include "steps/walk.h"

namespace deconv {
namespace {

// What a thread takes at once, in values.
constexpr int64_t kValues = 1 << 13;

// Rows of the target, `count` values each, that lie `target_stride` apart; those of the source lie
// `row_stride` apart, their values `stride`.
struct Block {
  int64_t rows;
  int64_t count;
  int64_t row_stride;
  int64_t stride;
  int64_t target_stride;
};

void copy_block(const Block& block, const float* source, float* target) {
  const auto [rows, count, row_stride, stride, target_stride] = block;
  if (row_stride == 1 && stride != 1 && rows > 1) {
    if (stride == rows) {
      deinterleave(rows, count, source, target, target_stride);
    } else if (target_stride == count) {
      interleave({count, count * rows, stride, 1, 0, 0}, source, target);
    } else {
      transpose_block(count, rows, source, stride, target, target_stride);
    }
    return;
  }
  for (int64_t row = 0; row < rows; ++row, source += row_stride, target += target_stride) {
    copy_every(source, stride, count, target);
  }
}

}  // namespace

void copy_strided(const StridedCopy& call, const float* source, float* target) {
  // As two axes, the others before them.
  const int outer = std::max(call.axes - 2, 0);
  Block block{1, 1, 0, 1, 0};
  if (call.axes > 0) {
    block.count = call.extents[call.axes - 1];
    block.stride = call.source[call.axes - 1];
  }
  if (call.axes > 1) {
    block.rows = call.extents[outer];
    block.row_stride = call.source[outer];
    block.target_stride = call.target[outer];
  }
  // Parts of both, or several blocks.
  const int64_t count = std::min(block.count, kValues);
  const int64_t rows =
      std::min(block.rows, std::max<int64_t>(32, kValues / std::max<int64_t>(count, 1) / 32 * 32));
  const int64_t columns_pieces = (block.count + kValues - 1) / kValues;
  const int64_t row_pieces = (block.rows + rows - 1) / std::max<int64_t>(rows, 1);
  const int64_t pieces = columns_pieces * row_pieces;
  const int64_t blocks = places_of(outer, call.extents);
  const int64_t together =
      pieces > 1 ? 1 : std::max<int64_t>(1, kValues / std::max<int64_t>(rows * count, 1));
  for_each_item((blocks + together - 1) / together * pieces, [&](int64_t item, int /*worker*/) {
    const int64_t row = item % pieces / columns_pieces * rows;
    const int64_t column = item % columns_pieces * kValues;
    Block part = block;
    part.rows = std::min(rows, block.rows - row);
    part.count = std::min(kValues, block.count - column);
    const float* const from = source + row * block.row_stride + column * block.stride;
    float* const to = target + row * block.target_stride + column;
    const int64_t first = item / pieces * together;
    const int64_t end = std::min(blocks, first + together);
    Walk<2> walk(outer, call.extents, {&call.source, &call.target}, first);
    for (int64_t index = first; index < end; ++index, walk.next()) {
      copy_block(part, from + walk.offset(0), to + walk.offset(1));
    }
  });
}

}  // namespace deconv
