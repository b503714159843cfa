#include "positions_tile.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "reference.h"

using deconv::kPanel;
using deconv::kTileRows;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

// Tiles whose positions read anywhere and write rows of `columns` channels in any order; sums of
// whole numbers, which no order of adding changes.
class Product {
 public:
  Product(std::vector<int32_t> lengths, int64_t tiles, int32_t channels, int32_t first_channel,
          Random& random)
      : lengths_(std::move(lengths)),
        tiles_(tiles),
        channels_(channels),
        first_channel_(first_channel),
        columns_(first_channel + channels + 1),
        width_(channels <= 4 ? 4 : kPanel),
        bias(width_),
        result(tiles * kTileRows * columns_) {
    for (const int32_t length : lengths_) depth_ += length;
    panel_ = std::make_unique<ExactBuffer>(depth_ * width_);
    panel_->fill_whole(random, 9);
    bias.fill_whole(random, 99);
    const int64_t positions = tiles * kTileRows;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      for (const int32_t length : lengths_) {
        for (int row = 0; row < kTileRows; ++row) {
          // Of its own, so that what is read behind it is seen.
          inputs_.push_back(std::make_unique<ExactBuffer>(length));
          inputs_.back()->fill_whole(random, 9);
          reads_.push_back(inputs_.back()->data());
        }
      }
    }
    for (int64_t position = 0; position < positions; ++position) {
      results_.push_back(result.data() + (positions - 1 - position) * columns_);
    }
  }

  void run(bool relu) {
    deconv::multiply_positions({.panel = panel_->data(),
                                .bias = bias.data(),
                                .lengths = lengths_,
                                .tiles = tiles_,
                                .reads = reads_.data(),
                                .results = results_.data(),
                                .first_channel = first_channel_,
                                .channels = channels_,
                                .relu = relu});
  }

  int64_t count_wrong(bool relu) const {
    int64_t wrong = 0;
    for (int64_t position = 0; position < tiles_ * kTileRows; ++position) {
      const float* const row = results_[static_cast<size_t>(position)];
      for (int32_t column = 0; column < columns_; ++column) {
        const int32_t channel = column - first_channel_;
        if (channel < 0 || channel >= channels_) {
          wrong += !result.untouched(row - result.data() + column);
          continue;
        }
        const float sum = expected(position, channel);
        const float wanted = relu && sum <= 0 ? 0.0f : sum;
        const bool same = std::isnan(wanted) ? std::isnan(row[column])
                                             : std::bit_cast<uint32_t>(row[column]) ==
                                                   std::bit_cast<uint32_t>(wanted);
        wrong += !same;
      }
    }
    return wrong;
  }

  float* input(int64_t tile, size_t segment, int row) {
    const size_t at = (static_cast<size_t>(tile) * lengths_.size() + segment) * kTileRows +
                      static_cast<size_t>(row);
    return inputs_[at]->data();
  }

 private:
  float expected(int64_t position, int32_t channel) const {
    double sum = bias[channel];
    const float* weight = panel_->data() + channel;
    const auto tile = static_cast<size_t>(position / kTileRows);
    for (size_t segment = 0; segment < lengths_.size(); ++segment) {
      const ExactBuffer& values = *inputs_[(tile * lengths_.size() + segment) * kTileRows +
                                           static_cast<size_t>(position % kTileRows)];
      for (int64_t step = 0; step < values.size(); ++step, weight += width_) {
        sum += double{values[step]} * *weight;
      }
    }
    return static_cast<float>(sum);
  }

  const std::vector<int32_t> lengths_;
  const int64_t tiles_;
  const int32_t channels_;
  const int32_t first_channel_;
  const int32_t columns_;
  const int32_t width_;
  int64_t depth_ = 0;
  std::unique_ptr<ExactBuffer> panel_;
  std::vector<std::unique_ptr<ExactBuffer>> inputs_;
  std::vector<const float*> reads_;
  std::vector<float*> results_;

 public:
  ExactBuffer bias;
  ExactBuffer result;
};

}  // namespace

TEST_CASE("positions times channels: every number of channels, segments of every length") {
  Random random(31);
  const std::vector<std::vector<int32_t>> depths = {{},     {0},       {1},          {2, 1},
                                                    {3, 3}, {1, 4, 9}, {16, 0, 5, 7}};
  for (const std::vector<int32_t>& lengths : depths) {
    CAPTURE(lengths.size());
    for (int32_t channels = 1; channels <= kPanel; ++channels) {
      CAPTURE(channels);
      for (const bool relu : {false, true}) {
        for (const int64_t tiles : {0, 1, 3}) {
          Product product(lengths, tiles, channels, random.between(0, 9), random);
          product.run(relu);
          CHECK(product.count_wrong(relu) == 0);
        }
      }
    }
  }
}

TEST_CASE("positions times channels: what is not finite stays in its own position") {
  Random random(32);
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf(""),
                            -std::numeric_limits<float>::max()}) {
    for (const int32_t channels : {3, 8}) {
      for (const bool relu : {false, true}) {
        Product product({5, 2}, 2, channels, 0, random);
        product.input(1, 0, kTileRows - 1)[4] = value;

        product.run(relu);
        CHECK(product.count_wrong(relu) == 0);
      }
    }
  }
}

TEST_CASE("positions times channels: a ReLU makes no -0") {
  Random random(33);
  Product product({}, 1, 7, 0, random);
  for (int32_t channel = 0; channel < 8; ++channel) product.bias.data()[channel] = -0.0f;
  product.run(true);
  CHECK(product.count_wrong(true) == 0);
}
