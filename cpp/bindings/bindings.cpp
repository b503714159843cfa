// What TypeScript sees of the core. Registrations only: every check and every computation lives
// behind the includes. Only numbers cross, addresses among them: Embind hands out no views, and
// what it makes of records and strings costs memory that may not be there. The build writes
// web/lib/runtime/bindings.ts from what is registered here, with the names given here.

#include <emscripten/bind.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <type_traits>

#include "deconv/buffer.h"
#include "deconv/combine.h"
#include "deconv/denormals.h"
#include "deconv/dropout.h"
#include "deconv/elementwise.h"
#include "deconv/geometry.h"
#include "deconv/gradients.h"
#include "deconv/mapped_axes.h"
#include "deconv/matrix.h"
#include "deconv/normalization.h"
#include "deconv/operator.h"
#include "deconv/pad.h"
#include "deconv/pixels.h"
#include "deconv/planner.h"
#include "deconv/pool.h"
#include "deconv/quantized.h"
#include "deconv/reduce.h"
#include "deconv/resize.h"
#include "deconv/rows.h"
#include "deconv/runtime.h"
#include "deconv/scale_kernels.h"
#include "deconv/shuffle.h"
#include "deconv/softmax.h"
#include "deconv/status.h"
#include "deconv/strided.h"
#include "deconv/workspace.h"
#include "function_name.h"

namespace emscripten::internal {

// The core's enumerations cross as their numbers: objects for them would only cost time and size.
template <typename Enum>
struct TypeID<Enum, std::enable_if_t<std::is_enum_v<Enum>>> : TypeID<int> {};

}  // namespace emscripten::internal

namespace {

using deconv::Buffer;
using deconv::Element;
using deconv::Elementwise;
using deconv::Layout;
using deconv::Operator;
using deconv::PixelFactors;
using deconv::Problem;
using deconv::QuantizedOperator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv::Workspace;

template <typename Value>
Value* at(uintptr_t address) {
  return reinterpret_cast<Value*>(address);
}

// TypeScript writes the spec here (writeSpec) before it makes a call that takes one.
Spec written_spec;
static_assert(sizeof(Spec) == 26 * 4);

uintptr_t spec_room() { return reinterpret_cast<uintptr_t>(&written_spec); }

Status check_spec() { return deconv::check_spec(written_spec); }

// Null for a spec that check_spec refuses, and when out of memory. The handle that TypeScript gets
// owns the operator and ends it with delete().
template <typename AnyOperator>
AnyOperator* create() {
  if (check_spec() != Status::kOk) return nullptr;
  return AnyOperator::create(written_spec).release();
}

// The text, for people, why `route` does not take the spec at this input size; 0 when it does, and
// where no route could: of that plan() tells.
uintptr_t refusal(int batch, int depth, int height, int width, Layout layout, RouteId route) {
  Problem problem;
  if (deconv::make_problem(written_spec, batch, {depth, height, width}, layout, &problem) !=
      Status::kOk) {
    return 0;
  }
  return reinterpret_cast<uintptr_t>(deconv::route_refusal(route, problem));
}

// `route` below 0 lets the planner choose.
template <typename Kind>
Status plan(Kind& op, int batch, int depth, int height, int width, Layout layout, int route,
            bool forced) {
  if (route >= deconv::kRouteCount) return Status::kUnsupported;
  return op.plan(batch, {depth, height, width}, layout,
                 route < 0 ? std::nullopt : std::optional(static_cast<RouteId>(route)), forced);
}

// Milliseconds that `route` is estimated to take for the operator's planned problem on one thread,
// or -1 when it does not take it.
template <typename Kind>
double estimate(const Kind& op, RouteId route) {
  const deconv::Plan plan = deconv::plan_route(route, op.problem());
  return plan.refusal == nullptr ? plan.nanoseconds * 1e-6 : -1;
}

// Of the operator's planned problem.
void scale_kernels(const Operator& op, uintptr_t factors, uintptr_t weight) {
  deconv::scale_kernels(op.problem().spec, at<const float>(factors), at<float>(weight));
}

Status set_parameters(Operator& op, uintptr_t weight, uintptr_t bias) {
  return op.set_parameters(at<const float>(weight), at<const float>(bias));
}

// `function` below 0 is none; `channel_a` may be 0.
Status set_epilogue(Operator& op, int function, float a, float b, uintptr_t channel_a) {
  if (function >= deconv::kFunctionCount) return Status::kUnsupported;
  if (function < 0) return op.set_epilogue(std::nullopt);
  return op.set_epilogue(Elementwise{.function = static_cast<deconv::Function>(function),
                                     .a = a,
                                     .b = b,
                                     .channel_a = at<const float>(channel_a)});
}

// `residual` may be 0.
Status run(Operator& op, uintptr_t input, uintptr_t output, uintptr_t residual) {
  return op.run(at<const float>(input), at<float>(output), at<const float>(residual));
}

Status set_quantized_parameters(QuantizedOperator& op, uintptr_t weight, uintptr_t scale,
                                uintptr_t bias, float input_scale, int input_zero_point,
                                float output_scale, int output_zero_point) {
  return op.set_parameters(
      at<const int8_t>(weight), at<const float>(scale), at<const float>(bias),
      {.input = {input_scale, input_zero_point}, .output = {output_scale, output_zero_point}});
}

Status run_quantized(QuantizedOperator& op, uintptr_t input, Element input_element,
                     uintptr_t output, Element output_element) {
  return op.run(at<const void>(input), input_element, at<void>(output), output_element);
}

// Gradients of weight and bias, behind each other at `gradient`; no bias gradient when there is no
// bias.
Status parameter_gradients(int batch, int depth, int height, int width, Layout layout,
                           uintptr_t input, uintptr_t grad_output, uintptr_t gradient,
                           bool with_bias) {
  Problem problem;
  if (const Status status =
          deconv::make_problem(written_spec, batch, {depth, height, width}, layout, &problem);
      status != Status::kOk) {
    return status;
  }
  const auto* grads = at<const float>(grad_output);
  auto* weight = at<float>(gradient);
  if (with_bias) deconv::bias_gradient(problem, grads, weight + written_spec.weight_elements());
  return deconv::weight_gradient(problem, at<const float>(input), grads, weight);
}

// Room for `elements` floats in one of the buffers that all operators share. A failed allocation
// is 0 to TypeScript, which knows what it asked for and says so. Where one of a tensor fails the
// call is over, and what the other may have is given back.
template <Buffer Workspace::* buffer>
uintptr_t reserve(double elements) {
  Workspace& workspace = Workspace::shared();
  Buffer& room = workspace.*buffer;
  if (elements <= static_cast<double>(deconv::kMaxTensorElements) &&
      room.reserve(static_cast<int64_t>(elements))) {
    return reinterpret_cast<uintptr_t>(room.data());
  }
  if (buffer != &Workspace::parameters) {
    workspace.input.release();
    workspace.output.release();
  }
  return 0;
}

void release_parameters() { Workspace::shared().release_parameters(); }

// A block of the caller's, until free_floats.
uintptr_t allocate_floats(double elements) {
  if (elements > static_cast<double>(deconv::kMaxTensorElements)) return 0;
  return reinterpret_cast<uintptr_t>(Buffer::allocate(static_cast<int64_t>(elements)));
}

void free_floats(uintptr_t address) { std::free(at<float>(address)); }

void flush_denormals(double count, uintptr_t source, uintptr_t target) {
  deconv::flush_denormals(static_cast<int64_t>(count), at<const float>(source), at<float>(target));
}

// The factors lie behind each other: four scales, four offsets.
void pixels_to_floats(double pixels, int channels, Layout layout, uintptr_t source,
                      uintptr_t factors, uintptr_t target) {
  deconv::pixels_to_floats({static_cast<int64_t>(pixels), channels, layout},
                           at<const uint8_t>(source), *at<const PixelFactors>(factors),
                           at<float>(target));
}

void floats_to_pixels(double pixels, int channels, Layout layout, uintptr_t source,
                      uintptr_t factors, int alpha, uintptr_t target) {
  deconv::floats_to_pixels({static_cast<int64_t>(pixels), channels, layout},
                           at<const float>(source), *at<const PixelFactors>(factors), alpha,
                           at<uint8_t>(target));
}

// `channel_a`, `grad_output` or both may be 0: see Elementwise, and for values instead of
// gradients.
Status elementwise(deconv::Function function, int outer, int channels, int inner, float a, float b,
                   uintptr_t channel_a, uintptr_t input, uintptr_t grad_output, uintptr_t output) {
  const Elementwise call = {.function = function,
                            .outer = outer,
                            .channels = channels,
                            .inner = inner,
                            .a = a,
                            .b = b,
                            .channel_a = at<const float>(channel_a)};
  if (grad_output == 0) return deconv::elementwise(call, at<const float>(input), at<float>(output));
  return deconv::elementwise_gradient(call, at<const float>(input), at<const float>(grad_output),
                                      at<float>(output));
}

Status elementwise_parameter_gradient(deconv::Function function, int outer, int channels, int inner,
                                      uintptr_t channel_a, uintptr_t input, uintptr_t grad_output,
                                      uintptr_t gradient) {
  return deconv::elementwise_parameter_gradient({.function = function,
                                                 .outer = outer,
                                                 .channels = channels,
                                                 .inner = inner,
                                                 .channel_a = at<const float>(channel_a)},
                                                at<const float>(input),
                                                at<const float>(grad_output), at<float>(gradient));
}

void combine(deconv::Combination combination, double count, uintptr_t one, uintptr_t other,
             uintptr_t output) {
  deconv::combine(combination, static_cast<int64_t>(count), at<const float>(one),
                  at<const float>(other), at<float>(output));
}

// What does not change from call to call, with the parameters of the channels behind it, as far as
// there are any: weight, bias, running mean and running variance.
struct NormalizationBlock {
  deconv::NormalizedSet set;
  Layout layout;
  int32_t channels;
  int32_t groups;
  int32_t has_weight;
  int32_t has_bias;
  int32_t has_moments;
  float eps;

  deconv::Normalization call(int batch, int points) const {
    return {set, layout, batch, channels, points, groups, eps};
  }
  const float* weight() const { return has_weight ? parameters(0) : nullptr; }
  const float* bias() const { return has_bias ? parameters(has_weight) : nullptr; }
  const float* moments() const { return has_moments ? parameters(has_weight + has_bias) : nullptr; }

 private:
  const float* parameters(int32_t before) const {
    return reinterpret_cast<const float*>(this + 1) + int64_t{before} * channels;
  }
};

// `statistics` may be 0 for null.
Status normalize(uintptr_t block, int batch, int points, uintptr_t input, uintptr_t statistics,
                 uintptr_t output) {
  const auto& own = *at<const NormalizationBlock>(block);
  return deconv::normalize(own.call(batch, points), at<const float>(input), own.weight(),
                           own.bias(), own.moments(), at<float>(statistics), at<float>(output));
}

// `grad_parameters` may be 0 for null.
Status normalization_gradients(uintptr_t block, int batch, int points, uintptr_t input,
                               uintptr_t grad_output, uintptr_t grad_input,
                               uintptr_t grad_parameters) {
  const auto& own = *at<const NormalizationBlock>(block);
  return deconv::normalization_gradients(own.call(batch, points), at<const float>(input),
                                         at<const float>(grad_output), own.weight(), own.moments(),
                                         at<float>(grad_input), at<float>(grad_parameters));
}

// `grad_output` is 0 for values instead of gradients.
void softmax(int outer, int count, int inner, uintptr_t input, uintptr_t grad_output,
             uintptr_t output) {
  if (grad_output == 0) {
    deconv::softmax({outer, count, inner}, at<const float>(input), at<float>(output));
  } else {
    deconv::softmax_gradient({outer, count, inner}, at<const float>(input),
                             at<const float>(grad_output), at<float>(output));
  }
}

void dropout(double count, uint32_t threshold, uint32_t first_key, uint32_t second_key, float scale,
             uintptr_t input, uintptr_t output) {
  deconv::dropout({threshold, first_key, second_key, scale}, static_cast<int64_t>(count),
                  at<const float>(input), at<float>(output));
}

// What makes other sizes of spatial axes is told in a struct that TypeScript writes (structOf):
// integers, an even number of them, and behind them doubles. For values `grad_output` is 0, for
// gradients `input`, but where they depend on it.
static_assert(sizeof(deconv::Volume) == 8 * 4);
static_assert(sizeof(deconv::Resize) == 10 * 4 + 3 * 8);
static_assert(sizeof(deconv::Pool) == 22 * 4);
static_assert(sizeof(deconv::Pad) == 12 * 4 + 8);

template <typename Call, Status (*values)(const Call&, const float*, float*),
          Status (*gradient)(const Call&, const float*, float*)>
Status spatial(uintptr_t call, uintptr_t input, uintptr_t grad_output, uintptr_t output) {
  const auto compute = grad_output == 0 ? values : gradient;
  return compute(*at<const Call>(call), at<const float>(grad_output == 0 ? input : grad_output),
                 at<float>(output));
}

Status max_pool(uintptr_t call, uintptr_t input, uintptr_t grad_output, uintptr_t output) {
  const auto& pool = *at<const deconv::Pool>(call);
  if (grad_output == 0) return deconv::max_pool(pool, at<const float>(input), at<float>(output));
  return deconv::max_pool_gradient(pool, at<const float>(input), at<const float>(grad_output),
                                   at<float>(output));
}

Status pixel_shuffle(bool widens, int batch, int channels, int height, int width, int factor,
                     Layout layout, uintptr_t source, uintptr_t target) {
  const auto compute = widens ? deconv::pixel_shuffle : deconv::pixel_unshuffle;
  return compute({.batch = batch,
                  .channels = channels,
                  .height = height,
                  .width = width,
                  .factor = factor,
                  .layout = layout},
                 at<const float>(source), at<float>(target));
}

void copy_rows(int rows, int length, uintptr_t source, int source_stride, uintptr_t target,
               int target_stride) {
  deconv::copy_rows(rows, length, at<const float>(source), source_stride, at<float>(target),
                    target_stride);
}

// Structs of integers and floats that TypeScript writes; behind that of mapped axes are its tables.
static_assert(sizeof(deconv::StridedCopy) == 25 * 4);
static_assert(sizeof(deconv::Broadcast) == 27 * 4);
static_assert(sizeof(deconv::MatrixProduct) == 31 * 4);
static_assert(sizeof(deconv::Reduction) == 6 * 4);
static_assert(sizeof(deconv::MappedAxes) == 10 * 4);

void copy_strided(uintptr_t call, uintptr_t source, uintptr_t target) {
  deconv::copy_strided(*at<const deconv::StridedCopy>(call), at<const float>(source),
                       at<float>(target));
}

void reduce(uintptr_t call, uintptr_t input, uintptr_t output) {
  deconv::reduce(*at<const deconv::Reduction>(call), at<const float>(input), at<float>(output));
}

Status apply_maps(uintptr_t call, uintptr_t source, uintptr_t target) {
  auto* const own = at<deconv::MappedAxes>(call);
  return deconv::apply_maps(*own, reinterpret_cast<int32_t*>(own + 1), at<const float>(source),
                            at<float>(target));
}

void broadcast(uintptr_t call, uintptr_t one, uintptr_t other, uintptr_t addend, uintptr_t output) {
  deconv::broadcast(*at<const deconv::Broadcast>(call), at<const float>(one),
                    at<const float>(other), at<float>(output), at<const float>(addend));
}

Status multiply_matrices(uintptr_t call, uintptr_t a, uintptr_t b, uintptr_t result) {
  return deconv::multiply_matrices(*at<const deconv::MatrixProduct>(call), at<const float>(a),
                                   at<const float>(b), at<float>(result));
}

// The text of a name by the number that calls return; 0 behind the last.
template <typename Number, int count, const char* (*name)(Number)>
uintptr_t name_of(int number) {
  return number < count ? reinterpret_cast<uintptr_t>(name(static_cast<Number>(number))) : 0;
}

double allocated_bytes() { return static_cast<double>(deconv::allocated_bytes()); }

}  // namespace

// What both kinds of operators bind. Not through a base class: Embind would convert the pointer
// with every call, and leave garbage.
template <typename Kind>
emscripten::class_<Kind> planned_class(const char* name) {
  return emscripten::class_<Kind>(name)
      .class_function("create", &create<Kind>, emscripten::allow_raw_pointers())
      .function("plan(batch, depth, height, width, layout, route, forced)"_name, &plan<Kind>)
      .function(
          "route", +[](const Kind& op) { return op.route(); })
      .function("estimate(route)"_name, &estimate<Kind>)
      .function(
          "needsParameters", +[](const Kind& op) { return op.needs_parameters(); })
      .function("keepCopies(most)"_name, +[](Kind& op, int most) { return op.keep_copies(most); });
}

EMSCRIPTEN_BINDINGS(deconv) {
  using namespace emscripten;

  planned_class<Operator>("Operator")
      .function(
          "prepare", +[](const Operator& op) { return op.prepare(); })
      .function("scaleKernels(factors, weight)"_name, &scale_kernels)
      .function("setParameters(weight, bias)"_name, &set_parameters)
      .function("setEpilogue(op, a, b, channelA)"_name, &set_epilogue)
      .function("run(input, output, residual)"_name, &run);

  planned_class<QuantizedOperator>("QuantizedOperator")
      .function(
          "setParameters(weight, scale, bias, inputScale, inputZeroPoint, outputScale, "
          "outputZeroPoint)"_name,
          &set_quantized_parameters)
      .function("run(input, inputElement, output, outputElement)"_name, &run_quantized);

  function("specRoom", &spec_room);
  function("checkSpec", &check_spec);
  function("refusal(batch, depth, height, width, layout, route)"_name, &refusal);
  function(
      "parameterGradients(batch, depth, height, width, layout, inputs, gradOutput, gradient, "
      "withBias)"_name,
      &parameter_gradients);
  function("statusName(status)"_name, &name_of<Status, deconv::kStatusCount, deconv::status_name>);
  function("routeName(route)"_name, &name_of<RouteId, deconv::kRouteCount, deconv::route_name>);

  function("reserveParameters(elements)"_name, &reserve<&Workspace::parameters>);
  function("reserveInput(elements)"_name, &reserve<&Workspace::input>);
  function("reserveOutput(elements)"_name, &reserve<&Workspace::output>);
  function("releaseParameters", &release_parameters);
  function("allocateFloats(elements)"_name, &allocate_floats);
  function("freeFloats(address)"_name, &free_floats);

  function("flushDenormals(count, source, target)"_name, &flush_denormals);
  function("pixelsToFloats(pixels, channels, layout, source, factors, target)"_name,
           &pixels_to_floats);
  function("floatsToPixels(pixels, channels, layout, source, factors, alpha, target)"_name,
           &floats_to_pixels);

  function(
      "elementwise(op, outer, channels, inner, a, b, channelA, input, gradOutput, output)"_name,
      &elementwise);
  function(
      "elementwiseParameterGradient(op, outer, channels, inner, channelA, input, gradOutput, "
      "gradient)"_name,
      &elementwise_parameter_gradient);
  function("combine(op, count, one, other, output)"_name, &combine);
  function("broadcast(call, one, other, addend, output)"_name, &broadcast);
  function("copyStrided(call, source, target)"_name, &copy_strided);
  function("multiplyMatrices(call, a, b, result)"_name, &multiply_matrices);
  function("reduce(call, input, output)"_name, &reduce);
  function("copyRows(rows, length, source, sourceStride, target, targetStride)"_name, &copy_rows);

  function("normalize(block, batch, points, input, statistics, output)"_name, &normalize);
  function(
      "normalizationGradients(block, batch, points, input, gradOutput, gradInput, "
      "gradParameters)"_name,
      &normalization_gradients);
  function("softmax(outer, count, inner, input, gradOutput, output)"_name, &softmax);
  function("dropout(count, threshold, firstKey, secondKey, scale, input, output)"_name, &dropout);

  function("resize(call, input, gradOutput, output)"_name,
           &spatial<deconv::Resize, deconv::resize, deconv::resize_gradient>);
  function("maxPool(call, input, gradOutput, output)"_name, &max_pool);
  function("averagePool(call, input, gradOutput, output)"_name,
           &spatial<deconv::Pool, deconv::average_pool, deconv::average_pool_gradient>);
  function("adaptiveAveragePool(call, input, gradOutput, output)"_name,
           &spatial<deconv::Volume, deconv::adaptive_average_pool,
                    deconv::adaptive_average_pool_gradient>);
  function("pad(call, input, gradOutput, output)"_name,
           &spatial<deconv::Pad, deconv::pad, deconv::pad_gradient>);
  function(
      "pixelShuffle(widens, batch, channels, height, width, factor, layout, source, target)"_name,
      &pixel_shuffle);

  function("applyMaps(call, source, target)"_name, &apply_maps);

  function("startRuntime(threads)"_name, &deconv::start_runtime);
  function("stopRuntime", &deconv::stop_runtime);
  function("allocatedBytes", &allocated_bytes);
}
