// Polyphase on words that hold the integers of several input channels: four bytes where the
// engine's dot product multiplies and sums them exactly, else two of 16 bits. Sums are 32-bit
// integers.

#include "quantized/integers_in_words.h"

#include <algorithm>
#include <new>

#include "deconv/buffer.h"
#include "divide.h"
#include "quantized/make_words.h"
#include "quantized/widened.h"
#include "routes/polyphase.h"

namespace deconv {
namespace {

// Products of one sum, so that with the greatest bias it cannot leave 32 bits.
constexpr double kMostTerms = (int64_t{1} << 30) / (255 * 127);

Words words_of(ByteDot dot) { return dot == ByteDot::kNone ? Words::kPairs : Words::kQuads; }

Spec in_words(Spec spec, Words words) {
  spec.arithmetic = Arithmetic::kFloat32;
  spec.relu = false;
  const int64_t group_words = ceil_divide(spec.group_in_channels(), channels_of(words));
  spec.in_channels = spec.groups * static_cast<int32_t>(group_words);
  return spec;
}

// One image of `problem`.
Problem in_words(Problem problem, Words words) {
  problem.spec = in_words(problem.spec, words);
  problem.batch = 1;
  return problem;
}

class IntegersInWords final : public QuantizedRoute {
 public:
  IntegersInWords(const Spec& spec, ByteDot dot)
      : spec_(spec), dot_(dot), words_(words_of(dot)), route_(in_words(spec, words_), words_) {}

  Status set_parameters(const QuantizedParameters& parameters) override {
    const Spec inner = in_words(spec_, words_);
    Buffer weight;
    Buffer no_bias;
    if (!weight.reserve(inner.weight_elements()) || !no_bias.reserve(spec_.out_channels)) {
      return Status::kOutOfMemory;
    }
    std::fill_n(no_bias.data(), spec_.out_channels, 0.0f);
    const int32_t per_word = channels_of(words_);
    for (int64_t out = 0; out < spec_.out_channels; ++out) {
      for (int32_t word = 0; word < inner.group_in_channels(); ++word) {
        const int32_t first = word * per_word;
        const int32_t count = std::min(per_word, spec_.group_in_channels() - first);
        const int8_t* const from =
            parameters.weight + spec_.first_kernel(out) + first * spec_.kernel_stride();
        float* const to = weight.data() + inner.first_kernel(out) + word * inner.kernel_stride();
        for (int64_t tap = 0; tap < spec_.kernel_elements(); ++tap) {
          int8_t weights[4];
          for (int32_t channel = 0; channel < count; ++channel) {
            weights[channel] = from[channel * spec_.kernel_stride() + tap];
          }
          to[tap] = word_of(words_, weights, count);
        }
      }
    }
    return route_.set_parameters(weight.data(), no_bias.data());
  }

  Status run(const Plan& plan, const QuantizedParameters& parameters, const int8_t* input,
             const Quantization& quantization, void* output, float* scratch) override {
    const Problem problem = in_words(plan.problem, words_);
    const Widened widened(plan, problem, output, scratch);
    make_words(plan.problem, words_, input, quantization.zero_point, widened.input);
    if (words_ == Words::kQuads) {
      const auto byte = static_cast<uint8_t>(quantization.zero_point);
      route_.set_zero(dot_ == ByteDot::kSigned
                          ? ZeroByte{.byte = byte, .value = quantization.zero_point}
                          : ZeroByte{.byte = static_cast<uint8_t>(byte ^ 128),
                                     .value = quantization.zero_point + 128});
    }
    const Rescale rescale = rescale_of(plan, parameters, quantization, /*integers=*/true, output);
    return run_widened(route_, plan, problem, widened, rescale, scratch);
  }

 private:
  const Spec spec_;
  const ByteDot dot_;
  const Words words_;
  Polyphase route_;
};

}  // namespace

const char* plan_integers_in_words(const Machine& sizes, Plan* plan) {
  if (sum_terms(plan->problem.spec) > kMostTerms) return "cannot sum that many products in 32 bits";
  const Words words = words_of(sizes.byte_dot);
  return plan_widened(in_words(plan->problem, words), plan,
                      [&](Plan* inner) { return plan_polyphase(sizes, words, inner); });
}

std::unique_ptr<QuantizedRoute> create_integers_in_words(const Spec& spec) {
  return std::unique_ptr<QuantizedRoute>(new (std::nothrow)
                                             IntegersInWords(spec, machine.byte_dot));
}

}  // namespace deconv
