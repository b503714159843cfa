#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace deconv {

template <typename Count>
Count whole_vectors(Count floats) {
  return (floats + 3) / 4 * 4;
}

// a * b + c in each lane: one instruction in the relaxed builds (fused where the machine can), two
// in the others.
inline v128_t fma_f32x4(v128_t a, v128_t b, v128_t c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(c, wasm_f32x4_mul(a, b));
#endif
}

// kValue in each lane, for loops. Engines make a vector that stands in the code anew in every
// round, in three instructions; from memory it is one. The address is hidden from the compiler,
// which would put the vector in place of it.
template <auto kValue>
v128_t constant() {
  static constexpr auto value = kValue;
  const auto* at = &value;
  asm("" : "+r"(at));
  if constexpr (value == 0) return wasm_i32x4_const_splat(0);  // Which is one instruction, too.
  return sizeof(value) == 4 ? wasm_v128_load32_splat(at) : wasm_v128_load64_splat(at);
}

// sum + kFactor * x.
template <float kFactor>
v128_t fma_f32x4(v128_t x, v128_t sum) {
  return kFactor == 1 ? wasm_f32x4_add(sum, x) : fma_f32x4(x, constant<kFactor>(), sum);
}

// The bytes of two vectors' first halves, and of their second, in turn.
inline v128_t low_bytes(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline v128_t high_bytes(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// Rows of planes are short, and begin anywhere: the library's functions take several times as long.
// Not worth a copy of it for each of its callers.
[[gnu::noinline]] inline void copy_floats(const float* source, int64_t count, float* target) {
  const float* const end = source + count;
  for (; end - source >= 16; source += 16, target += 16) {
    wasm_v128_store(target, wasm_v128_load(source));
    wasm_v128_store(target + 4, wasm_v128_load(source + 4));
    wasm_v128_store(target + 8, wasm_v128_load(source + 8));
    wasm_v128_store(target + 12, wasm_v128_load(source + 12));
  }
  for (; end - source >= 4; source += 4, target += 4) {
    wasm_v128_store(target, wasm_v128_load(source));
  }
  while (source != end) *target++ = *source++;
}

// The same of values that lie `step` apart: source[i * step] becomes target[i].
[[gnu::noinline]] inline void copy_apart(const float* source, int64_t step, int64_t count,
                                         float* target) {
  int64_t index = 0;
  // The second load ends one value behind the last one taken, which may not be there.
  for (; step == 2 && index + 4 < count; index += 4) {
    const v128_t left = wasm_v128_load(source + 2 * index);
    const v128_t right = wasm_v128_load(source + 2 * index + 4);
    wasm_v128_store(target + index, wasm_i32x4_shuffle(left, right, 0, 2, 4, 6));
  }
  for (; index < count; ++index) target[index] = source[index * step];
}

inline void copy_every(const float* source, int64_t step, int64_t count, float* target) {
  step == 1 ? copy_floats(source, count, target) : copy_apart(source, step, count, target);
}

inline void fill_floats(float* target, int64_t count, float value) {
  const v128_t values = wasm_f32x4_splat(value);
  int64_t index = 0;
  for (; index + 4 <= count; index += 4) wasm_v128_store(target + index, values);
  for (; index < count; ++index) target[index] = value;
}

inline void clear_floats(float* target, int64_t count) { fill_floats(target, count, 0); }

inline void add_row(int64_t count, const float* terms, float* sums) {
  const int64_t whole = count / 4 * 4;
  for (int64_t index = 0; index < whole; index += 4) {
    wasm_v128_store(sums + index,
                    wasm_f32x4_add(wasm_v128_load(sums + index), wasm_v128_load(terms + index)));
  }
  for (int64_t index = whole; index < count; ++index) sums[index] += terms[index];
}

}  // namespace deconv
