// Depthwise with channels last: vectors along the channels, taps outside of the input left out.

#include <algorithm>

#include "kernels/lanes.h"
#include "relu.h"
#include "routes/depthwise.h"
#include "simd.h"

namespace deconv::depthwise {
namespace {

// Neighbouring output positions of one phase that read with the same taps.
struct Run {
  const ChannelTaps* taps;  // of the first position
  int32_t tap_count;
  int64_t x_stride;       // floats from one position to the next, and from tap to tap of `taps`
  int64_t weight_stride;  // floats from tap to tap
  int64_t target_stride;
  const float* bias;
  float* target;
  bool relu;
};

// What kTaps taps add to positions that lie where they do: what one tap reads for a position, the
// next reads for the one before, so that every value is loaded once.
template <int kTaps, int kPositions>
void add_taps(const Run& run, const float* x, const float* weight, v128_t (&sums)[kPositions]) {
  v128_t factors[kTaps];
#pragma unroll
  for (v128_t& factor : factors) {
    factor = wasm_v128_load(weight);
    weight += run.weight_stride;
  }
#pragma unroll
  for (int read = 0; read < kPositions + kTaps - 1; ++read, x += run.x_stride) {
    const v128_t value = wasm_v128_load(x);
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      const int at = read - tap;
      if (at < 0 || at >= kPositions) continue;
      sums[at] = fma_f32x4(value, factors[tap], sums[at]);
    }
  }
}

// `lanes` values of each sum. What is to be done is asked once, and not for each sum.
template <int kSums>
void store_sums(const Run& run, v128_t (&sums)[kSums], float* target, int64_t stride,
                int32_t lanes) {
  if (run.relu) {
#pragma unroll
    for (v128_t& sum : sums) sum = relu(sum);
  }
  if (lanes == 4) {
#pragma unroll
    for (const v128_t sum : sums) {
      wasm_v128_store(target, sum);
      target += stride;
    }
    return;
  }
  // A loop reads them from memory, where nobody else wants them.
  v128_t rest[kSums];
#pragma unroll
  for (int sum = 0; sum < kSums; ++sum) rest[sum] = sums[sum];
#pragma clang loop unroll(disable)
  for (const v128_t sum : rest) {
    store_lanes(target, lanes, sum);
    target += stride;
  }
}

// kPositions positions from `position` by the vector of channels from `channel`, which stores
// `lanes`.
template <int kPositions>
void sum_taps(const Run& run, int32_t position, int32_t channel, int32_t lanes) {
  v128_t sums[kPositions];
#pragma unroll
  for (v128_t& sum : sums) sum = wasm_v128_load(run.bias + channel);
  const int64_t x_index = position * run.x_stride + channel;
  for (int32_t index = 0; index < run.tap_count; ++index) {
    const ChannelTaps& taps = run.taps[index];
    const float* x = taps.x + x_index;
    const float* weight = taps.weight + channel;
    switch (taps.count) {
      case 1:
        add_taps<1>(run, x, weight, sums);
        break;
      case 2:
        add_taps<2>(run, x, weight, sums);
        break;
      default:
        add_taps<3>(run, x, weight, sums);
    }
  }
  store_sums(run, sums, run.target + position * run.target_stride + channel, run.target_stride,
             lanes);
}

// One position by kVectors whole vectors of channels: a sum need not wait for its last addition.
template <int kVectors>
void sum_vectors(const Run& run, int32_t position, int32_t channel) {
  v128_t sums[kVectors];
#pragma unroll
  for (int vector = 0; vector < kVectors; ++vector) {
    sums[vector] = wasm_v128_load(run.bias + channel + 4 * vector);
  }
  const int64_t x_index = position * run.x_stride + channel;
  for (int32_t index = 0; index < run.tap_count; ++index) {
    const ChannelTaps& taps = run.taps[index];
    const float* x = taps.x + x_index;
    const float* weight = taps.weight + channel;
    for (int32_t tap = 0; tap < taps.count; ++tap) {
#pragma unroll
      for (int vector = 0; vector < kVectors; ++vector) {
        sums[vector] = fma_f32x4(wasm_v128_load(x + 4 * vector),
                                 wasm_v128_load(weight + 4 * vector), sums[vector]);
      }
      x += run.x_stride;
      weight += run.weight_stride;
    }
  }
  store_sums(run, sums, run.target + position * run.target_stride + channel, 4, 4);
}

// All channels of `positions`, kPositions at a time from `first` on; the last of them may be
// computed twice.
template <int kPositions>
void sum_blocks(const Run& run, int32_t first, int32_t positions, int32_t channels) {
  for (; first < positions; first += kPositions) {
    const int32_t position = std::min(first, positions - kPositions);
    for (int32_t channel = 0; channel < channels; channel += 4) {
      sum_taps<kPositions>(run, position, channel, std::min(4, channels - channel));
    }
  }
}

// One position after the other, as at the edges.
void sum_points(const Run& run, int32_t positions, int32_t channels) {
  for (int32_t position = 0; position < positions; ++position) {
    int32_t channel = 0;
    for (; channel + 16 <= channels; channel += 16) sum_vectors<4>(run, position, channel);
    for (; channel + 8 <= channels; channel += 8) sum_vectors<2>(run, position, channel);
    for (; channel < channels; channel += 4) {
      sum_taps<1>(run, position, channel, std::min(4, channels - channel));
    }
  }
}

void sum_run(const Run& run, int32_t positions, int32_t channels) {
  if (positions < 4) return sum_points(run, positions, channels);
  const int32_t eights = positions % 8 > 4 ? positions : positions / 8 * 8;
  if (positions >= 8) sum_blocks<8>(run, 0, eights, channels);
  sum_blocks<4>(run, positions < 8 ? 0 : eights, positions, channels);
}

// Taps that are added together: their factors and the sums of eight positions fit the registers.
constexpr int32_t kTogether = 3;

class ChannelTile {
 public:
  ChannelTile(const Job& job, const Tile& tile, float* scratch)
      : job_(job),
        tile_(tile),
        problem_(*job.problem),
        spec_(job.problem->spec),
        phases_(job.phases[2]),
        rows_(reinterpret_cast<InputRow*>(scratch + job.grid->scratch_floats())),
        taps_(reinterpret_cast<ChannelTaps*>(rows_ + rows_of_output(spec_))),
        copy_(scratch),
        lanes_(whole_vectors(spec_.out_channels)),
        point_floats_(expands_channels(spec_) ? lanes_ * spec_.group_in_channels()
                                              : spec_.in_channels) {}

  void run() {
    const int32_t phases = job_.phases[1].count();
    if (expands_channels(spec_)) {
      const int64_t first_row = int64_t{tile_.row} * phases;
      const int64_t first_column = int64_t{tile_.column} * phases_.count();
      copied_rows_ = inputs_of(1, {first_row, first_row + int64_t{tile_.rows} * phases});
      copied_columns_ =
          inputs_of(2, {first_column, first_column + int64_t{tile_.columns} * phases_.count()});
      expand_input();
    }
    const int64_t row_floats = int64_t{problem_.output[2]} * spec_.out_channels;
    const int64_t begin = int64_t{tile_.column} * phases_.count() * spec_.out_channels;
    const int64_t floats = int64_t{tile_.columns} * phases_.count() * spec_.out_channels;
    const int64_t plane = int64_t{tile_.batch} * problem_.output[0] + tile_.depth;
    const int32_t first = tile_.row * phases;
    const int32_t end = std::min((tile_.row + tile_.rows) * phases, problem_.output[1]);
    for (int32_t row = first; row < end; ++row) {
      gather_rows(row);
      float* target = job_.output->values + (plane * problem_.output[1] + row) * row_floats;
      for (int32_t phase = 0; phase < phases_.count(); ++phase) sum_phase(phase, target);
      job_.output->finish(target + begin, std::min(floats, row_floats - begin));
    }
  }

 private:
  // The planes under the kernel.
  AxisPhases::Sources depths() const {
    return job_.phases[0].sources(tile_.depth, problem_.input[0]);
  }

  // Input positions that some output positions touch; may be empty.
  Range inputs_of(int axis, const Range& outputs) const {
    const Range touched = AxisPhases::inputs_of(spec_, axis, outputs);
    const int64_t begin = std::clamp<int64_t>(touched.begin, 0, problem_.input[axis]);
    return {begin, std::clamp<int64_t>(touched.end, begin, problem_.input[axis])};
  }

  const float* input_row(int64_t depth, int64_t row) const {
    return job_.input +
           ((int64_t{tile_.batch} * problem_.input[0] + depth) * problem_.input[1] + row) *
               problem_.input[2] * spec_.in_channels;
  }

  // Gives every output channel the input values of its group, as [point, in / groups, out].
  void expand_input() {
    const int32_t group_in = spec_.group_in_channels();
    const int32_t group_out = spec_.group_out_channels();
    float* target = copy_;
    const AxisPhases::Sources planes = depths();
    for (const AxisPhases::Tap& tap : planes.taps) {
      for (int64_t row = copied_rows_.begin; row < copied_rows_.end; ++row) {
        const float* x =
            input_row(planes.first + tap.offset, row) + copied_columns_.begin * spec_.in_channels;
        for (int64_t column = 0; column < copied_columns_.count(); ++column) {
          for (int32_t in = 0; in < group_in; ++in, target += lanes_) {
            float* out = target;
            for (int32_t group = 0; group < spec_.groups; ++group) {
              const float value = x[group * group_in + in];
              for (int32_t copy = 0; copy < group_out; ++copy) *out++ = value;
            }
            std::fill(out, target + lanes_, 0.0f);
          }
          x += spec_.in_channels;
        }
      }
    }
  }

  // Where position 0 of a row would be; of a copied row, where its first position is.
  void gather_rows(int32_t row) {
    row_count_ = 0;
    const int64_t row_floats = copied_columns_.count() * point_floats_;
    const float* slice = copy_;
    const AxisPhases::Sources planes = depths();
    const AxisPhases::Sources rows = job_.phases[1].sources(row, problem_.input[1]);
    for (const AxisPhases::Tap& d : planes.taps) {
      for (const AxisPhases::Tap& h : rows.taps) {
        const int64_t source = rows.first + h.offset;
        rows_[row_count_++] = {
            expands_channels(spec_) ? slice + (source - copied_rows_.begin) * row_floats
                                    : input_row(planes.first + d.offset, source),
            (d.tap * spec_.kernel[1] + h.tap) * static_cast<int32_t>(phases_.taps().size()),
        };
      }
      slice += copied_rows_.count() * row_floats;
    }
  }

  void sum_phase(int32_t phase, float* row) {
    // Values of q whose output lies in the row.
    const int64_t outputs = ceil_divide(problem_.output[2] - phase, phases_.count());
    const Range all{tile_.column, std::min<int64_t>(tile_.column + tile_.columns, outputs)};
    if (all.count() <= 0) return;
    // Those at which every tap of the phase lies in the input.
    Range inner = all;
    for (const AxisPhases::Tap& tap : phases_.taps(phase)) {
      inner = indices_inside(tap.offset, phases_.step(), problem_.input[2], inner);
    }
    if (inner.count() == 0) inner = {all.end, all.end};
    const auto sum = [&](int64_t first, int64_t last) {
      sum_positions_of(phase, static_cast<int32_t>(first), static_cast<int32_t>(last - first), row);
    };
    for (int64_t q = all.begin; q < inner.begin; ++q) sum(q, q + 1);
    if (inner.count() > 0) sum(inner.begin, inner.end);
    for (int64_t q = inner.end; q < all.end; ++q) sum(q, q + 1);
  }

  // Positions q.. of a phase, all with the taps of the first one.
  void sum_positions_of(int32_t phase, int32_t q, int32_t positions, float* row) {
    const int32_t group_in = spec_.group_in_channels();
    const AxisPhases::Sources columns =
        phases_.sources(int64_t{q} * phases_.count() + phase, problem_.input[2]);
    const auto taps = static_cast<int32_t>(columns.taps.size());
    const int32_t apart = taps_apart(columns.taps);
    const int64_t first = columns.taps.data() - phases_.taps().data();
    int32_t count = 0;
    for (int32_t begin = 0; begin < apart; ++begin) {
      for (int32_t tap = begin; tap < taps; tap += kTogether * apart) {
        const int64_t column = columns.first + columns.taps[tap].offset - copied_columns_.begin;
        const auto together =
            static_cast<int32_t>(std::min<int64_t>(kTogether, ceil_divide(taps - tap, apart)));
        for (int32_t source = 0; source < row_count_; ++source) {
          const float* x = rows_[source].x + column * point_floats_;
          const float* weight =
              job_.weight + (rows_[source].first_tap + first + tap) * group_in * lanes_;
          for (int32_t in = 0; in < group_in; ++in) {
            taps_[count++] = {x + in * lanes_, weight + in * lanes_, together};
          }
        }
      }
    }
    const int32_t channels = spec_.out_channels;
    sum_run({taps_, count, int64_t{phases_.step()} * point_floats_,
             int64_t{apart} * group_in * lanes_, int64_t{phases_.count()} * channels, job_.bias,
             row + (int64_t{q} * phases_.count() + phase) * channels, spec_.relu},
            positions, channels);
  }

  // From a tap to the one that reads for a position what that reads for the next. Offsets of a
  // phase are as far apart as each other.
  // No further than there are taps: steps may be a billion.
  int32_t taps_apart(std::span<const AxisPhases::Tap> taps) const {
    const auto count = static_cast<int32_t>(taps.size());
    if (count < 2) return 1;
    const int32_t distance = taps[1].offset - taps[0].offset;
    const int32_t step = phases_.step();
    return step % distance == 0 ? std::min(step / distance, count) : count;
  }

  const Job& job_;
  const Tile& tile_;
  const Problem& problem_;
  const Spec& spec_;
  const AxisPhases& phases_;  // of the width
  InputRow* rows_;
  int32_t row_count_ = 0;
  ChannelTaps* taps_;
  float* copy_;
  const int32_t lanes_;
  const int32_t point_floats_;
  // What was copied; nothing when the input is read in place.
  Range copied_rows_;
  Range copied_columns_;
};

}  // namespace

void run_channel_tile(const Job& job, const Tile& tile, float* scratch) {
  ChannelTile(job, tile, scratch).run();
}

}  // namespace deconv::depthwise
