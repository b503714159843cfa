// Products by phases with fewer multiplications: Winograd's F(m x m, r x r) (Lavin and Gray, Fast
// Algorithms for Convolutional Neural Networks, 2015) over windows of r x r input offsets. A tile
// of m x m steps reads n x n input positions, n = m + r - 1, and takes n * n products of each
// channel pair for each phase. Phases whose taps fit one window share its transformed input.
//
//   F(4, 3)  36 products replace 144 of a 3 x 3 kernel; 144 replace 400 of a 5 x 5 kernel of
//            stride 2, whose four phases share one window
//   F(4, 2)  25 replace 64 of each phase of a 4 x 4 kernel of stride 2, whose phases fill four
//            windows; 100 replace 144 of a 3 x 3 kernel of stride 2, whose phases share one
//            Of a strided convolution 100 replace 256 of a 4 x 4 kernel of stride 2, and 81 replace
//            144 of a 3 x 3
//   F(2, 2)  9 replace 16: small images, and weights that grow less
//   F(4, 5)  8 replace 20 of each row of a 5 x 5 kernel, and of a 9 x 9 kernel of stride 2, whose
//            phases share one window: along the width alone, where the products of all rows of the
//            kernel are summed before they are transformed back
//
// A convolution of stride s x s is the sum of s * s of stride 1, one of each parity of the input's
// positions with the taps that meet it. The parities are further input channels, separated while
// the input is copied, and summed before they are transformed back. What a parity of fewer taps
// gives at the point infinity is zero, and left out.
//
// The taps of the depth are further input channels as well: a slice of the output is the sum of
// what they take from as many slices of the input.
//
// It rounds otherwise than a plain sum. With u = 2^-24, and X and W the largest |input| and
// |weight| of a window,
//   |error| <= c * (channels + 20) * u * channels * X * W
// in the worst case, where c is the product over both axes of the largest row of |A^T| (|G| |B^T|):
// 2304 for F(4, 3), 400 for F(4, 2), 16 for F(2, 2), and 87 for F(4, 5), where `channels` counts
// each row of the kernel as well, and for all each parity and tap of the depth. Of random values
// the error of F(4, 3) is some ten times that of a plain sum. A NaN or infinity reaches all outputs
// of the tiles that read it. `Spec::exact` turns the routes off.

#include <algorithm>
#include <span>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "divide.h"
#include "layout.h"
#include "matrix_tile.h"
#include "parallel.h"
#include "phase_writer.h"
#include "routes/cost.h"
#include "routes/phase_windows.h"
#include "routes/route.h"
#include "routes/winograd_forms.h"
#include "routes/winograd_weights.h"
#include "simd.h"

namespace deconv {
namespace {

// Offsets of the height whose products are summed where the width alone is transformed.
constexpr int kMostLines = 16;
constexpr int64_t kCacheLine = 16;

// A window of each axis: the rows of its product are its phases by output channels.
struct Pair {
  PhaseWindow height;
  PhaseWindow width;

  int64_t rows(int64_t channels) const { return height.phases * width.phases * channels; }
  // What number the phase of a row has among all, of which `width_phases` are in a line.
  int64_t phase(int64_t index, int32_t width_phases) const {
    return (height.first_phase + index / width.phases) * width_phases + width.first_phase +
           index % width.phases;
  }
};

// Taps that a window of the height has.
int height_taps(const Form& form) { return form.width_alone() ? kMostLines : form.taps; }
int height_steps(const Form& form) { return form.width_alone() ? 1 : form.steps; }

// Rows of transformed inputs that a row of steps is summed of: one, where the height is transformed
// as well.
int64_t lines_of(const Form& form, const Spec& spec) {
  if (!form.width_alone()) return 1;
  const int64_t count = AxisPhases::inputs_of(spec, 1, {0, AxisPhases::count(spec, 1)}).count();
  return ceil_divide(count, AxisPhases::step(spec, 1));
}

// Parities of an axis of the input that taps meet: parity p has the positions p, p + step ...
// behind the first that the first window reads.
int64_t parities_of(const Spec& spec, int axis) {
  return spec.transposed ? 1 : std::min(spec.stride[axis], spec.kernel[axis]);
}

// One parity of each axis, whose planes stand behind those of the one before.
struct Parity {
  int64_t height;
  int64_t width;
};

template <typename Visit>
void visit_parities(const Spec& spec, const Visit& visit) {
  for (int64_t height = 0; height < parities_of(spec, 1); ++height) {
    for (int64_t width = 0; width < parities_of(spec, 2); ++width) visit(Parity{height, width});
  }
}

// Rows of the products of a slice.
int64_t row_count(const Spec& spec) {
  return (spec.transposed ? int64_t{spec.stride[1]} * spec.stride[2] : 1) *
         spec.group_out_channels();
}

// What products sum over: parities by their lines, as many channels each.
struct SummedParts {
  SummedParts(const Form& form, const Spec& spec, const Machine& sizes);

  struct Part {
    Parity parity;
    int64_t line;
  };
  Part parts[WinogradWeights::kMostParts];
  WinogradWeights weights;
};

SummedParts::SummedParts(const Form& form, const Spec& spec, const Machine& sizes)
    : weights(form.weights, !form.width_alone()) {
  visit_parities(spec, [&](const Parity& parity) {
    const int64_t height = ceil_divide(spec.kernel[1] - parity.height, spec.stride[1]);
    const int64_t width = ceil_divide(spec.kernel[2] - parity.width, spec.stride[2]);
    const int64_t lines = !form.width_alone() ? 1 : spec.transposed ? lines_of(form, spec) : height;
    for (int64_t line = 0; line < lines; ++line) {
      parts[weights.parts()] = {parity, line};
      weights.add(form.width_alone() || spec.transposed || height >= form.taps,
                  spec.transposed || width >= form.taps);
    }
  });
  const int64_t rows = row_count(spec);
  weights.choose(rows * spec.kernel[0] * spec.in_channels,
                 rows / spec.group_out_channels() * form.steps * height_steps(form), spec, sizes);
}

// Slices of the input that one of the output is summed of, at most.
int64_t slices_of(const Spec& spec) {
  return spec.transposed ? ceil_divide(spec.kernel[0], spec.stride[0]) : spec.kernel[0];
}

// Whether no phase of an axis without dilation has more than so many taps of one parity.
bool phases_fit(const Spec& spec, int axis, int taps) {
  const auto count = static_cast<int32_t>(AxisPhases::count(spec, axis));
  for (int32_t phase = 0; phase < count; ++phase) {
    const Range offsets = AxisPhases::inputs_of(spec, axis, {phase, phase + 1});
    if (ceil_divide(offsets.count(), AxisPhases::step(spec, axis)) > taps) return false;
  }
  return true;
}

// Calls visit(pair) with every pair of windows.
template <typename Visit>
void visit_pairs(const Form& form, const Spec& spec, const Visit& visit) {
  visit_windows(spec, 1, height_taps(form), [&](const PhaseWindow& height) {
    visit_windows(spec, 2, form.taps,
                  [&](const PhaseWindow& width) { visit(Pair{height, width}); });
  });
}

// Slices of the output behind each other that are sums of the same slices of the input, and share
// their transforms: they begin where position + crop is a multiple of so many.
int64_t slices_together(const Spec& spec) {
  return spec.transposed && spec.kernel[0] % spec.stride[0] == 0 ? spec.stride[0] : 1;
}

// Of all positions, the crop included.
Range shares_of(const Problem& problem) {
  const int64_t together = slices_together(problem.spec);
  const int64_t crop = together > 1 ? problem.spec.pad_before[0] : 0;
  return {-ceil_divide(-crop, together), ceil_divide(problem.output[0] + crop, together)};
}

// Planes of a group: of every channel of a slice one of each parity.
int64_t planes_of(const Spec& spec) {
  return parities_of(spec, 1) * parities_of(spec, 2) * slices_of(spec) * spec.group_in_channels();
}

class WinogradRoute final : public Route {
 public:
  WinogradRoute(const Form& form, const Spec& spec)
      : form_(form),
        spec_(spec),
        lines_(lines_of(form, spec)),
        planes_(planes_of(spec)),
        summed_(form, spec, machine),
        weights_(summed_.weights) {}

  Status set_parameters(const float* weight, const float* bias) override;
  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override;

 private:
  // The rows of transformed inputs that a point sums.
  struct Sum {
    Segment segments[WinogradWeights::kMostParts];
    int32_t count;
    int64_t depth;
  };
  struct Run : deconv::Run<Bands> {
    // Of as many slices as may be, and of one fewer; by kind_of() a point.
    Sum sums[2][4];
  };
  // Rows of tiles of one channel group of slices of the output that share their transforms.
  struct Band {
    int64_t image;
    Range depths;
    int32_t channel_group;
    int64_t first;
    int64_t rows;
    std::span<const AxisPhases::Tap> slices;
    int64_t first_slice;  // of the input, from which offsets count
    int64_t channels;     // of all slices
    int64_t planes;
  };
  // What a worker computes with.
  struct Memory {
    float* planes;       // [parity][channel][padded rows][pitch]
    float* transformed;  // [point][panel][parity][channel][kPanel], of one pair of windows
    float* products;     // [point][row of a tile][panel][kPanel]
    float* weights;      // of the points of a line
    float* results;      // [depth][phase][channel][step row][result pitch]
  };
  // Points of infinity along either axis may leave out parities; other points sum alike.
  int kind_of(int point) const {
    const int last = form_.reads - 1;
    return (point / form_.reads == last ? 2 : 0) + (point % form_.reads == last ? 1 : 0);
  }
  Sum sum_at(int point, int64_t quads, int64_t channels) const;
  Band band_of(const Run& run, int64_t item) const;
  // The tiles of a phase of the depth stand behind those before it, of as many values:
  // kept_elements() is a line in the number of channels.
  int64_t values_before(int32_t phase) const {
    const int64_t channels = int64_t{axes_[0].first_tap(phase)} * spec_.group_in_channels();
    return spec_.groups * row_count(spec_) *
           (weights_.kept_elements(channels) + (phase - 1) * weights_.kept_elements(0));
  }
  float* tiles_of(int32_t phase) const { return tiles_.data() + values_before(phase); }
  void gather(const Pair& pair, int32_t depth_phase, const WinogradWeights::Taps& taps) const;
  void transform_weights(float* target) const;
  void pad(const Run& run, const Band& band, float* planes) const;
  void transform(const Run& run, const Band& band, const Pair& pair, const Memory& memory) const;
  void multiply(const Run& run, const Band& band, const Pair& pair, const float* tiles,
                const Memory& memory, float* results) const;
  void write(const Run& run, const Band& band, int64_t depth, const float* results) const;

  const Form& form_;
  const Spec spec_;
  const int64_t lines_;
  const int64_t planes_;  // at most
  const SummedParts summed_;
  const WinogradWeights& weights_;
  AxisPhases axes_[3];
  Buffer tiles_;  // [phase of the depth][pair][channel group][tile]
  Buffer bias_;
};

Status WinogradRoute::set_parameters(const float* weight, const float* bias) {
  if (!AxisPhases::derive_all(spec_, axes_)) return Status::kOutOfMemory;
  const int64_t out = spec_.group_out_channels();
  const int32_t phases = axes_[0].count();
  if (!tiles_.reserve(values_before(phases)) || !bias_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  std::copy_n(bias, spec_.out_channels, bias_.data());
  for (int32_t phase = 0; phase < phases; ++phase) {
    float* target = tiles_of(phase);
    const int64_t slices = std::ssize(axes_[0].taps(phase));
    visit_pairs(form_, spec_, [&](const Pair& pair) {
      for (int32_t group = 0; group < spec_.groups; ++group) {
        weights_.pack(spec_, weight + spec_.first_kernel(group * out), pair.rows(out), slices,
                      target,
                      [&](const WinogradWeights::Taps& taps) { gather(pair, phase, taps); });
        target += pair.rows(out) * weights_.kept_elements(slices * spec_.group_in_channels());
      }
    });
  }
  return Status::kOk;
}

// Taps of a group, where the phase of its rows has some.
void WinogradRoute::gather(const Pair& pair, int32_t depth_phase,
                           const WinogradWeights::Taps& taps) const {
  const int32_t slice = axes_[0].taps(depth_phase).data()[taps.slice].tap;
  const auto phase = static_cast<int32_t>(pair.phase(taps.phase, axes_[2].count()));
  const auto [parity, line] = summed_.parts[taps.part];
  for (const AxisPhases::Tap& h : axes_[1].taps(phase / axes_[2].count())) {
    const int64_t row = h.offset - pair.height.offset;
    if (row % axes_[1].step() != parity.height) continue;
    const int64_t row_of_window = row / axes_[1].step();
    if (form_.width_alone() && row_of_window != line) continue;
    for (const AxisPhases::Tap& w : axes_[2].taps(phase % axes_[2].count())) {
      const int64_t column = w.offset - pair.width.offset;
      if (column % axes_[2].step() != parity.width) continue;
      taps.copy(spec_.tap(slice, h.tap, w.tap),
                (row_of_window - line) * form_.taps + column / axes_[2].step());
    }
  }
}

// Of a kernel without depth.
void WinogradRoute::transform_weights(float* target) const {
  const float* kept = tiles_.data();
  visit_pairs(form_, spec_, [&](const Pair& pair) {
    weights_.transform_all(spec_.groups, pair.rows(spec_.group_out_channels()),
                           spec_.group_in_channels(), &kept, &target);
  });
}

Status WinogradRoute::run(const Plan& plan, const float* input, const Output& output,
                          float* scratch) {
  Run run{{plan.cut<Bands>(), plan.problem, input, output}, {}};
  for (int point = 0; point < form_.points; ++point) {
    for (const bool fewer : {false, true}) {
      Sum& sum = run.sums[fewer][kind_of(point)];
      const int64_t channels = (slices_of(spec_) - fewer) * spec_.group_in_channels();
      if (sum.count == 0) sum = sum_at(point, run.quads, channels);
    }
  }
  if (run.weights > 0) transform_weights(scratch);
  const int64_t shares = run.problem.batch * shares_of(run.problem).count();
  for_each_item(run.bands * shares * spec_.groups, [&](int64_t item, int worker) {
    const Band band = band_of(run, item);
    Memory memory;
    memory.planes = scratch + run.weights + worker * run.worker_elements;
    memory.transformed = memory.planes + planes_ * run.plane;
    memory.products = memory.transformed + form_.points * run.transformed_stride;
    memory.results = memory.products + form_.points * run.products_stride;
    memory.weights = memory.results + slices_together(spec_) * run.results;
    pad(run, band, memory.planes);
    int64_t tiles = 0;
    visit_pairs(form_, spec_, [&](const Pair& pair) {
      transform(run, band, pair, memory);
      for (int64_t depth = 0; depth < band.depths.count(); ++depth) {
        const int64_t phase = (band.depths.begin + depth) % axes_[0].count();
        const float* const all = run.weights > 0 ? scratch : tiles_of(static_cast<int32_t>(phase));
        multiply(run, band, pair, all + tiles, memory, memory.results + depth * run.results);
      }
      tiles += spec_.groups * pair.rows(spec_.group_out_channels()) *
               weights_.row_elements(band.channels);
    });
    for (int64_t depth = 0; depth < band.depths.count(); ++depth) {
      write(run, band, band.depths.begin + depth, memory.results + depth * run.results);
    }
  });
  return Status::kOk;
}

WinogradRoute::Band WinogradRoute::band_of(const Run& run, int64_t item) const {
  const int64_t first = item % run.bands * run.band_rows;
  const int64_t job = item / run.bands;
  const Range shares = shares_of(run.problem);
  const int64_t share = shares.begin + job / spec_.groups % shares.count();
  const int64_t together = slices_together(spec_);
  const int64_t begin = share * together - (together > 1 ? spec_.pad_before[0] : 0);
  const Range depths{std::max<int64_t>(begin, 0),
                     std::min<int64_t>(begin + together, run.problem.output[0])};
  const auto slices = axes_[0].taps(static_cast<int32_t>(depths.begin % axes_[0].count()));
  const int64_t channels = std::ssize(slices) * spec_.group_in_channels();
  return {.image = job / spec_.groups / shares.count(),
          .depths = depths,
          .channel_group = static_cast<int32_t>(job % spec_.groups),
          .first = first,
          .rows = std::min(run.band_rows, run.tile_rows - first),
          .slices = slices,
          .first_slice = depths.begin / axes_[0].count() * axes_[0].step(),
          .channels = channels,
          .planes = parities_of(spec_, 1) * parities_of(spec_, 2) * channels};
}

WinogradRoute::Sum WinogradRoute::sum_at(int point, int64_t quads, int64_t channels) const {
  Sum sum{.segments = {},
          .count = 0,
          .depth = channels * weights_.parts_at(point / form_.reads, point % form_.reads)};
  for (int part = 0; part < weights_.parts(); ++part) {
    if (!weights_.reaches(part, point / form_.reads, point % form_.reads)) continue;
    const auto& [parity, line] = summed_.parts[part];
    const int64_t before = parity.height * parities_of(spec_, 2) + parity.width;
    // A row of steps further lie as many panels as a row has.
    sum.segments[sum.count++] = {
        static_cast<int32_t>(line * quads / 2 * planes_ + before * channels),
        static_cast<int32_t>(channels)};
  }
  return sum;
}

// Copies the rows that a band reads, with zeros around the input, one plane a parity, slice and
// channel. In place, those that the band before has read as well are taken from its planes, which
// are these: their rows of the input may hold its output.
void WinogradRoute::pad(const Run& run, const Band& band, float* planes) const {
  const Problem& problem = run.problem;
  const int64_t in = spec_.group_in_channels();
  const int64_t steps = height_steps(form_);
  const int64_t padded_rows = band.rows * steps + run.overlap;
  const int64_t carried = run.input == run.output.values && band.first > 0 ? run.overlap : 0;
  for (int64_t plane = 0; plane < band.planes; ++plane) {
    float* const first = planes + plane * run.plane;
    std::copy_n(first + run.band_rows * steps * run.pitch, carried * run.pitch, first);
  }
  const int64_t first_channel = band.channel_group * in;
  const int64_t points = problem.input_points();
  const bool is_planes = problem.layout == Layout::kChannelsFirst;
  // Calls visit(row, columns, column) with what a row of a parity's planes has of the slice's.
  const auto visit_rows = [&](const Parity& parity, int64_t slice, const auto& visit) {
    const int64_t step = axes_[2].step();
    const int64_t first = run.first_column + parity.width;
    const Range columns = indices_inside(first, step, problem.input[2], {0, run.pitch});
    for (int64_t row = carried; row < padded_rows; ++row) {
      const int64_t height =
          (band.first * steps + row) * axes_[1].step() + run.first_row + parity.height;
      const bool inside = slice >= 0 && slice < problem.input[0] && height >= 0 &&
                          height < problem.input[1] && columns.count() > 0;
      visit(row, inside ? columns : Range{run.pitch, run.pitch},
            (slice * problem.input[1] + height) * problem.input[2] + first + columns.begin * step);
    }
  };
  const float* const source = run.input + band.image * spec_.in_channels * points;
  for (const AxisPhases::Tap& tap : band.slices) {
    const int64_t slice = band.first_slice + tap.offset;
    // From row to row of a plane the input is read in order.
    for (int64_t channel = 0; channel < in; ++channel) {
      float* plane = planes + channel * run.plane;
      visit_parities(spec_, [&](const Parity& parity) {
        visit_rows(parity, slice, [&](int64_t row, const Range& columns, int64_t point) {
          float* const line = plane + row * run.pitch;
          clear_floats(line, columns.begin);
          if (is_planes && columns.count() > 0) {
            copy_every(source + (first_channel + channel) * points + point, axes_[2].step(),
                       columns.count(), line + columns.begin);
          }
          clear_floats(line + columns.end, run.pitch - columns.end);
        });
        plane += band.channels * run.plane;
      });
    }
    float* first_plane = planes;
    planes += in * run.plane;
    if (is_planes) continue;
    visit_parities(spec_, [&](const Parity& parity) {
      visit_rows(parity, slice, [&](int64_t row, const Range& columns, int64_t point) {
        if (columns.count() == 0) return;
        transpose_block(columns.count(), in, source + point * spec_.in_channels + first_channel,
                        axes_[2].step() * spec_.in_channels,
                        first_plane + row * run.pitch + columns.begin, run.plane);
      });
      first_plane += band.channels * run.plane;
    });
  }
}

void WinogradRoute::transform(const Run& run, const Band& band, const Pair& pair,
                              const Memory& memory) const {
  const int64_t quads = (band.rows + lines_ - 1) * run.quads;
  const float* const first = memory.planes + (pair.height.offset - run.first_row) * run.pitch +
                             (pair.width.offset - run.first_column);
  const auto window_of = [&](int64_t quad) {
    const auto row = static_cast<int32_t>(quad) / static_cast<int32_t>(run.quads);
    return first + row * height_steps(form_) * run.pitch +
           (quad - row * run.quads) * kQuad * form_.steps;
  };
  // Two planes of a panel fill a line of the cache, and planes are read in order.
  constexpr int64_t kTogether = 2;
  for (int64_t begin = 0; begin < band.planes; begin += kTogether) {
    const int64_t end = std::min(begin + kTogether, band.planes);
    for (int64_t quad = 0; quad < quads; quad += 2) {
      const float* const left = window_of(quad);
      const float* const right = quad + 1 < quads ? window_of(quad + 1) : nullptr;
      for (int64_t plane = begin; plane < end; ++plane) {
        float* const panel = memory.transformed + (quad / 2 * planes_ + plane) * kPanel;
        const int64_t start = plane * run.plane;
        form_.transform_quad(left + start, run.pitch, panel, run.transformed_stride);
        if (right == nullptr) continue;
        form_.transform_quad(right + start, run.pitch, panel + kQuad, run.transformed_stride);
      }
    }
  }
  if (quads % 2 == 0) return;
  // The last half panel is computed with and never looked at; what is not zero may be slow.
  for (int point = 0; point < form_.points; ++point) {
    for (int64_t plane = 0; plane < band.planes; ++plane) {
      wasm_v128_store(memory.transformed + point * run.transformed_stride +
                          (quads / 2 * planes_ + plane) * kPanel + kQuad,
                      wasm_f32x4_const_splat(0));
    }
  }
}

void WinogradRoute::multiply(const Run& run, const Band& band, const Pair& pair, const float* tiles,
                             const Memory& memory, float* results) const {
  const int64_t out = spec_.group_out_channels();
  const int64_t quads = band.rows * run.quads;
  const int64_t pitch = run.panels * kPanel;
  const int64_t steps = height_steps(form_);
  const Tiling tiling(pair.rows(out));
  const int64_t row_elements = weights_.row_elements(band.channels);
  const float* tile = tiles + band.channel_group * pair.rows(out) * row_elements;
  const Sum* const sums = run.sums[std::ssize(band.slices) < slices_of(spec_)];
  for (int64_t index = 0; index < tiling.count; ++index) {
    const int height = tiling.height(index);
    const float* weights = nullptr;
    for (int point = 0; point < form_.points; ++point) {
      if (point % form_.reads == 0) {
        weights =
            weights_.load_line(tile, height, band.channels, point / form_.reads, memory.weights);
      }
      const Sum& sum = sums[kind_of(point)];
      multiply_tile(height, {.tile = weights,
                             .panels = memory.transformed + point * run.transformed_stride,
                             .panel_count = (quads + 1) / 2,
                             .panel_stride = planes_ * kPanel,
                             .segments = sum.segments,
                             .segment_count = sum.count,
                             .result = memory.products + point * run.products_stride,
                             .result_stride = pitch});
      weights += Tiling::packed_elements(height, sum.depth);
    }
    tile += height * row_elements;
    for (int tile_row = 0; tile_row < height; ++tile_row) {
      const int64_t row = tiling.first_row(index) + tile_row;
      const int64_t channel = row % out;
      const int64_t result = pair.phase(row / out, axes_[2].count()) * out + channel;
      const v128_t bias = wasm_v128_load32_splat(bias_.data() + band.channel_group * out + channel);
      const float* source = memory.products + tile_row * pitch;
      float* target = results + result * run.band_rows * steps * run.result_pitch;
      for (int64_t band_row = 0; band_row < band.rows; ++band_row) {
        for (int64_t quad = 0; quad < run.quads; ++quad, source += kQuad) {
          form_.transform_back(source, run.products_stride, bias, spec_.relu,
                               target + quad * kQuad * form_.steps, run.result_pitch);
        }
        target += steps * run.result_pitch;
      }
    }
  }
}

void WinogradRoute::write(const Run& run, const Band& band, int64_t depth,
                          const float* results) const {
  const Problem& problem = run.problem;
  const int32_t height_phases = axes_[1].count();
  const int32_t width_phases = axes_[2].count();
  const int64_t steps = height_steps(form_);
  const int64_t pitch = run.band_rows * steps * run.result_pitch;
  PhaseWriter writer(problem, run.output);
  for (int64_t row = 0; row < band.rows * steps; ++row) {
    for (int32_t phase = 0; phase < height_phases; ++phase) {
      const int64_t height = (band.first * steps + row) * height_phases + phase;
      if (height >= problem.output[1]) return;
      const int64_t first_row = int64_t{phase} * width_phases * spec_.group_out_channels();
      writer.write_phases(width_phases,
                          {.image = band.image,
                           .channel_group = band.channel_group,
                           .depth = depth,
                           .height = height,
                           .column = 0,
                           .columns = problem.output[2]},
                          results + first_row * pitch + row * run.result_pitch, pitch);
    }
  }
}

const char* refusal(const Form& form, const Problem& problem) {
  const Spec& spec = problem.spec;
  if (spec.exact) return "rounds more than a plain sum";
  if (too_few_channels(spec.group_in_channels() * slices_of(spec), problem)) {
    return "gains nothing with so few input channels";
  }
  for (int axis = 0; axis < 3; ++axis) {
    if (spec.dilation[axis] != 1 || spec.input_dilation[axis] != 1) return "takes no dilation";
    if (axis == 0) continue;
    if (spec.kernel[axis] <= spec.stride[axis] && !(form.width_alone() && axis == 1)) {
      return "gains nothing where phases have one tap";
    }
  }
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  if (lines_of(form, spec) > kMostLines) return "takes no kernel this tall";
  int64_t segments = lines_of(form, spec);
  for (int axis = 1; axis < 3; ++axis) {
    segments *= parities_of(spec, axis);
    if (segments > WinogradWeights::kMostParts) return "takes no strides this long";
  }
  return nullptr;
}

// Whether bands that are computed in order write over rows only that no later one reads, but for
// those that it takes from the band before.
bool overwrites(const Problem& problem, const Bands& cut) {
  const Spec& spec = problem.spec;
  return spec.stride == Axes{1, 1, 1} && spec.kernel[0] == 1 && spec.pad_before[0] == 0 &&
         spec.in_channels == spec.out_channels && problem.input == problem.output &&
         -cut.first_row <= cut.overlap;
}

const char* make_plan(const Form& form, const Machine& machine, Plan* plan) {
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (const char* reason = refusal(form, problem)) return reason;
  if (!phases_fit(spec, 1, height_taps(form)) || !phases_fit(spec, 2, form.taps)) {
    return form.too_many_taps;
  }
  const WinogradWeights weights = SummedParts(form, spec, machine).weights;
  if (row_count(spec) * spec.kernel[0] * weights.kept_elements(spec.in_channels) >
      kMostWinogradWeights) {
    return "would keep more than 80 MB of weights";
  }
  Bands cut;
  const int64_t lines = lines_of(form, spec);
  const int64_t steps = height_steps(form);
  int64_t column_overlap = 0;
  double products = 0;
  double pairs = 0;
  visit_pairs(form, spec, [&](const Pair& pair) {
    if (pairs == 0) {
      cut.first_row = pair.height.offset;
      cut.first_column = pair.width.offset;
    }
    cut.overlap = pair.height.offset - cut.first_row + (form.width_alone() ? lines : form.taps) - 1;
    column_overlap = pair.width.offset - cut.first_column + form.taps - 1;
    pairs += 1;
    products += tile_step_nanoseconds(pair.rows(spec.group_out_channels()));
  });
  const int64_t planes = planes_of(spec);
  cut.quads = ceil_divide(AxisPhases::cells(problem, 2), int64_t{form.steps} * kQuad);
  // Lines of transformed inputs begin with a panel where several are summed.
  if (lines > 1) cut.quads += cut.quads % 2;
  cut.tile_rows = ceil_divide(AxisPhases::cells(problem, 1), steps);
  cut.result_pitch = cut.quads * kQuad * form.steps;
  // Behind its last step a quad loads four columns.
  cut.pitch = cut.result_pitch + column_overlap + 1 - form.taps + 4;
  const int64_t jobs =
      std::max<int64_t>(1, problem.batch * shares_of(problem).count() * spec.groups);
  const int64_t wanted = ceil_divide(machine.threads, jobs);
  const int64_t row_bytes = 4 * form.points * planes * cut.quads * kQuad;
  cut.band_rows = std::max(machine.winograd_band_bytes / row_bytes,
                           (lines - 1) * machine.winograd_rows_per_line);
  if (weights.transforms() == WeightTransforms::kEachBand) {
    cut.band_rows = std::max(cut.band_rows, 2 * machine.winograd_least_streamed_panels / cut.quads);
  }
  cut.band_rows = std::clamp(cut.band_rows, int64_t{1},
                             std::max(ceil_divide(cut.tile_rows, wanted), int64_t{1}));
  cut.bands = ceil_divide(cut.tile_rows, cut.band_rows);
  cut.band_rows = ceil_divide(cut.tile_rows, cut.bands);
  // An odd number of quads would leave half of a panel empty. Bands that are there to give every
  // thread one stay equal.
  if (cut.bands > wanted && cut.quads % 2 != 0 && cut.band_rows % 2 != 0) {
    cut.band_rows = std::min(cut.band_rows + 1, cut.tile_rows);
  }
  cut.bands = ceil_divide(cut.tile_rows, cut.band_rows);
  cut.panels = (cut.band_rows * cut.quads + 1) / 2;
  cut.plane = (cut.band_rows * steps + cut.overlap) * cut.pitch;
  cut.transformed_stride =
      (cut.panels + (lines - 1) * cut.quads / 2) * planes * kPanel + kCacheLine;
  cut.products_stride = cut.panels * kTileRows * kPanel + kCacheLine;
  cut.results = row_count(spec) * cut.band_rows * steps * cut.result_pitch;
  cut.worker_elements = planes * cut.plane +
                        form.points * (cut.transformed_stride + cut.products_stride) +
                        slices_together(spec) * cut.results +
                        weights.scratch_elements(slices_of(spec) * spec.group_in_channels());
  cut.weights = weights.shared_elements(spec.groups * row_count(spec), spec.group_in_channels());
  plan->set_cut(cut, machine.threads, cut.weights);
  plan->in_place = machine.threads == 1 && overwrites(problem, cut);
  // On average, where the phases of the depth have not all as many.
  const double slices = spec.kernel[0] / (spec.transposed ? 1.0 * spec.stride[0] : 1.0);
  const double in = spec.group_in_channels();
  const auto parities = static_cast<double>(parities_of(spec, 1) * parities_of(spec, 2));
  plan->nanoseconds =
      winograd_nanoseconds(form, problem, cut,
                           {.pairs = pairs,
                            .together = static_cast<double>(slices_together(spec)),
                            .planes = slices * parities * in,
                            .products = products,
                            .lines = static_cast<double>(lines),
                            .depths = slices * in * static_cast<double>(weights.all_parts()),
                            .transforms = weights.transforms()});
  return nullptr;
}

template <const Form& form>
consteval RouteEntry entry(RouteId id, const char* name) {
  return {
      .id = id,
      .name = name,
      .plan = [](const Machine& machine, Plan* plan) { return make_plan(form, machine, plan); },
      .create = create_route<WinogradRoute, form>,
  };
}

}  // namespace

const RouteEntry kWinograd45Route = entry<kF45>(RouteId::kWinograd45, "winograd-f45");
const RouteEntry kWinograd43Route = entry<kF43>(RouteId::kWinograd43, "winograd-f43");
const RouteEntry kWinograd42Route = entry<kF42>(RouteId::kWinograd42, "winograd-f42");
const RouteEntry kWinograd22Route = entry<kF22>(RouteId::kWinograd22, "winograd-f22");

}  // namespace deconv
