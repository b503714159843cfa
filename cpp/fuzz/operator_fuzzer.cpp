// Random operators, called in any order, on any machine, with failing allocations. CONTRIBUTING.md
// says how it is run.

#include <cstdlib>
#include <memory>
#include <vector>

#include "deconv/planned_operator.h"
#include "deconv/runtime.h"
#include "drawing.h"
#include "float_case.h"
#include "quantized_case.h"

namespace {

using deconv::Status;
using deconv_fuzz::Case;
using deconv_fuzz::Data;
using deconv_tests::Random;

constexpr int kMostThreads = 3;

// Starts another pool if a program wants one, at first perhaps with too little memory.
void start_threads(Data& data) {
  const bool drawn = deconv_fuzz::one_in(data, 16);
  const int threads = drawn ? data.ConsumeIntegralInRange<int>(1, kMostThreads) : kMostThreads;
  if (deconv::runtime_threads() == threads) return;
  deconv::stop_runtime();
  Status status;
  {
    const deconv_fuzz::Memory memory(data);
    status = deconv::start_runtime(threads);
    if (status != Status::kOk && !(status == Status::kOutOfMemory && memory.is_short())) {
      std::abort();
    }
  }
  if (status != Status::kOk && deconv::start_runtime(threads) != Status::kOk) std::abort();
  if (deconv::runtime_threads() != threads) std::abort();
}

std::unique_ptr<Case> make_case(const deconv::Spec& spec, uint64_t seed) {
  if (spec.quantized()) {
    return std::make_unique<deconv_fuzz::QuantizedCase>(
        spec, deconv::QuantizedOperator::create(spec), seed);
  }
  return std::make_unique<deconv_fuzz::FloatCase>(spec, deconv::Operator::create(spec), seed);
}

}  // namespace

extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  return deconv::start_runtime(kMostThreads) == Status::kOk ? 0 : 1;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Data data(bytes, size);
  start_threads(data);
  const deconv::Machine before = deconv::machine;
  deconv::machine = deconv_fuzz::draw_machine(data);
  Random random(data.ConsumeIntegral<uint16_t>());
  std::vector<std::unique_ptr<Case>> cases;
  while (data.remaining_bytes() > 0) {
    const int what = data.ConsumeIntegralInRange<int>(0, 11);
    if (what == 0 || cases.empty()) {
      const deconv::Spec spec = deconv_fuzz::draw_spec(data);
      if (check_spec(spec) != Status::kOk || !deconv_fuzz::is_small(spec)) continue;
      cases.push_back(make_case(spec, random.next()));
    } else if (what == 1) {
      cases.erase(cases.begin() +
                  data.ConsumeIntegralInRange<int64_t>(0, static_cast<int64_t>(cases.size()) - 1));
    } else {
      cases[data.ConsumeIntegralInRange<size_t>(0, cases.size() - 1)]->step(data);
    }
  }
  cases.clear();
  if (deconv::PlannedOperator::live_count() != 0) std::abort();
  deconv::machine = before;
  return 0;
}
