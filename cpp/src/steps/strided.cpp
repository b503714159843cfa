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

// The axes without one of them.
StridedCopy without(const StridedCopy& call, int axis) {
  StridedCopy rest = call;
  const auto erase = [axis](ManyAxes& values) {
    std::copy(values.begin() + axis + 1, values.end(), values.begin() + axis);
  };
  erase(rest.extents);
  erase(rest.strides);
  --rest.axes;
  return rest;
}

// The target as another such copy reads it.
StridedCopy target_of(StridedCopy call) {
  int32_t stride = 1;
  for (int axis = call.axes - 1; axis >= 0; --axis) {
    const auto at = static_cast<size_t>(axis);
    call.strides[at] = stride;
    stride *= call.extents[at];
  }
  return call;
}

// A row of the target whose values lie `stride` apart in the source.
void copy_row(const float* source, int64_t stride, int64_t count, float* target) {
  if (stride == 1) {
    copy_floats(source, count, target);
  } else if (stride == 0) {
    std::fill_n(target, count, *source);
  } else {
    for (int64_t index = 0; index < count; ++index) target[index] = source[index * stride];
  }
}

void copy_rows_of(const StridedCopy& call, const float* source, float* target) {
  const auto last = static_cast<size_t>(call.axes - 1);
  const int64_t length = call.extents[last];
  const int64_t stride = call.strides[last];
  const int64_t rows = places_of(call.axes - 1, call.extents);
  const int64_t pieces = (length + kValues - 1) / kValues;
  const int64_t together = pieces > 1 ? 1 : std::max<int64_t>(1, kValues / length);
  const int64_t groups = (rows + together - 1) / together;
  for_each_item(groups * pieces, [&](int64_t item, int /*worker*/) {
    const int64_t begin = item % pieces * kValues;
    const int64_t count = std::min(kValues, length - begin);
    const int64_t first = item / pieces * together;
    const int64_t end = std::min(rows, first + together);
    Walk<1> walk(call.axes - 1, call.extents, {&call.strides}, first);
    for (int64_t row = first; row < end; ++row, walk.next()) {
      copy_row(source + walk.offset() + begin * stride, stride, count,
               target + row * length + begin);
    }
  });
}

// Where the last axis does not lie together in the source, but another one does: matrices whose
// transposes are written.
void copy_matrices(const StridedCopy& call, int axis, const float* source, float* target) {
  const auto last = static_cast<size_t>(call.axes - 1);
  const int64_t rows = call.extents[last];
  const int64_t stride = call.strides[last];
  const int64_t columns = call.extents[static_cast<size_t>(axis)];
  const int64_t target_stride = target_of(call).strides[static_cast<size_t>(axis)];
  const StridedCopy from_axes = without(call, axis);
  const StridedCopy to_axes = without(target_of(call), axis);
  const int outer = call.axes - 2;
  const int64_t matrices = places_of(outer, from_axes.extents);
  // Pieces of a matrix, or several matrices.
  const int64_t most = std::max<int64_t>(32, kValues / rows / 32 * 32);
  const int64_t pieces = (columns + most - 1) / most;
  const int64_t together = pieces > 1 ? 1 : std::max<int64_t>(1, kValues / (rows * columns));
  const int64_t groups = (matrices + together - 1) / together;
  for_each_item(groups * pieces, [&](int64_t item, int /*worker*/) {
    const int64_t begin = item % pieces * most;
    const int64_t count = std::min(most, columns - begin);
    const int64_t first = item / pieces * together;
    const int64_t end = std::min(matrices, first + together);
    Walk<2> walk(outer, from_axes.extents, {&from_axes.strides, &to_axes.strides}, first);
    for (int64_t matrix = first; matrix < end; ++matrix, walk.next()) {
      const float* const from = source + walk.offset(0) + begin;
      float* const own = target + walk.offset(1) + begin * target_stride;
      if (target_stride == rows) {
        interleave({rows, rows * count, stride, 1, 0, 0}, from, own);
      } else {
        transpose_block(rows, count, from, stride, own, target_stride);
      }
    }
  });
}

}  // namespace

void copy_strided(const StridedCopy& call, const float* source, float* target) {
  if (call.axes == 0) {
    *target = *source;
    return;
  }
  const auto last = static_cast<size_t>(call.axes - 1);
  if (places_of(call.axes, call.extents) == 0) return;
  int axis = call.axes - 2;
  while (axis >= 0 && call.strides[static_cast<size_t>(axis)] != 1) --axis;
  if (axis < 0 || call.strides[last] == 1 || call.strides[last] == 0) {
    copy_rows_of(call, source, target);
  } else {
    copy_matrices(call, axis, source, target);
  }
}

}  // namespace deconv
