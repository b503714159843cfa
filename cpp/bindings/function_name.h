#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

// "name(arguments)"_name is what a function is called. The names of its arguments belong to it only
// in the build that types are made of (DECONV_TYPES): nothing that runs reads them.
template <size_t kSize>
struct FunctionName {
  consteval FunctionName(const char (&signature)[kSize]) {
#ifdef DECONV_TYPES
    constexpr bool kWhole = true;
#else
    constexpr bool kWhole = false;
#endif
    for (; length + 1 < kSize && (kWhole || signature[length] != '('); ++length) {
      text[length] = signature[length];
    }
  }
  char text[kSize] = {};
  size_t length = 0;
};

// As long as what is left.
template <FunctionName kName>
constexpr auto kFunctionName = [] {
  std::array<char, kName.length + 1> text = {};
  std::copy_n(kName.text, kName.length, text.begin());
  return text;
}();

template <FunctionName kName>
consteval const char* operator""_name() {
  return kFunctionName<kName>.data();
}
