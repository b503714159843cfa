#include "quantization.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "quantized/convert.h"
#include "reference.h"

namespace deconv_tests {

using deconv::Activations;
using deconv::Layout;
using deconv::Problem;
using deconv::Quantization;
using deconv::Spec;

namespace {

// Sums of (value - zero point) * weight, exact.
std::vector<double> sums(const Problem& problem, const std::vector<float>& steps,
                         const Int8Parameters& parameters) {
  const std::vector<float> weight(parameters.weight.begin(), parameters.weight.end());
  return reference(problem, steps.data(), weight.data(), nullptr);
}

size_t channel_of(const Problem& problem, size_t index) {
  const auto channels = static_cast<size_t>(problem.spec.out_channels);
  const auto points = static_cast<size_t>(problem.output_points());
  return problem.layout == Layout::kChannelsLast ? index % channels : index / points % channels;
}

}  // namespace

int8_t quantized(float value, const Quantization& quantization) {
  if (std::isnan(value)) return static_cast<int8_t>(quantization.zero_point);
  const float inverse = 1.0f / quantization.scale;
  const double steps = std::clamp<double>(value * inverse, -1000, 1000);
  return static_cast<int8_t>(
      std::clamp(std::nearbyint(steps) + quantization.zero_point, -128.0, 127.0));
}

std::vector<float> dequantized(const std::vector<int8_t>& values,
                               const Quantization& quantization) {
  std::vector<float> result;
  for (const int8_t value : values) {
    result.push_back(static_cast<float>(value - quantization.zero_point) * quantization.scale);
  }
  return result;
}

Int8Parameters random_parameters(const Spec& spec, Random& random, bool extreme) {
  Int8Parameters parameters;
  for (int64_t index = 0; index < spec.weight_elements(); ++index) {
    const int32_t value = extreme ? (random.one_in(2) ? 127 : -127) : random.between(-127, 127);
    parameters.weight.push_back(static_cast<int8_t>(value));
  }
  const bool biased = !random.one_in(3);
  for (int32_t channel = 0; channel < spec.out_channels; ++channel) {
    parameters.scale.push_back(0.001f + 0.01f * std::abs(random.value()));
    if (biased) parameters.bias.push_back(random.value());
  }
  return parameters;
}

std::vector<float> random_input(const Problem& problem, Random& random, bool extreme) {
  std::vector<float> input(static_cast<size_t>(problem.input_elements()));
  const float offset = random.value();
  for (float& value : input) {
    value = extreme ? (random.one_in(2) ? 1.0f : -1.0f) : random.value() + offset;
  }
  return input;
}

Quantization random_quantization(Random& random, float greatest) {
  return {.scale = (0.5f + 0.5f * std::abs(random.value())) * greatest / 127,
          .zero_point = random.between(-128, 127)};
}

std::vector<float> dynamic_reference(const Problem& problem, const Int8Parameters& parameters,
                                     const std::vector<float>& input) {
  if (problem.batch == 0) return {};
  const size_t image = input.size() / static_cast<size_t>(problem.batch);
  std::vector<Quantization> quantizations;
  std::vector<float> steps;
  for (size_t begin = 0; begin < input.size(); begin += image) {
    Quantization quantization;
    if (!deconv::measure(static_cast<int64_t>(image), input.data() + begin, &quantization)) {
      std::abort();
    }
    quantizations.push_back(quantization);
    for (size_t index = begin; index < begin + image; ++index) {
      steps.push_back(
          static_cast<float>(quantized(input[index], quantization) - quantization.zero_point));
    }
  }
  const std::vector<double> all = sums(problem, steps, parameters);
  const size_t image_outputs = all.size() / static_cast<size_t>(problem.batch);
  std::vector<float> result;
  for (size_t index = 0; index < all.size(); ++index) {
    const size_t channel = channel_of(problem, index);
    float value = static_cast<float>(all[index]) * quantizations[index / image_outputs].scale;
    value = value * parameters.scale[channel];
    value = value + (parameters.bias.empty() ? 0.0f : parameters.bias[channel]);
    result.push_back(problem.spec.relu ? std::max(value, 0.0f) : value);
  }
  return result;
}

std::vector<int8_t> static_reference(const Problem& problem, const Int8Parameters& parameters,
                                     const Activations& activations,
                                     const std::vector<int8_t>& input) {
  const std::vector<float> steps =
      dequantized(input, {.scale = 1, .zero_point = activations.input.zero_point});
  const std::vector<double> all = sums(problem, steps, parameters);
  const double least = problem.spec.relu ? activations.output.zero_point : -128;
  std::vector<int8_t> result;
  for (size_t index = 0; index < all.size(); ++index) {
    const size_t channel = channel_of(problem, index);
    const double unit = double{activations.input.scale} * parameters.scale[channel];
    double sum = all[index];
    if (!parameters.bias.empty()) sum += std::nearbyint(parameters.bias[channel] / unit);
    const float rescale =
        activations.input.scale * parameters.scale[channel] / activations.output.scale;
    const double value = std::nearbyint(double{static_cast<float>(sum) * rescale});
    result.push_back(
        static_cast<int8_t>(std::clamp(value + activations.output.zero_point, least, 127.0)));
  }
  return result;
}

}  // namespace deconv_tests
