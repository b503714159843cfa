#include "routes/positions.h"

#include <algorithm>

#include "kernels/lanes.h"
#include "routes/cursor.h"
#include "simd.h"

namespace deconv {
namespace {

// Floats that a pointer takes.
constexpr int64_t kPointerFloats = sizeof(float*) / sizeof(float);

// Phases of an axis that read alike: an input position has outputs of its own.
int32_t phases_alike(const Spec& spec, int axis) {
  const bool alike = spec.transposed && spec.groups == 1 &&
                     spec.kernel[axis] == spec.stride[axis] && spec.dilation[axis] == 1 &&
                     spec.pad_before[axis] == 0;
  return alike ? spec.stride[axis] : 1;
}

}  // namespace

int32_t outputs_beside(const Spec& spec) { return phases_alike(spec, 2); }

int32_t outputs_below(const Spec& spec) {
  for (int axis = 0; axis < 3; ++axis) {
    if (phases_alike(spec, axis) != spec.stride[axis]) return 1;
  }
  if (spec.group_out_channels() * outputs_beside(spec) > 4) return 1;
  return phases_alike(spec, 0) * phases_alike(spec, 1);
}

Problem without_rows(const Problem& problem) {
  const Spec& spec = problem.spec;
  Problem row = problem;
  for (int axis = 0; axis < 3; ++axis) {
    // A dilated axis of one point, too, would have places without an input between those of a row.
    if (spec.kernel[axis] != 1 || spec.stride[axis] != 1 || spec.input_dilation[axis] != 1 ||
        spec.pad_before[axis] != 0 || problem.input[axis] != problem.output[axis]) {
      return problem;
    }
    row.input[axis] = 1;
  }
  row.batch = 1;
  row.input[2] = static_cast<int32_t>(problem.batch * problem.input_points());
  row.output = row.input;
  return row;
}

int64_t found_elements(int64_t block, int64_t runs) {
  return whole_vectors((block * (runs + 1) + block / kTileRows * 2) * kPointerFloats);
}

CellPositions::CellPositions(const Spec& spec)
    : spec_(spec),
      beside_(outputs_beside(spec)),
      below_(outputs_below(spec)),
      row_columns_(spec.group_out_channels() * beside_),
      columns_(row_columns_ * below_) {}

bool CellPositions::derive() {
  if (!AxisPhases::derive_all(spec_, axes_)) return false;
  const int64_t phases =
      int64_t{axes_[0].count()} * axes_[1].count() * axes_[2].count() / (beside_ * below_);
  const int64_t kernel = spec_.kernel_elements();
  if (!phases_.reserve(phases) || !runs_.reserve(kernel) || !lengths_.reserve(kernel) ||
      !starts_.reserve(kernel)) {
    return false;
  }
  phase_count_ = static_cast<int32_t>(phases);
  int32_t runs = 0;
  int64_t steps = 0;
  for (int32_t index = 0; index < phase_count_; ++index) {
    const Axes axes = first_outputs(index);
    PositionsPhase& phase = phases_[index];
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
  return true;
}

int64_t CellPositions::tap_of(int32_t column) const {
  const int32_t row = column / row_columns_;
  return spec_.tap(row / axes_[1].count(), row % axes_[1].count(),
                   column % row_columns_ / spec_.group_out_channels());
}

void CellPositions::set_input(const Problem& problem) {
  for (int32_t run = 0; run < phases_[phase_count_ - 1].first_run + phases_[phase_count_ - 1].runs;
       ++run) {
    const auto& [depth, height, widths] = runs_[run];
    starts_[run] =
        ((int64_t{depth->offset} * problem.input[1] + height->offset) * problem.input[2] +
         widths.front().offset) *
        spec_.in_channels;
  }
  for (int32_t index = 0; index < phase_count_; ++index) {
    const Axes first = first_outputs(index);
    PositionsPhase& phase = phases_[index];
    for (int axis = 0; axis < 3; ++axis) {
      const AxisPhases& phases = axes_[axis];
      phase.written[axis] = ceil_divide(problem.output[axis] - first[axis], phases.count());
      Range inner{0, phase.written[axis]};
      for (const AxisPhases::Tap& tap : phases.taps(first[axis])) {
        inner = indices_inside(tap.offset, phases.step(), problem.input[axis], inner);
      }
      phase.inner[axis] = inner;
    }
  }
}

void CellPositions::find(const Run<Positions>& run, int32_t index, int32_t group, int64_t first,
                         int64_t cells, FoundPositions& found) const {
  const Problem& problem = run.problem;
  const Axes phase = first_outputs(index);
  const PositionsPhase& taps = phases_[index];
  const Range(&inner)[3] = taps.inner;
  Cursor cursor(first, run.cells);
  for (int64_t done = 0; done < cells;) {
    const int64_t beside = cursor.beside(cells - done);
    Axes cell = cursor.cell;
    if (cell[0] < taps.written[0] && cell[1] < taps.written[1]) {
      const int64_t end = std::min<int64_t>(cell[2] + beside, taps.written[2]);
      const bool inside = inner[0].holds(cell[0]) && inner[1].holds(cell[1]);
      const Range direct = inside ? Range{std::clamp<int64_t>(inner[2].begin, cell[2], end),
                                          std::clamp<int64_t>(inner[2].end, cell[2], end)}
                                  : Range{end, end};
      const auto result = [&] {
        return below_ > 1 ? found.rows + (done + cell[2] - cursor.cell[2]) * columns_
                          : output_of(run, cursor.image, cell, phase);
      };
      const auto copy_until = [&](int64_t column) {
        for (; cell[2] < column; ++cell[2]) {
          const float** reads = found.add(result(), taps.runs);
          copy(run, cursor.image, cell, taps, group, found.copies, reads);
          found.copies += taps.depth;
        }
      };
      copy_until(direct.begin);
      if (direct.count() > 0) {
        found.add(direct.count(),
                  run.input + input_index(problem, cursor.image, cell) +
                      int64_t{group} * spec_.group_in_channels(),
                  input_step(), starts(taps), result(), result_step());
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
int64_t CellPositions::input_index(const Problem& problem, int64_t image, const Axes& cell) const {
  const auto at = [&](int axis) { return int64_t{cell[axis]} * axes_[axis].step(); };
  return (((image * problem.input[0] + at(0)) * problem.input[1] + at(1)) * problem.input[2] +
          at(2)) *
         spec_.in_channels;
}

float* CellPositions::output_of(const Run<Positions>& run, int64_t image, const Axes& cell,
                                const Axes& phase) const {
  const Axes& output = run.problem.output;
  const auto at = [&](int axis) { return int64_t{cell[axis]} * axes_[axis].count() + phase[axis]; };
  return run.output.values +
         (((image * output[0] + at(0)) * output[1] + at(1)) * output[2] + at(2)) *
             spec_.out_channels;
}

// What a position reads, with zeros around the input.
void CellPositions::copy(const Run<Positions>& run, int64_t image, const Axes& cell,
                         const PositionsPhase& phase, int32_t group, float* target,
                         const float** reads) const {
  const int32_t channels = spec_.group_in_channels();
  const Axes& input = run.problem.input;
  const auto position = [&](int axis, const AxisPhases::Tap& tap) {
    return int64_t{cell[axis]} * axes_[axis].step() + tap.offset;
  };
  for (const TapRun& taps : runs(phase)) {
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

// Stretches of the output behind each other; `rows` are spread over them first.
void CellPositions::finish(const Run<Positions>& run, int64_t first, int64_t cells,
                           const float* rows) const {
  if (below_ == 1 && run.output.done()) return;
  if (below_ == 1 && phase_count_ == 1) {
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
        float* const row = output_of(run, cursor.image, cursor.cell, {d, h, 0});
        const int64_t values = columns * spec_.out_channels;
        if (below_ > 1) {
          spread(rows + done * columns_ + (d * axes_[1].count() + h) * row_columns_, values, row);
        }
        run.output.finish(row, values);
      }
    }
    cursor.advance(beside);
    done += beside;
  }
}

// What positions behind each other have in one row of the output. Whole vectors, as long as what
// they write beyond a position is written again.
void CellPositions::spread(const float* from, int64_t values, float* row) const {
  int64_t at = 0;
  for (; at + 4 <= values; at += row_columns_, from += columns_) {
    wasm_v128_store(row + at, wasm_v128_load(from));
  }
  for (; at < values; at += row_columns_, from += columns_) {
    store_lanes(row + at, row_columns_, wasm_v128_load(from));
  }
}

}  // namespace deconv
