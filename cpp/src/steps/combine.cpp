#include "deconv/combine.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cmath>

#include "kernels/functions.h"
#include "kernels/lanes.h"
#include "parallel.h"
#include "simd.h"
#include "steps/walk.h"

namespace deconv {
namespace {

// What a thread takes at once, and rows that are worth a call.
constexpr int64_t kChunk = 1 << 14;
constexpr int64_t kShort = 256;

// The third is the factor of the call, or of the addend.
using Kernel = v128_t (*)(v128_t x, v128_t y, v128_t z);

v128_t sum_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_add(x, y); }
v128_t difference_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_sub(x, y); }
v128_t product_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_mul(x, y); }
v128_t quotient_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_div(x, y); }
v128_t minimum_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_min(x, y); }
v128_t maximum_of(v128_t x, v128_t y, v128_t) { return wasm_f32x4_max(x, y); }
v128_t power_of(v128_t x, v128_t y, v128_t) {
  float bases[4];
  float exponents[4];
  wasm_v128_store(bases, x);
  wasm_v128_store(exponents, y);
  for (int lane = 0; lane < 4; ++lane) bases[lane] = std::pow(bases[lane], exponents[lane]);
  return wasm_v128_load(bases);
}
v128_t scaled_sum_of(v128_t x, v128_t y, v128_t factor) { return fma_f32x4(y, factor, x); }
v128_t rest_of(v128_t x, v128_t y, v128_t factor) {
  float rests[4];
  float divisors[4];
  wasm_v128_store(rests, x);
  wasm_v128_store(divisors, y);
  for (int lane = 0; lane < 4; ++lane) rests[lane] = remainder_of(rests[lane], divisors[lane]);
  const v128_t rest = wasm_v128_load(rests);
  const v128_t none = wasm_f32x4_const_splat(0);
  const v128_t other_sign = wasm_v128_xor(wasm_f32x4_lt(rest, none), wasm_f32x4_lt(y, none));
  const v128_t moves = wasm_v128_and(wasm_f32x4_ne(wasm_f32x4_mul(rest, factor), none), other_sign);
  return wasm_v128_bitselect(wasm_f32x4_add(rest, y), rest, moves);
}

// Rounded between, as by two steps.
v128_t product_sum_of(v128_t x, v128_t y, v128_t z) {
  return wasm_f32x4_add(wasm_f32x4_mul(x, y), z);
}

// Values that lie together; of those whose step is 0 one, in four lanes.
struct Row {
  int64_t count;
  const float* x;
  const float* y;
  int64_t x_step;
  int64_t y_step;
  const float* addend;
  float* target;
};

template <Kernel kernel, bool adds = false>
void run_vectors(const Row& row, v128_t factor) {
  const auto [count, first_x, first_y, x_step, y_step, addend, target] = row;
  const float* x = first_x;
  const float* y = first_y;
  for (int64_t index = 0; index < count; index += 4) {
    const v128_t z = adds ? wasm_v128_load(addend + index) : factor;
    wasm_v128_store(target + index, kernel(wasm_v128_load(x), wasm_v128_load(y), z));
    x += x_step;
    y += y_step;
  }
}

using RunVectors = void (*)(const Row&, v128_t factor);

constexpr RunVectors kRuns[kCombinationCount] = {
    run_vectors<sum_of>,     run_vectors<difference_of>,
    run_vectors<product_of>, run_vectors<quotient_of>,
    run_vectors<minimum_of>, run_vectors<maximum_of>,
    run_vectors<power_of>,   run_vectors<scaled_sum_of>,
    run_vectors<rest_of>,    run_vectors<product_sum_of, true>};

// The last values, fewer than a vector, as one.
void run_row(RunVectors run, Row row, v128_t factor) {
  const int64_t whole = row.count / 4 * 4;
  const int64_t rest = row.count - whole;
  row.count = whole;
  run(row, factor);
  if (rest == 0) return;
  float lanes[4][4];
  const v128_t none = wasm_f32x4_const_splat(0);
  const auto last = [&](const float* values, int64_t step, float(&room)[4]) {
    if (step == 0) return values;
    wasm_v128_store(room, load_lanes(values + whole, rest, none));
    return static_cast<const float*>(room);
  };
  const float* addend = row.addend == nullptr ? nullptr : last(row.addend, 4, lanes[3]);
  run({4, last(row.x, row.x_step, lanes[0]), last(row.y, row.y_step, lanes[1]), 0, 0, addend,
       lanes[2]},
      factor);
  store_lanes(row.target + whole, rest, wasm_v128_load(lanes[2]));
}

// Of the two, the one whose rows of a few values are all the same along the axis before, while the
// other's lie behind each other; below 0 for neither.
int repeated_of(const Broadcast& call) {
  if (call.axes < 2) return -1;
  const int last = call.axes - 1;
  if (call.extents[last] >= kShort) return -1;
  for (int which = 0; which < 2; ++which) {
    const ManyAxes& own = call.strides[which];
    const ManyAxes& other = call.strides[1 - which];
    if (own[last] == 1 && own[last - 1] == 0 && other[last] == 1 &&
        other[last - 1] == call.extents[last]) {
      return which;
    }
  }
  return -1;
}

}  // namespace

void broadcast(const Broadcast& call, const float* one, const float* other, float* output,
               const float* addend) {
  // Repeated until they are long enough, short rows are as good as long ones.
  const int repeated = repeated_of(call);
  const int axes = call.axes - (repeated < 0 ? 1 : 2);
  const int last = std::max(call.axes - 1, 0);
  const int64_t period = call.axes == 0 ? 1 : call.extents[last];
  const int64_t length = repeated < 0 ? period : period * call.extents[last - 1];
  const int64_t rows = places_of(std::max(axes, 0), call.extents);
  if (rows * length == 0) return;
  const int64_t piece = repeated < 0 ? kChunk : (kShort + period - 1) / period * period;
  const int64_t chunk = kChunk / piece * piece;
  const int64_t pieces = (length + chunk - 1) / chunk;
  const int64_t together = pieces > 1 ? 1 : std::max<int64_t>(1, kChunk / length);
  const int64_t groups = (rows + together - 1) / together;
  const RunVectors run = kRuns[static_cast<int>(call.combination)];
  const v128_t factor = wasm_f32x4_splat(call.factor);
  for_each_item(groups * pieces, [&](int64_t item, int /*worker*/) {
    const int64_t begin = item % pieces * chunk;
    const int64_t end = std::min(length, begin + chunk);
    const int64_t first = item / pieces * together;
    const int64_t last_row = std::min(rows, first + together);
    Walk<2> walk(std::max(axes, 0), call.extents, {&call.strides[0], &call.strides[1]}, first);
    float room[2][2 * kShort];
    for (int64_t row = first; row < last_row; ++row, walk.next()) {
      const float* const sources[2] = {one + walk.offset(0), other + walk.offset(1)};
      const float* from[2];
      int64_t steps[2];
      for (int which = 0; which < 2; ++which) {
        from[which] = sources[which];
        steps[which] = 4;
        if (call.axes > 0 && call.strides[which][last] == 0) {
          std::fill_n(room[which], 4, *sources[which]);
          from[which] = room[which];
          steps[which] = 0;
        } else if (which == repeated) {
          for (int64_t at = 0; at < piece; at += period) {
            std::copy_n(sources[which], period, room[which] + at);
          }
          from[which] = room[which];
        }
      }
      const auto at = [&](int which, int64_t place) {
        return from[which] + (which == repeated || steps[which] == 0 ? 0 : place);
      };
      for (int64_t place = begin; place < end; place += piece) {
        const int64_t target = row * length + place;
        run_row(run,
                {std::min(piece, end - place), at(0, place), at(1, place), steps[0], steps[1],
                 addend == nullptr ? nullptr : addend + target, output + target},
                factor);
      }
    }
  });
}

void combine(Combination combination, int64_t count, const float* one, const float* other,
             float* output) {
  Broadcast call{.combination = combination, .axes = 1};
  call.extents[0] = static_cast<int32_t>(count);
  call.strides[0][0] = 1;
  call.strides[1][0] = 1;
  broadcast(call, one, other, output);
}

}  // namespace deconv
