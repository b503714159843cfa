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

QuantizedOperator& operator_at(uintptr_t address) {
  return *reinterpret_cast<QuantizedOperator*>(address);
}

// 0 for a spec that check_spec refuses, and when out of memory.
uintptr_t create_operator(const Spec& spec) {
  if (deconv::check_spec(spec) != Status::kOk) return 0;
  return reinterpret_cast<uintptr_t>(QuantizedOperator::create(spec).release());
}
void delete_operator(uintptr_t op) { delete &operator_at(op); }

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

int plan(uintptr_t op, int batch, const Axes& input, int layout) {
  return static_cast<int>(operator_at(op).plan(batch, input, static_cast<Layout>(layout)));
}

bool needs_parameters(uintptr_t op) { return operator_at(op).needs_parameters(); }

int set_parameters(uintptr_t op, uintptr_t weight, uintptr_t scale, uintptr_t bias,
                   const Activations& activations) {
  return static_cast<int>(operator_at(op).set_parameters(
      reinterpret_cast<const int8_t*>(weight), reinterpret_cast<const float*>(scale),
      reinterpret_cast<const float*>(bias), activations));
}

int run(uintptr_t op, uintptr_t input, int input_element, uintptr_t output, int output_element) {
  return static_cast<int>(
      operator_at(op).run(reinterpret_cast<const void*>(input), static_cast<Element>(input_element),
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

  function("createQuantizedOperator", &create_operator);
  function("deleteQuantizedOperator", &delete_operator);
  function("planQuantized", &plan);
  function("quantizedNeedsParameters", &needs_parameters);
  function("setQuantizedParameters", &set_parameters);
  function("runQuantized", &run);
  function("quantizedRefusal", &refusal);
}
