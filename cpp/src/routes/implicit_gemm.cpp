// Any operator with channels last as one matrix product a phase of the output positions: rows of
// positions, each read where it lies, times columns of output channels. The matrix of what the
// positions read is never made (Chetlur et al., cuDNN: Efficient Primitives for Deep Learning,
// 2014), but for the rows of those that read beyond the input.
//
// A block is a run of cells (the q of the axis phases, those of all images behind each other). For
// each block, phase and group: find where its positions read, then let the weights pass by. Where
// the phases of the width read alike, a position of the product is a whole cell, and the channels
// of its outputs, which lie behind each other, are the columns.

#include <algorithm>
#include <span>

#include "axis_phases.h"
#include "deconv/buffer.h"
#include "parallel.h"
#include "positions_tile.h"
#include "routes/cost.h"
#include "routes/cursor.h"
#include "routes/cuts.h"
#include "routes/route.h"
#include "simd.h"

namespace deconv {
namespace {

// Steps of the depth that lie behind each other in the input and in the panels: the channels of
// some taps beside each other.
struct TapRun {
  const AxisPhases::Tap* depth;
  const AxisPhases::Tap* height;
  std::span<const AxisPhases::Tap> widths;
};

// Outputs behind each other in a row that are one position of the product.
int32_t outputs_beside(const Spec& spec) {
  const bool alike = spec.transposed && spec.groups == 1 && spec.kernel[2] == spec.stride[2] &&
                     spec.dilation[2] == 1 && spec.pad_before[2] == 0;
  return alike ? spec.stride[2] : 1;
}

// Floats that a pointer takes.
constexpr int64_t kPointerFloats = sizeof(float*) / sizeof(float);

class ImplicitGemm final : public Route {
 public:
  explicit ImplicitGemm(const Spec& spec)
      : spec_(spec), beside_(outputs_beside(spec)), columns_(spec.group_out_channels() * beside_) {}

  Status set_parameters(const float* weight, const float* bias) override {
    if (!AxisPhases::derive_all(spec_, axes_)) return Status::kOutOfMemory;
    const int64_t phases =
        int64_t{axes_[0].count()} * axes_[1].count() * axes_[2].count() / beside_;
    const int64_t columns = whole_vectors(int64_t{columns_});
    const int64_t kernel = spec_.kernel_elements();
    if (!phases_.reserve(phases) || !runs_.reserve(kernel) || !lengths_.reserve(kernel) ||
        !starts_.reserve(kernel) || !bias_.reserve(columns * spec_.groups) ||
        !panels_.reserve(kernel * spec_.group_in_channels() * columns * spec_.groups)) {
      return Status::kOutOfMemory;
    }
    phase_count_ = static_cast<int32_t>(phases);
    find_runs();
    for (int32_t group = 0; group < spec_.groups; ++group) {
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t out = spec_.group_out_channels();
        bias_[group * columns + column] = column < columns_ ? bias[group * out + column % out] : 0;
      }
    }
    for_each_item(int64_t{phase_count_} * spec_.groups, [&](int64_t item, int) {
      pack(phases_[item / spec_.groups], static_cast<int32_t>(item % spec_.groups), weight);
    });
    return Status::kOk;
  }

  Status run(const Plan& plan, const float* input, const Output& output, float* scratch) override {
    const Run run{plan.cut<Positions>(), plan.problem, input, output};
    find_starts(run.problem);
    for_each_piece(run.all_cells, run.block, [&](int64_t first, int64_t end, int worker) {
      const int64_t cells = end - first;
      Found found(run, scratch + worker * run.worker_elements);
      for (int32_t phase = 0; phase < phase_count_; ++phase) {
        for (int32_t group = 0; group < spec_.groups; ++group) {
          find_positions(run, phase, group, first, cells, found);
          multiply(phases_[phase], group, found);
        }
      }
      finish(run, first, cells);
    });
    return Status::kOk;
  }

 private:
  using Run = deconv::Run<Positions>;

  // Of outputs that are not beside each other.
  struct Phase {
    int32_t first_run;
    int32_t runs;
    int64_t depth;
    int64_t first_step;  // of the depths of all phases
  };

  // What a worker found: where the positions of some cells read and write, in tiles.
  class Found {
   public:
    Found(const Run& run, float* values)
        : results(reinterpret_cast<float**>(values)),
          reads(reinterpret_cast<const float**>(values + run.block * kPointerFloats)),
          copies(values + run.block * (run.runs + 1) * kPointerFloats) {}

    void clear() {
      count = row_ = 0;
      tile_ = reads;
    }

    // The next position, whose `runs` reads belong kTileRows apart from here on.
    const float** add(float* result, int32_t runs) {
      results[count++] = result;
      const float** const next = tile_ + row_;
      step(runs);
      return next;
    }

    // So many positions whose runs all lie in the input, `starts` behind `x` and `input_step` from
    // one to the next.
    void add(int64_t positions, const float* x, int64_t input_step, std::span<const int64_t> starts,
             float* result, int64_t output_step) {
      float** next = results + count;
      count += positions;
      while (positions > 0) {
        const auto rows = static_cast<int32_t>(std::min<int64_t>(kTileRows - row_, positions));
        const float** rest = tile_ + row_;
        for (const int64_t start : starts) {
          const float* read = x + start;
          for (int32_t row = 0; row < rows; ++row, read += input_step) rest[row] = read;
          rest += kTileRows;
        }
        for (int32_t row = 0; row < rows; ++row, result += output_step) *next++ = result;
        x += rows * input_step;
        positions -= rows;
        row_ += rows - 1;
        step(static_cast<int32_t>(starts.size()));
      }
    }

    // Rows that the last tile has left repeat its last position.
    void fill(int32_t runs) {
      if (row_ == 0) return;
      const int32_t last = row_ - 1;
      for (; row_ < kTileRows; ++row_) {
        results[count] = results[count - 1];
        ++count;
        for (int32_t run = 0; run < runs; ++run) {
          tile_[run * kTileRows + row_] = tile_[run * kTileRows + last];
        }
      }
    }

    float** const results;
    const float** const reads;
    float* const copies;
    int64_t count = 0;

   private:
    void step(int32_t runs) {
      if (++row_ < kTileRows) return;
      tile_ += int64_t{runs} * kTileRows;
      row_ = 0;
    }

    const float** tile_ = nullptr;
    int32_t row_ = 0;
  };

  void find_runs() {
    int32_t runs = 0;
    int64_t steps = 0;
    for (int32_t index = 0; index < phase_count_; ++index) {
      const Axes axes = first_outputs(index);
      Phase& phase = phases_[index];
      phase = {.first_run = runs, .runs = 0, .depth = 0, .first_step = steps};
      const auto widths = axes_[2].taps(axes[2]);
      for (const AxisPhases::Tap& d : axes_[0].taps(axes[0])) {
        for (const AxisPhases::Tap& h : axes_[1].taps(axes[1])) {
          for (size_t tap = 0, end; tap < widths.size(); tap = end) {
            for (end = tap + 1; end < widths.size() && beside(widths[end - 1], widths[end]);) ++end;
            runs_[runs] = {&d, &h, widths.subspan(tap, end - tap)};
            lengths_[runs] = static_cast<int32_t>(end - tap) * spec_.group_in_channels();
            phase.depth += lengths_[runs++];
          }
        }
      }
      phase.runs = runs - phase.first_run;
      steps += phase.depth;
    }
  }

  Axes first_outputs(int32_t phase) const { return AxisPhases::of_all(axes_, phase * beside_); }

  bool beside(const AxisPhases::Tap& tap, const AxisPhases::Tap& next) const {
    return spec_.groups == 1 && next.offset == tap.offset + 1;
  }

  // Panels behind each other, each [depth][columns].
  void pack(const Phase& phase, int32_t group, const float* weight) const {
    const int32_t out = spec_.group_out_channels();
    const int64_t columns = whole_vectors(int64_t{columns_});
    float* target =
        panels_.data() + (phase.first_step * spec_.groups + phase.depth * group) * columns;
    for (int32_t first = 0; first < columns_; first += kPanel) {
      const auto width = static_cast<int32_t>(std::min<int64_t>(kPanel, columns - first));
      // Where the kernels of the columns begin; the taps of outputs beside each other are beside
      // each other.
      const float* kernels[kPanel];
      const int32_t used = std::min(width, columns_ - first);
      for (int32_t column = 0; column < used; ++column) {
        const int32_t at = first + column;
        kernels[column] = weight + spec_.first_kernel(int64_t{group} * out + at % out) + at / out;
      }
      for (const TapRun& run : std::span(runs_.data() + phase.first_run, phase.runs)) {
        for (const AxisPhases::Tap& w : run.widths) {
          int64_t at = spec_.tap(run.depth->tap, run.height->tap, w.tap);
          for (int32_t in = 0; in < spec_.group_in_channels(); ++in, at += spec_.kernel_stride()) {
            for (int32_t column = 0; column < width; ++column) {
              *target++ = column < used ? kernels[column][at] : 0;
            }
          }
        }
      }
    }
  }

  // Values from what a cell's first channel would be to what a run reads first.
  void find_starts(const Problem& problem) {
    for (int32_t run = 0;
         run < phases_[phase_count_ - 1].first_run + phases_[phase_count_ - 1].runs; ++run) {
      const auto& [depth, height, widths] = runs_[run];
      starts_[run] =
          ((int64_t{depth->offset} * problem.input[1] + height->offset) * problem.input[2] +
           widths.front().offset) *
          spec_.in_channels;
    }
  }

  // Where `cells` cells from `first` on read and write for one phase and group.
  void find_positions(const Run& run, int32_t index, int32_t group, int64_t first, int64_t cells,
                      Found& found) const {
    const Problem& problem = run.problem;
    const Axes phase = first_outputs(index);
    const Phase& taps = phases_[index];
    // Cells that have an output, and those of them all of whose taps lie in the input.
    Range written[3];
    Range inner[3];
    for (int axis = 0; axis < 3; ++axis) {
      written[axis] = {0, ceil_divide(problem.output[axis] - phase[axis], axes_[axis].count())};
      inner[axis] = written[axis];
      for (const AxisPhases::Tap& tap : axes_[axis].taps(phase[axis])) {
        inner[axis] =
            indices_inside(tap.offset, axes_[axis].step(), problem.input[axis], inner[axis]);
      }
    }
    const int64_t input_step = int64_t{axes_[2].step()} * spec_.in_channels;
    const int64_t output_step = int64_t{axes_[2].count()} * spec_.out_channels;
    const std::span<const int64_t> starts(starts_.data() + taps.first_run, taps.runs);
    found.clear();
    Cursor cursor(first, run.cells);
    for (int64_t done = 0; done < cells;) {
      const int64_t beside = cursor.beside(cells - done);
      Axes cell = cursor.cell;
      if (cell[0] < written[0].end && cell[1] < written[1].end) {
        const int64_t end = std::min<int64_t>(cell[2] + beside, written[2].end);
        const bool inside = inner[0].holds(cell[0]) && inner[1].holds(cell[1]);
        const Range direct = inside ? Range{std::clamp<int64_t>(inner[2].begin, cell[2], end),
                                            std::clamp<int64_t>(inner[2].end, cell[2], end)}
                                    : Range{end, end};
        const auto copy_until = [&](int64_t column) {
          for (; cell[2] < column; ++cell[2]) {
            const float** reads = found.add(output_of(run, cursor.image, cell, phase), taps.runs);
            copy(run, cursor.image, cell, taps, group,
                 found.copies + (found.count - 1) * taps.depth, reads);
          }
        };
        copy_until(direct.begin);
        if (direct.count() > 0) {
          found.add(direct.count(),
                    run.input + input_index(problem, cursor.image, cell) +
                        int64_t{group} * spec_.group_in_channels(),
                    input_step, starts, output_of(run, cursor.image, cell, phase), output_step);
          cell[2] = static_cast<int32_t>(direct.end);
        }
        copy_until(end);
      }
      cursor.advance(beside);
      done += beside;
    }
    found.fill(taps.runs);
  }

  // May lie outside of the input.
  int64_t input_index(const Problem& problem, int64_t image, const Axes& cell) const {
    const auto at = [&](int axis) { return int64_t{cell[axis]} * axes_[axis].step(); };
    return (((image * problem.input[0] + at(0)) * problem.input[1] + at(1)) * problem.input[2] +
            at(2)) *
           spec_.in_channels;
  }

  float* output_of(const Run& run, int64_t image, const Axes& cell, const Axes& phase) const {
    const Axes& output = run.problem.output;
    const auto at = [&](int axis) {
      return int64_t{cell[axis]} * axes_[axis].count() + phase[axis];
    };
    return run.output.values +
           (((image * output[0] + at(0)) * output[1] + at(1)) * output[2] + at(2)) *
               spec_.out_channels;
  }

  // What a position reads, with zeros around the input.
  void copy(const Run& run, int64_t image, const Axes& cell, const Phase& phase, int32_t group,
            float* target, const float** reads) const {
    const int32_t channels = spec_.group_in_channels();
    const Axes& input = run.problem.input;
    const auto position = [&](int axis, const AxisPhases::Tap& tap) {
      return int64_t{cell[axis]} * axes_[axis].step() + tap.offset;
    };
    for (const TapRun& taps : std::span(runs_.data() + phase.first_run, phase.runs)) {
      *reads = target;
      reads += kTileRows;
      const int64_t depth = position(0, *taps.depth);
      const int64_t height = position(1, *taps.height);
      const int64_t width = position(2, taps.widths.front());
      const auto count = std::ssize(taps.widths);
      Range inside{count, count};
      if (depth >= 0 && depth < input[0] && height >= 0 && height < input[1]) {
        inside = indices_inside(width, 1, input[2], {0, count});
      }
      clear_floats(target, inside.begin * channels);
      if (inside.count() > 0) {
        const int64_t point =
            ((image * input[0] + depth) * input[1] + height) * input[2] + width + inside.begin;
        copy_floats(run.input + point * spec_.in_channels + int64_t{group} * channels,
                    inside.count() * channels, target + inside.begin * channels);
      }
      clear_floats(target + inside.end * channels, (count - inside.end) * channels);
      target += count * channels;
    }
  }

  void multiply(const Phase& phase, int32_t group, const Found& found) const {
    const int64_t columns = whole_vectors(int64_t{columns_});
    const float* panel =
        panels_.data() + (phase.first_step * spec_.groups + phase.depth * group) * columns;
    for (int32_t first = 0; first < columns_; first += kPanel) {
      multiply_positions({.panel = panel,
                          .bias = bias_.data() + group * columns + first,
                          .lengths = std::span(lengths_.data() + phase.first_run, phase.runs),
                          .tiles = found.count / kTileRows,
                          .reads = found.reads,
                          .results = found.results,
                          .first_channel = int64_t{group} * columns_ + first,
                          .channels = std::min(kPanel, columns_ - first),
                          .relu = spec_.relu});
      panel += phase.depth * kPanel;
    }
  }

  // Stretches of the output behind each other.
  void finish(const Run& run, int64_t first, int64_t cells) const {
    if (run.output.done()) return;
    if (phase_count_ == 1) {
      const int64_t values = int64_t{spec_.out_channels} * beside_;
      run.output.finish(run.output.values + first * values, cells * values);
      return;
    }
    const Axes& output = run.problem.output;
    Cursor cursor(first, run.cells);
    for (int64_t done = 0; done < cells;) {
      const int64_t beside = cursor.beside(cells - done);
      const int64_t columns = std::min<int64_t>(
          beside * axes_[2].count(), output[2] - int64_t{cursor.cell[2]} * axes_[2].count());
      for (int32_t d = 0; d < axes_[0].count(); ++d) {
        for (int32_t h = 0; h < axes_[1].count(); ++h) {
          if (int64_t{cursor.cell[0]} * axes_[0].count() + d >= output[0]) continue;
          if (int64_t{cursor.cell[1]} * axes_[1].count() + h >= output[1]) continue;
          run.output.finish(output_of(run, cursor.image, cursor.cell, {d, h, 0}),
                            columns * spec_.out_channels);
        }
      }
      cursor.advance(beside);
      done += beside;
    }
  }

  const Spec spec_;
  const int32_t beside_;
  const int32_t columns_;  // of a group
  AxisPhases axes_[3];
  Block<Phase> phases_;
  int32_t phase_count_ = 0;
  // Of all phases behind each other.
  Block<TapRun> runs_;
  Block<int32_t> lengths_;
  Block<int64_t> starts_;  // in the input of the latest run
  Buffer panels_;
  Buffer bias_;
};

// Whether some cell reads beyond the input, whatever its phase.
bool reads_beyond(const Problem& problem, int axis, int64_t cells) {
  const int64_t phases = AxisPhases::count(problem.spec, axis);
  const Range read = AxisPhases::inputs_of(problem.spec, axis, {0, cells * phases});
  return read.count() > 0 && (read.begin < 0 || read.end > problem.input[axis]);
}

const char* make_plan(const Machine& machine, Plan* plan) {
  // Of what one position reads.
  constexpr int64_t kMostDepth = 1 << 21;
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  Positions cut;
  cut.beside = outputs_beside(spec);
  if (problem.output[2] % cut.beside != 0) {
    return "takes whole cells only, of a kernel as wide as its stride";
  }
  cut.all_cells = problem.batch;
  cut.runs = 1;
  for (int axis = 0; axis < 3; ++axis) {
    cut.cells[axis] = static_cast<int32_t>(AxisPhases::cells(problem, axis));
    cut.all_cells *= cut.cells[axis];
    cut.copies = cut.copies || reads_beyond(problem, axis, cut.cells[axis]);
    cut.runs *= AxisPhases::most_offsets(spec, axis);
  }
  cut.depth = cut.runs * spec.group_in_channels();
  if (cut.depth > kMostDepth) return "takes no kernel this large";
  // What a block reads and writes stays in a second-level cache, beside weights that come by.
  const bool streams = spec.weight_elements() > machine.cached_weights;
  const int64_t least =
      streams ? machine.implicit_gemm_least_streamed_tiles : machine.implicit_gemm_least_tiles;
  const int64_t tile_bytes = 4 * kTileRows * (cut.depth + spec.out_channels + 1);
  const int64_t tiles = std::clamp(machine.implicit_gemm_block_bytes / tile_bytes, least,
                                   std::max(least, machine.implicit_gemm_most_tiles));
  const int64_t share = ceil_divide(std::max<int64_t>(cut.all_cells, 1), machine.threads);
  cut.block = std::min(tiles, ceil_divide(share, kTileRows)) * kTileRows;
  // Pointers begin where pointers may.
  cut.worker_elements =
      whole_vectors(cut.block * ((cut.runs + 1) * kPointerFloats + (cut.copies ? cut.depth : 0)));
  plan->set_cut(cut, machine.threads);
  plan->layout = Layout::kChannelsLast;
  plan->nanoseconds = implicit_gemm_nanoseconds(problem, cut);
  return nullptr;
}

}  // namespace

const RouteEntry kImplicitGemmRoute = {
    .id = RouteId::kImplicitGemm,
    .name = "implicit-gemm",
    .plan = make_plan,
    .create = create_route<ImplicitGemm>,
};

}  // namespace deconv
