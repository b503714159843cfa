#include "float_case.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

#include "deconv/buffer.h"
#include "deconv/combine.h"
#include "deconv/gradients.h"

namespace deconv_fuzz {

using deconv::Buffer;
using deconv::Operator;
using deconv::RouteId;
using deconv::Spec;
using deconv::Status;
using deconv_tests::ExactBuffer;
using deconv_tests::Random;

namespace {

std::unique_ptr<ExactBuffer> tensor(int64_t elements) {
  return std::make_unique<ExactBuffer>(elements, Buffer::kSlackBytes);
}

bool is_winograd(RouteId id) { return id >= RouteId::kWinogradLine && id <= RouteId::kWinograd22; }

// Values the products of which underflow, and zeros of both signs.
void fill_with_small(Random& random, const ExactBuffer& values) {
  for (int64_t at = 0; at < values.size(); ++at) {
    values.data()[at] = random.value() * (random.one_in(3) ? 0 : 0x1p-125f);
  }
}

// How far off a term of a sum may be that is too small for a normal number: natively, XNNPACK's
// threads take it for 0.
double least_of(RouteId id) {
  const bool flushes = id == RouteId::kXnnpackDeconvolution;
  using Limits = std::numeric_limits<float>;
  return flushes ? Limits::min() : Limits::denorm_min();
}

std::string in_words(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

bool same_bits(float one, float other) {
  return std::bit_cast<uint32_t>(one) == std::bit_cast<uint32_t>(other);
}

}  // namespace

FloatCase::FloatCase(const Spec& spec, std::unique_ptr<Operator> op, uint64_t seed)
    : Case(spec, *op, seed), op_(std::move(op)), input_(tensor(0)), output_(tensor(0)) {
  draw_parameters();
}

void FloatCase::draw_parameters() {
  with_bias_ = random_.one_in(2);
  weight_ = std::make_unique<ExactBuffer>(spec_.weight_elements());
  bias_ = std::make_unique<ExactBuffer>(spec_.out_channels);
  weight_->fill(random_);
  bias_->fill(random_);
}

void FloatCase::draw_tensors(Data& data) {
  input_ = tensor(problem().input_elements());
  output_ = tensor(problem().output_elements());
  input_->fill(random_);
  const int kind = input_->size() == 0 ? 0 : data.ConsumeIntegralInRange<int>(0, 7);
  if (kind == 6) fill_with_small(random_, *input_);
  poisoned_ = kind == 7;
  if (poisoned_) {
    const float values[] = {std::nanf(""), INFINITY, -INFINITY};
    input_->data()[random_.next() % static_cast<uint64_t>(input_->size())] =
        values[random_.between(0, 2)];
  }
  input_before_.assign(input_->data(), input_->data() + input_->size());
  draw_epilogue(data);
}

void FloatCase::draw_epilogue(Data& data) {
  const int kind = data.ConsumeIntegralInRange<int>(0, 5);
  function_.reset();
  channel_a_.reset();
  residual_.reset();
  if (kind > 2) return;
  if (kind > 0) {
    residual_ = std::make_unique<ExactBuffer>(problem().output_elements());
    residual_->fill(random_);
  }
  if (kind == 1) return;
  using deconv::Function;
  function_ = deconv::Elementwise{
      .function = static_cast<Function>(random_.between(0, deconv::kFunctionCount - 1)),
      .a = random_.value(),
      .b = 1 + random_.value()};
  if (random_.one_in(2)) return;
  channel_a_ = std::make_unique<ExactBuffer>(spec_.out_channels);
  channel_a_->fill(random_);
  function_->channel_a = channel_a_->data();
}

Status FloatCase::set_parameters() { return op_->set_parameters(weight_->data(), bias()); }

Status FloatCase::run() { return op_->run(input_->data(), output_->data()); }

void FloatCase::check(Status status) {
  require(status == Status::kOk, status_name(status), problem());
  require(std::equal(input_before_.begin(), input_before_.end(), input_->data(), same_bits),
          "the input changed", problem());
  for (int64_t at = 0; at < Buffer::kSlackBytes / 4; ++at) {
    require(output_->untouched(output_->size() + at), "the slack was written to", problem());
  }
  // Transforms spread what is not finite over a window.
  if (!poisoned_ || !is_winograd(route())) compare();
  if (input_->size() == output_->size()) compare_in_place();
  if (function_ || residual_) compare_epilogue();
}

// To the bit what it gives beside its input.
void FloatCase::compare_in_place() {
  const std::unique_ptr<ExactBuffer> both = tensor(input_->size());
  std::copy_n(input_->data(), input_->size(), both->data());
  require(op_->run(both->data(), both->data()) == Status::kOk, "the run in place", problem());
  for (int64_t at = 0; at < both->size(); ++at) {
    const float wanted = (*output_)[at];
    if (std::isnan(wanted) ? std::isnan((*both)[at]) : same_bits((*both)[at], wanted)) continue;
    fail("output " + std::to_string(at) + " is " + in_words((*both)[at]) + " instead of " +
             in_words(wanted) + " in place by " + route_name(route()),
         problem());
  }
}

// To the bit what the passes give over the plain result.
void FloatCase::compare_epilogue() {
  require(op_->set_epilogue(function_) == Status::kOk, "set_epilogue", problem());
  const std::unique_ptr<ExactBuffer> fused = tensor(output_->size());
  const float* const residual = residual_ ? residual_->data() : nullptr;
  require(op_->run(input_->data(), fused->data(), residual) == Status::kOk, "the run with epilogue",
          problem());
  require(op_->set_epilogue(std::nullopt) == Status::kOk, "no epilogue", problem());
  float* const values = output_->data();
  const int64_t count = output_->size();
  if (residual_) deconv::combine(deconv::Combination::kAdd, count, values, residual, values);
  if (function_) {
    const bool planes = problem().layout == deconv::Layout::kChannelsFirst;
    const int64_t points = problem().output_points();
    deconv::Elementwise pass = *function_;
    pass.outer = problem().batch * (planes ? 1 : points);
    pass.channels = spec_.out_channels;
    pass.inner = planes ? points : 1;
    require(deconv::elementwise(pass, values, values) == Status::kOk, "the pass", problem());
  }
  for (int64_t at = 0; at < count; ++at) {
    const float got = (*fused)[at];
    if (std::isnan(values[at]) ? std::isnan(got) : same_bits(got, values[at])) continue;
    fail("output " + std::to_string(at) + " is " + in_words(got) + " instead of " +
             in_words(values[at]) + " with an epilogue by " + route_name(route()),
         problem());
  }
}

void FloatCase::compare() const {
  const std::vector<double> sums =
      deconv_tests::reference(problem(), input_->data(), weight_->data(), bias());
  const std::vector<double> magnitudes =
      deconv_tests::reference_magnitude(problem(), input_->data(), weight_->data(), bias());
  const double terms = static_cast<double>(spec_.kernel_elements()) * spec_.group_in_channels() + 1;
  for (int64_t at = 0; at < output_->size(); ++at) {
    const double sum = sums[static_cast<size_t>(at)];
    // As the product: NaN stays NaN.
    const double wanted = spec_.relu && sum < 0 ? 0 : sum;
    const double got = (*output_)[at];
    if (std::isnan(wanted) ? std::isnan(got) : wanted == got) continue;
    const double allowed =
        is_winograd(route())
            ? 0x1p-19 * 9 * spec_.group_in_channels()
            : terms * (0x1p-23 * magnitudes[static_cast<size_t>(at)] + least_of(route()));
    if (std::isfinite(wanted) && std::abs(got - wanted) <= allowed) continue;
    fail("output " + std::to_string(at) + " is " + in_words(got) + " instead of " +
             in_words(wanted) + " by " + route_name(route()),
         problem());
  }
}

// Gradients are linear: what they say of a change of the weight is what the output does.
void FloatCase::gradients(Data& data) {
  const ExactBuffer gradient(spec_.weight_elements());
  const std::unique_ptr<ExactBuffer> input = tensor(problem().input_elements());
  const std::unique_ptr<ExactBuffer> grads = tensor(problem().output_elements());
  ExactBuffer change(spec_.weight_elements());
  for (ExactBuffer* buffer : {input.get(), grads.get(), &change}) buffer->fill_whole(random_, 4);
  const auto compute = [&] {
    return deconv::weight_gradient(problem(), input->data(), grads->data(), gradient.data());
  };
  Status status;
  bool was_short;
  {
    const Memory memory(data);
    was_short = memory.is_short();
    status = compute();
  }
  if (status == Status::kOutOfMemory && was_short) status = compute();
  require(status == Status::kOk, "weight_gradient", problem());
  const std::vector<double> moved =
      deconv_tests::reference(problem(), input->data(), change.data(), nullptr);
  double told = 0;
  double done = 0;
  for (int64_t at = 0; at < change.size(); ++at) told += double{gradient[at]} * change[at];
  for (int64_t at = 0; at < grads->size(); ++at) {
    done += moved[static_cast<size_t>(at)] * (*grads)[at];
  }
  require(told == done, "the gradient of the weight", problem());
  const ExactBuffer of_bias(spec_.out_channels);
  deconv::bias_gradient(problem(), grads->data(), of_bias.data());
  double all = 0;
  for (int64_t at = 0; at < of_bias.size(); ++at) all += of_bias[at];
  for (int64_t at = 0; at < grads->size(); ++at) all -= (*grads)[at];
  require(all == 0, "the gradient of the bias", problem());
}

}  // namespace deconv_fuzz
