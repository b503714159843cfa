#include "steps/row_copy.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "simd.h"

namespace deconv {

bool RowCopy::prepare(const AxisMap& width, int64_t inner) {
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

void RowCopy::operator()(const float* source, float fill, float* target) const {
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

void RowCopy::prepare_four(const int32_t* places, int64_t sources, Shuffle& shuffle) {
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

void RowCopy::copy_values(const float* source, float fill, float* target) const {
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

void RowCopy::copy_each(int64_t first, int64_t end, const float* source, float fill,
                        float* target) const {
  for (; first < end; ++first) target[first] = places_[first] < 0 ? fill : source[places_[first]];
}

}  // namespace deconv
