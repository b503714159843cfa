#pragma once

#include <memory>

#include "deconv/quantized.h"
#include "machine.h"
#include "quantized/parameters.h"
#include "routes/route.h"

namespace deconv {

// One way to compute an operator in int8.
class QuantizedRoute : public PackedRoute {
 public:
  // All may be freed when this returns.
  virtual Status set_parameters(const QuantizedParameters& parameters) = 0;

  // Makes ready for images of the plan's size.
  virtual Status shape(const Plan& plan) = 0;

  // Computes one image in Plan::layout; `output` takes float32 of a dynamic operator and int8 of a
  // static one. `scratch` has room for Plan::scratch_elements.
  virtual Status run(const Plan& plan, const int8_t* input, const Quantization& quantization,
                     void* output, float* scratch) = 0;
};

// As RouteEntry::plan and RouteEntry::create, for the route `plan->route` of an int8 operator:
// XNNPACK's int8 operators where their route is meant, and on all others integers in float32.
const char* plan_quantized(const Machine& sizes, Plan* plan);
std::unique_ptr<QuantizedRoute> create_quantized(RouteId id, const Spec& spec);

// The two kinds: see xnnpack_int8.cpp and integers_in_floats.cpp.
const char* plan_xnnpack_int8(Plan* plan);
std::unique_ptr<QuantizedRoute> create_xnnpack_int8(const Spec& spec);
const char* plan_integers_in_floats(const Machine& sizes, Plan* plan);
std::unique_ptr<QuantizedRoute> create_integers_in_floats(RouteId id, const Spec& spec);

// Products that one output value may sum.
double sum_terms(const Spec& spec);

}  // namespace deconv
