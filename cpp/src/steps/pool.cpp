#include "deconv/pool.h"

#include <wasm_simd128.h>

#include <algorithm>

#include "divide.h"
#include "parallel.h"
#include "steps/mapped_axes.h"

namespace deconv {
namespace {

// Where a window's taps lie on one axis.
struct Window {
  int64_t start;
  int64_t first;
  int64_t end;
};

// The taps from `first` to `end` lie on the input.
Window window_of(const Pool& call, int axis, int32_t dilation, int32_t target) {
  const int64_t start = int64_t{target} * call.stride[axis] - call.padding[axis];
  const int64_t beyond = ceil_divide(call.volume.input[axis] - start, dilation);
  return {start, std::max<int64_t>(0, ceil_divide(-start, dilation)),
          std::min<int64_t>(call.kernel[axis], beyond)};
}

// A map of windows whose taps weigh `weigh(window)`.
template <typename Weigh>
Status make_windows(const Pool& call, int axis, bool dilated, const Weigh& weigh, AxisMap& map) {
  const int32_t dilation = dilated ? call.dilation[axis] : 1;
  if (call.kernel[axis] < 1 || call.stride[axis] < 1 || call.padding[axis] < 0 || dilation < 1) {
    return Status::kBadSpec;
  }
  const int32_t sources = call.volume.input[axis];
  const int32_t targets = call.volume.output[axis];
  const int64_t most = int64_t{targets} * std::min(call.kernel[axis], sources);
  if (!map.reserve(sources, targets, most)) return Status::kOutOfMemory;
  for (int32_t target = 0; target < targets; ++target, map.next()) {
    const Window window = window_of(call, axis, dilation, target);
    const float weight = weigh(window);
    for (int64_t tap = window.first; tap < window.end; ++tap) {
      map.add(static_cast<int32_t>(window.start + tap * dilation), weight);
    }
  }
  return Status::kOk;
}

Status make_maximum_maps(const Pool& call, AxisMaps& maps) {
  const auto make = [&call](int axis, AxisMap& map) {
    return make_windows(call, axis, true, [](const Window&) { return 1.0f; }, map);
  };
  return make_maps(call.volume, make, maps);
}

// The divisor is a product of one for each axis.
Status run_average(const Pool& call, bool gradient, const float* source, float* target) {
  const auto make = [&call](int axis, AxisMap& map) {
    const int64_t padded_end = int64_t{call.volume.input[axis]} + call.padding[axis];
    const auto weigh = [&](const Window& window) {
      int64_t count = window.end - window.first;
      if (call.count_padding != 0) {
        count = std::min(window.start + call.kernel[axis], padded_end) - window.start;
      }
      if (call.divisor != 0) count = axis == 2 ? call.divisor : 1;
      return static_cast<float>(1.0 / static_cast<double>(count));
    };
    return make_windows(call, axis, false, weigh, map);
  };
  return sum_mapped(call.volume, make, gradient, source, target);
}

Status run_adaptive(const Volume& volume, bool gradient, const float* source, float* target) {
  const auto make = [&volume](int axis, AxisMap& map) {
    const int64_t sources = volume.input[axis];
    const int64_t targets = volume.output[axis];
    // Windows overlap by one value at most, and are of one where there are more targets.
    if (!map.reserve(volume.input[axis], volume.output[axis], sources + 2 * targets)) {
      return Status::kOutOfMemory;
    }
    for (int64_t target = 0; target < targets; ++target, map.next()) {
      const int64_t first = target * sources / targets;
      const int64_t end = ceil_divide((target + 1) * sources, targets);
      const auto weight = static_cast<float>(1.0 / static_cast<double>(end - first));
      for (int64_t source = first; source < end; ++source) {
        map.add(static_cast<int32_t>(source), weight);
      }
    }
    return Status::kOk;
  };
  return sum_mapped(volume, make, gradient, source, target);
}

// Four values of an outer index and its neighbours, or of neighbouring inner ones: those that there
// are, the last of them again for the others.
struct Lanes {
  template <typename Value>
  static void point(Value* first, int64_t step, int64_t count, Value* (&lanes)[4]) {
    for (int64_t lane = 0; lane < 4; ++lane) {
      lanes[lane] = first + std::min(lane, count - 1) * step;
    }
  }
  static v128_t load(const float* const (&lanes)[4], int64_t offset) {
    return wasm_f32x4_make(lanes[0][offset], lanes[1][offset], lanes[2][offset], lanes[3][offset]);
  }
};

// Where the maximum of a window lies among the positions of the input, in every lane.
v128_t first_maximum(const AxisMap::Taps (&taps)[3], const Axes& input, int64_t inner,
                     const float* const (&lanes)[4]) {
  v128_t best = wasm_f32x4_const_splat(0);
  v128_t places = wasm_i32x4_const_splat(-1);
  for (const Tap& depth : taps[0]) {
    for (const Tap& height : taps[1]) {
      const int32_t row = (depth.source * input[1] + height.source) * input[2];
      for (const Tap& width : taps[2]) {
        const int32_t place = row + width.source;
        const v128_t values = Lanes::load(lanes, place * inner);
        const v128_t better = wasm_v128_or(
            wasm_f32x4_gt(values, best), wasm_v128_or(wasm_f32x4_ne(values, values),
                                                      wasm_i32x4_lt(places, wasm_i32x4_splat(0))));
        best = wasm_v128_bitselect(values, best, better);
        places = wasm_v128_bitselect(wasm_i32x4_splat(place), places, better);
      }
    }
  }
  return places;
}

}  // namespace

Status max_pool(const Pool& call, const float* input, float* output) {
  AxisMaps maps;
  if (call.volume.outer == 0) return check_volume(call.volume);
  if (const Status status = make_maximum_maps(call, maps); status != Status::kOk) return status;
  return maximum_of_taps(maps, call.volume.outer, call.volume.inner, input, output);
}

Status max_pool_gradient(const Pool& call, const float* input, const float* grad_output,
                         float* grad_input) {
  AxisMaps maps;
  if (call.volume.outer == 0) return check_volume(call.volume);
  if (const Status status = make_maximum_maps(call, maps); status != Status::kOk) return status;
  const auto& [outer, sizes, output, inner] = call.volume;
  const int64_t inputs = int64_t{sizes[0]} * sizes[1] * sizes[2] * inner;
  const int64_t outputs = int64_t{output[0]} * output[1] * output[2] * inner;
  std::fill_n(grad_input, outer * inputs, 0.0f);
  // Lanes are neighbours along the longer of the two axes that windows do not see.
  const bool along_inner = inner > 1;
  const int64_t along = along_inner ? inner : outer;
  const int64_t fours = (along + 3) / 4;
  for_each_item(along_inner ? outer * fours : fours, [&](int64_t item, int /*worker*/) {
    const int64_t first = item % fours * 4;
    const int64_t count = std::min<int64_t>(4, along - first);
    const int64_t batch = item / fours;
    const float* values[4];
    const float* grads[4];
    float* results[4];
    const auto begin = [&](int64_t size) {
      return along_inner ? batch * size + first : first * size;
    };
    Lanes::point(input + begin(inputs), along_inner ? 1 : inputs, count, values);
    Lanes::point(grad_output + begin(outputs), along_inner ? 1 : outputs, count, grads);
    Lanes::point(grad_input + begin(inputs), along_inner ? 1 : inputs, count, results);
    int64_t target = 0;
    for (int32_t depth = 0; depth < output[0]; ++depth) {
      for (int32_t height = 0; height < output[1]; ++height) {
        for (int32_t width = 0; width < output[2]; ++width, target += inner) {
          const AxisMap::Taps taps[3] = {maps[0].of(depth), maps[1].of(height), maps[2].of(width)};
          int32_t places[4];
          wasm_v128_store(places, first_maximum(taps, sizes, inner, values));
          for (int64_t lane = 0; lane < count; ++lane) {
            // None where the window lies beside the input.
            if (places[lane] >= 0) {
              results[lane][int64_t{places[lane]} * inner] += grads[lane][target];
            }
          }
        }
      }
    }
  });
  return Status::kOk;
}

Status average_pool(const Pool& call, const float* input, float* output) {
  return run_average(call, false, input, output);
}

Status average_pool_gradient(const Pool& call, const float* grad_output, float* grad_input) {
  return run_average(call, true, grad_output, grad_input);
}

Status adaptive_average_pool(const Volume& volume, const float* input, float* output) {
  return run_adaptive(volume, false, input, output);
}

Status adaptive_average_pool_gradient(const Volume& volume, const float* grad_output,
                                      float* grad_input) {
  return run_adaptive(volume, true, grad_output, grad_input);
}

}  // namespace deconv
