#pragma once

#include <wasm_simd128.h>

#include <cstddef>

#include "simd.h"

namespace deconv {

// Elementary functions of 4 floats at a time. NaN gives NaN, infinities give the limits. Each is
// within 4 units in the last place wherever its result is a normal float; functions_test.cpp prints
// by how much. Coefficients are minimax fits of ours (Lawson's algorithm on 600 Chebyshev nodes,
// rounded to float32) over the range and for the relative error that stand beside them.

inline v128_t splat(float value) { return wasm_f32x4_splat(value); }

// kFirst + kRest[0] * x + ..., by Horner's rule.
template <float kFirst, float... kRest>
v128_t polynomial(v128_t x) {
  if constexpr (sizeof...(kRest) == 0) {
    return constant<kFirst>();
  } else {
    return fma_f32x4(polynomial<kRest...>(x), x, constant<kFirst>());
  }
}

// `magnitude`, which is not negative, with the sign of `sign`.
inline v128_t with_sign_of(v128_t magnitude, v128_t sign) {
  return wasm_v128_or(magnitude, wasm_v128_and(sign, constant<INT32_MIN>()));
}

// x = power * log(2) + rest, with |rest| at most log(2) / 2 and expm1 = exp(rest) - 1.
struct ReducedExponential {
  v128_t power;  // integers
  v128_t expm1;
};

inline ReducedExponential reduce_exponential(v128_t x) {
  // Adding 1.5 * 2^23 rounds to an integer, which stands in the low bits then.
  const v128_t shift = constant<0x1.8p23f>();
  const v128_t shifted = fma_f32x4(x, constant<0x1.715476p0f>(), shift);
  const v128_t power = wasm_f32x4_sub(shifted, shift);
  // log(2) in two parts, as in Cody and Waite (1980): products with the first, of 9 bits, are
  // exact.
  v128_t rest = fma_f32x4(power, constant<-0.693359375f>(), x);
  rest = fma_f32x4(power, constant<2.12194440e-4f>(), rest);
  // (exp(r) - 1 - r) / r^2 for |r| < 0.3469; relative to exp(r) - 1: 2^-25.9.
  const v128_t curve =
      polynomial<0.5f, 0.16666542f, 0.0416662805f, 0.00836664438f, 0.00139465544f>(rest);
  return {.power = wasm_i32x4_sub(shifted, shift),
          .expm1 = fma_f32x4(wasm_f32x4_mul(rest, rest), curve, rest)};
}

// 2^power; power from -126 to 127.
inline v128_t power_of_two(v128_t power) {
  return wasm_i32x4_shl(wasm_i32x4_add(power, constant<127>()), 23);
}

inline v128_t exp_f32x4(v128_t x) {
  // Beyond these it is infinity and 0; pmin and pmax keep a NaN that stands first.
  x = wasm_f32x4_pmax(wasm_f32x4_pmin(x, constant<89.0f>()), constant<-104.0f>());
  const auto [power, expm1] = reduce_exponential(x);
  // In two factors, because neither 2^128 nor 2^-150 is one float.
  const v128_t half = wasm_i32x4_shr(power, 1);
  const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_add(expm1, constant<1.0f>()), power_of_two(half));
  return wasm_f32x4_mul(scaled, power_of_two(wasm_i32x4_sub(power, half)));
}

// For x of at most 0; 0 where the result would be denormal: processors take a hundred times as long
// for these, and where sigmoid and softmax saturate they would be made of them.
inline v128_t exp_of_nonpositive(v128_t x) {
  // The least float above log(2^-126).
  const v128_t least = constant<-87.33654f>();
  const auto [power, expm1] = reduce_exponential(wasm_f32x4_pmax(x, least));
  const v128_t result =
      wasm_f32x4_mul(wasm_f32x4_add(expm1, constant<1.0f>()), power_of_two(power));
  return wasm_v128_andnot(result, wasm_f32x4_lt(x, least));
}

// exp(x) - 1 for x of at most 0.
inline v128_t expm1_of_nonpositive(v128_t x) {
  const auto [power, expm1] = reduce_exponential(wasm_f32x4_pmax(x, constant<-25.0f>()));
  const v128_t scale = power_of_two(power);
  return fma_f32x4(scale, expm1, wasm_f32x4_sub(scale, constant<1.0f>()));
}

// log(1 + x) for x from -0.5 to 1, as 2 atanh(s) of s = x / (2 + x).
inline v128_t log1p_of_unit(v128_t x) {
  const v128_t s = wasm_f32x4_div(x, wasm_f32x4_add(x, constant<2.0f>()));
  const v128_t square = wasm_f32x4_mul(s, s);
  // (2 atanh(s) - 2 s) / s^3 in s^2 up to 1/9; relative to 2 atanh(s): 2^-27.6.
  const v128_t curve = polynomial<0.666664124f, 0.400216997f, 0.279991418f, 0.280244589f>(square);
  return fma_f32x4(wasm_f32x4_mul(square, s), curve, wasm_f32x4_add(s, s));
}

// By x = 2^power * (1 + rest), 1 + rest between the roots of 1/2 and 2.
inline v128_t log_f32x4(v128_t x) {
  // What is no normal float is one times 2^-23.
  const v128_t small = wasm_f32x4_lt(x, constant<0x1p-126f>());
  const v128_t scaled = wasm_v128_bitselect(wasm_f32x4_mul(x, constant<0x1p23f>()), x, small);
  const v128_t root = constant<0x3f3504f3>();
  const v128_t power = wasm_i32x4_shr(wasm_i32x4_sub(scaled, root), 23);
  const v128_t unit = wasm_i32x4_sub(scaled, wasm_i32x4_shl(power, 23));
  const v128_t shift = wasm_v128_and(small, constant<23>());
  const v128_t whole = wasm_f32x4_convert_i32x4(wasm_i32x4_sub(power, shift));
  // log(2) in the two parts of reduce_exponential.
  v128_t sum = log1p_of_unit(wasm_f32x4_sub(unit, constant<1.0f>()));
  sum = fma_f32x4(whole, constant<-2.12194440e-4f>(), sum);
  sum = fma_f32x4(whole, constant<0.693359375f>(), sum);
  // Infinity and NaN are their own; of 0 it is the other infinity, and below there is none.
  const v128_t infinity = splat(__builtin_inff());
  sum = wasm_v128_bitselect(sum, x, wasm_f32x4_lt(x, infinity));
  sum = wasm_v128_bitselect(wasm_f32x4_neg(infinity), sum, wasm_f32x4_eq(x, constant<0>()));
  return wasm_v128_bitselect(splat(__builtin_nanf("")), sum, wasm_f32x4_lt(x, constant<0>()));
}

// By -e / (e + 2) of e = exp(-2 |x|) - 1, which loses no digits near 0.
inline v128_t tanh_f32x4(v128_t x) {
  const v128_t e = expm1_of_nonpositive(wasm_f32x4_mul(wasm_f32x4_abs(x), constant<-2.0f>()));
  const v128_t magnitude = wasm_f32x4_div(wasm_f32x4_neg(e), wasm_f32x4_add(e, constant<2.0f>()));
  return with_sign_of(wasm_f32x4_abs(magnitude), x);
}

// The logistic function of x and that of -x, which is 1 less the first: neither cancels.
struct Sigmoids {
  v128_t of;
  v128_t of_negative;
};

inline Sigmoids sigmoids(v128_t x) {
  const v128_t decay = exp_of_nonpositive(wasm_f32x4_neg(wasm_f32x4_abs(x)));
  const v128_t large = wasm_f32x4_div(constant<1.0f>(), wasm_f32x4_add(decay, constant<1.0f>()));
  const v128_t small = wasm_f32x4_mul(decay, large);
  const v128_t negative = wasm_f32x4_lt(x, constant<0>());
  return {.of = wasm_v128_bitselect(small, large, negative),
          .of_negative = wasm_v128_bitselect(large, small, negative)};
}

inline v128_t sigmoid_f32x4(v128_t x) { return sigmoids(x).of; }

// Two values less the multiple of pi that is nearest, or nearest of those with a half where `half`
// is 0.5; the sign says whether that multiple is even. pi in two parts, the first of 25 bits (those
// of fdlibm's pi / 2, doubled).
inline v128_t reduce_two_by_pi(v128_t x, double half) {
  const v128_t shift = constant<0x1.8p52>();
  const v128_t offset = wasm_f64x2_splat(half);
  const v128_t multiple =
      wasm_f64x2_add(wasm_f64x2_mul(x, constant<0x1.45f306dc9c883p-2>()), offset);
  const v128_t shifted = wasm_f64x2_add(multiple, shift);
  const v128_t whole = wasm_f64x2_sub(wasm_f64x2_sub(shifted, shift), offset);
  v128_t rest = wasm_f64x2_sub(x, wasm_f64x2_mul(whole, constant<0x1.921fb5p1>()));
  rest = wasm_f64x2_sub(rest, wasm_f64x2_mul(whole, constant<0x1.110b4611a6263p-25>()));
  return wasm_v128_xor(rest, wasm_i64x2_shl(shifted, 63));
}

// sin(x + pi * half), accurate for |x| up to 2^28 and something in [-1, 1] beyond.
inline v128_t sin_f32x4(v128_t x, double half = 0) {
  const v128_t low = reduce_two_by_pi(wasm_f64x2_promote_low_f32x4(x), half);
  const v128_t high =
      reduce_two_by_pi(wasm_f64x2_promote_low_f32x4(wasm_i32x4_shuffle(x, x, 2, 3, 2, 3)), half);
  v128_t rest = wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero(low),
                                   wasm_f32x4_demote_f64x2_zero(high), 0, 1, 4, 5);
  const v128_t bound = constant<0x1.921fb6p0f>();
  rest = wasm_f32x4_pmax(wasm_f32x4_pmin(rest, bound), wasm_f32x4_neg(bound));
  const v128_t square = wasm_f32x4_mul(rest, rest);
  // (sin(r) - r) / r^3 in r^2 up to pi^2 / 4; relative to sin(r): 2^-26.7.
  const v128_t curve =
      polynomial<-0.166666597f, 0.00833306648f, -0.000198095964f, 2.60576553e-06f>(square);
  return fma_f32x4(wasm_f32x4_mul(square, rest), curve, rest);
}

// C's fmod: what is left of x over whole multiples of y, with the sign of x, exact. By halves, as
// by hand: a double holds y times any power of two that x reaches, and every difference on the way.
inline float remainder_of(float x, float y) {
  double rest = __builtin_fabs(double{x});
  const double least = __builtin_fabs(double{y});
  if (!(least > 0 && rest < __builtin_inf())) return __builtin_nanf("");
  double multiple = least;
  while (multiple + multiple <= rest) multiple += multiple;
  for (; rest >= least; multiple *= 0.5) {
    if (rest >= multiple) rest -= multiple;
  }
  return static_cast<float>(__builtin_copysign(rest, double{x}));
}

// Of |x|: erf below 1, and 1 - erf from there on.
struct ErrorFunction {
  v128_t near;
  v128_t tail;
  v128_t is_near;
};

inline ErrorFunction error_function(v128_t x) {
  const v128_t magnitude = wasm_f32x4_abs(x);
  const v128_t square = wasm_f32x4_mul(magnitude, magnitude);
  // erf(t) / t - 1 in t^2 up to 1; relative to erf(t): 2^-28.6.
  const v128_t curve = polynomial<0.128379166f, -0.37612626f, 0.112835854f, -0.0268538129f,
                                  0.00518832775f, -0.000801019371f, 7.85386146e-05f>(square);
  // (1 - erf(t)) exp(t^2) (t + 2) in u = 1 / (t + 2), t from 1 to 10.1, where it is no float any
  // more; relative: 2^-24.6.
  const v128_t t = wasm_f32x4_pmin(magnitude, constant<10.1f>());
  const v128_t u = wasm_f32x4_div(constant<1.0f>(), wasm_f32x4_add(t, constant<2.0f>()));
  const v128_t factor = polynomial<0.564197838f, 1.12811816f, 1.97637177f, 2.85468459f, 1.98145747f,
                                   5.19162655f, -28.826807f, 23.8457279f>(u);
  const v128_t decay = exp_of_nonpositive(wasm_f32x4_neg(wasm_f32x4_mul(t, t)));
  return {.near = fma_f32x4(magnitude, curve, magnitude),
          .tail = wasm_f32x4_mul(decay, wasm_f32x4_mul(u, factor)),
          .is_near = wasm_f32x4_lt(magnitude, constant<1.0f>())};
}

inline v128_t erf_f32x4(v128_t x) {
  const auto [near, tail, is_near] = error_function(x);
  return with_sign_of(wasm_v128_bitselect(near, wasm_f32x4_sub(constant<1.0f>(), tail), is_near),
                      x);
}

// The normal distribution's share below x: (1 + erf(x / sqrt(2))) / 2, whose lower tail does not
// cancel.
inline v128_t normal_distribution(v128_t x) {
  const auto [near, tail, is_near] = error_function(wasm_f32x4_mul(x, constant<0x1.6a09e6p-1f>()));
  const v128_t half = constant<0.5f>();
  const v128_t below = wasm_f32x4_lt(x, constant<0>());
  const v128_t one = wasm_f32x4_sub(constant<1.0f>(), wasm_f32x4_mul(half, tail));
  const v128_t far = wasm_v128_bitselect(wasm_f32x4_mul(half, tail), one, below);
  const v128_t step = with_sign_of(wasm_f32x4_mul(half, near), x);
  return wasm_v128_bitselect(wasm_f32x4_add(half, step), far, is_near);
}

}  // namespace deconv
