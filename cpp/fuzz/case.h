#pragma once

#include "deconv/planned_operator.h"
#include "drawing.h"
#include "reference.h"

namespace deconv_fuzz {

// One operator with its data: it is planned, given parameters and run in any order. Every result is
// the definition's, and every refusal is one that the headers name.
class Case {
 public:
  virtual ~Case() = default;
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  // One call, or some that belong together.
  void step(Data& data);

 protected:
  Case(const deconv::Spec& spec, deconv::PlannedOperator& op, uint64_t seed)
      : spec_(spec), random_(seed), op_(op) {}

  virtual void draw_parameters() = 0;
  virtual void draw_tensors(Data& data) = 0;
  virtual deconv::Status set_parameters() = 0;
  virtual deconv::Status run() = 0;
  // What the run with these parameters and tensors ended with, and left behind.
  virtual void check(deconv::Status status) = 0;
  virtual void gradients(Data& /*data*/) {}

  const deconv::Problem& problem() const { return op_.problem(); }
  deconv::RouteId route() const { return op_.route(); }

  const deconv::Spec spec_;
  deconv_tests::Random random_;

 private:
  void plan(Data& data);
  void keep_copies(int most);
  void run_out_of_turn();
  void run_as_told(Data& data);
  deconv::Status compute(bool may_replan);

  deconv::PlannedOperator& op_;
  bool planned_ = false;
  bool forced_ = false;
};

}  // namespace deconv_fuzz
