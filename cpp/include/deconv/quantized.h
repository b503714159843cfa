#pragma once

#include <cstdint>
#include <memory>

#include "deconv/buffer.h"
#include "deconv/planned_operator.h"

namespace deconv {

// real = scale * (value - zero_point), with value from -128 to 127.
struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
};

// How the tensors around an operator of Arithmetic::kStaticInt8 become int8.
struct Activations {
  Quantization input;
  Quantization output;
};

enum class Element : int32_t { kFloat32 = 0, kInt8 = 1 };

class QuantizedRoute;
struct QuantizedParameters;

// One operator with an int8 weight: symmetric, with one scale for each output channel. All sums are
// exact, so every build and every route gives the same values.
//
//   dynamic: y = sum((q - zero_point) * w) * input scale * weight scale + bias; every image's input
//            is measured, from its least to its greatest value with 0 between
//   static:  y = clamp(round(sum * input scale * weight scale / output scale) + zero_point),
//            with the bias rounded to a multiple of input scale * weight scale in the sum
//
// Rounding is to nearest, ties to even.
class QuantizedOperator : public PlannedOperator {
 public:
  ~QuantizedOperator();

  // Null when out of memory. `spec` must have passed check_spec, and be quantized.
  static std::unique_ptr<QuantizedOperator> create(const Spec& spec);

  // `weight` is canonical (see Spec::weight_elements), `scale` has out_channels positive normal
  // numbers, `bias` as many or is null. All may be freed when this returns. kBadSpec when a static
  // output scale is so small that a single step of a sum would leave the range. Dynamic operators
  // have no use for `activations`.
  Status set_parameters(const int8_t* weight, const float* scale, const float* bias,
                        const Activations& activations);

  // `input` and `output` hold the planned problem's elements in the planned layout; both must have
  // 16 readable bytes behind their last element. Dynamic operators take and give float32 only
  // (kUnsupported) and refuse an input that is not finite (kNotFinite); static ones saturate, and
  // take NaN for 0. After a failure the parameters may be needed again; kReplanned is as
  // Operator's.
  Status run(const void* input, Element input_element, void* output, Element output_element);

 private:
  explicit QuantizedOperator(const Spec& spec);

  Status pack(const QuantizedParameters& parameters);
  Status run_batch(QuantizedRoute& route, const void* input, Element input_element, void* output,
                   Element output_element);
  Status run_image(QuantizedRoute& route, const Quantization& quantization, const void* input,
                   Element input_element, void* output, Element output_element);

  std::unique_ptr<QuantizedParameters> parameters_;
  // Of the inputs of one run.
  Block<Quantization> measured_;
};

}  // namespace deconv
