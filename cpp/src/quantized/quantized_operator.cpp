#include <new>
#include <utility>

#include "deconv/quantized.h"
#include "deconv/workspace.h"
#include "layout.h"
#include "quantized/convert.h"
#include "quantized/quantized_route.h"

namespace deconv {
namespace {

int64_t floats_for(int64_t bytes) { return (bytes + 3) / 4; }

int64_t bytes_of(int64_t values, Element element) {
  return element == Element::kInt8 ? values : 4 * values;
}

}  // namespace

QuantizedOperator::QuantizedOperator(const Spec& spec) : PlannedOperator(spec) {}
QuantizedOperator::~QuantizedOperator() = default;

std::unique_ptr<QuantizedOperator> QuantizedOperator::create(const Spec& spec) {
  return std::unique_ptr<QuantizedOperator>(new (std::nothrow) QuantizedOperator(spec));
}

Status QuantizedOperator::set_parameters(const int8_t* weight, const float* scale,
                                         const float* bias, const Activations& activations) {
  std::unique_ptr<QuantizedParameters> made(new (std::nothrow) QuantizedParameters);
  if (made == nullptr) return Status::kOutOfMemory;
  if (const Status status = made->make(spec_, weight, scale, bias, activations);
      status != Status::kOk) {
    return status;
  }
  const Status status = pack_by([&] { return pack(*made); });
  made->coarser.release();
  if (status == Status::kOk) parameters_ = std::move(made);
  return status;
}

Status QuantizedOperator::pack(const QuantizedParameters& parameters) {
  const auto create_int8 = route_entry(plan_.route).create_int8;
  std::unique_ptr<QuantizedRoute> route =
      create_int8 == nullptr ? create_integers_in_floats(plan_.route, spec_) : create_int8(spec_);
  if (route == nullptr) return Status::kOutOfMemory;
  const Status status = route->set_parameters(parameters);
  if (status == Status::kOk) adopt_packed(std::move(route));
  return status;
}

Status QuantizedOperator::run(const void* input, Element input_element, void* output,
                              Element output_element) {
  auto* route = static_cast<QuantizedRoute*>(ready_route());
  if (route == nullptr) return Status::kMissingParameters;
  if (!spec_.fixed() &&
      (input_element != Element::kFloat32 || output_element != Element::kFloat32)) {
    return Status::kUnsupported;
  }
  if (problem().batch == 0) return Status::kOk;
  return ended(run_batch(*route, input, input_element, output, output_element));
}

Status QuantizedOperator::run_batch(QuantizedRoute& route, const void* input, Element input_element,
                                    void* output, Element output_element) {
  const int64_t input_size = problem().input_elements() / problem().batch;
  const int64_t output_size = problem().output_elements() / problem().batch;
  const bool fixed = spec_.fixed();
  // Room for the image twice in bytes, in the caller's order and in the route's, or once in floats.
  Workspace& workspace = Workspace::shared();
  if (!workspace.route_input.reserve(floats_for(2 * (input_size + Buffer::kSlackBytes))) ||
      !workspace.route_output.reserve(fixed ? floats_for(2 * (output_size + Buffer::kSlackBytes))
                                            : (plan_.output_as_is ? 0 : output_size)) ||
      !workspace.reserve_scratch(plan_.scratch_elements) ||
      (!fixed && !measured_.reserve(problem().batch))) {
    return Status::kOutOfMemory;
  }
  // Before anything is written: one image that has no range refuses the whole batch.
  if (!fixed) {
    const auto* floats = static_cast<const float*>(input);
    for (int32_t image = 0; image < problem().batch; ++image, floats += input_size) {
      if (!measure(input_size, floats, &measured_[image])) return Status::kNotFinite;
    }
  }
  const auto* from = static_cast<const uint8_t*>(input);
  auto* to = static_cast<uint8_t*>(output);
  for (int32_t image = 0; image < problem().batch; ++image) {
    const Quantization& quantization = fixed ? parameters_->activations.input : measured_[image];
    if (const Status status =
            run_image(route, quantization, from, input_element, to, output_element);
        status != Status::kOk) {
      drop_packed();
      return status;
    }
    from += bytes_of(input_size, input_element);
    to += bytes_of(output_size, output_element);
  }
  return Status::kOk;
}

Status QuantizedOperator::run_image(QuantizedRoute& route, const Quantization& quantization,
                                    const void* input, Element input_element, void* output,
                                    Element output_element) {
  const bool fixed = spec_.fixed();
  Workspace& workspace = Workspace::shared();
  const int64_t input_points = problem().input_points();
  const int64_t output_points = problem().output_points();
  const int64_t input_size = input_points * spec_.in_channels;
  const int64_t output_size = output_points * spec_.out_channels;

  const int8_t* values = static_cast<const int8_t*>(input);
  auto* room = reinterpret_cast<int8_t*>(workspace.route_input.data());
  if (input_element == Element::kFloat32) {
    quantize(input_size, static_cast<const float*>(input), quantization, !fixed, room);
    values = room;
    room += input_size + Buffer::kSlackBytes;
  }
  // As in Operator: from channels first to last.
  if (!plan_.input_as_is) {
    transpose_bytes(1, spec_.in_channels, input_points, values, room);
    values = room;
  }

  // Where the route writes: the caller's place when type and order are already the caller's.
  const bool direct = plan_.output_as_is && (!fixed || output_element == Element::kInt8);
  void* result = direct ? output : workspace.route_output.data();
  if (const Status status =
          route.run(plan_, *parameters_, values, quantization, result, workspace.scratch.data());
      status != Status::kOk || direct) {
    return status;
  }

  if (!fixed) {
    transpose(1, output_points, spec_.out_channels, static_cast<const float*>(result),
              static_cast<float*>(output));
    return Status::kOk;
  }
  const auto* bytes = static_cast<const int8_t*>(result);
  if (!plan_.output_as_is) {
    auto* turned = output_element == Element::kInt8
                       ? static_cast<int8_t*>(output)
                       : static_cast<int8_t*>(result) + output_size + Buffer::kSlackBytes;
    transpose_bytes(1, output_points, spec_.out_channels, bytes, turned);
    bytes = turned;
  }
  if (output_element == Element::kFloat32) {
    dequantize(output_size, bytes, parameters_->activations.output, static_cast<float*>(output));
  }
  return Status::kOk;
}

}  // namespace deconv
