#include "routes/cost.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axis_phases.h"
#include "deconv/planner.h"
#include "machine.h"
#include "matrix_tile.h"
#include "routes/depthwise.h"
#include "routes/winograd_forms.h"
#include "routes/winograd_line_forms.h"
#include "routes/winograd_weights.h"

namespace deconv {
namespace {

#ifdef __wasm_relaxed_simd__
// Four rows and fewer wait now and then for a sum, or for loads.
constexpr double kTileStep[] = {0, 0.62, 0.7, 0.95, 1.3, 1.51, 1.73};
// Implicit GEMM: a step of the depth of a tile.
constexpr double kPositionsStep = 1.66;
// XNNPACK: one input channel of one tap and eight output channels, and what each tap takes beside.
constexpr double kXnnpackStep = 0.295;
constexpr double kXnnpackTap = 0.21;
// Of a tile on pairs of integers and on quads, in those on floats.
constexpr double kWordsStep[] = {1, 1.25, 0.97};
#else
constexpr double kTileStep[] = {0, 0.64, 0.9, 1.19, 1.49, 1.85};
constexpr double kPositionsStep = 1.66;
constexpr double kXnnpackStep = 0.41;
constexpr double kXnnpackTap = 0.29;
constexpr double kWordsStep[] = {1, 1};
#endif
static_assert(std::size(kTileStep) == kTileRows + 1);

// One value from one layout to the other; a ReLU in a pass of its own, or while the layout changes.
constexpr double kTransposedValue = 0.2;
constexpr double kTransposedByte = 0.08;
// To measure and quantize a value, or to make a float of it; to make a float of the int8 on its way
// into a route of float32, and a result of its sum.
constexpr double kConvertedValue = 0.35;
constexpr double kWidenedValue = 0.15;
constexpr double kRescaledValue = 0.3;
constexpr double kReluValue = 0.12;
constexpr double kReluOnTheWay = 0.02;
// A value of pixels of fewer than four channels, which no shuffle writes.
constexpr double kWrittenAlone = 0.5;
// What stays in a second-level cache; and a value beyond it whose layout changes.
constexpr double kCachedValues = 4e5;
constexpr double kTransposedBeyond = 0.6;
// To find the positions of a panel that are not beside each other in planes.
constexpr double kFoundPanel = 31;

}  // namespace

double polyphase_nanoseconds(const Problem& problem, const Blocks& cut) {
  const Spec& spec = problem.spec;
  const double in = spec.group_in_channels();
  const double out = spec.group_out_channels();
  const auto width_phases = static_cast<double>(AxisPhases::count(spec, 2));
  const auto image_phases =
      static_cast<double>(AxisPhases::count(spec, 0) * AxisPhases::count(spec, 1));
  const double written = static_cast<double>(cut.rows) / out;
  const Planes& band = cut.planes;
  const double jobs = static_cast<double>(problem.batch) * spec.groups;
  const double lines = jobs * band.cells[0] * band.cells[1];
  const double panels =
      cut.reads_planes ? lines * static_cast<double>(whole_panels(band.cells[2]) / kPanel)
                       : static_cast<double>(whole_panels(cut.all_cells) / kPanel * spec.groups);
  const auto products = static_cast<double>(cut.products);
  const auto rows = std::max<int64_t>(1, static_cast<int64_t>(written / products * out));
  const double taps = static_cast<double>(spec.kernel_elements()) * products /
                      (spec.transposed ? std::max(1.0, written) : 1);
  const bool last = !problem.output_in_planes();
  const bool planes = problem.layout == Layout::kChannelsFirst;
  const auto rows_of_cells = static_cast<double>(cut.all_cells / cut.cells[2]);
  const bool gathers = planes && !spec.transposed && spec.stride[2] > 1;
  // Panels of a row are packed together, but for those at its ends.
  const double beside =
      planes && AxisPhases::step(spec, 2) == 1 ? panels / spec.groups / rows_of_cells : 1;
  const double pack = cut.reads_planes ? 0
                                       : static_cast<double>(cut.depth) *
                                                 (beside >= 2 ? (4 + 26 / beside) / in + 1
                                                              : 18 / in + (gathers  ? 4.5
                                                                           : planes ? 1.5
                                                                                    : 0.57)) +
                                             (planes ? 0 : kFoundPanel);
  const auto tiles = static_cast<double>(Tiling(rows, cut.words).count);
  const double product = taps * in * tile_step_nanoseconds(rows, cut.words);
  // Rows of a band.
  const double copied_rows = jobs * band.cells[0] * band.row_blocks * band.column_blocks * in *
                             static_cast<double>(AxisPhases::most_offsets(spec, 0) * band.step[1] *
                                                 band.step[2] * band.band_rows);
  const double copy =
      cut.reads_planes ? 15 * lines * products * tiles + copied_rows * (band.step[2] == 1 ? 15 : 23)
                       : 0;
  const bool as_written = cut.one_phase && (!cut.reads_planes || band.cells[2] % kPanel == 0);
  // Up to four phases beside each other have shuffles of their own, and multiples of four go by
  // fours, each into another cache line.
  const bool by_fours = AxisPhases::count(spec, 2) % 4 == 0;
  const double write = kPanel * out *
                       (written * (as_written          ? 0.1
                                   : last              ? 0.31 + (out < 4 ? kWrittenAlone : 0)
                                   : width_phases <= 4 ? 0.19
                                   : by_fours          ? 0.33
                                                       : 0.73) +
                        (image_phases * width_phases - written) * 0.06);
  return 1150 + copy + panels * (pack + product + write) + 70 * rows_of_cells * spec.groups +
         memory_nanoseconds(problem, 0.24);
}

double scatter_nanoseconds(const Problem& problem, const Strips& cut) {
  const Spec& spec = problem.spec;
  const double in = spec.group_in_channels();
  const int64_t rows = spec.kernel_elements() * spec.group_out_channels();
  const double images = static_cast<double>(problem.batch) * spec.groups;
  // Neighbouring strips compute what both read, none more than all.
  const int64_t extent = problem.input[cut.axis];
  const int64_t read = std::min(extent + (cut.strips - 1) * cut.overlap,
                                cut.strips * std::min(cut.strip + cut.overlap, extent));
  const int64_t positions = read * cut.slice;
  const double panels = images * static_cast<double>(positions) / kPanel;
  const double product =
      in * (0.45 + tile_step_nanoseconds(rows)) + 11 * static_cast<double>(Tiling(rows).count);
  const double added_rows =
      images * static_cast<double>(rows) * problem.input[0] * problem.input[1];
  // Products that do not stay in the second-level cache until they are added.
  constexpr int64_t kCachedProducts = 400'000;
  const bool spills = cut.product_elements > kCachedProducts;
  const double added = added_rows * (2.4 + (spills ? 0.06 * problem.input[2] : 0));
  const auto outputs = static_cast<double>(problem.output_elements());
  // Every row of the output is walked by itself; what no stamp reaches is filled.
  const double output_rows = images * problem.output[0] * problem.output[1];
  const bool holes = spec.kernel[0] < spec.stride[0] || spec.kernel[1] < spec.stride[1] ||
                     spec.kernel[2] < spec.stride[2];
  const bool alone = spec.group_out_channels() < 4 && !problem.output_in_planes();
  return 400 + panels * product + added + 75 * output_rows +
         (0.2 + (holes ? 0.2 : 0) + (alone ? 0.8 : 0)) * outputs +
         memory_nanoseconds(problem, 0.28);
}

double winograd_nanoseconds(const Form& form, const Problem& problem, const Bands& cut,
                            const WinogradWork& work) {
  const Spec& spec = problem.spec;
  const double phases = spec.transposed ? 1.0 * spec.stride[1] * spec.stride[2] : 1;
  const double rows = phases * spec.group_out_channels();
  // To transform a quad of an input channel, and of a row of the product.
  const auto [input, output] = form.points == 36   ? std::pair{34, 70}
                               : form.points == 25 ? std::pair{26, 57}
                               : form.points == 8  ? std::pair{9, 17}
                                                   : std::pair{14, 19};
  const double jobs = static_cast<double>(problem.batch) * problem.output[0] * spec.groups;
  const auto quads = static_cast<double>(cut.tile_rows * cut.quads);
  const auto again = static_cast<double>(cut.bands * cut.quads) * (work.lines - 1);
  const int64_t last_rows = cut.tile_rows - (cut.bands - 1) * cut.band_rows;
  const auto panels =
      static_cast<double>((cut.bands - 1) * cut.panels + (last_rows * cut.quads + 1) / 2);
  const double depth_phases = spec.transposed ? spec.stride[0] : 1;
  const double weights = rows * work.depths * spec.groups * depth_phases;
  // What does not stay in the cache comes from memory for every band, or is transformed for it.
  const double streamed =
      work.transforms == WeightTransforms::kEachBand
          ? weights
          : std::max(0.0, weights - static_cast<double>(machine.cached_weights));
  const double once = work.transforms == WeightTransforms::kEachRun ? 0.25 : 0.003;
  const double read = once * weights + 0.25 * streamed * static_cast<double>(cut.bands) * jobs /
                                           spec.groups / depth_phases;
  // The padded planes, value by value and row by row.
  const double padded = work.planes * static_cast<double>(cut.bands * cut.plane) *
                        (0.26 + 5.5 / static_cast<double>(cut.pitch));
  return 2500 +
         jobs * ((padded + (quads + again) * input * work.pairs * work.planes) / work.together +
                 quads * output * rows + panels * work.depths * work.products) +
         read + memory_nanoseconds(problem, 0.25);
}

double winograd_line_nanoseconds(const LineForm& form, const Problem& problem, const Stretches& cut,
                                 int64_t windows, double products, int64_t pieces, int64_t dilation,
                                 WeightTransforms transforms) {
  const Spec& spec = problem.spec;
  const double in = spec.group_in_channels();
  double rows = spec.group_out_channels();
  double blocks = static_cast<double>(cut.parts) * problem.batch * spec.groups;
  for (int axis = 0; axis < 3; ++axis) {
    rows *= static_cast<double>(AxisPhases::count(spec, axis));
    blocks *= cut.bundles[axis];
  }
  const auto panels = static_cast<double>(cut.runs * dilation);
  const auto read = static_cast<double>((cut.runs + pieces - 1) * dilation);
  const double input = 2 * form.reads * static_cast<double>(windows);
  const double output = 4.3 * form.reads;
  // Weights of a group, and the blocks that they are transformed for.
  const double weights = form.reads * rows * in * static_cast<double>(pieces);
  const double again = transforms == WeightTransforms::kOnce ? 0
                       : transforms == WeightTransforms::kEachRun
                           ? weights * spec.groups
                           : std::ceil(blocks / static_cast<double>(cut.together)) * weights;
  const bool last = problem.layout == Layout::kChannelsLast;
  const double moved = (last ? 0.2 * static_cast<double>(problem.input_elements()) : 0) +
                       (cut.direct ? 0 : 0.2 * static_cast<double>(problem.output_elements()));
  return 2500 + moved +
         blocks *
             (in * static_cast<double>(windows) * 31 + in * read * input + rows * panels * output +
              form.reads * static_cast<double>(pieces) * in * panels * products) +
         0.003 * weights * spec.groups + 0.4 * again + memory_nanoseconds(problem, 0.25);
}

double implicit_gemm_nanoseconds(const Problem& problem, const Positions& cut) {
  const Spec& spec = problem.spec;
  double phases = 1;
  for (int axis = 0; axis < 3; ++axis) phases *= static_cast<double>(AxisPhases::count(spec, axis));
  double taps = static_cast<double>(spec.kernel_elements());
  if (spec.transposed) taps /= phases;
  // Cells that read beyond the input at either end, whose values are copied.
  auto inner = static_cast<double>(problem.batch);
  for (int axis = 0; axis < 3; ++axis) {
    double beyond = 0;
    for (const int32_t pad : {spec.pad_before[axis], spec.pad_after[axis]}) {
      const int64_t most = spec.transposed ? AxisPhases::reach(spec, axis) - pad : pad;
      beyond += static_cast<double>(std::max<int64_t>(0, most));
    }
    beyond /= spec.transposed ? spec.stride[axis] : spec.input_dilation[axis];
    const double ends = std::ceil(beyond / static_cast<double>(AxisPhases::step(spec, axis)));
    inner *= std::max(0.0, cut.cells[axis] - ends);
  }
  phases /= cut.beside * cut.below;
  const double depth = taps * spec.group_in_channels();
  const double row_taps = spec.kernel[2] / (spec.transposed ? 1.0 * spec.stride[2] : 1);
  const bool together = spec.groups == 1 && spec.dilation[2] == 1;
  const double runs = together ? taps / std::max(1.0, row_taps) : taps;
  const double jobs = phases * spec.groups;
  const double tiles = jobs * static_cast<double>(ceil_divide(cut.all_cells, kTileRows));
  const double positions = jobs * static_cast<double>(cut.all_cells);
  const double copied = jobs * (static_cast<double>(cut.all_cells) - inner);
  const int32_t columns = spec.group_out_channels() * cut.beside * cut.below;
  const int32_t rest = columns % kPanel;
  const double whole = columns / kPanel + (rest > kPanel / 2 ? 1 : 0);
  const double half = rest > 0 && rest <= kPanel / 2 ? 1 : 0;
  return 400 +
         tiles * ((whole + 0.68 * half) * kPositionsStep * depth +
                  (whole + half) * (4.2 + 0.2 * runs)) +
         positions * 1.7 + copied * (0.087 * depth + 9.8 * runs) +
         memory_nanoseconds(problem, 0.09);
}

double xnnpack_deconvolution_nanoseconds(const Problem& problem, double columns, bool phases) {
  const Spec& spec = problem.spec;
  const double positions = static_cast<double>(problem.batch * problem.output_points()) /
                           problem.output[2] * columns * spec.groups;
  // Without phases every tap is multiplied, most of them with inserted zeros.
  const double taps = static_cast<double>(spec.kernel_elements()) /
                      (phases ? 1.0 * spec.stride[1] * spec.stride[2] : 1.0);
  const double in = spec.group_in_channels();
  const double outs = spec.group_out_channels();
  // Its micro-kernels are eight output channels wide, and two for a group of a few.
  if (outs <= 4) {
    const double step = outs <= 2 ? 0.077 : 0.165;
    return 500 + positions * (taps * (in * step + 0.6) + 3.4) + memory_nanoseconds(problem, 0.45);
  }
  const double vectors = std::ceil(outs / 8.0);
  return 500 + positions * (taps * vectors * (in * kXnnpackStep + kXnnpackTap) + 3.7) +
         memory_nanoseconds(problem, 0.11);
}

double widening_nanoseconds(const Problem& problem) {
  return kWidenedValue * static_cast<double>(problem.input_elements()) +
         kRescaledValue * static_cast<double>(problem.output_elements());
}

double depthwise_nanoseconds(const Problem& problem, const depthwise::TileGrid& grid) {
  const Spec& spec = problem.spec;
  const auto tiles = static_cast<double>(grid.count);
  const auto outputs = static_cast<double>(problem.output_elements());
  const double copied = tiles * static_cast<double>(grid.copy_floats);
  const double macs = problem.multiply_accumulates();
  const double phases = spec.transposed ? spec.stride[2] : 1;
  if (depthwise::runs_planes(problem)) {
    const double steps = std::ceil(problem.output[2] / phases);
    const double filled = std::ceil(steps / 4) * 4 / steps;
    const double rows = outputs / problem.output[2];
    double taps = static_cast<double>(spec.kernel_elements()) * spec.group_in_channels();
    if (spec.transposed) taps /= 1.0 * spec.stride[0] * spec.stride[1] * spec.stride[2];
    return 2000 + 240 * tiles + 0.056 * macs * filled + 0.05 * (outputs + copied) +
           rows * (14 + phases * (2 + 0.18 * taps)) + memory_nanoseconds(problem, 0.17);
  }
  const double lanes = whole_vectors(spec.out_channels) / static_cast<double>(spec.out_channels);
  const auto points = static_cast<double>(problem.batch * problem.output_points());
  const double expanded =
      depthwise::expands_channels(spec) ? 1.1 * static_cast<double>(problem.input_elements()) : 0;
  return 2000 + 200 * tiles + 0.07 * macs * lanes + 0.15 * copied + expanded +
         points * (0.1 + 95 * phases / problem.output[2]) + memory_nanoseconds(problem, 0.27);
}

// About one multiply-accumulate a nanosecond, plus finding the taps of each output value.
double scalar_nanoseconds(const Problem& problem) {
  return problem.multiply_accumulates() +
         static_cast<double>(problem.output_elements()) *
             (25 + 2 * static_cast<double>(problem.spec.kernel_elements()));
}

double tile_step_nanoseconds(int64_t rows, Words words) {
  const Tiling tiling(rows, words);
  return kWordsStep[static_cast<int>(words)] *
         (static_cast<double>(tiling.taller) * kTileStep[tiling.height(0)] +
          static_cast<double>(tiling.count - tiling.taller) * kTileStep[tiling.low]);
}

double memory_nanoseconds(const Problem& problem, double a_value) {
  const double values = static_cast<double>(problem.input_elements()) +
                        static_cast<double>(problem.output_elements());
  return a_value * std::max(0.0, values - kCachedValues);
}

double surrounding_nanoseconds(const Plan& plan) {
  const auto inputs = static_cast<double>(plan.problem.input_elements());
  const auto outputs = static_cast<double>(plan.problem.output_elements());
  double nanoseconds = 0;
  const Spec& spec = plan.problem.spec;
  double changed = 0;
  if (!plan.input_as_is) {
    nanoseconds += (spec.quantized() ? kTransposedByte : kTransposedValue) * inputs;
    changed += spec.quantized() ? inputs / 4 : inputs;
  }
  if (!plan.output_as_is) {
    nanoseconds += (spec.fixed() ? kTransposedByte : kTransposedValue) * outputs;
    changed += spec.fixed() ? outputs / 4 : outputs;
  }
  nanoseconds += kTransposedBeyond * std::max(0.0, changed - kCachedValues);
  if (spec.quantized()) nanoseconds += kConvertedValue * (inputs + outputs);
  if (plan.leaves_relu) nanoseconds += (plan.output_as_is ? kReluValue : kReluOnTheWay) * outputs;
  return nanoseconds;
}

}  // namespace deconv
