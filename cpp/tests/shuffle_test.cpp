#include "deconv/shuffle.h"

#include <doctest/doctest.h>

#include <vector>

#include "exact_buffer.h"
#include "failing_memory.h"
#include "reference.h"
#include "runtime_threads.h"

using deconv::Layout;
using deconv::PixelShuffle;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

using Guard = ExactBuffer::Guard;

int64_t elements(const PixelShuffle& call) {
  return call.batch * call.channels * call.height * call.width * call.factor * call.factor;
}

// work(deep, wide) for the places of every value.
template <typename Work>
void for_each_value(const PixelShuffle& call, const Work& work) {
  const auto& [batch, channels, height, width, factor, layout] = call;
  const bool first = layout == Layout::kChannelsFirst;
  const auto place = [&](int64_t image, int64_t channel, int64_t row, int64_t column, int64_t depth,
                         int64_t rows, int64_t columns) {
    return first ? ((image * depth + channel) * rows + row) * columns + column
                 : ((image * rows + row) * columns + column) * depth + channel;
  };
  for (int64_t image = 0; image < batch; ++image) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      for (int64_t row = 0; row < height * factor; ++row) {
        for (int64_t column = 0; column < width * factor; ++column) {
          const int64_t part = (channel * factor + row % factor) * factor + column % factor;
          work(place(image, part, row / factor, column / factor, channels * factor * factor, height,
                     width),
               place(image, channel, row, column, channels, height * factor, width * factor));
        }
      }
    }
  }
}

int64_t count_wrong(const PixelShuffle& call, Random& random) {
  const Guard guard = random.one_in(3) ? Guard::kBefore : Guard::kBehind;
  ExactBuffer deep(elements(call), 0, guard);
  const ExactBuffer wide(elements(call), 0, guard);
  const ExactBuffer back(elements(call), 0, guard);
  deep.fill(random);
  int64_t wrong = pixel_shuffle(call, deep.data(), wide.data()) != Status::kOk;
  wrong += pixel_unshuffle(call, wide.data(), back.data()) != Status::kOk;
  for_each_value(call, [&](int64_t from, int64_t to) {
    wrong += wide[to] != deep[from];
    wrong += back[from] != deep[from];
  });
  return wrong;
}

}  // namespace

TEST_CASE("pixels of squares are channels of one pixel, there and back, in both layouts") {
  Random random(7401);
  for (int round = 0; round < 600; ++round) {
    const PixelShuffle call = {
        .batch = random.between(0, 3),
        .channels = random.one_in(3) ? random.between(8, 20) : random.between(1, 7),
        .height = random.between(1, 6),
        .width = random.one_in(3) ? random.between(8, 20) : random.between(1, 7),
        .factor = random.between(1, 5),
        .layout = random.one_in(2) ? Layout::kChannelsFirst : Layout::kChannelsLast};
    CAPTURE(call.batch);
    CAPTURE(call.channels);
    CAPTURE(call.height);
    CAPTURE(call.width);
    CAPTURE(call.factor);
    CAPTURE(static_cast<int>(call.layout));
    CHECK(count_wrong(call, random) == 0);
  }
}

TEST_CASE("large tensors on three threads") {
  Random random(7402);
  const deconv_tests::RuntimeThreads running(3);
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
    CHECK(count_wrong(
              {.batch = 2, .channels = 5, .height = 61, .width = 67, .factor = 2, .layout = layout},
              random) == 0);
    CHECK(
        count_wrong(
            {.batch = 3, .channels = 3, .height = 9, .width = 3000, .factor = 3, .layout = layout},
            random) == 0);
  }
}

TEST_CASE("no memory for the places of a square is an error, and nothing is written") {
  const PixelShuffle call = {.factor = 2, .layout = Layout::kChannelsLast};
  const std::vector<float> from(4, 1.0f);
  std::vector<float> to(4, 9.0f);
  {
    const deconv_tests::FailingMemory memory(0);
    CHECK(pixel_shuffle(call, from.data(), to.data()) == Status::kOutOfMemory);
    CHECK(pixel_unshuffle(call, from.data(), to.data()) == Status::kOutOfMemory);
  }
  CHECK(to == std::vector<float>(4, 9.0f));
}
