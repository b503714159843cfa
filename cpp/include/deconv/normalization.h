#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "deconv/status.h"

namespace deconv {

// What is normalized together: all values of a channel, those of a group of channels in one entry
// of the batch, or the channels of one point.
enum class NormalizedSet : int32_t { kChannel = 0, kGroup, kPoint };

// A tensor [batch, channels, points], or [batch, points, channels], each set of which is taken less
// its mean and divided by its deviation: (x - mean) / sqrt(variance + eps) * weight + bias, with
// the mean of the squared distances for the variance, and a weight and a bias for each channel.
struct Normalization {
  NormalizedSet set = NormalizedSet::kChannel;
  Layout layout = Layout::kChannelsFirst;
  int64_t batch = 1;
  int64_t channels = 1;
  int64_t points = 1;
  // Divides the channels; of kGroup only.
  int64_t groups = 1;
  float eps = 0;

  int64_t elements() const { return batch * channels * points; }
  int64_t sets() const {
    if (set == NormalizedSet::kChannel) return channels;
    return batch * (set == NormalizedSet::kGroup ? groups : points);
  }
};

// `weight` and `bias` may be null for 1 and 0. With `running`, [2][channels], every channel has
// that mean and variance instead of the input's own. `statistics`, where it is not null, receives
// [2][sets]: the input's own means and variances. `output` may be the input.
Status normalize(const Normalization& call, const float* input, const float* weight,
                 const float* bias, const float* running, float* statistics, float* output);

// Gradients of sum(normalize(input) * grad_output); those of weight and bias, [2][channels], where
// `grad_parameters` is not null. `grad_input` may be the input or grad_output.
Status normalization_gradients(const Normalization& call, const float* input,
                               const float* grad_output, const float* weight, const float* running,
                               float* grad_input, float* grad_parameters);

}  // namespace deconv
