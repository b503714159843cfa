#include "deconv/mapped_axes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "exact_buffer.h"
#include "volumes.h"

using deconv::MappedAxes;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

struct Tap {
  int32_t source;
  float weight;
};
// For every target of an axis.
using Table = std::vector<std::vector<Tap>>;

Table random_table(int32_t sources, int32_t targets, bool copies, Random& random) {
  Table table(static_cast<size_t>(targets));
  for (std::vector<Tap>& taps : table) {
    const int32_t count = copies ? random.between(0, 1) : random.between(0, 3);
    for (int32_t tap = 0; tap < count; ++tap) {
      taps.push_back({random.between(0, sources - 1), copies ? 1 : random.value()});
    }
  }
  return table;
}

void write_table(const Table& table, std::vector<int32_t>& to) {
  int32_t end = 0;
  for (const std::vector<Tap>& taps : table) to.push_back(end += static_cast<int32_t>(taps.size()));
  for (const std::vector<Tap>& taps : table) {
    for (const Tap& tap : taps) {
      to.push_back(tap.source);
      to.push_back(std::bit_cast<int32_t>(tap.weight));
    }
  }
}

int64_t count_wrong(Random& random) {
  MappedAxes call{.volume = deconv_tests::random_volume(random),
                  .maximum = random.between(0, 2) == 0,
                  .fill = 7};
  bool copies = random.one_in(2);
  Table tables[3];
  std::vector<int32_t> written;
  for (size_t axis = 0; axis < 3; ++axis) {
    call.volume.output[axis] = random.one_in(3) ? 1 : random.between(1, 9);
    tables[axis] = random_table(call.volume.input[axis], call.volume.output[axis], copies, random);
    write_table(tables[axis], written);
  }
  // Tables without a tap at all copy, too.
  const auto has_taps = [](const Table& table) {
    return std::any_of(table.begin(), table.end(), [](const auto& taps) { return !taps.empty(); });
  };
  copies = copies || std::none_of(std::begin(tables), std::end(tables), has_taps);
  ExactBuffer source(deconv_tests::input_elements(call.volume));
  const ExactBuffer target(deconv_tests::output_elements(call.volume));
  source.fill(random);
  int64_t wrong = apply_maps(call, written.data(), source.data(), target.data()) != Status::kOk;
  const auto& [outer, input, output, inner] = call.volume;
  int64_t index = 0;
  for (int64_t first = 0; first < outer; ++first) {
    for (const auto& depths : tables[0]) {
      for (const auto& heights : tables[1]) {
        for (const auto& widths : tables[2]) {
          for (int64_t last = 0; last < inner; ++last, ++index) {
            double total = call.maximum ? -std::numeric_limits<double>::infinity() : 0.0;
            if (!call.maximum && copies && (depths.empty() || heights.empty() || widths.empty()))
              total = call.fill;
            for (const Tap& depth : depths) {
              for (const Tap& height : heights) {
                for (const Tap& width : widths) {
                  const int64_t place =
                      ((first * input[0] + depth.source) * input[1] + height.source) * input[2] +
                      width.source;
                  const double value = source[place * inner + last];
                  if (call.maximum) {
                    total = std::max(total, value);
                  } else {
                    total += value * depth.weight * height.weight * width.weight;
                  }
                }
              }
            }
            wrong += target[index] != total && !(std::abs(target[index] - total) <= 1e-5);
          }
        }
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("axes by tables: sums, maxima, and copies with a fill") {
  Random random(9701);
  for (int round = 0; round < 800; ++round) {
    CAPTURE(round);
    CHECK(count_wrong(random) == 0);
  }
}
