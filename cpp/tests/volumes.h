#pragma once

#include <functional>
#include <string>
#include <vector>

#include "deconv/volume.h"
#include "reference.h"

namespace deconv_tests {

// The weight of a source in a target of one axis, by definition.
using AxisWeight = std::function<double(int axis, int32_t target, int32_t source)>;

// What is made of a volume by a weight for each axis, and its gradient.
struct VolumeFunction {
  std::function<deconv::Status(const float* input, float* output)> values;
  std::function<deconv::Status(const float* grad_output, float* grad_input)> gradient;
};

// Small sizes of all kinds along every axis; the output's are the caller's.
deconv::Volume random_volume(Random& random);

std::string describe(const deconv::Volume& volume);

int64_t input_elements(const deconv::Volume& volume);
int64_t output_elements(const deconv::Volume& volume);

// Compares values and gradient with plain loops in double precision, on buffers that end or begin
// with a page that nobody may touch; counts what is wrong. A target without sources is `fill`.
int64_t count_wrong(const deconv::Volume& volume, const VolumeFunction& function,
                    const AxisWeight& weight, Random& random, double fill = 0);

// Whether three threads compute what one does, bit by bit, and nothing is written where any
// allocation fails.
void check_threads_and_memory(const deconv::Volume& volume, const VolumeFunction& function);

// An empty one whose axes are so long that whatever is as long as they are has no room.
inline constexpr deconv::Volume kNoVolume = {
    .outer = 0, .input = {1, 2, 400'000'000}, .output = {1, 2, 400'000'000}, .inner = 1};

// Whether the function of kNoVolume asks for no memory.
void check_empty(const VolumeFunction& function);

}  // namespace deconv_tests
