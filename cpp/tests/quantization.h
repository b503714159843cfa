#pragma once

#include <cstdint>
#include <vector>

#include "deconv/geometry.h"
#include "deconv/quantized.h"

// What int8 means, written without the tricks of the product.
namespace deconv_tests {

class Random;

// Ties to even, and saturating.
int8_t quantized(float value, const deconv::Quantization& quantization);
std::vector<float> dequantized(const std::vector<int8_t>& values,
                               const deconv::Quantization& quantization);

// Of an int8 operator; its bias may be empty.
struct Int8Parameters {
  std::vector<int8_t> weight;
  std::vector<float> scale;
  std::vector<float> bias;

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

// Extreme ones are what a dot product with 16-bit intermediate sums would get wrong.
Int8Parameters random_parameters(const deconv::Spec& spec, Random& random, bool extreme);
std::vector<float> random_input(const deconv::Problem& problem, Random& random, bool extreme);
deconv::Quantization random_quantization(Random& random, float greatest);

// What an operator gives for an input that is finite, and for one that is quantized already.
std::vector<float> dynamic_reference(const deconv::Problem& problem,
                                     const Int8Parameters& parameters,
                                     const std::vector<float>& input);
std::vector<int8_t> static_reference(const deconv::Problem& problem,
                                     const Int8Parameters& parameters,
                                     const deconv::Activations& activations,
                                     const std::vector<int8_t>& input);

}  // namespace deconv_tests
