#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <optional>
#include <string>

#include "deconv/geometry.h"
#include "failing_memory.h"
#include "machine.h"

// What a program is drawn from the fuzzer's bytes by.
namespace deconv_fuzz {

using Data = FuzzedDataProvider;

[[noreturn]] void fail(const std::string& what, const deconv::Problem& problem);
inline void require(bool holds, const char* what, const deconv::Problem& problem) {
  if (!holds) fail(what, problem);
}

// One time in `chances`.
bool one_in(Data& data, int chances);
// Now and then a number from the whole range, which must be refused or computed with, never
// overflow.
int32_t any(Data& data, int32_t low, int32_t high);

deconv::Spec draw_spec(Data& data);
deconv::Axes draw_input(Data& data, const deconv::Spec& spec);
deconv::Layout draw_layout(Data& data);

// The sizes of this machine, the smallest ones, or any.
deconv::Machine draw_machine(Data& data);

// Larger ones would take all the time.
bool is_small(const deconv::Spec& spec);
bool is_small(const deconv::Problem& problem);

// Memory as short as was drawn, while it lives: an allocation that fails, or all above a size.
class Memory {
 public:
  explicit Memory(Data& data);
  bool is_short() const { return failing_.has_value(); }

 private:
  std::optional<deconv_tests::FailingMemory> failing_;
};

}  // namespace deconv_fuzz
