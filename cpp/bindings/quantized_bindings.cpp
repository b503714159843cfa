// The int8 operators as TypeScript sees them; see bindings.cpp.

#include <emscripten/bind.h>

#include <cstdint>
#include <string>

#include "deconv/geometry.h"
#include "deconv/quantized.h"
#include "deconv/status.h"

namespace {

using deconv::Activations;
using deconv::Axes;
using deconv::Element;
using deconv::Layout;
using deconv::Problem;
using deconv::Quantization;
using deconv::QuantizedOperator;
using deconv::Spec;
using deconv::Status;

// Null for a spec that check_spec refuses, and when out of memory.
QuantizedOperator* create_operator(const Spec& spec) {
  return deconv::check_spec(spec) == Status::kOk ? QuantizedOperator::create(spec).release()
                                                 : nullptr;
}

// Why int8 does not take `spec` at this input size; empty when it does.
std::string refusal(const Spec& spec, int batch, const Axes& input, int layout) {
  Problem problem;
  if (deconv::make_problem(spec, batch, input, static_cast<Layout>(layout), &problem) !=
      Status::kOk) {
    return "there is no such output";
  }
  const char* reason = QuantizedOperator::refusal(problem);
  return reason == nullptr ? "" : reason;
}

int plan(QuantizedOperator& op, int batch, const Axes& input, int layout) {
  return static_cast<int>(op.plan(batch, input, static_cast<Layout>(layout)));
}

int set_parameters(QuantizedOperator& op, uintptr_t weight, uintptr_t scale, uintptr_t bias,
                   const Activations& activations) {
  return static_cast<int>(op.set_parameters(reinterpret_cast<const int8_t*>(weight),
                                            reinterpret_cast<const float*>(scale),
                                            reinterpret_cast<const float*>(bias), activations));
}

int run(QuantizedOperator& op, uintptr_t input, int input_element, uintptr_t output,
        int output_element) {
  return static_cast<int>(
      op.run(reinterpret_cast<const void*>(input), static_cast<Element>(input_element),
             reinterpret_cast<void*>(output), static_cast<Element>(output_element)));
}

}  // namespace

EMSCRIPTEN_BINDINGS(deconv_quantized) {
  using namespace emscripten;

  value_object<Quantization>("Quantization")
      .field("scale", &Quantization::scale)
      .field("zeroPoint", &Quantization::zero_point);

  value_object<Activations>("Activations")
      .field("fixed", &Activations::fixed)
      .field("input", &Activations::input)
      .field("output", &Activations::output);

  class_<QuantizedOperator>("QuantizedOperator")
      .function("plan", &plan)
      .function("needsParameters", &QuantizedOperator::needs_parameters)
      .function("setParameters", &set_parameters)
      .function("run", &run);

  function("createQuantizedOperator", &create_operator, return_value_policy::take_ownership());
  function("quantizedRefusal", &refusal);
}
