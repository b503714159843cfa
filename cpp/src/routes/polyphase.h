#pragma once

#include <cstdint>
#include <span>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "matrix_tile.h"
#include "phase_writer.h"
#include "plane_pack.h"
#include "routes/cuts.h"
#include "routes/route.h"

namespace deconv {

// Phases behind each other that read at the same offsets: their output channels are the rows of one
// product. Weights, segments and products of one group stand behind those of the other.
struct PhaseGroup {
  int32_t first_phase;
  int32_t phases;
  int32_t segment_count;
  int32_t stretches;  // each of which is a segment of planes
  int64_t depth;      // of the product: taps * input channels of a group
};

// What words of four bytes hold for 0, and the integer that this is to the engine's dot product.
struct ZeroByte {
  uint8_t byte = 0;
  int32_t value = 0;
};

// The whole of the route, on words of 32 bits: floats, or several input channels of an int8
// operator each (see quantized/integers_in_words.cpp), whose sums are integers.
class Polyphase final : public Route {
 public:
  explicit Polyphase(const Spec& spec, Words words = Words::kFloats) : spec_(spec), words_(words) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override;

  // Of Words::kQuads, before a run: every byte of its input is the exclusive or with the byte of
  // zero.
  void set_zero(const ZeroByte& zero) { zero_ = zero; }

 private:
  using Run = deconv::Run<Blocks>;

  [[nodiscard]] bool derive_groups();
  bool same_offsets(int32_t phase, int32_t other) const;
  void add_group(int32_t phase);
  void pack_rows(int32_t phase, TilePart kernels, const Range& channels, int64_t height,
                 float* target) const;

  int32_t phase_count() const { return axes_[0].count() * axes_[1].count() * axes_[2].count(); }
  // Whether a phase of the depth and the height meets the input; else all its outputs are the bias.
  bool meets_input(int32_t depth, int32_t height) const {
    return !axes_[0].taps(depth).empty() && !axes_[1].taps(height).empty();
  }
  int64_t rows_of(const PhaseGroup& group) const {
    return int64_t{group.phases} * spec_.group_out_channels();
  }
  int64_t panel_elements() const {
    return int64_t{axes_[0].offset_count()} * axes_[1].offset_count() * axes_[2].offset_count() *
           spec_.group_in_channels() * kPanel;
  }
  using Taps = std::span<const AxisPhases::Tap>;
  // Calls visit(d, h, widths, channel, channels) with the taps of one phase of each axis, in the
  // order of the packed depth, whose steps in a stretch lie equally far apart: all channels of one
  // tap, or, where these are fewer, all taps along the width of one channel.
  template <typename Visit>
  void visit_stretches(const Axes& phase, const Visit& visit) const {
    const Taps widths = axes_[2].taps(phase[2]);
    const int32_t channels = spec_.group_in_channels();
    for (const AxisPhases::Tap& d : axes_[0].taps(phase[0])) {
      for (const AxisPhases::Tap& h : axes_[1].taps(phase[1])) {
        if (spacing_ == 0) {
          for (size_t w = 0; w < widths.size(); ++w) visit(d, h, widths.subspan(w, 1), 0, channels);
        } else if (!widths.empty()) {
          for (int32_t channel = 0; channel < channels; ++channel) visit(d, h, widths, channel, 1);
        }
      }
    }
  }
  int32_t width_spacing() const;

  void run_planes(const Run& run, float* scratch);
  void locate_stretches(const Planes& cut);
  void pack_panels(const Run& run, int32_t channel_group, int64_t first, int64_t count,
                   float* panels) const;
  void show_zeros(float* words, int64_t count) const;
  void multiply(const Run& run, int32_t channel_group, TileProduct product) const;
  void write(const Run& run, int32_t channel_group, int64_t first, int64_t count,
             const float* products) const;
  void write_cells(const Run& run, int64_t image, int32_t channel_group, const Axes& cell,
                   int64_t count, const float* products, int64_t pitch, PhaseWriter& writer) const;

  const Spec spec_;
  const Words words_;
  ZeroByte zero_;
  AxisPhases axes_[3];
  Block<PhaseGroup> groups_;
  int32_t group_count_ = 0;
  Block<Segment> segments_;
  int32_t segment_count_ = 0;
  Block<Segment> stretches_;   // of all groups, in the planes of the latest run
  int32_t spacing_ = 0;        // see width_spacing()
  Buffer holes_;               // the value of an output that no tap meets, for each channel
  Buffer tiles_;               // of all channel groups
  int64_t tile_elements_ = 0;  // of one channel group
};

// As RouteEntry::plan, of a problem whose input channels are words.
const char* plan_polyphase(const Machine& sizes, Words words, Plan* plan);

}  // namespace deconv
