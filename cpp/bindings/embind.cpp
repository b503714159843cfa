// Embind's part in C++, in the place of its library's: that one registers every type that anybody
// might bind, and with them come the glue's code for strings, handles of JavaScript values, 64-bit
// integers and memory views. Ours are the types that bindings.cpp passes; with one that is missing,
// the build fails where it asks Embind for the bindings' types.

#include <emscripten/bind.h>

#include <cstdint>
#include <cstdlib>
#include <limits>

using emscripten::internal::InitFunc;
using emscripten::internal::TypeID;

namespace {

InitFunc* registered = nullptr;

template <typename Integer>
void register_integer(const char* name) {
  emscripten::internal::_embind_register_integer(TypeID<Integer>::get(), name, sizeof(Integer),
                                                 std::numeric_limits<Integer>::min(),
                                                 std::numeric_limits<Integer>::max());
}

template <typename Float>
void register_float(const char* name) {
  emscripten::internal::_embind_register_float(TypeID<Float>::get(), name, sizeof(Float));
}

}  // namespace

extern "C" {

// What a type is called that nobody registered, for the glue to free; without run-time type
// information nobody knows.
const char* __getTypeName(const void* /*type*/) {
  return static_cast<const char*>(std::calloc(1, 1));
}

void _embind_register_bindings(InitFunc* bindings) {
  bindings->next = registered;
  registered = bindings;
}

// Each thread's glue registers anew.
void _embind_initialize_bindings() {
  for (const InitFunc* each = registered; each != nullptr; each = each->next) each->init_func();
}

}  // extern "C"

EMSCRIPTEN_BINDINGS(types) {
  using namespace emscripten::internal;

  _embind_register_void(TypeID<void>::get(), "void");
  _embind_register_bool(TypeID<bool>::get(), "bool", true, false);
  register_integer<int>("int");
  register_integer<unsigned>("unsigned int");
  register_integer<unsigned long>("unsigned long");
  register_float<float>("float");
  register_float<double>("double");
}
