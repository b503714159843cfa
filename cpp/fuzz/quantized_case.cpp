#include "quantized_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "deconv/buffer.h"

namespace deconv_fuzz {

using deconv::Buffer;
using deconv::Element;
using deconv::QuantizedOperator;
using deconv::Spec;
using deconv::Status;

namespace {

constexpr uint8_t kUntouched = 0xa5;

}  // namespace

QuantizedCase::QuantizedCase(const Spec& spec, std::unique_ptr<QuantizedOperator> op, uint64_t seed)
    : Case(spec, *op, seed),
      op_(std::move(op)),
      input_(std::make_unique<Block>(0, Buffer::kSlackBytes)),
      output_(std::make_unique<Block>(0, Buffer::kSlackBytes)) {
  draw_parameters();
}

void QuantizedCase::draw_parameters() {
  parameters_ = deconv_tests::random_parameters(spec_, random_, random_.one_in(3));
  activations_ = {.input = deconv_tests::random_quantization(random_, 2),
                  .output = deconv_tests::random_quantization(random_, 4)};
  if (random_.one_in(16)) activations_.output.scale *= 0x1p-20f;
}

void QuantizedCase::draw_tensors(Data& data) {
  const bool bytes = spec_.fixed() || one_in(data, 16);
  const auto draw_element = [&] {
    return bytes && data.ConsumeBool() ? Element::kInt8 : Element::kFloat32;
  };
  input_element_ = draw_element();
  output_element_ = draw_element();
  values_ = deconv_tests::random_input(problem(), random_, random_.one_in(3));
  poisoned_ = !values_.empty() && one_in(data, 8);
  if (poisoned_) {
    const float values[] = {std::nanf(""), INFINITY, -INFINITY};
    values_[random_.next() % values_.size()] = values[random_.between(0, 2)];
  }
  bytes_.clear();
  for (const float value : values_) {
    bytes_.push_back(deconv_tests::quantized(value, activations_.input));
  }
  const auto block = [](int64_t elements, Element element) {
    const int64_t size = elements * (element == Element::kInt8 ? 1 : 4);
    auto made = std::make_unique<Block>(size, Buffer::kSlackBytes);
    std::fill_n(made->data(), size + Buffer::kSlackBytes, kUntouched);
    return made;
  };
  input_ = block(problem().input_elements(), input_element_);
  output_ = block(problem().output_elements(), output_element_);
  if (input_element_ == Element::kInt8) {
    std::copy(bytes_.begin(), bytes_.end(), reinterpret_cast<int8_t*>(input_->data()));
  } else {
    std::copy(values_.begin(), values_.end(), reinterpret_cast<float*>(input_->data()));
  }
}

Status QuantizedCase::set_parameters() {
  return op_->set_parameters(parameters_.weight.data(), parameters_.scale.data(),
                             parameters_.bias_or_null(), activations_);
}

Status QuantizedCase::run() {
  return op_->run(input_->data(), input_element_, output_->data(), output_element_);
}

Status QuantizedCase::wanted_status() const {
  if (!spec_.fixed()) {
    if (input_element_ == Element::kInt8 || output_element_ == Element::kInt8) {
      return Status::kUnsupported;
    }
    return poisoned_ ? Status::kNotFinite : Status::kOk;
  }
  const float greatest = *std::max_element(parameters_.scale.begin(), parameters_.scale.end());
  const bool fits = activations_.input.scale * greatest / activations_.output.scale < 256;
  return fits ? Status::kOk : Status::kBadSpec;
}

void QuantizedCase::check(Status status) {
  require(status == wanted_status(), status_name(status), problem());
  const uint8_t* const end = output_->end();
  require(std::all_of(status == Status::kOk ? end : output_->begin(), end + Buffer::kSlackBytes,
                      [](uint8_t byte) { return byte == kUntouched; }),
          "more than the output was written to", problem());
  const void* const before = input_element_ == Element::kInt8
                                 ? static_cast<const void*>(bytes_.data())
                                 : static_cast<const void*>(values_.data());
  const auto size = static_cast<size_t>(input_->end() - input_->begin());
  require(size == 0 || std::memcmp(input_->data(), before, size) == 0, "the input changed",
          problem());
  if (status == Status::kOk) compare();
}

void QuantizedCase::compare() const {
  if (!spec_.fixed()) {
    return compare_with(deconv_tests::dynamic_reference(problem(), parameters_, values_));
  }
  const std::vector<int8_t> bytes =
      deconv_tests::static_reference(problem(), parameters_, activations_, bytes_);
  if (output_element_ == Element::kInt8) return compare_with(bytes);
  compare_with(deconv_tests::dequantized(bytes, activations_.output));
}

template <typename Value>
void QuantizedCase::compare_with(const std::vector<Value>& wanted) const {
  const auto* got = reinterpret_cast<const Value*>(output_->data());
  for (size_t at = 0; at < wanted.size(); ++at) {
    if (got[at] == wanted[at]) continue;
    fail("output " + std::to_string(at) + " is " + std::to_string(got[at]) + " instead of " +
             std::to_string(wanted[at]) + " by " + route_name(route()),
         problem());
  }
}

}  // namespace deconv_fuzz
