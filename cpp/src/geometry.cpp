#include "deconv/geometry.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <limits>

namespace deconv {
namespace {

// Of positive factors. Products of three 31-bit numbers leave int64_t: stop as soon as the limit is
// passed.
bool product_fits(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (factor > kMaxTensorElements / product) return false;
    product *= factor;
  }
  return true;
}

int64_t output_extent(const Spec& spec, int axis, int64_t input) {
  const int64_t kernel_reach = int64_t{spec.dilation[axis]} * (spec.kernel[axis] - 1) + 1;
  const int64_t pads = int64_t{spec.pad_before[axis]} + spec.pad_after[axis];
  if (spec.transposed) {
    return (input - 1) * spec.stride[axis] + kernel_reach - pads;
  }
  const int64_t room = (input - 1) * spec.input_dilation[axis] + 1 + pads - kernel_reach;
  return room < 0 ? 0 : room / spec.stride[axis] + 1;
}

}  // namespace

const char* status_name(Status status) {
  static constexpr const char* kNames[] = {
      "ok",          "bad_spec",           "bad_shape",     "too_large",
      "unsupported", "missing_parameters", "out_of_memory", "internal",
      "not_finite",  "replanned"};
  static_assert(std::size(kNames) == kStatusCount);
  const auto index = static_cast<size_t>(status);
  return index < kStatusCount ? kNames[index] : status_name(Status::kInternal);
}

double Problem::multiply_accumulates() const {
  const double points = static_cast<double>(spec.transposed ? input_points() : output_points());
  const double channels = static_cast<double>(spec.in_channels) * spec.group_out_channels();
  return batch * points * channels * static_cast<double>(spec.kernel_elements());
}

Status check_spec(const Spec& spec) {
  if (spec.groups < 1 || spec.in_channels < 1 || spec.out_channels < 1 ||
      spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0 ||
      spec.arithmetic < Arithmetic::kFloat32 || spec.arithmetic > Arithmetic::kStaticInt8) {
    return Status::kBadSpec;
  }
  for (int axis = 0; axis < 3; ++axis) {
    if (spec.kernel[axis] < 1 || spec.stride[axis] < 1 || spec.dilation[axis] < 1 ||
        spec.input_dilation[axis] < 1 || (spec.transposed && spec.input_dilation[axis] != 1)) {
      return Status::kBadSpec;
    }
  }
  const int64_t group_channels =
      spec.transposed ? spec.group_out_channels() : spec.group_in_channels();
  const int64_t channels = spec.transposed ? spec.in_channels : spec.out_channels;
  if (!product_fits({spec.kernel[0], spec.kernel[1], spec.kernel[2], channels, group_channels})) {
    return Status::kTooLarge;
  }
  return Status::kOk;
}

Status make_problem(const Spec& spec, int32_t batch, const Axes& input, Layout layout,
                    Problem* problem) {
  if (const Status status = check_spec(spec); status != Status::kOk) return status;
  if (batch < 0) return Status::kBadShape;
  Problem result{spec, batch, input, {}, layout};
  for (int axis = 0; axis < 3; ++axis) {
    if (input[axis] < 1) return Status::kBadShape;
    const int64_t extent = output_extent(spec, axis, input[axis]);
    if (extent < 1) return Status::kBadShape;
    if (extent > std::numeric_limits<int32_t>::max()) return Status::kTooLarge;
    result.output[axis] = static_cast<int32_t>(extent);
  }
  // A batch of none consists of images that could be.
  const int32_t images = std::max(batch, 1);
  if (!product_fits({images, spec.in_channels, input[0], input[1], input[2]}) ||
      !product_fits(
          {images, spec.out_channels, result.output[0], result.output[1], result.output[2]})) {
    return Status::kTooLarge;
  }
  *problem = result;
  return Status::kOk;
}

}  // namespace deconv
