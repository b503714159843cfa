#pragma once

#include <cstdint>
#include <memory>

#include "deconv/geometry.h"
#include "deconv/status.h"

namespace deconv {

// real = scale * (value - zero_point), with value from -128 to 127.
struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
};

// How the tensors around a quantized operator become int8.
struct Activations {
  // Off (dynamic): every image's input is measured, from its least to its greatest value with 0
  // between, and the output is float32. On (static): the two below hold for every input.
  bool fixed = false;
  Quantization input;
  Quantization output;
};

enum class Element : int32_t { kFloat32 = 0, kInt8 = 1 };

// One operator with an int8 weight: symmetric, with one scale for each output channel. All sums are
// exact in 32-bit integers, so every build gives the same values.
//
//   dynamic: y = sum((q - zero_point) * w) * input scale * weight scale + bias
//   static:  y = clamp(round(sum * input scale * weight scale / output scale) + zero_point),
//            with the bias rounded to a multiple of input scale * weight scale in the sum
//
// Rounding is to nearest, ties to even. Source: XNNPACK's qd8-f32-qc8w and qs8-qc8w operators.
//
//   plan(...); if (needs_parameters()) set_parameters(...); run(...);
class QuantizedOperator {
 public:
  // Null when out of memory. `spec` must have passed check_spec.
  static std::unique_ptr<QuantizedOperator> create(const Spec& spec);
  ~QuantizedOperator();
  QuantizedOperator(const QuantizedOperator&) = delete;
  QuantizedOperator& operator=(const QuantizedOperator&) = delete;

  // Null when int8 takes this problem, else why not, in words for people.
  static const char* refusal(const Problem& problem);

  // Fixes the input size. kUnsupported for what `refusal` refuses; the previous plan then stays.
  Status plan(int32_t batch, const Axes& input, Layout layout);
  const Problem& problem() const { return problem_; }

  bool needs_parameters() const;
  // `weight` is canonical (see Spec::weight_elements), `scale` has out_channels positive normal
  // numbers, `bias` as many or is null. All may be freed when this returns. kBadSpec when a static
  // output scale is so small that a single step of a sum would leave the range.
  Status set_parameters(const int8_t* weight, const float* scale, const float* bias,
                        const Activations& activations);
  // As Operator's; there is one copy at most.
  int keep_copies(int most);

  // `input` and `output` hold the planned problem's elements in the planned layout; both must have
  // 16 readable bytes behind their last element. Dynamic operators take and give float32 only
  // (kUnsupported) and refuse an input that is not finite (kNotFinite); static ones saturate, and
  // take NaN for 0. After kOutOfMemory the parameters may be needed again.
  Status run(const void* input, Element input_element, void* output, Element output_element);

 private:
  struct Packed;

  explicit QuantizedOperator(const Spec& spec);

  Status shape();
  Status run_image(const Quantization& quantization, const void* input, Element input_element,
                   void* output, Element output_element, bool input_as_is, bool output_as_is);

  Spec spec_;
  Problem problem_;
  bool planned_ = false;
  std::unique_ptr<Packed> packed_;
};

}  // namespace deconv
