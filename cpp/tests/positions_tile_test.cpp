#include "positions_tile.h"

#include <doctest/doctest.h>

#include <algorithm>
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

// Which tiles' positions lie equally far apart.
enum class Apart : uint8_t { kEvenly, kAnyhow, kByTurns };

// Tiles whose positions read anywhere and write rows of `columns` channels in any order; sums of
// whole numbers, which no order of adding changes.
class Product {
 public:
  Product(std::vector<int32_t> lengths, int64_t tiles, int32_t channels, int32_t first_channel,
          Random& random, Apart apart = Apart::kByTurns)
      : lengths_(std::move(lengths)),
        channels_(channels),
        first_channel_(first_channel),
        columns_(first_channel + channels + 1),
        width_(channels <= 4 ? 4 : kPanel),
        input_step_(random.between(0, 9)),
        bias(width_),
        result(tiles * kTileRows * columns_) {
    for (const int32_t length : lengths_) {
      depth_ += length;
      starts_.push_back(random.between(-20, 20));
    }
    panel_ = std::make_unique<ExactBuffer>(depth_ * width_);
    panel_->fill_whole(random, 9);
    bias.fill_whole(random, 99);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      // Rows of the result from the last one to the first.
      float* const last = result.data() + ((tiles - tile) * kTileRows - 1) * columns_;
      for (int row = 0; row < kTileRows; ++row) results_.push_back(last - row * columns_);
      const bool even = apart == Apart::kByTurns ? tile % 2 == 0 : apart == Apart::kEvenly;
      if (even) {
        add_even(last, random);
      } else {
        add_anyhow(last, random);
      }
    }
  }

  void run(bool relu) {
    deconv::multiply_positions({.panel = panel_->data(),
                                .bias = bias.data(),
                                .lengths = lengths_,
                                .starts = starts_.data(),
                                .input_step = input_step_,
                                .result_step = -columns_,
                                .tiles = tiles_,
                                .pointers = pointers_.data(),
                                .first_channel = first_channel_,
                                .channels = channels_,
                                .relu = relu});
  }

  int64_t count_wrong(bool relu) const {
    int64_t wrong = 0;
    for (size_t position = 0; position < results_.size(); ++position) {
      const float* const row = results_[position];
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
    return reads_[(static_cast<size_t>(tile) * kTileRows + static_cast<size_t>(row)) *
                      lengths_.size() +
                  segment];
  }

 private:
  // All that the tile reads in one buffer, whose ends are what it reads first and last.
  void add_even(float* first, Random& random) {
    int64_t begin = 0;
    int64_t end = 0;
    for (size_t segment = 0; segment < lengths_.size(); ++segment) {
      const int64_t last = starts_[segment] + (kTileRows - 1) * input_step_ + lengths_[segment];
      begin = segment == 0 ? starts_[0] : std::min(begin, starts_[segment]);
      end = segment == 0 ? last : std::max(end, last);
    }
    inputs_.push_back(std::make_unique<ExactBuffer>(end - begin));
    inputs_.back()->fill_whole(random, 9);
    float* const input = inputs_.back()->data() - begin;
    tiles_.push_back({.input = input, .result = first});
    for (int row = 0; row < kTileRows; ++row) {
      for (const int64_t start : starts_) reads_.push_back(input + start + row * input_step_);
    }
  }

  // Each segment in a buffer of its own, so that what is read behind it is seen.
  void add_anyhow(float* first, Random& random) {
    tiles_.push_back({.input = nullptr, .result = nullptr});
    for (int row = 0; row < kTileRows; ++row) {
      for (const int32_t length : lengths_) {
        inputs_.push_back(std::make_unique<ExactBuffer>(length));
        inputs_.back()->fill_whole(random, 9);
        reads_.push_back(inputs_.back()->data());
      }
    }
    for (int row = 0; row < kTileRows; ++row) pointers_.push_back(first - row * columns_);
    for (size_t segment = 0; segment < lengths_.size(); ++segment) {
      for (int row = 0; row < kTileRows; ++row) {
        pointers_.push_back(input(std::ssize(tiles_) - 1, segment, row));
      }
    }
  }

  float expected(size_t position, int32_t channel) const {
    double sum = bias[channel];
    const float* weight = panel_->data() + channel;
    for (size_t segment = 0; segment < lengths_.size(); ++segment) {
      const float* const values = reads_[position * lengths_.size() + segment];
      for (int32_t step = 0; step < lengths_[segment]; ++step, weight += width_) {
        sum += double{values[step]} * *weight;
      }
    }
    return static_cast<float>(sum);
  }

  const std::vector<int32_t> lengths_;
  const int32_t channels_;
  const int32_t first_channel_;
  const int32_t columns_;
  const int32_t width_;
  const int64_t input_step_;
  std::vector<int64_t> starts_;
  int64_t depth_ = 0;
  std::unique_ptr<ExactBuffer> panel_;
  std::vector<std::unique_ptr<ExactBuffer>> inputs_;
  std::vector<float*> reads_;  // [position][segment]
  std::vector<float*> results_;
  std::vector<deconv::PositionTile> tiles_;
  std::vector<const float*> pointers_;

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
        for (const Apart apart : {Apart::kEvenly, Apart::kAnyhow, Apart::kByTurns}) {
          for (const int64_t tiles : {0, 1, 4}) {
            Product product(lengths, tiles, channels, random.between(0, 9), random, apart);
            product.run(relu);
            CHECK(product.count_wrong(relu) == 0);
          }
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
