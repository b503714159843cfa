#pragma once

#include <memory>

#include "deconv/buffer.h"
#include "deconv/quantized.h"
#include "machine.h"
#include "routes/route.h"

namespace deconv {

// The parameters of an int8 operator as routes take them.
struct QuantizedParameters {
  // Of the caller's; `own_bias` may be null. kBadSpec as QuantizedOperator::set_parameters.
  Status make(const Spec& spec, const int8_t* own_weight, const float* own_scale,
              const float* own_bias, const Activations& own_activations);

  // Canonical; the caller's, or `coarser` where a bias would not fit beside it. Only while a route
  // packs it.
  const int8_t* weight = nullptr;
  Block<int8_t> coarser;
  // One of each for every output channel: the scale of the weight; what is added to the rescaled
  // sums of a dynamic operator, and to the sums of a static one, as an integer and where floats
  // hold all of them in a float; what makes results of the sums, of a static operator all scales in
  // one.
  Buffer scale;
  Buffer bias;
  Block<int32_t> integer_bias;
  bool floats_hold_bias = true;
  Buffer rescale;
  Activations activations;
};

// One way to compute an operator in int8.
class QuantizedRoute : public PackedRoute {
 public:
  // What it needs of the weight it keeps.
  virtual Status set_parameters(const QuantizedParameters& parameters) = 0;

  // Computes one image in Plan::layout by what set_parameters() got; `output` takes float32 of a
  // dynamic operator and int8 of a static one. `scratch` has room for Plan::scratch_elements.
  virtual Status run(const Plan& plan, const QuantizedParameters& parameters, const int8_t* input,
                     const Quantization& quantization, void* output, float* scratch) = 0;
};

// As RouteEntry::plan and RouteEntry::create_int8, by the route of float32 `plan->route` or `id`.
const char* plan_integers_in_floats(const Machine& sizes, Plan* plan);
std::unique_ptr<QuantizedRoute> create_integers_in_floats(RouteId id, const Spec& spec);

// Products that one output value may sum.
double sum_terms(const Spec& spec);

}  // namespace deconv
