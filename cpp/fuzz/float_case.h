#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "case.h"
#include "deconv/elementwise.h"
#include "deconv/operator.h"
#include "exact_buffer.h"

namespace deconv_fuzz {

// An operator in float32, and the gradients of its parameters.
class FloatCase final : public Case {
 public:
  FloatCase(const deconv::Spec& spec, std::unique_ptr<deconv::Operator> op, uint64_t seed);

 private:
  void draw_parameters() override;
  void draw_tensors(Data& data) override;
  deconv::Status set_parameters() override;
  deconv::Status run() override;
  void check(deconv::Status status) override;
  void gradients(Data& data) override;

  void compare() const;
  void draw_epilogue(Data& data);
  void compare_in_place();
  void compare_epilogue();
  const float* bias() const { return with_bias_ ? bias_->data() : nullptr; }

  std::unique_ptr<deconv::Operator> op_;
  std::unique_ptr<deconv_tests::ExactBuffer> weight_;
  std::unique_ptr<deconv_tests::ExactBuffer> bias_;
  bool with_bias_ = false;
  std::unique_ptr<deconv_tests::ExactBuffer> input_;
  std::unique_ptr<deconv_tests::ExactBuffer> output_;
  std::vector<float> input_before_;
  // Whether a value of the input is not finite.
  bool poisoned_ = false;
  // What is computed once more and on the way, after the plain result was found to be right.
  std::optional<deconv::Elementwise> function_;
  std::unique_ptr<deconv_tests::ExactBuffer> channel_a_;
  std::unique_ptr<deconv_tests::ExactBuffer> residual_;
};

}  // namespace deconv_fuzz
