#include "deconv/pixels.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <cstring>

#include "parallel.h"
#include "simd.h"

namespace deconv {
namespace {

// Its bytes stay in a first-level cache while all channels pass by.
constexpr int64_t kStripPixels = 4096;

// Of gamma-encoded values, as ITU-R BT.601 has them, in steps that Pillow takes too: their sums are
// exact, and a grey pixel's is its value.
constexpr float kGrey[] = {19595 * 0x1p-16f, 38470 * 0x1p-16f, 7471 * 0x1p-16f};

constexpr uint32_t kAlphaBits = 0xff000000;

// four(index) for groups of four, some(index, count) for the last one to three.
template <typename Four, typename Some>
void in_fours(int64_t first, int64_t end, const Four& four, const Some& some) {
  for (; first + 4 <= end; first += 4) four(first);
  if (first < end) some(first, static_cast<size_t>(end - first));
}

v128_t load_some(const void* source, size_t count) {
  v128_t values = wasm_i32x4_const_splat(0);
  std::memcpy(&values, source, 4 * count);
  return values;
}

v128_t channel_of(v128_t pixels, int32_t channel) {
  const v128_t bytes = wasm_u32x4_shr(pixels, static_cast<uint32_t>(8 * channel));
  return wasm_f32x4_convert_i32x4(wasm_v128_and(bytes, constant<255>()));
}

// Whole numbers in [0, 255], of what lies in the channel's range: 2^23 leaves no bit for less.
v128_t to_bytes(v128_t values) {
  const v128_t zero = wasm_f32x4_const_splat(0);
  const v128_t clamped = wasm_f32x4_pmin(wasm_f32x4_pmax(zero, values), constant<255.0f>());
  return wasm_i32x4_sub(wasm_f32x4_add(clamped, constant<0x1p23f>()), constant<0x4B000000>());
}

// The channels of a pixel side by side, in two vectors of 16 bits for four pixels.
v128_t side_by_side(v128_t sixteens, bool high) {
  return wasm_f32x4_convert_i32x4(high ? wasm_u32x4_extend_high_u16x8(sixteens)
                                       : wasm_u32x4_extend_low_u16x8(sixteens));
}

}  // namespace

void pixels_to_floats(const Picture& picture, const uint8_t* pixels, const PixelFactors& factors,
                      float* values) {
  const auto& [count, channels, layout] = picture;
  // `change` makes floats of four pixels for one plane.
  const auto fill = [&](int64_t first, int64_t end, float* plane, const auto& change) {
    in_fours(
        first, end,
        [&](int64_t index) {
          wasm_v128_store(plane + index, change(wasm_v128_load(pixels + 4 * index)));
        },
        [&](int64_t index, size_t some) {
          const v128_t changed = change(load_some(pixels + 4 * index, some));
          std::memcpy(plane + index, &changed, 4 * some);
        });
  };
  const auto grey = [&](int64_t first, int64_t end) {
    const v128_t scale = wasm_f32x4_splat(factors.scale[0]);
    const v128_t offset = wasm_f32x4_splat(factors.offset[0]);
    fill(first, end, values, [&](v128_t four) {
      v128_t sum = wasm_f32x4_const_splat(0);
      for (int32_t colour = 0; colour < 3; ++colour) {
        sum = fma_f32x4(channel_of(four, colour), wasm_f32x4_splat(kGrey[colour]), sum);
      }
      return fma_f32x4(sum, scale, offset);
    });
  };
  const auto planes = [&](int64_t first, int64_t end) {
    for (int32_t channel = 0; channel < channels; ++channel) {
      const v128_t scale = wasm_f32x4_splat(factors.scale[channel]);
      const v128_t offset = wasm_f32x4_splat(factors.offset[channel]);
      fill(first, end, values + channel * count,
           [&](v128_t four) { return fma_f32x4(channel_of(four, channel), scale, offset); });
    }
  };
  const auto interleaved = [&](int64_t first, int64_t end) {
    const v128_t scale = wasm_v128_load(factors.scale);
    const v128_t offset = wasm_v128_load(factors.offset);
    const auto changed = [&](v128_t sixteens, bool high) {
      return fma_f32x4(side_by_side(sixteens, high), scale, offset);
    };
    // The fourth value of a pixel without one lies where the next pixel's first will be written:
    // the last pixel is none of these.
    for (; first + 4 < end; first += 4) {
      const v128_t bytes = wasm_v128_load(pixels + 4 * first);
      const v128_t low = wasm_u16x8_extend_low_u8x16(bytes);
      const v128_t high = wasm_u16x8_extend_high_u8x16(bytes);
      float* target = values + first * channels;
      wasm_v128_store(target, changed(low, false));
      wasm_v128_store(target + channels, changed(low, true));
      wasm_v128_store(target + 2 * channels, changed(high, false));
      wasm_v128_store(target + 3 * channels, changed(high, true));
    }
    for (; first < end; ++first) {
      const v128_t bytes = wasm_v128_load32_zero(pixels + 4 * first);
      const v128_t pixel = changed(wasm_u16x8_extend_low_u8x16(bytes), false);
      std::memcpy(values + first * channels, &pixel, sizeof(float) * static_cast<size_t>(channels));
    }
  };
  for_each_piece(count, kStripPixels, [&](int64_t first, int64_t end, int) {
    if (channels == 1) {
      grey(first, end);
    } else if (layout == Layout::kChannelsFirst) {
      planes(first, end);
    } else {
      interleaved(first, end);
    }
  });
}

void floats_to_pixels(const Picture& picture, const float* values, const PixelFactors& factors,
                      int32_t alpha, uint8_t* pixels) {
  const auto& [count, channels, layout] = picture;
  const v128_t alpha_bits = wasm_u32x4_splat(channels == 4 ? 0 : kAlphaBits);
  const v128_t own_alpha = wasm_u32x4_splat(static_cast<uint32_t>(std::max(alpha, 0)) << 24);
  // Four pixels with the alpha that they are to have, of their colours and of what stands there.
  const auto with_alpha = [&](v128_t colours, v128_t before) {
    return wasm_v128_bitselect(alpha < 0 ? before : own_alpha, colours, alpha_bits);
  };
  const auto planes = [&](int64_t first, int64_t end) {
    const bool grey = channels == 1;
    const auto four = [&](int64_t index, const auto& load) {
      v128_t colours = wasm_i32x4_const_splat(0);
      for (int32_t channel = 0; channel < std::max(channels, 3); ++channel) {
        const int32_t own = grey ? 0 : channel;
        const v128_t value =
            fma_f32x4(load(values + own * count + index), wasm_f32x4_splat(factors.scale[own]),
                      wasm_f32x4_splat(factors.offset[own]));
        colours = wasm_v128_or(colours,
                               wasm_i32x4_shl(to_bytes(value), static_cast<uint32_t>(8 * channel)));
      }
      return with_alpha(colours, load(pixels + 4 * index));
    };
    in_fours(
        first, end,
        [&](int64_t index) {
          const auto whole = [](const void* source) { return wasm_v128_load(source); };
          wasm_v128_store(pixels + 4 * index, four(index, whole));
        },
        [&](int64_t index, size_t some) {
          const auto part = [&](const void* source) { return load_some(source, some); };
          const v128_t result = four(index, part);
          std::memcpy(pixels + 4 * index, &result, 4 * some);
        });
  };
  const auto interleaved = [&](int64_t first, int64_t end) {
    const v128_t scale = wasm_v128_load(factors.scale);
    const v128_t offset = wasm_v128_load(factors.offset);
    const auto changed = [&](v128_t value) { return to_bytes(fma_f32x4(value, scale, offset)); };
    // What lies behind the last pixel is not read.
    for (; first + 4 < end; first += 4) {
      const float* source = values + first * channels;
      const v128_t low = wasm_i16x8_narrow_i32x4(changed(wasm_v128_load(source)),
                                                 changed(wasm_v128_load(source + channels)));
      const v128_t high = wasm_i16x8_narrow_i32x4(changed(wasm_v128_load(source + 2 * channels)),
                                                  changed(wasm_v128_load(source + 3 * channels)));
      uint8_t* target = pixels + 4 * first;
      wasm_v128_store(target,
                      with_alpha(wasm_u8x16_narrow_i16x8(low, high), wasm_v128_load(target)));
    }
    for (; first < end; ++first) {
      const v128_t value =
          changed(load_some(values + first * channels, static_cast<size_t>(channels)));
      const v128_t sixteens = wasm_i16x8_narrow_i32x4(value, value);
      uint8_t* target = pixels + 4 * first;
      wasm_v128_store32_lane(
          target,
          with_alpha(wasm_u8x16_narrow_i16x8(sixteens, sixteens), wasm_v128_load32_zero(target)),
          0);
    }
  };
  for_each_piece(count, kStripPixels, [&](int64_t first, int64_t end, int) {
    if (channels == 1 || layout == Layout::kChannelsFirst) {
      planes(first, end);
    } else {
      interleaved(first, end);
    }
  });
}

}  // namespace deconv
