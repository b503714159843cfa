#include <algorithm>
#include <cmath>

#include "quantized/quantized_route.h"

namespace deconv {

Status QuantizedParameters::make(const Spec& spec, const int8_t* own_weight, const float* own_scale,
                                 const float* own_bias, const Activations& own_activations) {
  // A bias beyond it makes the channel's scale coarser.
  constexpr double kMaxBias = int64_t{1} << 30;
  constexpr double kMostInFloats = 1 << 24;
  const int64_t channels = spec.out_channels;
  if (!scale.reserve(channels) || !bias.reserve(channels) || !integer_bias.reserve(channels) ||
      !rescale.reserve(channels)) {
    return Status::kOutOfMemory;
  }
  weight = own_weight;
  activations = own_activations;
  const double input_scale = activations.input.scale;
  bool fits = true;
  for (int64_t channel = 0; channel < channels; ++channel) {
    rescale[channel] = scale[channel] = own_scale[channel];
    // + 0 makes 0 of -0: sums of nothing but zeros have no sign.
    bias[channel] = own_bias == nullptr ? 0.0f : own_bias[channel] + 0.0f;
    if (!spec.fixed()) continue;
    const double value = bias[channel];
    // Weights that vanish beside the bias: their scale grows until the bias fits.
    if (std::abs(value) > kMaxBias * input_scale * scale[channel]) {
      scale[channel] = static_cast<float>(std::abs(value) / (kMaxBias * input_scale));
      fits = false;
    }
    rescale[channel] = activations.input.scale * scale[channel] / activations.output.scale;
    if (!(rescale[channel] < 256)) return Status::kBadSpec;
    const double units = std::nearbyint(value / (input_scale * scale[channel]));
    integer_bias[channel] = static_cast<int32_t>(std::clamp(units, -kMaxBias, kMaxBias));
    bias[channel] = static_cast<float>(integer_bias[channel]);
    floats_hold_bias = floats_hold_bias && std::abs(units) <= kMostInFloats;
  }
  if (fits) return Status::kOk;
  if (!coarser.reserve(spec.weight_elements())) return Status::kOutOfMemory;
  weight = coarser.data();
  for (int64_t out = 0; out < channels; ++out) {
    const double ratio = double{own_scale[out]} / scale[out];
    int64_t kernel = spec.first_kernel(out);
    for (int64_t in = 0; in < spec.group_in_channels(); ++in, kernel += spec.kernel_stride()) {
      for (int64_t at = kernel; at < kernel + spec.kernel_elements(); ++at) {
        coarser[at] = static_cast<int8_t>(std::nearbyint(ratio * own_weight[at]));
      }
    }
  }
  return Status::kOk;
}

}  // namespace deconv
