// Any operator as dense small convolutions, one for each phase of the output positions, and each of
// them as a matrix product: packed weights times panels of input positions that are copied together
// tap by tap just before they are used. The whole of it works in both layouts without a transpose,
// in one to three dimensions, and multiplies no inserted zeros.
//
// A block is a run of cells (the q of the axis phases, those of all images behind each other). For
// each block: pack the panels of all offsets once; multiply them by every phase's weights into a
// scratch [row][cell]; write the phases of a row of the output side by side. Rows of the output
// that no tap meets are filled with the bias.

#include "routes/polyphase.h"

#include <wasm_simd128.h>

#include <algorithm>
#include <bit>

#include "panel_pack.h"
#include "parallel.h"
#include "quantized/integers_in_words.h"
#include "relu.h"
#include "routes/cost.h"
#include "routes/cursor.h"
#include "routes/kernel_rows.h"

namespace deconv {
namespace {

// The depth of a panel, and rows of products, whose 32 bytes each a worker can hold.
constexpr int64_t kMostDepth = 1 << 21;

int32_t sum_of_bytes(float word) {
  const auto bits = std::bit_cast<uint32_t>(word);
  int32_t sum = 0;
  for (int shift = 0; shift < 32; shift += 8) sum += static_cast<int8_t>(bits >> shift);
  return sum;
}

}  // namespace

bool Polyphase::derive_groups() {
  if (!AxisPhases::derive_all(spec_, axes_)) return false;
  spacing_ = width_spacing();
  // Every tap belongs to one phase at most.
  if (!groups_.reserve(phase_count()) || !segments_.reserve(spec_.kernel_elements()) ||
      !stretches_.reserve(spec_.kernel_elements())) {
    return false;
  }
  group_count_ = 0;
  segment_count_ = 0;
  tile_elements_ = 0;
  for (int32_t phase = 0; phase < phase_count(); ++phase) {
    const Axes axes = AxisPhases::of_all(axes_, phase);
    if (!meets_input(axes[0], axes[1])) continue;
    if (phase > 0 && same_offsets(phase, phase - 1)) {
      ++groups_[group_count_ - 1].phases;
    } else {
      add_group(phase);
    }
    tile_elements_ +=
        Tiling::packed_elements(spec_.group_out_channels(), groups_[group_count_ - 1].depth);
  }
  return true;
}

// How far from each other the taps of a row read, if that is the same for all of them and they are
// more than the channels of a group; else 0.
int32_t Polyphase::width_spacing() const {
  if (axes_[2].step() != 1) return 0;
  int32_t spacing = 0;
  for (int32_t phase = 0; phase < axes_[2].count(); ++phase) {
    const Taps taps = axes_[2].taps(phase);
    if (taps.empty()) continue;
    if (std::ssize(taps) <= spec_.group_in_channels()) return 0;
    for (size_t tap = 1; tap < taps.size(); ++tap) {
      const int32_t apart = taps[tap].offset - taps[tap - 1].offset;
      if (spacing == 0) spacing = apart;
      if (apart != spacing || taps[tap].rank != taps[tap - 1].rank + 1) return 0;
    }
  }
  return spacing;
}

bool Polyphase::same_offsets(int32_t phase, int32_t other) const {
  const Axes one = AxisPhases::of_all(axes_, phase);
  const Axes two = AxisPhases::of_all(axes_, other);
  return axes_[0].same_offsets(one[0], two[0]) && axes_[1].same_offsets(one[1], two[1]) &&
         axes_[2].same_offsets(one[2], two[2]);
}

void Polyphase::add_group(int32_t phase) {
  PhaseGroup group{
      .first_phase = phase, .phases = 1, .segment_count = 0, .stretches = 0, .depth = 0};
  const int32_t channels = spec_.group_in_channels();
  visit_stretches(AxisPhases::of_all(axes_, phase),
                  [&](const AxisPhases::Tap& d, const AxisPhases::Tap& h, const Taps& widths,
                      int32_t channel, int32_t some) {
                    const int32_t offset =
                        (d.rank * axes_[1].offset_count() + h.rank) * axes_[2].offset_count() +
                        widths.front().rank;
                    const int32_t first = offset * channels + channel;
                    const int32_t length = static_cast<int32_t>(widths.size()) * some;
                    Segment* const next = segments_.data() + segment_count_ + group.segment_count;
                    const bool beside = spacing_ == 0 || channels == 1;
                    if (group.depth > 0 && beside && next[-1].first + next[-1].length == first) {
                      next[-1].length += length;
                    } else {
                      *next = {first, length};
                      ++group.segment_count;
                    }
                    ++group.stretches;
                    group.depth += length;
                  });
  segment_count_ += group.segment_count;
  groups_[group_count_++] = group;
}

Status Polyphase::set_parameters(const float* weight, const float* bias) {
  if (!derive_groups() || !tiles_.reserve(tile_elements_ * spec_.groups) ||
      !holes_.reserve(spec_.out_channels)) {
    return Status::kOutOfMemory;
  }
  for (int32_t channel = 0; channel < spec_.out_channels; ++channel) {
    holes_[channel] = spec_.relu ? relu(bias[channel]) : bias[channel];
  }
  const int64_t out = spec_.group_out_channels();
  float* target = tiles_.data();
  for (int32_t channel_group = 0; channel_group < spec_.groups; ++channel_group) {
    for (const PhaseGroup& group : std::span(groups_.data(), group_count_)) {
      const auto for_tiles = [&](const auto& visit) {
        for_each_tile(rows_of(group), group.depth + 1, target, visit, words_);
      };
      visit_channels(spec_, [&](const Range& channels) {
        for_tiles([&](float* tile, int64_t first_row, int64_t height) {
          visit_kernels(spec_, first_row, height,
                        [&](int64_t row, int64_t phase, int64_t channel, int64_t rows) {
                          channel += channel_group * out;
                          std::copy_n(bias + channel, rows, tile + row);
                          pack_rows(group.first_phase + static_cast<int32_t>(phase),
                                    kernels_of(spec_, weight, 0, channel, rows, channels), channels,
                                    height, tile + height + row);
                        });
        });
      });
      if (words_ == Words::kQuads) {
        for_tiles([&](float* tile, int64_t, int64_t height) {
          for (int64_t row = 0; row < height; ++row) {
            int32_t sum = 0;
            for (int64_t step = 1; step <= group.depth; ++step) {
              sum += sum_of_bytes(tile[step * height + row]);
            }
            tile[row] = std::bit_cast<float>(sum);
          }
        });
      }
      target += Tiling::packed_elements(rows_of(group), group.depth);
    }
  }
  return Status::kOk;
}

// Of all taps of a phase, of which `kernels` are the first values.
void Polyphase::pack_rows(int32_t phase, TilePart kernels, const Range& channels, int64_t height,
                          float* target) const {
  const float* const first_values = kernels.source;
  visit_stretches(AxisPhases::of_all(axes_, phase),
                  [&](const AxisPhases::Tap& d, const AxisPhases::Tap& h, const Taps& widths,
                      int32_t first, int32_t some) {
                    const int64_t begin = std::max<int64_t>(first, channels.begin);
                    kernels.steps = std::min<int64_t>(first + some, channels.end) - begin;
                    for (const AxisPhases::Tap& w : widths) {
                      kernels.source = first_values + spec_.tap(d.tap, h.tap, w.tap) +
                                       (begin - channels.begin) * kernels.step_stride;
                      pack_part(kernels, height, target + (begin - first) * height);
                      target += some * height;
                    }
                  });
}

Status Polyphase::run(const Plan& plan, const float* input, const Output& output, float* scratch) {
  const Run run{plan.cut<Blocks>(), plan.problem, input, output};
  if (run.reads_planes) {
    run_planes(run, scratch);
    return Status::kOk;
  }
  for_each_item(run.blocks * spec_.groups, [&](int64_t item, int worker) {
    const auto channel_group = static_cast<int32_t>(item / run.blocks);
    const int64_t first = item % run.blocks * run.block;
    const int64_t count = std::min(run.block, run.all_cells - first);
    float* const panels = scratch + worker * run.worker_elements;
    pack_panels(run, channel_group, first, count, panels);
    show_zeros(panels, whole_panels(count) / kPanel * panel_elements());
    TileProduct product{.panels = panels,
                        .panel_count = (count + kPanel - 1) / kPanel,
                        .panel_stride = panel_elements(),
                        .segments = segments_.data(),
                        .result_stride = run.block,
                        .step = kPanel * (spacing_ == 0 ? 1 : spec_.group_in_channels())};
    const int64_t points = run.problem.output_points();
    const int64_t image = first / points;
    if (run.one_phase && group_count_ == 1 && count % kPanel == 0 &&
        first + count <= (image + 1) * points) {
      // Where the output's planes take whole panels, no other block writes between them.
      PhaseWriter writer(run.problem, run.output);
      const OutputStretch stretch{.image = image,
                                  .channel_group = channel_group,
                                  .depth = 0,
                                  .height = 0,
                                  .column = first % points,
                                  .columns = count};
      product.result = writer.start_of(stretch);
      product.result_stride = points;
      multiply(run, channel_group, product);
      writer.add(stretch);
      return;
    }
    product.result = panels + run.depth * run.block;
    multiply(run, channel_group, product);
    write(run, channel_group, first, count, product.result);
  });
  return Status::kOk;
}

// As segments of a band (see plane_pack.h).
void Polyphase::locate_stretches(const Planes& cut) {
  Segment* stretch = stretches_.data();
  for (const PhaseGroup& group : std::span(groups_.data(), group_count_)) {
    visit_stretches(AxisPhases::of_all(axes_, group.first_phase),
                    [&](const AxisPhases::Tap& d, const AxisPhases::Tap& h, const Taps& widths,
                        int32_t channel, int32_t some) {
                      const int64_t start = start_in_band(cut, axes_, d, h, widths.front());
                      *stretch++ = {static_cast<int32_t>(start + channel * cut.plane),
                                    static_cast<int32_t>(widths.size()) * some};
                    });
  }
}

// Each item is a block of rows of cells, or a part of one row.
void Polyphase::run_planes(const Run& run, float* scratch) {
  const Problem& problem = run.problem;
  const Planes& cut = run.planes;
  const int32_t in = spec_.group_in_channels();
  locate_stretches(cut);
  const int64_t a_depth = int64_t{cut.row_blocks} * cut.column_blocks;
  const int64_t a_group = a_depth * cut.cells[0];
  for_each_item(problem.batch * a_group * spec_.groups, [&](int64_t item, int worker) {
    const auto channel_group = static_cast<int32_t>(item / a_group % spec_.groups);
    const int64_t image = item / a_group / spec_.groups;
    const auto at = static_cast<int32_t>(item % a_depth);
    const PlaneBlock block = block_at(cut, static_cast<int32_t>(item % a_group / a_depth),
                                      at / cut.column_blocks, at % cut.column_blocks);
    float* const band = scratch + worker * run.worker_elements;
    pack_band(cut, problem, axes_[0], block,
              run.input + (image * spec_.in_channels + int64_t{channel_group} * in) *
                              problem.input_points(),
              band);
    show_zeros(band, in * cut.plane);
    const int64_t line = whole_panels(block.columns);
    TileProduct product{.panels = band,
                        .panel_count = line / kPanel,
                        .panel_stride = kPanel,
                        .segments = stretches_.data(),
                        .step = spacing_ == 0 ? cut.plane : spacing_,
                        .unit = 1,
                        .line_count = block.rows,
                        .line_stride = cut.pitch,
                        .result_line_stride = line};
    PhaseWriter writer(problem, run.output);
    if (run.one_phase && group_count_ == 1 && line == block.columns) {
      OutputStretch stretch{.image = image,
                            .channel_group = channel_group,
                            .depth = block.depth,
                            .height = block.row,
                            .column = block.column,
                            .columns = block.columns};
      product.result = writer.start_of(stretch);
      product.result_stride = problem.output_points();
      product.result_line_stride = problem.output[2];
      multiply(run, channel_group, product);
      for (; stretch.height < block.row + block.rows; ++stretch.height) writer.add(stretch);
      return;
    }
    float* const products = band + in * cut.plane;
    product.result = products;
    product.result_stride = line * block.rows;
    multiply(run, channel_group, product);
    for (int32_t row = 0; row < block.rows; ++row) {
      write_cells(run, image, channel_group, {block.depth, block.row + row, block.column},
                  block.columns, products + row * line, product.result_stride, writer);
    }
  });
}

void Polyphase::pack_panels(const Run& run, int32_t channel_group, int64_t first, int64_t count,
                            float* panels) const {
  const Problem& problem = run.problem;
  const int64_t channels = spec_.group_in_channels();
  const bool planes = problem.layout == Layout::kChannelsFirst;
  const int64_t point = planes ? 1 : spec_.in_channels;
  PanelPacker packer(problem, run.input);
  PanelPositions positions{};
  Cursor cursor(first, run.cells);
  const auto position = [&](int axis) { return cursor.cell[axis] * axes_[axis].step(); };
  const auto start = [&] {
    const int64_t at = (int64_t{position(0)} * problem.input[1] + position(1)) * problem.input[2];
    return cursor.image * problem.input_points() * spec_.in_channels + (at + position(2)) * point;
  };
  const auto visit_offsets = [&](const auto& pack) {
    float* target = panels;
    for (int32_t d = 0; d < axes_[0].offset_count(); ++d) {
      for (int32_t h = 0; h < axes_[1].offset_count(); ++h) {
        for (int32_t w = 0; w < axes_[2].offset_count(); ++w) {
          const int32_t offset[3] = {axes_[0].offset(d), axes_[1].offset(h), axes_[2].offset(w)};
          pack(offset, target);
          target += channels * kPanel;
        }
      }
    }
  };
  for (int64_t column = 0; column < count;) {
    const int64_t beside = cursor.beside(count - column);
    if (planes && axes_[2].step() == 1 && beside >= 2 * kPanel) {
      const PanelRow row{.start = start(),
                         .spatial = {position(0), position(1)},
                         .column = position(2),
                         .columns = problem.input[2],
                         .panels = beside / kPanel};
      visit_offsets([&](const int32_t(&offset)[3], float* target) {
        packer.pack_row(row, offset, channel_group * channels, channels, panel_elements(), target);
      });
      cursor.advance(row.panels * kPanel);
      column += row.panels * kPanel;
      panels += row.panels * panel_elements();
      continue;
    }
    for (int64_t lane = 0; lane < kPanel;) {
      if (column >= count) {
        positions.spatial[0][lane++] = PanelPositions::kNowhere;
        continue;
      }
      const int64_t some = cursor.beside(std::min(kPanel - lane, count - column));
      const int64_t from = start();
      const int32_t step = axes_[2].step();
      for (int32_t index = 0; index < some; ++index, ++lane) {
        positions.start[lane] = from + index * step * point;
        positions.spatial[0][lane] = position(0);
        positions.spatial[1][lane] = position(1);
        positions.spatial[2][lane] = position(2) + index * step;
      }
      cursor.advance(some);
      column += some;
    }
    packer.select(positions);
    visit_offsets([&](const int32_t(&offset)[3], float* target) {
      packer.pack(offset, channel_group * channels, channels, target);
    });
    panels += panel_elements();
  }
}

// The packers put 0 where there is no input.
void Polyphase::show_zeros(float* words, int64_t count) const {
  if (zero_.byte == 0) return;
  const v128_t zeros = wasm_i8x16_splat(static_cast<int8_t>(zero_.byte));
  for (int64_t index = 0; index < count; index += 4) {
    wasm_v128_store(words + index, wasm_v128_xor(wasm_v128_load(words + index), zeros));
  }
}

void Polyphase::multiply(const Run& run, int32_t channel_group, TileProduct product) const {
  product.tile = tiles_.data() + channel_group * tile_elements_;
  product.relu = spec_.relu;
  product.words = words_;
  product.zero = zero_.value;
  for (const PhaseGroup& group : std::span(groups_.data(), group_count_)) {
    const int64_t rows = rows_of(group);
    product.segment_count = run.reads_planes ? group.stretches : group.segment_count;
    multiply_tiles(rows, group.depth, run.streams_weights, product);
    product.tile += Tiling::packed_elements(rows, group.depth);
    product.segments += product.segment_count;
    product.result += rows * product.result_stride;
  }
}

void Polyphase::write(const Run& run, int32_t channel_group, int64_t first, int64_t count,
                      const float* products) const {
  Cursor cursor(first, run.cells);
  PhaseWriter writer(run.problem, run.output);
  for (int64_t done = 0; done < count;) {
    const int64_t length = cursor.beside(count - done);
    write_cells(run, cursor.image, channel_group, cursor.cell, length, products + done, run.block,
                writer);
    done += length;
    cursor.advance(length);
  }
}

// Cells beside each other, with a stretch of the output for each phase of the depth and the height.
void Polyphase::write_cells(const Run& run, int64_t image, int32_t channel_group, const Axes& cell,
                            int64_t count, const float* products, int64_t pitch,
                            PhaseWriter& writer) const {
  const Problem& problem = run.problem;
  const int64_t channels = spec_.group_out_channels();
  const int32_t phases = axes_[2].count();
  const int64_t column = int64_t{cell[2]} * phases;
  OutputStretch stretch{.image = image,
                        .channel_group = channel_group,
                        .depth = 0,
                        .height = 0,
                        .column = column,
                        .columns = std::min(count * phases, run.problem.output[2] - column)};
  for (int32_t d = 0; d < axes_[0].count(); ++d) {
    for (int32_t h = 0; h < axes_[1].count(); ++h) {
      stretch.depth = int64_t{cell[0]} * axes_[0].count() + d;
      stretch.height = int64_t{cell[1]} * axes_[1].count() + h;
      const bool exists = stretch.depth < problem.output[0] && stretch.height < problem.output[1];
      if (meets_input(d, h)) {
        if (exists) writer.write_phases(phases, stretch, products, pitch);
        products += phases * channels * pitch;
      } else if (exists) {
        writer.write_constants(stretch, holes_.data() + stretch.channel_group * channels);
      }
    }
  }
}

namespace {

// Runs of phases of one axis that read at the same offsets.
int64_t phase_runs(const Spec& spec, int axis) {
  const int64_t count = AxisPhases::count(spec, axis);
  if (!spec.transposed || spec.dilation[axis] != 1) return count;
  const bool crops_a_part = spec.pad_before[axis] % spec.stride[axis] != 0;
  const bool ends_in_a_part = spec.kernel[axis] % spec.stride[axis] != 0;
  return std::min<int64_t>(count, 1 + (crops_a_part ? 1 : 0) + (ends_in_a_part ? 1 : 0));
}

}  // namespace

const char* plan_polyphase(const Machine& sizes, Words words, Plan* plan) {
  const Problem& problem = plan->problem;
  const Spec& spec = problem.spec;
  if (const char* reason = AxisPhases::refusal(problem)) return reason;
  Blocks cut;
  cut.words = words;
  cut.all_cells = problem.batch;
  cut.depth = spec.group_in_channels();
  cut.rows = AxisPhases::count(spec, 2) * spec.group_out_channels();
  int64_t phases = 1;
  bool one_product = true;
  for (int axis = 0; axis < 3; ++axis) {
    cut.cells[axis] = static_cast<int32_t>(AxisPhases::cells(problem, axis));
    cut.all_cells *= cut.cells[axis];
    cut.depth *= AxisPhases::most_offsets(spec, axis);
    if (axis < 2) cut.rows *= AxisPhases::most_tapped(spec, axis);
    phases *= AxisPhases::count(spec, axis);
    one_product = one_product && phase_runs(spec, axis) == 1;
  }
  // What the panels and the products of kPanel cells need.
  if (cut.depth > kMostDepth) return "takes no kernel this large";
  if (phases * spec.out_channels > kMostDepth) return "takes no layer of this many phases";
  const int64_t written = cut.rows / spec.group_out_channels();
  cut.products = one_product ? 1 : written / AxisPhases::count(spec, 2) * phase_runs(spec, 2);
  const int64_t weights =
      spec.kernel_elements() * spec.group_in_channels() * spec.group_out_channels();
  cut.streams_weights = weights + cut.rows > sizes.cached_weights;
  cut.one_phase = phases == 1 && problem.output_in_planes();
  // A convolution over an input with holes of its own may read nothing but these.
  const int64_t cell_bytes = 4 * std::max<int64_t>(1, cut.depth + cut.rows);
  const int64_t whole = std::max<int64_t>(whole_panels(cut.all_cells), kPanel);
  const int64_t share = ceil_divide(whole / kPanel, sizes.threads) * kPanel;
  const int64_t panels =
      cut.streams_weights ? sizes.polyphase_least_streamed_panels : sizes.polyphase_least_panels;
  const int64_t bytes = sizes.polyphase_block_bytes;
  const int64_t least = cell_bytes > bytes ? kPanel : panels * kPanel;
  cut.block = std::clamp(bytes / cell_bytes / kPanel * kPanel, least,
                         std::max(least, sizes.polyphase_most_positions));
  cut.block = std::min(cut.block, spec.groups >= sizes.threads ? whole : share);
  // Equal blocks instead of a small last one.
  cut.block = whole_panels(ceil_divide(whole, ceil_divide(whole, cut.block)));
  cut.blocks = ceil_divide(cut.all_cells, cut.block);
  cut.worker_elements = (cut.depth + cut.rows) * cut.block;
  plan->set_cut(cut, sizes.threads);
  plan->nanoseconds = polyphase_nanoseconds(problem, cut);
  if (problem.layout != Layout::kChannelsFirst || cut.all_cells == 0) return nullptr;
  Blocks other = cut;
  other.planes = cut_planes(problem, bytes, panels * kPanel, sizes.threads);
  const Planes& planes = other.planes;
  if (planes.columns == 0) return nullptr;
  other.reads_planes = true;
  const int64_t block = planes.rows * whole_panels(planes.columns);
  other.worker_elements = planes.plane * spec.group_in_channels() + cut.rows * block;
  const double nanoseconds = polyphase_nanoseconds(problem, other);
  if (nanoseconds >= plan->nanoseconds) return nullptr;
  plan->set_cut(other, sizes.threads);
  plan->nanoseconds = nanoseconds;
  return nullptr;
}

const RouteEntry kPolyphaseRoute = {
    .id = RouteId::kPolyphase,
    .name = "polyphase",
    .plan =
        [](const Machine& machine, Plan* plan) {
          return plan->problem.spec.quantized() ? plan_integers_in_words(machine, plan)
                                                : plan_polyphase(machine, Words::kFloats, plan);
        },
    .create = create_route<Polyphase>,
    .create_int8 = create_integers_in_words,
};

}  // namespace deconv
