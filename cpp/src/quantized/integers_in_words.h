#pragma once

#include <memory>

#include "quantized/quantized_route.h"

namespace deconv {

// As RouteEntry::plan and RouteEntry::create_int8, by the polyphase route.
const char* plan_integers_in_words(const Machine& sizes, Plan* plan);
std::unique_ptr<QuantizedRoute> create_integers_in_words(const Spec& spec);

}  // namespace deconv
