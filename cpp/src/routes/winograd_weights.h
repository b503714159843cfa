#pragma once

#include <cstdint>

#include "axis_phases.h"
#include "deconv/geometry.h"
#include "machine.h"
#include "matrix_tile.h"
#include "routes/weight_transform.h"

namespace deconv {

// Weights that a layer may keep: 80 MB.
inline constexpr int64_t kMostWinogradWeights = int64_t{20} << 20;

// Whether so many input channels are too few for what transforms cost.
bool too_few_channels(int64_t channels, const Problem& problem);

// When weights are transformed, of which there are up to eleven times fewer before: then they are
// kept as multiply_tile() takes them, line by line of points; all of them anew for every run; or
// for every band of positions, in the cache, those of a tile when it is about to meet them.
enum class WeightTransforms : uint8_t { kOnce, kEachRun, kEachBand };

// Weights of the products of transformed inputs, in tiles of rows.
//
// The depth of a product is made of parts, as many channels each. Biases join the results; here
// they are 0.
class WinogradWeights {
 public:
  static constexpr int kMostParts = 32;

  // With `both_axes` taps and points are squares; else there is one line of each. The transform is
  // that of a form, which outlives all routes.
  WinogradWeights(const WeightTransform& transform, bool both_axes)
      : transform_(transform), both_axes_(both_axes) {}
  WinogradWeights(const WeightTransform&& transform, bool both_axes) = delete;

  // A part, and whether it has anything to say at the points of infinity.
  void add(bool last_line, bool last_point);
  int parts() const { return parts_; }

  int reads() const { return transform_.points + 1; }
  int lines() const { return both_axes_ ? reads() : 1; }
  bool reaches(int part, int line, int point) const {
    return (list_[part].last_line || !is_last(line)) &&
           (list_[part].last_point || !is_infinity(point));
  }
  // Parts that have something to say at a point.
  int parts_at(int line, int point) const { return counts_[is_last(line)][is_infinity(point)]; }
  // The sum over all points.
  int64_t all_parts() const { return all_elements(1) - lines() * reads(); }

  // Decides for a layer of so many rows and channels, of all groups, with tiles of so many
  // positions of the output. Where the kernel has depth every slice would transform them.
  void choose(int64_t kernels, int64_t tile_positions, const Spec& spec, const Machine& sizes);
  WeightTransforms transforms() const { return transforms_; }
  // Values of a row of a tile, as it is kept, and as load_line() takes it.
  int64_t kept_elements(int64_t channels) const;
  int64_t row_elements(int64_t channels) const;
  // What transform_all() makes of so many rows, where every run does.
  int64_t shared_elements(int64_t rows, int64_t channels) const {
    return transforms_ == WeightTransforms::kEachRun ? rows * all_elements(channels) : 0;
  }
  // What load_line() may need, of tiles of kTileRows rows, however weights are kept.
  int64_t scratch_elements(int64_t channels) const;

  // Taps of a part that are asked for: of rows of one phase, and of input channels of one slice of
  // the depth.
  struct Taps {
    int part;
    int64_t phase;
    int64_t slice;
    TilePart kernels;
    int64_t height;
    float* target;
    int64_t stride;

    // Tap `from` of the kernels becomes tap `to` of the window, [line][tap]; others are 0.
    void copy(int64_t from, int64_t to) const {
      TilePart own = kernels;
      own.source += from;
      pack_part(own, height, target + to * stride);
    }
  };
  // Packs the tiles of `rows` rows of a group of that weight behind each other, whose taps
  // gather(taps) copies.
  template <typename Gather>
  void pack(const Spec& spec, const float* weight, int64_t rows, int64_t slices, float* target,
            const Gather& gather) const {
    pack(spec, weight, rows, slices, target, &gather, [](const void* context, const Taps& taps) {
      (*static_cast<const Gather*>(context))(taps);
    });
  }

  // The tiles of `groups` times `rows` rows as load_line() takes them, of those that are kept to be
  // transformed for every run; moves both addresses behind the last.
  void transform_all(int64_t groups, int64_t rows, int64_t channels, const float** kept,
                     float** target) const;
  // The tiles of the points of a line, behind each other, of a tile of `height` rows.
  const float* load_line(const float* tile, int64_t height, int64_t channels, int line,
                         float* scratch) const;

 private:
  using GatherTaps = void (*)(const void* context, const Taps& taps);

  int64_t window() const {
    return both_axes_ ? transform_.taps * transform_.taps : transform_.taps;
  }
  bool is_infinity(int point) const { return point == transform_.points; }
  bool is_last(int line) const { return both_axes_ && is_infinity(line); }
  // Values of a row: of a finite point, of all points of a line, and of all lines.
  int64_t point_elements(int64_t channels, int line) const {
    return parts_at(line, 0) * channels + 1;
  }
  int64_t line_elements(int64_t channels, int line) const;
  // Of a tile, in front of a line.
  int64_t values_before(int line, int64_t height, int64_t channels) const;
  int64_t all_elements(int64_t channels) const;
  void pack(const Spec& spec, const float* weight, int64_t rows, int64_t slices, float* target,
            const void* context, GatherTaps gather) const;
  void transform(const float* taps, int64_t tap_stride, int part, const Range& channels,
                 int64_t all_channels, int64_t height, int line, float* target) const;
  void transform_line(const float* taps, int64_t height, int64_t channels, int line,
                      float* target) const;
  void clear_biases(int64_t height, int64_t channels, int line, float* target) const;

  const WeightTransform& transform_;
  bool both_axes_;
  WeightTransforms transforms_ = WeightTransforms::kOnce;
  int parts_ = 0;
  // Parts that have something to say, by whether the line and the point are those of infinity: all
  // of them, and those before each.
  int counts_[2][2] = {};
  struct Part {
    int before[2][2];
    bool last_line;
    bool last_point;
  };
  Part list_[kMostParts];
};

}  // namespace deconv
