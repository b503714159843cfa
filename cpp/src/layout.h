#pragma once

#include <cstdint>

namespace deconv {

// For each of `count` matrices of `rows` x `columns`, writes the transpose. Channels-first to
// channels-last is rows = channels, columns = points, count = batch; back is the other way round.
void transpose(int64_t count, int64_t rows, int64_t columns, const float* source, float* target);
void transpose_bytes(int64_t count, int64_t rows, int64_t columns, const int8_t* source,
                     int8_t* target);

// The same, with a ReLU on the way.
void transpose_relu(int64_t count, int64_t rows, int64_t columns, const float* source,
                    float* target);

// One matrix of `rows` x `columns` whose source rows and target rows (of `rows` values each) lie
// `source_stride` and `target_stride` apart.
void transpose_block(int64_t rows, int64_t columns, const float* source, int64_t source_stride,
                     float* target, int64_t target_stride);

// The phases of a row side by side: target[i] = source[i % rows][i / rows] for i in [0, count),
// with source rows `stride` apart; for `matrices` of them, `source_step` and `target_step` apart.
struct Interleave {
  int64_t rows;
  int64_t count;
  int64_t stride;
  int64_t matrices;
  int64_t source_step;
  int64_t target_step;
};

void interleave(const Interleave& call, const float* source, float* target);

// Back: source[i] becomes target[i % rows][i / rows] for i in [0, rows * columns).
void deinterleave(int64_t rows, int64_t columns, const float* source, float* target,
                  int64_t target_stride);

}  // namespace deconv
