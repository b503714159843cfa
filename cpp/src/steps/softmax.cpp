#include "deconv/softmax.h"

#include <algorithm>
#include <limits>

#include "kernels/functions.h"
#include "kernels/lanes.h"
#include "parallel.h"

namespace deconv {
namespace {

// Values that a thread takes at once, and the columns of a block: a cache line.
constexpr int64_t kPiece = 1 << 14;
constexpr int kBlock = 16;
constexpr int64_t kStrip = 64;
// Values of lines that are worth their vectors.
constexpr int64_t kShortest = 24;

// Four values that lie together, the last of them fewer.
struct Vectors {
  static constexpr int kLanes = 4;
  static v128_t load(const float* values) { return wasm_v128_load(values); }
  static void store(float* values, v128_t result) { wasm_v128_store(values, result); }
};

// A single value, in every lane.
struct Single {
  static constexpr int kLanes = 1;
  static v128_t load(const float* value) { return wasm_v128_load32_splat(value); }
  static void store(float* value, v128_t result) { wasm_v128_store32_lane(value, result, 0); }
};

// `kParts` lines side by side, whose values lie `step` apart.
template <typename Access, int kParts>
class Columns {
 public:
  Columns(int64_t count, int64_t step) : count_(count), step_(step) {}

  void run(const float* x, const float* g, float* y) const {
    v128_t most[kParts];
    v128_t sums[kParts];
    for (int part = 0; part < kParts; ++part) most[part] = Access::load(x + part * Access::kLanes);
    for_each(0, count_, [&](int64_t at, int part) {
      most[part] = wasm_f32x4_pmax(most[part], Access::load(x + at));
    });
    sum(sums, [&](int64_t at, int part) {
      const v128_t value = exp_of_nonpositive(wasm_f32x4_sub(Access::load(x + at), most[part]));
      Access::store(y + at, value);
      return value;
    });
    for (v128_t& factor : sums) factor = wasm_f32x4_div(splat(1), factor);
    for_each(0, count_, [&](int64_t at, int part) {
      Access::store(y + at, wasm_f32x4_mul(Access::load(y + at), sums[part]));
    });
    if (g == nullptr) return;
    sum(sums, [&](int64_t at, int) {
      return wasm_f32x4_mul(Access::load(y + at), Access::load(g + at));
    });
    for_each(0, count_, [&](int64_t at, int part) {
      const v128_t slope = wasm_f32x4_sub(Access::load(g + at), sums[part]);
      Access::store(y + at, wasm_f32x4_mul(Access::load(y + at), slope));
    });
  }

 private:
  template <typename Work>
  void for_each(int64_t first, int64_t last, const Work& work) const {
    for (int64_t index = first; index < last; ++index) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        work(index * step_ + part * Access::kLanes, part);
      }
    }
  }

  // Of strips, so that long sums keep their digits.
  template <typename Term>
  void sum(v128_t (&sums)[kParts], const Term& term) const {
    for (v128_t& total : sums) total = splat(0);
    for (int64_t first = 0; first < count_; first += kStrip) {
      v128_t strip[kParts];
      for (v128_t& part : strip) part = splat(0);
      for_each(first, std::min(count_, first + kStrip), [&](int64_t at, int part) {
        strip[part] = wasm_f32x4_add(strip[part], term(at, part));
      });
      for (int part = 0; part < kParts; ++part)
        sums[part] = wasm_f32x4_add(sums[part], strip[part]);
    }
  }

  const int64_t count_;
  const int64_t step_;
};

template <typename Access, int kParts>
void run_columns(int64_t count, int64_t step, const float* x, const float* g, float* y) {
  Columns<Access, kParts>(count, step).run(x, g, y);
}

float largest_of(v128_t values) {
  const v128_t two = wasm_f32x4_pmax(values, wasm_i32x4_shuffle(values, values, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(wasm_f32x4_pmax(two, wasm_i32x4_shuffle(two, two, 1, 0, 3, 2)), 0);
}

float sum_of(v128_t values) {
  const v128_t two = wasm_f32x4_add(values, wasm_i32x4_shuffle(values, values, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(wasm_f32x4_add(two, wasm_i32x4_shuffle(two, two, 1, 0, 3, 2)), 0);
}

// Calls work(at, lanes) for every vector of a line, the last with fewer lanes.
template <typename Work>
void for_each_vector(int64_t count, const Work& work) {
  for (int64_t at = 0; at < count; at += 4) work(at, std::min(int64_t{4}, count - at));
}

v128_t load_some(const float* values, int64_t lanes, float other) {
  return lanes == 4 ? wasm_v128_load(values) : load_lanes(values, lanes, splat(other));
}

void store_some(float* values, int64_t lanes, v128_t result) {
  if (lanes == 4) return wasm_v128_store(values, result);
  store_lanes(values, lanes, result);
}

// A line whose values lie together.
void run_line(int64_t count, const float* x, const float* g, float* y) {
  const float first = x[0];
  v128_t vector = splat(first);
  for_each_vector(count, [&](int64_t at, int64_t lanes) {
    vector = wasm_f32x4_pmax(vector, load_some(x + at, lanes, first));
  });
  const v128_t most = splat(largest_of(vector));
  double sum = 0;
  for_each_vector(count, [&](int64_t at, int64_t lanes) {
    const v128_t value = exp_of_nonpositive(
        wasm_f32x4_sub(load_some(x + at, lanes, -std::numeric_limits<float>::infinity()), most));
    sum += sum_of(value);
    store_some(y + at, lanes, value);
  });
  const v128_t factor = splat(static_cast<float>(1 / sum));
  double product = 0;
  for_each_vector(count, [&](int64_t at, int64_t lanes) {
    const v128_t value = wasm_f32x4_mul(load_some(y + at, lanes, 0), factor);
    if (g != nullptr) product += sum_of(wasm_f32x4_mul(value, load_some(g + at, lanes, 0)));
    store_some(y + at, lanes, value);
  });
  if (g == nullptr) return;
  const v128_t shared = splat(static_cast<float>(product));
  for_each_vector(count, [&](int64_t at, int64_t lanes) {
    const v128_t slope = wasm_f32x4_sub(load_some(g + at, lanes, 0), shared);
    store_some(y + at, lanes, wasm_f32x4_mul(load_some(y + at, lanes, 0), slope));
  });
}

// Short lines, at most as many as a block has columns: side by side, in a copy.
void run_short_lines(int64_t lines, int64_t count, const float* x, const float* g, float* y) {
  float blocks[3][kShortest * kBlock];
  const auto turn = [&](const float* from, float* block) {
    if (lines < kBlock) std::fill_n(block, count * kBlock, 0.0f);
    for (int64_t line = 0; line < lines; ++line) {
      for (int64_t index = 0; index < count; ++index) {
        block[index * kBlock + line] = from[line * count + index];
      }
    }
  };
  turn(x, blocks[0]);
  if (g != nullptr) turn(g, blocks[1]);
  run_columns<Vectors, kBlock / 4>(count, kBlock, blocks[0], g == nullptr ? nullptr : blocks[1],
                                   blocks[2]);
  for (int64_t line = 0; line < lines; ++line) {
    for (int64_t index = 0; index < count; ++index) {
      y[line * count + index] = blocks[2][index * kBlock + line];
    }
  }
}

void run(const Softmax& call, const float* x, const float* g, float* y) {
  const int64_t outer = call.outer;
  const int64_t count = call.count;
  const int64_t inner = call.inner;
  if (outer * count * inner == 0) return;
  const auto gradient = [g](int64_t offset) { return g == nullptr ? nullptr : g + offset; };
  if (inner == 1) {
    const int64_t lines = std::max(int64_t{kBlock}, kPiece / count / kBlock * kBlock);
    for_each_piece(outer, lines, [&](int64_t first, int64_t last, int) {
      int64_t more = 1;
      for (int64_t line = first; line < last; line += more) {
        const int64_t offset = line * count;
        if (count < kShortest) {
          more = std::min(int64_t{kBlock}, last - line);
          run_short_lines(more, count, x + offset, gradient(offset), y + offset);
        } else {
          run_line(count, x + offset, gradient(offset), y + offset);
        }
      }
    });
    return;
  }
  const int64_t width = kBlock * std::max(int64_t{1}, kPiece / kBlock / count);
  const int64_t pieces = (inner + width - 1) / width;
  for_each_item(outer * pieces, [&](int64_t item, int) {
    const int64_t last = std::min(inner, (item % pieces + 1) * width);
    for (int64_t column = item % pieces * width; column < last;) {
      const int64_t offset = item / pieces * count * inner + column;
      const int64_t rest = last - column;
      const auto columns = rest >= kBlock ? run_columns<Vectors, kBlock / 4>
                           : rest >= 4    ? run_columns<Vectors, 1>
                                          : run_columns<Single, 1>;
      columns(count, inner, x + offset, gradient(offset), y + offset);
      column += rest >= kBlock ? kBlock : rest >= 4 ? 4 : 1;
    }
  });
}

}  // namespace

void softmax(const Softmax& call, const float* input, float* output) {
  run(call, input, nullptr, output);
}

void softmax_gradient(const Softmax& call, const float* input, const float* grad_output,
                      float* grad_input) {
  run(call, input, grad_output, grad_input);
}

}  // namespace deconv
