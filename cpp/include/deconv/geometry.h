#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "deconv/status.h"

namespace deconv {

// One value per spatial axis in the order depth, height, width. Layers of lower rank set the
// leading axes to their neutral value: extent, kernel, stride and dilation 1, padding 0.
using Axes = std::array<int32_t, 3>;

// Order of the axes of input and output: N C D H W or N D H W C.
enum class Layout : int32_t { kChannelsFirst = 0, kChannelsLast = 1 };

// What an operator computes in; of the two that have an int8 weight see quantized.h.
enum class Arithmetic : int32_t { kFloat32 = 0, kDynamicInt8, kStaticInt8 };

// The canonical operator that every convention is translated to.
//
// Transposed convolution, per axis: o = (n - 1) * stride + dilation * (kernel - 1) + 1 - pad_before
// - pad_after. Both crops may be negative; an output padding makes pad_after smaller.
// input_dilation must be 1. Convolution, per axis: o = floor(((n - 1) * input_dilation + 1 +
// pad_before + pad_after
//                                   - (dilation * (kernel - 1) + 1)) / stride) + 1.
//
// Every field begins at a multiple of four bytes: TypeScript writes it as integers.
struct Spec {
  bool transposed = true;
  int32_t groups = 1;
  int32_t in_channels = 1;
  int32_t out_channels = 1;
  Axes kernel{1, 1, 1};
  Axes stride{1, 1, 1};
  Axes dilation{1, 1, 1};
  Axes input_dilation{1, 1, 1};
  Axes pad_before{0, 0, 0};
  Axes pad_after{0, 0, 0};
  // Clamps the result at 0 from below; -0 becomes 0, NaN stays NaN.
  alignas(4) bool relu = false;
  // Refuses routes that trade rounding error for speed (Winograd).
  alignas(4) bool exact = false;
  Arithmetic arithmetic = Arithmetic::kFloat32;
  // Of one of many layers, whose weights together are most of the memory: positions of the output
  // that it is mostly run for. Its weights are kept small where that costs little time. Else 0.
  int32_t compact_positions = 0;

  bool operator==(const Spec&) const = default;

  bool quantized() const { return arithmetic != Arithmetic::kFloat32; }
  bool fixed() const { return arithmetic == Arithmetic::kStaticInt8; }

  int32_t group_in_channels() const { return in_channels / groups; }
  int32_t group_out_channels() const { return out_channels / groups; }
  int64_t kernel_elements() const { return int64_t{kernel[0]} * kernel[1] * kernel[2]; }
  // Length of the canonical weight: [in, out / groups, kernel...] when transposed, else
  // [out, in / groups, kernel...].
  int64_t weight_elements() const {
    return transposed ? kernel_elements() * in_channels * group_out_channels()
                      : kernel_elements() * out_channels * group_in_channels();
  }
  // Where the kernel of an output channel begins in it for the first input channel of the group,
  // how far behind it that for the next one, and where in a kernel a tap stands.
  int64_t first_kernel(int64_t out) const {
    const int64_t group_out = group_out_channels();
    return kernel_elements() *
           (transposed ? out / group_out * group_in_channels() * group_out + out % group_out
                       : out * group_in_channels());
  }
  int64_t kernel_stride() const {
    return kernel_elements() * (transposed ? group_out_channels() : 1);
  }
  int64_t tap(int64_t depth, int64_t height, int64_t width) const {
    return (depth * kernel[1] + height) * kernel[2] + width;
  }
};

// A spec applied to one input size.
struct Problem {
  Spec spec;
  int32_t batch = 1;
  Axes input{1, 1, 1};
  Axes output{1, 1, 1};
  Layout layout = Layout::kChannelsFirst;

  bool operator==(const Problem&) const = default;

  int64_t input_points() const { return int64_t{input[0]} * input[1] * input[2]; }
  int64_t output_points() const { return int64_t{output[0]} * output[1] * output[2]; }
  int64_t input_elements() const { return batch * input_points() * spec.in_channels; }
  int64_t output_elements() const { return batch * output_points() * spec.out_channels; }
  // A tensor of one channel, or of one point, reads the same in both layouts.
  bool input_layout_matters() const { return spec.in_channels > 1 && input_points() > 1; }
  bool output_layout_matters() const { return spec.out_channels > 1 && output_points() > 1; }
  // Whether the output's values of a channel lie behind each other.
  bool output_in_planes() const {
    return layout == Layout::kChannelsFirst || !output_layout_matters();
  }
  // Multiply-accumulates that touch real input values, borders included as if they were interior.
  double multiply_accumulates() const;
};

// Elements of one tensor that fit a 2 GB heap beside anything else at all.
inline constexpr int64_t kMaxTensorElements = int64_t{1} << 29;

// kBadSpec unless every field lies in its domain; kTooLarge if the weight cannot be addressed.
Status check_spec(const Spec& spec);

// Fills `problem` for one input size, or says why there is no such problem. Batch 0 is fine.
Status make_problem(const Spec& spec, int32_t batch, const Axes& input, Layout layout,
                    Problem* problem);

}  // namespace deconv
