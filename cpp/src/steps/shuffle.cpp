#include "deconv/shuffle.h"

#include <algorithm>

#include "deconv/buffer.h"
#include "layout.h"
#include "parallel.h"
#include "transpose_4x4.h"

namespace deconv {
namespace {

// What a thread takes at once, in values.
constexpr int64_t kValues = 1 << 12;

// work(row) for all of `rows`, several at once where they are short.
template <typename Work>
void for_each_row(int64_t rows, int64_t values, const Work& work) {
  const int64_t at_once = kValues / std::max<int64_t>(values, 1) + 1;
  for_each_piece(rows, at_once, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) work(row);
  });
}

// Channels first: a row of the wide tensor is `factor` rows of as many deep channels, interleaved.
// work(deep, wide) with the offsets of both.
template <typename Work>
void for_each_wide_row(const PixelShuffle& call, const Work& work) {
  const auto& [batch, channels, height, width, factor, layout] = call;
  const int64_t plane = height * width;
  for_each_row(batch * channels * height * factor, width * factor, [&](int64_t row) {
    const int64_t channel = row / (height * factor);
    const int64_t own = row % (height * factor);
    work((channel * factor + own % factor) * factor * plane + own / factor * width,
         row * width * factor);
  });
}

// Channels last: a deep pixel is a matrix of channels by the pixels of its square, whose transpose
// lies in `factor` rows of the wide tensor.
class Squares {
 public:
  explicit Squares(const PixelShuffle& call) : call_(call) {}

  [[nodiscard]] bool prepare() {
    const auto& [batch, channels, height, width, factor, layout] = call_;
    if (!offsets_.reserve(factor * factor)) return false;
    for (int64_t index = 0; index < factor * factor; ++index) {
      offsets_[index] = (index / factor * width * factor + index % factor) * channels;
    }
    return true;
  }

  // four(deep, stride, wide) for squares of 4 x 4, whose rows on the deep side lie `stride` apart
  // and are on the other at the four offsets wide; one(deep, wide) for single values.
  template <typename Four, typename One>
  void run(const Four& four, const One& one) const {
    const auto& [batch, channels, height, width, factor, layout] = call_;
    const int64_t square = factor * factor;
    for_each_row(batch * height, width * channels * square, [&](int64_t row) {
      for (int64_t column = 0; column < width; ++column) {
        const int64_t deep = (row * width + column) * channels * square;
        const int64_t wide = (row * width * factor + column) * factor * channels;
        const int64_t whole = channels / 4 * 4;
        const int64_t whole_square = square / 4 * 4;
        for (int64_t pixel = 0; pixel < whole_square; pixel += 4) {
          for (int64_t channel = 0; channel < whole; channel += 4) {
            int64_t places[4];
            for (int lane = 0; lane < 4; ++lane) {
              places[lane] = wide + offsets_[pixel + lane] + channel;
            }
            four(deep + channel * square + pixel, square, places);
          }
        }
        for (int64_t pixel = 0; pixel < square; ++pixel) {
          for (int64_t channel = pixel < whole_square ? whole : 0; channel < channels; ++channel) {
            one(deep + channel * square + pixel, wide + offsets_[pixel] + channel);
          }
        }
      }
    });
  }

 private:
  const PixelShuffle& call_;
  Block<int64_t> offsets_;
};

}  // namespace

Status pixel_shuffle(const PixelShuffle& call, const float* deep, float* wide) {
  const int64_t factor = call.factor;
  if (call.layout == Layout::kChannelsFirst) {
    for_each_wide_row(call, [&](int64_t from, int64_t to) {
      interleave({factor, call.width * factor, call.height * call.width, 1, 0, 0}, deep + from,
                 wide + to);
    });
    return Status::kOk;
  }
  Squares squares(call);
  if (!squares.prepare()) return Status::kOutOfMemory;
  squares.run(
      [&](int64_t from, int64_t stride, const int64_t(&to)[4]) {
        v128_t rows[4];
        for (int row = 0; row < 4; ++row) rows[row] = wasm_v128_load(deep + from + row * stride);
        transpose_4x4(rows);
        for (int row = 0; row < 4; ++row) wasm_v128_store(wide + to[row], rows[row]);
      },
      [&](int64_t from, int64_t to) { wide[to] = deep[from]; });
  return Status::kOk;
}

Status pixel_unshuffle(const PixelShuffle& call, const float* wide, float* deep) {
  if (call.layout == Layout::kChannelsFirst) {
    for_each_wide_row(call, [&](int64_t to, int64_t from) {
      deinterleave(call.factor, call.width, wide + from, deep + to, call.height * call.width);
    });
    return Status::kOk;
  }
  Squares squares(call);
  if (!squares.prepare()) return Status::kOutOfMemory;
  squares.run(
      [&](int64_t to, int64_t stride, const int64_t(&from)[4]) {
        v128_t rows[4];
        for (int row = 0; row < 4; ++row) rows[row] = wasm_v128_load(wide + from[row]);
        transpose_4x4(rows);
        for (int row = 0; row < 4; ++row) wasm_v128_store(deep + to + row * stride, rows[row]);
      },
      [&](int64_t to, int64_t from) { deep[to] = wide[from]; });
  return Status::kOk;
}

}  // namespace deconv
