#pragma once

#include <cstdint>

#include "deconv/buffer.h"
#include "deconv/quantized.h"

namespace deconv {

// The parameters of an int8 operator as every route takes them.
struct QuantizedParameters {
  const int8_t* weight;  // canonical
  const float* scale;    // of the weight, one for each output channel
  // One for each output channel: added to the rescaled sums of a dynamic operator, and to the sums
  // of a static one.
  const float* bias;
  const int32_t* integer_bias;
  Activations activations;
};

// Makes them of the caller's, and keeps what they point to.
class ParameterMaker {
 public:
  // `bias` may be null. kBadSpec as QuantizedOperator::set_parameters.
  Status make(const Spec& spec, const int8_t* weight, const float* scale, const float* bias,
              const Activations& activations, QuantizedParameters* parameters);

 private:
  Block<int8_t> weight_;
  Buffer scale_;
  Buffer bias_;
  Block<int32_t> integer_bias_;
};

}  // namespace deconv
