#include "drawing.h"

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "deconv/runtime.h"
#include "reference.h"
#include "small_machine.h"

namespace deconv_fuzz {

using deconv::Axes;
using deconv::Layout;
using deconv::Machine;
using deconv::Problem;
using deconv::Spec;

namespace {

constexpr double kMostProducts = 100e3;
constexpr int64_t kMostElements = 1 << 14;

}  // namespace

void fail(const std::string& what, const Problem& problem) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), deconv_tests::describe(problem).c_str());
  std::abort();
}

bool one_in(Data& data, int chances) {
  return data.ConsumeIntegralInRange<int>(1, chances) == chances;
}

int32_t any(Data& data, int32_t low, int32_t high) {
  if (one_in(data, 64)) return data.ConsumeIntegral<int32_t>();
  return data.ConsumeIntegralInRange<int32_t>(low, high);
}

Spec draw_spec(Data& data) {
  Spec spec;
  spec.transposed = data.ConsumeBool();
  spec.relu = data.ConsumeBool();
  spec.exact = data.ConsumeBool();
  spec.groups = any(data, 1, 4);
  const int32_t most = data.ConsumeBool() ? 20 : 5;
  const auto channels = [&] {
    const int64_t all = int64_t{spec.groups} * data.ConsumeIntegralInRange<int32_t>(1, most);
    return all == static_cast<int32_t>(all) ? static_cast<int32_t>(all) : any(data, 1, 4);
  };
  spec.in_channels = channels();
  spec.out_channels = channels();
  for (int axis = data.ConsumeIntegralInRange<int>(0, 2); axis < 3; ++axis) {
    spec.kernel[axis] = any(data, 1, 6);
    spec.stride[axis] = any(data, 1, 4);
    spec.dilation[axis] = any(data, 1, 3);
    if (!spec.transposed) spec.input_dilation[axis] = any(data, 1, 2);
    spec.pad_before[axis] = any(data, -2, 4);
    spec.pad_after[axis] = any(data, -2, 4);
  }
  if (one_in(data, 4)) {
    spec.arithmetic =
        data.ConsumeBool() ? deconv::Arithmetic::kStaticInt8 : deconv::Arithmetic::kDynamicInt8;
  }
  if (one_in(data, 4)) spec.compact_positions = data.ConsumeIntegral<int32_t>();
  return spec;
}

Axes draw_input(Data& data, const Spec& spec) {
  Axes input{1, 1, 1};
  for (int axis = 0; axis < 3; ++axis) {
    const bool flat = spec.kernel[axis] == 1 && spec.stride[axis] == 1;
    input[axis] = any(data, 1, flat && axis == 0 ? 2 : 12);
  }
  return input;
}

Layout draw_layout(Data& data) {
  return data.ConsumeBool() ? Layout::kChannelsFirst : Layout::kChannelsLast;
}

Machine draw_machine(Data& data) {
  const int kind = data.ConsumeIntegralInRange<int>(0, 3);
  if (kind == 0) return deconv::machine;
  const deconv_tests::SmallMachine small(data.ConsumeIntegralInRange<int>(1, 9));
  Machine drawn = deconv::machine;
  if (data.ConsumeBool()) drawn.byte_dot = deconv::ByteDot::kNone;
  if (kind < 3) return drawn;
  for (int64_t* size : {&drawn.polyphase_block_bytes,
                        &drawn.polyphase_most_positions,
                        &drawn.polyphase_least_panels,
                        &drawn.polyphase_least_streamed_panels,
                        &drawn.cached_weights,
                        &drawn.scatter_strip_bytes,
                        &drawn.scatter_strip_per_overlap,
                        &drawn.scatter_panel_bytes,
                        &drawn.scatter_least_panels,
                        &drawn.winograd_least_products,
                        &drawn.winograd_kept_weights,
                        &drawn.winograd_compact_weights,
                        &drawn.winograd_small_weights,
                        &drawn.winograd_least_run_tiles,
                        &drawn.winograd_band_bytes,
                        &drawn.depthwise_row_outputs,
                        &drawn.depthwise_least_columns,
                        &drawn.depthwise_tile_floats,
                        &drawn.depthwise_columns_per_overlap,
                        &drawn.depthwise_rows_per_overlap,
                        &drawn.gradient_block_sums}) {
    *size = int64_t{1} << data.ConsumeIntegralInRange<int>(0, 16);
  }
  return drawn;
}

bool is_small(const Spec& spec) {
  return spec.weight_elements() <= kMostElements && spec.out_channels <= kMostElements;
}

bool is_small(const Problem& problem) {
  return problem.multiply_accumulates() <= kMostProducts &&
         problem.input_elements() <= kMostElements && problem.output_elements() <= kMostElements;
}

Memory::Memory(Data& data) {
  const int kind = data.ConsumeIntegralInRange<int>(0, 7);
  if (kind == 6) {
    failing_.emplace(std::numeric_limits<size_t>::max() / 2,
                     data.ConsumeIntegralInRange<int>(0, 20));
  }
  if (kind == 7) {
    failing_.emplace(size_t{1} << data.ConsumeIntegralInRange<int>(0, 16));
  }
}

}  // namespace deconv_fuzz
