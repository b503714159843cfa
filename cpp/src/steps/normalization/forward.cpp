#include "steps/normalization/map.h"
#include "steps/normalization/normalizer.h"

namespace deconv {
namespace normalization {

void Normalizer::write(const float* x, float* y) const {
  with_kind(lines_.are_rows, weighted_, [&](auto kind) {
    using Own = decltype(kind);
    map<Own>(lines_.grid, parameters_, x, x, y,
             [](const Operands<Own>& operands, v128_t value, const Source&, int64_t row, int part) {
               const v128_t normal = operands.line(value, row, part);
               if constexpr (Own::kWeights) {
                 return fma_f32x4(normal, operands.weight.read(row, part),
                                  operands.bias.read(row, part));
               } else {
                 return normal;
               }
             });
  });
}

}  // namespace normalization

Status normalize(const Normalization& call, const float* input, const float* weight,
                 const float* bias, const float* running, float* statistics, float* output) {
  if (call.elements() == 0) return Status::kOk;
  normalization::Normalizer normalizer(call, running != nullptr);
  if (!normalizer.prepare(weight, bias)) return Status::kOutOfMemory;
  normalizer.place_lines(input, running, statistics, true);
  normalizer.write(input, output);
  return Status::kOk;
}

}  // namespace deconv
