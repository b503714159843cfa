#include "quantized/make_words.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

#include "deconv/buffer.h"
#include "exact_block.h"
#include "reference.h"

using deconv::Layout;
using deconv::Problem;
using deconv::Words;
using deconv_tests::ExactBlock;
using deconv_tests::Random;

namespace {

// Of a word, as integers.
int32_t part(float word, Words words, int index) {
  const auto bits = std::bit_cast<uint32_t>(word);
  return words == Words::kQuads ? static_cast<int8_t>(bits >> (8 * index))
                                : static_cast<int16_t>(bits >> (16 * index));
}

void check(Words words, Layout layout, int32_t groups, int32_t group_in, int32_t width,
           int32_t zero_point, Random& random) {
  CAPTURE(groups);
  CAPTURE(group_in);
  CAPTURE(width);
  CAPTURE(zero_point);
  deconv::Spec spec;
  spec.groups = spec.out_channels = groups;
  spec.in_channels = groups * group_in;
  Problem problem;
  REQUIRE(deconv::make_problem(spec, 1, {1, 1, width}, layout, &problem) == deconv::Status::kOk);
  const int64_t values = problem.input_elements();
  const ExactBlock<int8_t> image(values, deconv::Buffer::kSlackBytes, random.between(0, 15));
  for (int8_t& value : image) {
    value = static_cast<int8_t>(random.one_in(3) ? (random.one_in(2) ? 127 : -128)
                                                 : random.between(-128, 127));
  }
  const int per_word = deconv::channels_of(words);
  const int32_t group_words = (group_in + per_word - 1) / per_word;
  const ExactBlock<float> target(int64_t{groups} * group_words * width + 1, 0);
  target[target.end() - target.begin() - 1] = 99;
  deconv::make_words(problem, words, image.data(), zero_point, target.data());
  int64_t wrong = 0;
  for (int32_t point = 0; point < width; ++point) {
    for (int32_t channel = 0; channel < spec.in_channels; ++channel) {
      const int32_t plane = channel / group_in * group_words + channel % group_in / per_word;
      const bool last = layout == Layout::kChannelsLast;
      const int32_t value = image[last ? int64_t{point} * spec.in_channels + channel
                                       : int64_t{channel} * width + point];
      const float word = target[last ? int64_t{point} * groups * group_words + plane
                                     : int64_t{plane} * width + point];
      const int32_t wanted =
          words == Words::kQuads ? static_cast<int8_t>(value ^ zero_point) : value - zero_point;
      wrong += part(word, words, channel % group_in % per_word) != wanted;
    }
  }
  CHECK(wrong == 0);
  // Nothing behind the end is written.
  CHECK(target[target.end() - target.begin() - 1] == 99);
}

}  // namespace

TEST_CASE("words hold the channels of a group, of both layouts, and 0 for the zero point") {
  Random random(9001);
  for (const Words words : {Words::kPairs, Words::kQuads}) {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      for (const int32_t groups : {1, 3}) {
        for (int32_t group_in = 1; group_in <= 21; ++group_in) {
          for (const int32_t width : {1, 15, 16, 17, 33}) {
            const int32_t ends[] = {-128, 127, 0, random.between(-128, 127)};
            check(words, layout, groups, group_in, width, ends[random.between(0, 3)], random);
          }
        }
      }
      // Several pieces of work.
      for (const int32_t group_in : {2, 3, 8}) {
        check(words, layout, 2, group_in, 5000, random.between(-128, 127), random);
      }
    }
  }
}

TEST_CASE("a word of weights has those of few channels in its low bits and 0 behind them") {
  const int8_t weights[] = {-1, 2, -3, 4};
  const auto word = [&](Words words, int count) {
    return std::bit_cast<uint32_t>(deconv::word_of(words, weights, count));
  };
  CHECK(word(Words::kQuads, 1) == 0xff);
  CHECK(word(Words::kQuads, 3) == 0xfd02ff);
  CHECK(word(Words::kQuads, 4) == 0x04fd02ff);
  CHECK(word(Words::kPairs, 1) == 0xffff);
  CHECK(word(Words::kPairs, 2) == 0x2ffff);
}
