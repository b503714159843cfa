#include "deconv/strided.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "exact_buffer.h"
#include "many_axes.h"
#include "runtime_threads.h"

using deconv::StridedCopy;
using deconv_tests::DrawnAxes;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// The axes in another order, and in each of them every step-th value, from the last one on, or one
// value again and again; counts what is wrong.
int64_t count_wrong(const DrawnAxes& drawn, Random& random) {
  StridedCopy call{.axes = drawn.axes, .extents = drawn.extents};
  int32_t stride = 1;
  for (size_t axis = static_cast<size_t>(drawn.axes); axis-- > 0;) {
    call.target[axis] = stride;
    stride *= drawn.extents[axis];
  }
  std::vector<size_t> order(static_cast<size_t>(drawn.axes));
  std::iota(order.begin(), order.end(), size_t{0});
  if (random.one_in(2)) {
    for (size_t left = order.size(); left > 1; --left) {
      std::swap(order[left - 1],
                order[static_cast<size_t>(random.between(0, static_cast<int32_t>(left) - 1))]);
    }
  }
  const bool plain = random.one_in(2);
  int32_t elements = 1;
  int64_t first = 0;
  for (const size_t axis : order) {
    const int32_t kind = plain ? 9 : random.between(0, 9);
    const int32_t step = kind == 0 ? 0 : kind == 1 ? 3 : kind == 2 ? -1 : 1;
    call.source[axis] = step * elements;
    if (step < 0) first += int64_t{elements} * (drawn.extents[axis] - 1);
    elements *= step == 0 ? 1 : (drawn.extents[axis] - 1) * std::abs(step) + 1;
  }
  const auto guard = random.one_in(3) ? ExactBuffer::Guard::kBefore : ExactBuffer::Guard::kBehind;
  const deconv::ManyAxes strides = call.source;
  // The axis that lies together in the source goes before the last one.
  for (size_t axis = 0; axis + 2 < order.size() && random.one_in(2); ++axis) {
    if (strides[axis] != 1) continue;
    for (deconv::ManyAxes* values : {&call.extents, &call.source, &call.target}) {
      const auto first_axis = values->begin() + static_cast<int64_t>(axis);
      std::rotate(first_axis, first_axis + 1, values->begin() + drawn.axes - 1);
    }
    break;
  }
  ExactBuffer source(elements, 0, guard);
  const ExactBuffer target(drawn.elements, 0, guard);
  source.fill(random);
  copy_strided(call, source.data() + first, target.data());
  int64_t wrong = 0;
  for (int64_t index = 0; index < drawn.elements; ++index) {
    wrong += target[index] != source[first + drawn.offset(index, strides)];
  }
  return wrong;
}

}  // namespace

TEST_CASE("values at any strides, of up to 8 axes") {
  Random random(7501);
  for (int round = 0; round < 1500; ++round) {
    CAPTURE(round);
    CHECK(count_wrong(DrawnAxes(random, 8), random) == 0);
  }
}

TEST_CASE("large transposes on three threads") {
  Random random(7502);
  const deconv_tests::RuntimeThreads running(3);
  DrawnAxes drawn(random, 0);
  drawn.axes = 3;
  for (const deconv::ManyAxes& extents :
       {deconv::ManyAxes{1, 301, 407}, deconv::ManyAxes{50, 3, 999}, deconv::ManyAxes{40000, 3, 2},
        deconv::ManyAxes{2, 70000, 1}}) {
    drawn.extents = extents;
    drawn.elements = int64_t{extents[0]} * extents[1] * extents[2];
    for (int round = 0; round < 6; ++round) CHECK(count_wrong(drawn, random) == 0);
  }
}
