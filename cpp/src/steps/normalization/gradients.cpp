#include <algorithm>

#include "steps/normalization/map.h"
#include "steps/normalization/normalizer.h"

namespace deconv {
namespace normalization {
namespace {

// Sums of grad_output, weighted, and of its products with the normalized input.
template <typename AnyKind>
class GradientSums final : public Reduction {
 public:
  GradientSums(const Grid& grid, Walk walk, const Parameters& parameters, const float* x,
               const float* g)
      : Reduction(grid, walk), parameters_(parameters), x_(x), g_(g) {}

  Pair whole(const Tile& tile) const override {
    const Sums all = sums(tile);
    return {sum_of(all.first), sum_of(all.second)};
  }

  Pair rest(const Tile& tile) const override {
    const Operands<AnyKind> operands(grid_, walk_, parameters_, tile.at);
    const Source x = source(x_, tile);
    const Source g = source(g_, tile);
    Pair sums;
    for (int64_t lane = 0; lane < tile.lanes; ++lane) {
      const float normal =
          (x.values[lane] - operands.center.lane(lane)) * operands.scale.lane(lane) +
          operands.shift.lane(lane);
      const float gradient = g.values[lane] * (AnyKind::kWeights ? operands.weight.lane(lane) : 1);
      sums.first += gradient;
      sums.second += double{gradient} * normal;
    }
    return sums;
  }

  void columns(const Tile& tile, Pair* pairs) const override {
    const Sums all = sums(tile);
    float first[kLanes];
    float second[kLanes];
    store_parts(all.first, first);
    store_parts(all.second, second);
    for (int64_t lane = 0; lane < kLanes; ++lane) pairs[lane] = {first[lane], second[lane]};
  }

  void add(Pair& total, int64_t, const Pair& part, int64_t) const override {
    total.first += part.first;
    total.second += part.second;
  }

 private:
  __attribute__((noinline)) Sums sums(const Tile& tile) const {
    const Operands<AnyKind> operands(grid_, walk_, parameters_, tile.at);
    float blocks[2][kTile];
    const Source x = source(x_, tile).widened(tile, blocks[0]);
    const Source g = source(g_, tile).widened(tile, blocks[1]);
    Sums result;
    for (int64_t row = 0; row < tile.height; ++row) {
#pragma clang loop unroll(full)
      for (int part = 0; part < kParts; ++part) {
        const v128_t gradient = operands.weighted(g.read(row, part), row, part);
        const v128_t normal = operands.line(x.read(row, part), row, part);
        result.first[part] = wasm_f32x4_add(result.first[part], gradient);
        result.second[part] = fma_f32x4(gradient, normal, result.second[part]);
      }
    }
    return result;
  }

  const Parameters& parameters_;
  const float* const x_;
  const float* const g_;
};

}  // namespace

void Normalizer::write_parameter_gradients(const float* x, const float* g, float* gradients) {
  // A point's channels lie across its line.
  const bool across = set_ == NormalizedSet::kPoint;
  const Lines lines = across ? lines_.crossing() : lines_;
  sum(lines, false, x, g);
  std::fill_n(gradients, 2 * call_.channels, 0.0f);
  for (int64_t channel = 0; channel < call_.channels; ++channel) {
    Pair total;
    for (int64_t line = channel; line < lines.count(); line += call_.channels) {
      total.first += slots_[line].first;
      total.second += slots_[line].second;
    }
    gradients[channel] = static_cast<float>(total.second);
    gradients[call_.channels + channel] = static_cast<float>(total.first);
  }
}

void Normalizer::write_input_gradient(const float* x, const float* g, float* y, bool own) {
  if (own) sum(lines_, weighted_, x, g);
  const int64_t sets = own ? call_.sets() : call_.channels;
  const auto count = static_cast<double>(lines_.length() * lines_of_set());
  for (int64_t set = 0; set < sets; ++set) {
    Pair means;
    if (own) {
      for_each_line(set, [&](int64_t line) {
        means.first += factor_of(line) * slots_[line].first / count;
        means.second += factor_of(line) * slots_[line].second / count;
      });
    }
    for_each_line(set, [&](int64_t line) {
      // inverse * (factor * g - first - normal * second), where normal = distance * inverse +
      // shift. The inverse stays outside: float does not hold its square for large values.
      auto& [center, scale, shift, gain, inverse, weight, bias] = parameters_;
      inverse[line] = scale[line];
      gain[line] = static_cast<float>(factor_of(line));
      scale[line] = static_cast<float>(inverse[line] * means.second);
      shift[line] = static_cast<float>(means.first + shift[line] * means.second);
    });
  }
  with_kind(lines_.are_rows, weighted_, [&](auto kind) {
    using Own = decltype(kind);
    map<Own>(lines_.grid, parameters_, x, g, y,
             [](const Operands<Own>& operands, v128_t value, const Source& source, int64_t row,
                int part) {
               const v128_t gradient = operands.weighted(source.read(row, part), row, part);
               const v128_t gained = wasm_f32x4_mul(gradient, operands.gain.read(row, part));
               const v128_t rest = wasm_f32x4_sub(gained, operands.line(value, row, part));
               return wasm_f32x4_mul(rest, operands.inverse.read(row, part));
             });
  });
}

void Normalizer::sum(const Lines& lines, bool weighted, const float* x, const float* g) {
  with_kind(lines_.are_rows, weighted, [&](auto kind) {
    reduce(lines, GradientSums<decltype(kind)>(lines.grid, lines.walk(), parameters_, x, g),
           slots_);
  });
}

}  // namespace normalization

Status normalization_gradients(const Normalization& call, const float* input,
                               const float* grad_output, const float* weight, const float* running,
                               float* grad_input, float* grad_parameters) {
  if (call.elements() == 0) {
    if (grad_parameters != nullptr) std::fill_n(grad_parameters, 2 * call.channels, 0.0f);
    return Status::kOk;
  }
  normalization::Normalizer normalizer(call, running != nullptr);
  if (!normalizer.prepare(weight, nullptr)) return Status::kOutOfMemory;
  normalizer.place_lines(input, running, nullptr, false);
  if (grad_parameters != nullptr) {
    normalizer.write_parameter_gradients(input, grad_output, grad_parameters);
  }
  normalizer.write_input_gradient(input, grad_output, grad_input, running == nullptr);
  return Status::kOk;
}

}  // namespace deconv
