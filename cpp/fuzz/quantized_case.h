#pragma once

#include <memory>
#include <vector>

#include "case.h"
#include "exact_block.h"
#include "quantization.h"

namespace deconv_fuzz {

// An operator with an int8 weight, whose every result is the definition's bit for bit.
class QuantizedCase final : public Case {
 public:
  QuantizedCase(const deconv::Spec& spec, std::unique_ptr<deconv::QuantizedOperator> op,
                uint64_t seed);

 private:
  using Block = deconv_tests::ExactBlock<uint8_t>;

  void draw_parameters() override;
  void draw_tensors(Data& data) override;
  deconv::Status set_parameters() override;
  deconv::Status run() override;
  void check(deconv::Status status) override;

  deconv::Status wanted_status() const;
  void compare() const;
  template <typename Value>
  void compare_with(const std::vector<Value>& wanted) const;

  std::unique_ptr<deconv::QuantizedOperator> op_;
  deconv_tests::Int8Parameters parameters_;
  deconv::Activations activations_;
  std::vector<float> values_;
  std::vector<int8_t> bytes_;
  deconv::Element input_element_ = deconv::Element::kFloat32;
  deconv::Element output_element_ = deconv::Element::kFloat32;
  std::unique_ptr<Block> input_;
  std::unique_ptr<Block> output_;
  // Whether a value of the input is not finite.
  bool poisoned_ = false;
};

}  // namespace deconv_fuzz
