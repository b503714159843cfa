#pragma once

#include <cstdint>

#include "deconv/geometry.h"
#include "matrix_tile.h"

namespace deconv {

inline int channels_of(Words words) { return words == Words::kQuads ? 4 : 2; }

// A word of the weights of so many input channels of a group, the first in its low bits, and 0 for
// those that it has room for beside them: what the input's words have there is of no matter.
float word_of(Words words, const int8_t* weights, int count);

// The words of an image in either layout, in which those of a group stand as the channels of a
// group do. Of pairs the differences of values and zero_point, of quads their exclusive or, so that
// 0 is what lies around the image either way.
void make_words(const Problem& problem, Words words, const int8_t* image, int32_t zero_point,
                float* target);

}  // namespace deconv
