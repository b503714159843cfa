// Random operators, called in any order, on any machine, with failing allocations: every result is
// the definition's, and every refusal is one that the headers name.
//
//   build/native-fuzz/cpp/fuzz/operator_fuzzer -max_total_time=1800 build/corpus cpp/fuzz/corpus

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deconv/buffer.h"
#include "deconv/gradients.h"
#include "deconv/operator.h"
#include "deconv/quantized.h"
#include "deconv/runtime.h"
#include "exact_buffer.h"
#include "failing_memory.h"
#include "machine.h"
#include "quantization.h"
#include "reference.h"
#include "small_machine.h"

namespace {

using deconv::Axes;
using deconv::Buffer;
using deconv::Element;
using deconv::Layout;
using deconv::Operator;
using deconv::Problem;
using deconv::QuantizedOperator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::FailingMemory;
using deconv_tests::Random;

constexpr int kThreads = 3;
// Larger ones would take all the time.
constexpr double kMostProducts = 100e3;
constexpr int64_t kMostElements = 1 << 14;

[[noreturn]] void fail(const std::string& what, const Problem& problem) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), deconv_tests::describe(problem).c_str());
  std::abort();
}

void require(bool holds, const char* what, const Problem& problem) {
  if (!holds) fail(what, problem);
}

int32_t extent(FuzzedDataProvider& data, int32_t most) {
  return data.ConsumeIntegralInRange<int32_t>(1, most);
}

// Now and then a number from the whole range, which must be refused or computed with, never
// overflow.
int32_t any(FuzzedDataProvider& data, int32_t low, int32_t high) {
  if (data.ConsumeIntegralInRange<int>(0, 63) == 63) return data.ConsumeIntegral<int32_t>();
  return data.ConsumeIntegralInRange<int32_t>(low, high);
}

Spec spec_of(FuzzedDataProvider& data) {
  Spec spec;
  spec.transposed = data.ConsumeBool();
  spec.relu = data.ConsumeBool();
  spec.exact = data.ConsumeBool();
  spec.groups = any(data, 1, 4);
  const int32_t most = data.ConsumeBool() ? 20 : 5;
  const int64_t in = int64_t{spec.groups} * extent(data, most);
  const int64_t out = int64_t{spec.groups} * extent(data, most);
  spec.in_channels = in == static_cast<int32_t>(in) ? static_cast<int32_t>(in) : any(data, 1, 4);
  spec.out_channels =
      out == static_cast<int32_t>(out) ? static_cast<int32_t>(out) : any(data, 1, 4);
  const int first = data.ConsumeIntegralInRange<int>(0, 2);
  for (int axis = first; axis < 3; ++axis) {
    spec.kernel[axis] = any(data, 1, 6);
    spec.stride[axis] = any(data, 1, 4);
    spec.dilation[axis] = any(data, 1, 3);
    if (!spec.transposed) spec.input_dilation[axis] = any(data, 1, 2);
    spec.pad_before[axis] = any(data, -2, 4);
    spec.pad_after[axis] = any(data, -2, 4);
  }
  return spec;
}

bool is_small(const Problem& problem) {
  return problem.multiply_accumulates() <= kMostProducts &&
         problem.input_elements() <= kMostElements && problem.output_elements() <= kMostElements &&
         problem.spec.weight_elements() <= kMostElements;
}

bool is_winograd(RouteId id) { return id >= RouteId::kWinograd43 && id <= RouteId::kWinograd22; }

// Memory as short as was drawn: an allocation that fails, or all above a size.
class Memory {
 public:
  explicit Memory(FuzzedDataProvider& data) {
    const int kind = data.ConsumeIntegralInRange<int>(0, 7);
    if (kind == 6)
      failing_.emplace(std::numeric_limits<size_t>::max() / 2,
                       data.ConsumeIntegralInRange<int>(0, 20));
    if (kind == 7) failing_.emplace(size_t{1} << data.ConsumeIntegralInRange<int>(5, 16));
  }
  bool is_short() const { return failing_.has_value(); }

 private:
  std::optional<FailingMemory> failing_;
};

Layout layout_of(FuzzedDataProvider& data) {
  return data.ConsumeBool() ? Layout::kChannelsFirst : Layout::kChannelsLast;
}

Axes input_of(FuzzedDataProvider& data, const Spec& spec) {
  Axes input{1, 1, 1};
  for (int axis = 0; axis < 3; ++axis) {
    const bool flat = spec.kernel[axis] == 1 && spec.stride[axis] == 1;
    input[axis] = any(data, 1, flat && axis == 0 ? 2 : 12);
  }
  return input;
}

// One operator, the parameters of which change now and then.
class FloatCase {
 public:
  FloatCase(const Spec& spec, std::unique_ptr<Operator> op, uint64_t seed)
      : spec_(spec), op_(std::move(op)), random_(seed) {
    draw_parameters();
  }

  void step(FuzzedDataProvider& data) {
    switch (data.ConsumeIntegralInRange<int>(0, 7)) {
      case 0:
        return plan(data);
      case 1:
        draw_parameters();
        op_->keep_copies(0);
        return;
      case 2:
        op_->keep_copies(data.ConsumeIntegralInRange<int>(0, 3));
        return;
      case 3:
        return run_out_of_turn();
      case 4:
        return gradients(data);
      default:
        return run(data);
    }
  }

 private:
  void draw_parameters() {
    with_bias_ = random_.one_in(2);
    weight_ = std::make_unique<ExactBuffer>(spec_.weight_elements());
    bias_ = std::make_unique<ExactBuffer>(spec_.out_channels);
    weight_->fill(random_);
    bias_->fill(random_);
  }

  const float* bias() const { return with_bias_ ? bias_->data() : nullptr; }

  void plan(FuzzedDataProvider& data) {
    const int32_t batch = any(data, 0, 3);
    const Axes input = input_of(data, spec_);
    const Layout layout = layout_of(data);
    const int route = data.ConsumeIntegralInRange<int>(-4, deconv::kRouteCount - 1);
    const bool forced = data.ConsumeBool();
    Problem problem;
    const Status made = make_problem(spec_, batch, input, layout, &problem);
    const std::optional<RouteId> id =
        route < 0 ? std::nullopt : std::optional(static_cast<RouteId>(route));
    const Status planned = op_->plan(batch, input, layout, id, forced);
    if (made != Status::kOk) {
      if (planned != made) std::abort();
      return;
    }
    const bool refused = id && deconv::route_refusal(*id, problem) != nullptr;
    require(planned == (refused ? Status::kUnsupported : Status::kOk), "plan() against refusal",
            problem);
    if (refused) return;
    require(op_->problem() == problem, "plan() made another problem", problem);
    require(!id || op_->route() == *id, "plan() took another route", problem);
    planned_ = true;
    // A route that may give way may also have done so.
    forced_ = id.has_value() && forced;
  }

  // The contract says what comes of it.
  void run_out_of_turn() {
    if (planned_ && !op_->needs_parameters()) return;
    ExactBuffer nothing(1, Buffer::kSlackBytes);
    if (op_->run(nothing.data(), nothing.data()) != Status::kMissingParameters) std::abort();
  }

  void run(FuzzedDataProvider& data) {
    if (!planned_ || !is_small(op_->problem())) return;
    const Problem problem = op_->problem();
    const ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    const ExactBuffer output(problem.output_elements(), Buffer::kSlackBytes);
    input.size() > 0 ? fill(data, input) : void();
    const std::vector<float> before(input.data(), input.data() + input.size());
    Status status;
    bool was_short;
    {
      const Memory memory(data);
      was_short = memory.is_short();
      do {
        status =
            op_->needs_parameters() ? op_->set_parameters(weight_->data(), bias()) : Status::kOk;
        if (status == Status::kOk) status = op_->run(input.data(), output.data());
        require(status != Status::kReplanned || (was_short && !forced_), "kReplanned", problem);
      } while (status == Status::kReplanned);
    }
    require(std::equal(before.begin(), before.end(), input.data(),
                       [](float one, float other) {
                         return one == other || (std::isnan(one) && std::isnan(other));
                       }),
            "the input changed", problem);
    for (int64_t at = 0; at < Buffer::kSlackBytes / 4; ++at) {
      require(output.untouched(output.size() + at), "the slack was written to", problem);
    }
    if (status == Status::kOutOfMemory && was_short) return;
    require(status == Status::kOk, status_name(status), problem);
    compare(problem, input, output);
  }

  void fill(FuzzedDataProvider& data, const ExactBuffer& input) {
    const auto elements = input.size();
    for (int64_t at = 0; at < elements; ++at) input.data()[at] = random_.value();
    poisoned_ = data.ConsumeIntegralInRange<int>(0, 7) == 7;
    if (!poisoned_) return;
    const float values[] = {std::nanf(""), INFINITY, -INFINITY};
    input.data()[random_.next() % static_cast<uint64_t>(elements)] = values[random_.between(0, 2)];
  }

  void compare(const Problem& problem, const ExactBuffer& input, const ExactBuffer& output) const {
    // Transforms spread what is not finite over a window.
    if (poisoned_ && is_winograd(op_->route())) return;
    const std::vector<double> sums =
        deconv_tests::reference(problem, input.data(), weight_->data(), bias());
    const std::vector<double> magnitudes =
        deconv_tests::reference_magnitude(problem, input.data(), weight_->data(), bias());
    const double terms = static_cast<double>(spec_.kernel_elements()) * spec_.group_in_channels();
    for (int64_t at = 0; at < output.size(); ++at) {
      const double sum = sums[static_cast<size_t>(at)];
      // As the product: NaN stays NaN.
      const double wanted = spec_.relu && sum < 0 ? 0 : sum;
      const double got = output[at];
      if (std::isnan(wanted) ? std::isnan(got) : wanted == got) continue;
      const double allowed = is_winograd(op_->route())
                                 ? 0x1p-19 * 9 * spec_.group_in_channels()
                                 : 0x1p-23 * (terms + 1) * magnitudes[static_cast<size_t>(at)];
      if (std::isfinite(wanted) && std::abs(got - wanted) <= allowed) continue;
      fail("output " + std::to_string(at) + " is " + std::to_string(got) + " instead of " +
               std::to_string(wanted) + " by " + route_name(op_->route()),
           problem);
    }
  }

  // Gradients are linear: what they say of a change of the weight is what the output does.
  void gradients(FuzzedDataProvider& data) {
    if (!planned_ || !is_small(op_->problem())) return;
    const Problem& problem = op_->problem();
    ExactBuffer input(problem.input_elements(), Buffer::kSlackBytes);
    ExactBuffer grads(problem.output_elements(), Buffer::kSlackBytes);
    ExactBuffer gradient(spec_.weight_elements());
    ExactBuffer change(spec_.weight_elements());
    for (ExactBuffer* buffer : {&input, &grads, &change}) buffer->fill_whole(random_, 4);
    Status status;
    bool was_short;
    {
      const Memory memory(data);
      was_short = memory.is_short();
      status = deconv::weight_gradient(problem, input.data(), grads.data(), gradient.data());
    }
    if (status == Status::kOutOfMemory && was_short) return;
    require(status == Status::kOk, "weight_gradient", problem);
    const std::vector<double> moved =
        deconv_tests::reference(problem, input.data(), change.data(), nullptr);
    double told = 0;
    double done = 0;
    for (int64_t at = 0; at < change.size(); ++at) told += double{gradient[at]} * change[at];
    for (int64_t at = 0; at < grads.size(); ++at)
      done += moved[static_cast<size_t>(at)] * grads[at];
    require(told == done, "the gradient of the weight", problem);
    ExactBuffer of_bias(spec_.out_channels);
    deconv::bias_gradient(problem, grads.data(), of_bias.data());
    double all = 0;
    for (int64_t at = 0; at < of_bias.size(); ++at) all += of_bias[at];
    for (int64_t at = 0; at < grads.size(); ++at) all -= grads[at];
    require(all == 0, "the gradient of the bias", problem);
  }

  Spec spec_;
  std::unique_ptr<Operator> op_;
  Random random_;
  std::unique_ptr<ExactBuffer> weight_;
  std::unique_ptr<ExactBuffer> bias_;
  bool with_bias_ = false;
  bool poisoned_ = false;
  bool planned_ = false;
  bool forced_ = false;
};

// A static int8 operator. All scales are powers of two, so that its arithmetic is exact in float64.
void quantized_case(FuzzedDataProvider& data, const Spec& spec, Random& random) {
  const int32_t batch = any(data, 0, 3);
  const Axes extents = input_of(data, spec);
  const Layout layout = layout_of(data);
  Problem problem;
  const Status made = make_problem(spec, batch, extents, layout, &problem);
  if (made == Status::kOk && !is_small(problem)) return;
  if (spec.weight_elements() > kMostElements) return;
  const deconv::Activations activations{.fixed = true,
                                        .input = {0x1p-4f, random.between(-128, 127)},
                                        .output = {0x1p-1f, random.between(-128, 127)}};
  std::vector<int8_t> weight(static_cast<size_t>(spec.weight_elements()));
  for (int8_t& value : weight) value = static_cast<int8_t>(random.between(-127, 127));
  const std::vector<float> scale(static_cast<size_t>(spec.out_channels), 0x1p-6f);
  std::vector<float> bias(static_cast<size_t>(spec.out_channels));
  for (float& value : bias) value = static_cast<float>(random.between(-64, 64)) * 0x1p-10f;
  std::vector<int8_t> input;
  std::vector<int8_t> output;
  if (made == Status::kOk) {
    input.resize(static_cast<size_t>(problem.input_elements()) + Buffer::kSlackBytes);
    output.resize(static_cast<size_t>(problem.output_elements()) + Buffer::kSlackBytes);
  }
  for (int8_t& value : input) value = static_cast<int8_t>(random.between(-128, 127));
  Status status;
  bool was_short;
  {
    const Memory memory(data);
    was_short = memory.is_short();
    const std::unique_ptr<QuantizedOperator> op = QuantizedOperator::create(spec);
    status = op == nullptr ? Status::kOutOfMemory : op->plan(batch, extents, layout);
    if (status == Status::kOk) {
      status = op->set_parameters(weight.data(), scale.data(), bias.data(), activations);
    }
    if (status == Status::kOk)
      status = op->run(input.data(), Element::kInt8, output.data(), Element::kInt8);
  }
  if (status == Status::kOutOfMemory && was_short) return;
  if (made != Status::kOk) {
    if (status != made) std::abort();
    return;
  }
  const bool refused = QuantizedOperator::refusal(problem) != nullptr;
  require(status == (refused ? Status::kUnsupported : Status::kOk), status_name(status), problem);
  if (refused) return;
  std::vector<float> steps(static_cast<size_t>(problem.input_elements()));
  for (size_t at = 0; at < steps.size(); ++at) {
    steps[at] = static_cast<float>(input[at] - activations.input.zero_point);
  }
  const std::vector<float> weights(weight.begin(), weight.end());
  std::vector<float> whole_bias(bias.size());
  for (size_t at = 0; at < bias.size(); ++at) whole_bias[at] = bias[at] * 0x1p10f;
  const std::vector<double> sums =
      deconv_tests::reference(problem, steps.data(), weights.data(), whole_bias.data());
  const double least = spec.relu ? activations.output.zero_point : -128;
  for (size_t at = 0; at < sums.size(); ++at) {
    const double value = std::nearbyint(sums[at] * 0x1p-9) + activations.output.zero_point;
    const double wanted = std::clamp(value, least, 127.0);
    if (output[at] == wanted) continue;
    fail("int8 output " + std::to_string(at) + " is " + std::to_string(output[at]) +
             " instead of " + std::to_string(wanted),
         problem);
  }
}

}  // namespace

extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  return deconv::start_runtime(kThreads) == Status::kOk ? 0 : 1;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const deconv::Machine before = deconv::machine;
  std::optional<deconv_tests::SmallMachine> small;
  if (data.ConsumeBool()) small.emplace(kThreads);
  Random random(data.ConsumeIntegral<uint16_t>());
  std::vector<std::unique_ptr<FloatCase>> cases;
  while (data.remaining_bytes() > 0) {
    const int what = data.ConsumeIntegralInRange<int>(0, 11);
    if (what == 0 || cases.empty()) {
      const Spec spec = spec_of(data);
      if (check_spec(spec) != Status::kOk) continue;
      if (data.ConsumeIntegralInRange<int>(0, 3) == 0) {
        quantized_case(data, spec, random);
        continue;
      }
      if (spec.weight_elements() > kMostElements || spec.out_channels > kMostElements) continue;
      std::unique_ptr<Operator> op = Operator::create(spec);
      if (op == nullptr) std::abort();
      cases.push_back(std::make_unique<FloatCase>(spec, std::move(op), random.next()));
    } else if (what == 1) {
      cases.erase(cases.begin() +
                  data.ConsumeIntegralInRange<int64_t>(0, static_cast<int64_t>(cases.size()) - 1));
    } else {
      cases[data.ConsumeIntegralInRange<size_t>(0, cases.size() - 1)]->step(data);
    }
  }
  cases.clear();
  small.reset();
  deconv::machine = before;
  return 0;
}
