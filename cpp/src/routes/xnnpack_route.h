#pragma once

#include "deconv/geometry.h"
#include "routes/cost.h"
#include "routes/route.h"
#include "xnnpack_runtime.h"

namespace deconv {

// What the two XNNPACK routes share: XNNPACK packs the weight when its operator is created, works
// on N H W C only, and derives its indirection buffers when it is reshaped.
class XnnpackRoute : public Route {
 public:
  Status set_parameters(const float* weight, const float* bias) final;
  Status run(const Plan& plan, const float* input, float* output, float* scratch) final;

  // A depth axis that neither mixes nor drops planes joins the batch.
  static bool depth_joins_batch(const Spec& spec) {
    return spec.kernel[0] == 1 && spec.stride[0] == 1 && spec.input_dilation[0] == 1 &&
           spec.pad_before[0] == 0 && spec.pad_after[0] == 0;
  }
  static size_t planes(const Problem& problem) {
    return static_cast<size_t>(problem.batch) * static_cast<size_t>(problem.input[0]);
  }

  // XNNPACK counts bytes with 32-bit numbers and does not look whether they wrap: those of its
  // index of pointers (one a tap and output point, whatever the channels) and of its packed
  // weights, and the extent of the padded input or uncropped output. Such a problem would make it
  // write behind the blocks that it allocated.
  static bool counts_fit(const Problem& problem);

 protected:
  explicit XnnpackRoute(const Spec& spec) : spec_(spec) {}

  // `weight` is [out, height, width, in / groups].
  virtual xnn_status create_operator(const float* weight, const float* bias,
                                     xnn_operator_t* op) = 0;
  virtual xnn_status reshape_operator(xnn_operator_t op, const Problem& problem, size_t* height,
                                      size_t* width) = 0;
  virtual xnn_status set_pointers(xnn_operator_t op, const float* input, float* output) = 0;

  const Spec spec_;

 private:
  XnnOperator operator_;
  Problem shaped_for_;
  bool shaped_ = false;
};

// What both routes plan beside the cost.
void plan_xnnpack(double nanoseconds, Plan* plan);

// Whether XNNPACK's deconvolution splits the kernel into one dense small kernel a phase.
bool xnnpack_runs_phases(const Spec& spec);

// Null when XNNPACK's operator takes this problem at any precision, else why not.
const char* xnnpack_convolution_refusal(const Problem& problem);
const char* xnnpack_deconvolution_refusal(const Problem& problem);

}  // namespace deconv
