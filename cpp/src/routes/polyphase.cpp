// Any operator as dense small convolutions, one for each phase of the output positions, and each of
// them as a matrix product: packed weights times panels of input positions that are copied together
// tap by tap just before they are used. The whole of it works in both layouts without a transpose,
// in one to three dimensions, and multiplies no inserted zeros.
//
// A block is a run of positions (steps q of the axis phases, all images behind each other). For
// each block: pack the panels of all offsets once; multiply them by every phase's weights into a
// scratch [row][position]; write the phases of a row of the output side by side. Rows of the output
// that no tap meets are filled with the bias.

#include <algorithm>
#include <cmath>
#include <new>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "divide.h"
#include "matrix_tile.h"
#include "panel_pack.h"
#include "parallel.h"
#include "phase_writer.h"
#include "relu.h"
#include "routes/cost.h"
#include "routes/route.h"

namespace deconv {
namespace {

// Steps of a panel's depth, and rows of products, whose 32 bytes each a worker can hold.
constexpr int64_t kMostSteps = 1 << 21;

// Phases behind each other that read at the same offsets: their output channels are the rows of one
// product.
struct PhaseGroup {
  int32_t first_phase;
  int32_t phases;
  int32_t first_segment;
  int32_t segment_count;
  int64_t depth;       // of the product: taps * input channels of a group
  int64_t first_tile;  // in the packed weights of a channel group
  int64_t first_row;   // of the products
};

constexpr int32_t kHoles = -1;

class PolyphaseRoute final : public Route {
 public:
  explicit PolyphaseRoute(const Spec& spec) : spec_(spec) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, float* output, float* scratch) override;

 private:
  Status derive_groups();
  void number_lines();
  bool same_offsets(int32_t phase, int32_t other) const;
  void add_group(int32_t phase);
  void pack_group(const PhaseGroup& group, int32_t channel_group, const float* weight,
                  const float* bias, float* target) const;

  int64_t offset_count() const {
    return int64_t{axes_[0].offset_count()} * axes_[1].offset_count() * axes_[2].offset_count();
  }
  int32_t phase_count() const { return axes_[0].count() * axes_[1].count() * axes_[2].count(); }
  // The phases of the three axes that phase number `phase` stands for.
  Axes phase_axes(int32_t phase) const {
    const int32_t area = axes_[1].count() * axes_[2].count();
    return {phase / area, phase % area / axes_[2].count(), phase % axes_[2].count()};
  }
  // Phases of the depth and the height; each is a line of width phases.
  int32_t line_count() const { return axes_[0].count() * axes_[1].count(); }
  int64_t rows_of(const PhaseGroup& group) const {
    return int64_t{group.phases} * spec_.group_out_channels();
  }
  // Calls visit(d, h, w) with the taps of one phase of each axis, in the order of the packed depth.
  template <typename Visit>
  void visit_taps(const Axes& phase, const Visit& visit) const {
    for (const AxisPhases::Tap& d : axes_[0].taps(phase[0])) {
      for (const AxisPhases::Tap& h : axes_[1].taps(phase[1])) {
        for (const AxisPhases::Tap& w : axes_[2].taps(phase[2])) visit(d, h, w);
      }
    }
  }

  struct Run : Blocks {
    const Problem& problem;
    const float* input;
    float* output;
  };
  void run_block(const Run& run, int32_t channel_group, int64_t first, float* panels,
                 float* scratch) const;
  void pack_panels(const Run& run, int32_t channel_group, int64_t first, int64_t count,
                   float* panels) const;
  void multiply(const Run& run, int32_t channel_group, int64_t count, const float* panels,
                float* scratch) const;
  void write(const Run& run, int32_t channel_group, int64_t first, int64_t count,
             const float* scratch) const;
  void write_run(const Run& run, int32_t channel_group, int64_t image, const Axes& step,
                 int64_t length, const float* scratch) const;

  const Spec spec_;
  AxisPhases axes_[3];
  Block<PhaseGroup> groups_;
  int32_t group_count_ = 0;
  Block<Segment> segments_;
  int32_t segment_count_ = 0;
  // Where the products of each line stand among those of all lines that meet the input; kHoles for
  // the others, whose outputs are the bias.
  Block<int32_t> lines_;
  int32_t line_products_ = 0;
  Buffer holes_;               // what holes are filled with, a value for each output channel
  Buffer tiles_;               // of all channel groups
  int64_t tile_elements_ = 0;  // of one channel group
};

Status PolyphaseRoute::derive_groups() {
  for (int axis = 0; axis < 3; ++axis) {
    if (const Status status = axes_[axis].derive(spec_, axis); status != Status::kOk) return status;
  }
  // Every tap belongs to one phase at most.
  if (!groups_.reserve(phase_count()) || !segments_.reserve(spec_.kernel_elements()) ||
      !lines_.reserve(line_count())) {
    return Status::kOutOfMemory;
  }
  number_lines();
  group_count_ = 0;
  segment_count_ = 0;
  tile_elements_ = 0;
  for (int32_t phase = 0; phase < phase_count(); ++phase) {
    if (lines_[phase / axes_[2].count()] == kHoles) continue;
    if (phase > 0 && same_offsets(phase, phase - 1)) {
      ++groups_[group_count_ - 1].phases;
    } else {
      add_group(phase);
    }
  }
  for (int32_t index = 0; index < group_count_; ++index) {
    PhaseGroup& group = groups_[index];
    group.first_tile = tile_elements_;
    tile_elements_ += Tiling::packed_elements(rows_of(group), group.depth);
  }
  return Status::kOk;
}

void PolyphaseRoute::number_lines() {
  line_products_ = 0;
  for (int32_t line = 0; line < line_count(); ++line) {
    const bool meets = !axes_[0].taps(line / axes_[1].count()).empty() &&
                       !axes_[1].taps(line % axes_[1].count()).empty();
    lines_[line] = meets ? line_products_++ : kHoles;
  }
}

bool PolyphaseRoute::same_offsets(int32_t phase, int32_t other) const {
  const Axes one = phase_axes(phase);
  const Axes two = phase_axes(other);
  for (int axis = 0; axis < 3; ++axis) {
    if (axes_[axis].class_of(one[axis]) != axes_[axis].class_of(two[axis])) return false;
  }
  return true;
}

void PolyphaseRoute::add_group(int32_t phase) {
  PhaseGroup group{.first_phase = phase,
                   .phases = 1,
                   .first_segment = segment_count_,
                   .segment_count = 0,
                   .depth = 0,
                   .first_tile = 0,
                   .first_row = 0};
  const int32_t width_phases = axes_[2].count();
  group.first_row = (int64_t{lines_[phase / width_phases]} * width_phases + phase % width_phases) *
                    spec_.group_out_channels();
  const int32_t channels = spec_.group_in_channels();
  visit_taps(phase_axes(phase),
             [&](const AxisPhases::Tap& d, const AxisPhases::Tap& h, const AxisPhases::Tap& w) {
               const int32_t offset =
                   (d.rank * axes_[1].offset_count() + h.rank) * axes_[2].offset_count() + w.rank;
               const int32_t first = offset * channels;
               Segment* const last = segments_.data() + segment_count_ - 1;
               if (group.depth > 0 && last->first + last->length == first) {
                 last->length += channels;
               } else {
                 segments_[segment_count_++] = {first, channels};
               }
               group.depth += channels;
             });
  group.segment_count = segment_count_ - group.first_segment;
  groups_[group_count_++] = group;
}

Status PolyphaseRoute::set_parameters(const float* weight, const float* bias) {
  if (const Status status = derive_groups(); status != Status::kOk) return status;
  if (!tiles_.reserve(tile_elements_ * spec_.groups) || !holes_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  for (int32_t channel = 0; channel < spec_.out_channels; ++channel) {
    holes_[channel] = spec_.relu ? relu(bias[channel]) : bias[channel];
  }
  for (int32_t channel_group = 0; channel_group < spec_.groups; ++channel_group) {
    for (int32_t index = 0; index < group_count_; ++index) {
      const PhaseGroup& group = groups_[index];
      pack_group(group, channel_group, weight, bias,
                 tiles_.data() + channel_group * tile_elements_ + group.first_tile);
    }
  }
  return Status::kOk;
}

// Writes the tiles of one group of phases: rows are phases by output channels, steps of the depth
// are taps by input channels.
void PolyphaseRoute::pack_group(const PhaseGroup& group, int32_t channel_group, const float* weight,
                                const float* bias, float* target) const {
  const int64_t in = spec_.group_in_channels();
  const int64_t out = spec_.group_out_channels();
  const int64_t kernel_stride = spec_.kernel_stride();
  const Tiling tiling(rows_of(group));
  for (int64_t tile = 0; tile < tiling.count; ++tile) {
    const int64_t height = tiling.height(tile);
    for (int64_t tile_row = 0; tile_row < height; ++tile_row) {
      const int64_t row = tiling.first_row(tile) + tile_row;
      const Axes phase = phase_axes(group.first_phase + static_cast<int32_t>(row / out));
      const int64_t channel = channel_group * out + row % out;
      const float* const source = weight + spec_.first_kernel(channel);
      float* value = target + tile_row;
      *value = bias[channel];
      visit_taps(phase,
                 [&](const AxisPhases::Tap& d, const AxisPhases::Tap& h, const AxisPhases::Tap& w) {
                   const int64_t tap = spec_.tap(d.tap, h.tap, w.tap);
                   for (int64_t channel_in = 0; channel_in < in; ++channel_in) {
                     value += height;
                     *value = source[channel_in * kernel_stride + tap];
                   }
                 });
    }
    target += Tiling::packed_elements(height, group.depth);
  }
}

Status PolyphaseRoute::run(const Plan& plan, const float* input, float* output, float* scratch) {
  const Run run{plan.cut<Blocks>(), plan.problem, input, output};
  for_each_item(run.blocks * spec_.groups, [&](int64_t item, int worker) {
    float* const panels = scratch + worker * run.worker_elements;
    run_block(run, static_cast<int32_t>(item / run.blocks), item % run.blocks * run.block, panels,
              panels + run.panel_elements);
  });
  return Status::kOk;
}

void PolyphaseRoute::run_block(const Run& run, int32_t channel_group, int64_t first, float* panels,
                               float* scratch) const {
  const int64_t count = std::min(run.block, run.positions - first);
  pack_panels(run, channel_group, first, count, panels);
  multiply(run, channel_group, count, panels, scratch);
  write(run, channel_group, first, count, scratch);
}

// The step of each axis at one position, and the next one.
struct Cursor {
  int64_t image;
  Axes step;

  Cursor(int64_t position, const Axes& steps)
      : image(position / (int64_t{steps[0]} * steps[1] * steps[2])),
        step{static_cast<int32_t>(position / (int64_t{steps[1]} * steps[2]) % steps[0]),
             static_cast<int32_t>(position / steps[2] % steps[1]),
             static_cast<int32_t>(position % steps[2])} {}

  void advance(int64_t count, const Axes& steps) {
    step[2] += static_cast<int32_t>(count);
    if (step[2] < steps[2]) return;
    step[2] = 0;
    if (++step[1] < steps[1]) return;
    step[1] = 0;
    if (++step[0] < steps[0]) return;
    step[0] = 0;
    ++image;
  }
};

void PolyphaseRoute::pack_panels(const Run& run, int32_t channel_group, int64_t first,
                                 int64_t count, float* panels) const {
  const Problem& problem = run.problem;
  const int64_t channels = spec_.group_in_channels();
  const bool channels_first = problem.layout == Layout::kChannelsFirst;
  const int64_t point = channels_first ? 1 : spec_.in_channels;
  PanelPacker packer(problem, run.input);
  Cursor cursor(first, run.steps);
  for (int64_t column = 0; column < count; column += kPanel) {
    PanelPositions positions;
    for (int lane = 0; lane < kPanel; ++lane) {
      if (column + lane >= count) {
        positions.start[lane] = 0;
        positions.spatial[0][lane] = PanelPositions::kNowhere;
        continue;
      }
      int64_t at = 0;
      for (int axis = 0; axis < 3; ++axis) {
        const int32_t position = cursor.step[axis] * axes_[axis].step();
        positions.spatial[axis][lane] = position;
        at = at * problem.input[axis] + position;
      }
      positions.start[lane] =
          cursor.image * problem.input_points() * spec_.in_channels + at * point;
      cursor.advance(1, run.steps);
    }
    packer.select(positions);
    for (int32_t d = 0; d < axes_[0].offset_count(); ++d) {
      for (int32_t h = 0; h < axes_[1].offset_count(); ++h) {
        for (int32_t w = 0; w < axes_[2].offset_count(); ++w) {
          packer.pack({axes_[0].offset(d), axes_[1].offset(h), axes_[2].offset(w)},
                      channel_group * channels, channels, panels);
          panels += channels * kPanel;
        }
      }
    }
  }
}

// Reads a tile before it is used. The reads of a product wait for memory a few at a time, those of
// a burst many at a time, and engines offer no prefetch: a layer of 8 MB of weights that nothing
// had read lately took 5.3 instead of 6.1 ms.
void fetch(const float* values, int64_t count) {
  constexpr int64_t kLine = 16;
  // Volatile, or nobody would miss the reads.
  const volatile float* const lines = values;
  for (int64_t at = 0; at < count; at += kLine) (void)lines[at];
}

void PolyphaseRoute::multiply(const Run& run, int32_t channel_group, int64_t count,
                              const float* panels, float* scratch) const {
  const int64_t panel_stride = offset_count() * spec_.group_in_channels() * kPanel;
  const float* const tiles = tiles_.data() + channel_group * tile_elements_;
  for (int32_t index = 0; index < group_count_; ++index) {
    const PhaseGroup& group = groups_[index];
    const Tiling tiling(rows_of(group));
    for (int64_t tile = 0; tile < tiling.count; ++tile) {
      const int64_t row = tiling.first_row(tile);
      const int height = tiling.height(tile);
      const float* const weights =
          tiles + group.first_tile + Tiling::packed_elements(row, group.depth);
      if (run.streams_weights) fetch(weights, Tiling::packed_elements(height, group.depth));
      // The tile stays in the first-level cache while the panels pass.
      multiply_tile(height, {.tile = weights,
                             .panels = panels,
                             .panel_count = (count + kPanel - 1) / kPanel,
                             .panel_stride = panel_stride,
                             .segments = segments_.data() + group.first_segment,
                             .segment_count = group.segment_count,
                             .relu = spec_.relu,
                             .result = scratch + (group.first_row + row) * run.block,
                             .result_stride = run.block});
    }
  }
}

void PolyphaseRoute::write(const Run& run, int32_t channel_group, int64_t first, int64_t count,
                           const float* scratch) const {
  Cursor cursor(first, run.steps);
  for (int64_t done = 0; done < count;) {
    const int64_t length = std::min<int64_t>(count - done, run.steps[2] - cursor.step[2]);
    write_run(run, channel_group, cursor.image, cursor.step, length, scratch + done);
    done += length;
    cursor.advance(length, run.steps);
  }
}

// A run of steps along the width: all width phases of each step stand side by side in the output.
void PolyphaseRoute::write_run(const Run& run, int32_t channel_group, int64_t image,
                               const Axes& step, int64_t length, const float* scratch) const {
  const Problem& problem = run.problem;
  const int64_t channels = spec_.group_out_channels();
  const int32_t phases = axes_[2].count();
  const int64_t column = int64_t{step[2]} * phases;
  const int64_t columns = std::min<int64_t>(length * phases, problem.output[2] - column);
  for (int32_t d = 0; d < axes_[0].count(); ++d) {
    const int64_t depth = int64_t{step[0]} * axes_[0].count() + d;
    if (depth >= problem.output[0]) break;
    for (int32_t h = 0; h < axes_[1].count(); ++h) {
      const int64_t height = int64_t{step[1]} * axes_[1].count() + h;
      if (height >= problem.output[1]) break;
      const OutputStretch stretch{.image = image,
                                  .channel_group = channel_group,
                                  .depth = depth,
                                  .height = height,
                                  .column = column,
                                  .columns = columns};
      const int32_t line = lines_[d * axes_[1].count() + h];
      if (line == kHoles) {
        write_constants(problem, stretch, holes_.data() + channel_group * channels, run.output);
      } else {
        write_phases(problem, phases, stretch, scratch + line * phases * channels * run.block,
                     run.block, run.output);
      }
    }
  }
}

// Runs of width phases that read at the same offsets.
int64_t width_runs(const Spec& spec) {
  const int64_t count = AxisPhases::count(spec, 2);
  if (!spec.transposed || spec.dilation[2] != 1) return count;
  const bool crops_a_part = spec.pad_before[2] % spec.stride[2] != 0;
  const bool ends_in_a_part = spec.kernel[2] % spec.stride[2] != 0;
  return std::min<int64_t>(count, 1 + (crops_a_part ? 1 : 0) + (ends_in_a_part ? 1 : 0));
}

PhaseCounts phase_counts(const Problem& problem) {
  const Spec& spec = problem.spec;
  PhaseCounts all;
  bool same_taps = true;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t count = AxisPhases::count(spec, axis);
    const int64_t steps = (problem.output[axis] - 1) / count + 1;
    all.positions *= steps;
    all.offsets *= AxisPhases::most_offsets(spec, axis);
    all.phases *= count;
    if (axis < 2) {
      all.lines *= AxisPhases::most_tapped(spec, axis);
      all.stretches *= steps * count;
    }
    same_taps = same_taps && (count == 1 || (spec.kernel[axis] == spec.stride[axis] &&
                                             spec.pad_before[axis] % spec.stride[axis] == 0));
  }
  all.positions *= problem.batch;
  all.stretches *= int64_t{problem.batch} * spec.groups;
  all.products = same_taps ? 1 : all.lines * width_runs(spec);
  return all;
}

const char* make_plan(const Machine& machine, Plan* plan) {
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  const int64_t in = spec.group_in_channels();
  const int64_t out = spec.group_out_channels();
  int64_t offsets = 1;
  for (int axis = 0; axis < 3 && offsets <= kMostSteps; ++axis) {
    offsets *= AxisPhases::most_offsets(spec, axis);
  }
  // What the panels and the products of kPanel positions need.
  if (offsets * in > kMostSteps) return "takes no kernel this large";
  const PhaseCounts all = phase_counts(problem);
  if (all.phases * spec.out_channels > kMostSteps) return "takes no layer of this many phases";
  const int64_t depth = all.offsets * in;
  const int64_t rows = all.lines * AxisPhases::count(spec, 2) * out;
  Blocks cut;
  for (int axis = 0; axis < 3; ++axis) {
    cut.steps[axis] =
        static_cast<int32_t>((problem.output[axis] - 1) / AxisPhases::count(spec, axis) + 1);
  }
  cut.positions = all.positions;
  cut.streams_weights = spec.kernel_elements() * in * out + rows > machine.cached_weights;
  // A convolution over an input with holes of its own may read nothing but these.
  const int64_t position_bytes = 4 * std::max<int64_t>(1, depth + rows);
  const int64_t whole = std::max<int64_t>(whole_panels(cut.positions), kPanel);
  const int64_t share = ceil_divide(whole / kPanel, machine.threads) * kPanel;
  const int64_t panels = cut.streams_weights ? machine.polyphase_least_streamed_panels
                                             : machine.polyphase_least_panels;
  const int64_t bytes = machine.polyphase_block_bytes;
  const int64_t least = position_bytes > bytes ? kPanel : panels * kPanel;
  cut.block = std::clamp(bytes / position_bytes / kPanel * kPanel, least,
                         std::max(least, machine.polyphase_most_positions));
  cut.block = std::min(cut.block, spec.groups >= machine.threads ? whole : share);
  // Equal blocks instead of a small last one.
  cut.block = whole_panels(ceil_divide(whole, ceil_divide(whole, cut.block)));
  cut.blocks = ceil_divide(cut.positions, cut.block);
  cut.panel_elements = depth * cut.block;
  cut.worker_elements = cut.panel_elements + rows * cut.block;
  plan->set_cut(cut);
  plan->scratch_elements = cut.worker_elements * machine.threads;
  plan->nanoseconds = polyphase_nanoseconds(problem, all);
  return nullptr;
}

}  // namespace

const RouteEntry kPolyphaseRoute = {
    .id = RouteId::kPolyphase,
    .name = "polyphase",
    .plan = make_plan,
    .create = [](const Spec& spec) -> std::unique_ptr<Route> {
      return std::unique_ptr<Route>(new (std::nothrow) PolyphaseRoute(spec));
    },
};

}  // namespace deconv
