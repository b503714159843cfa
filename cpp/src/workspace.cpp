#include "deconv/workspace.h"

#include <algorithm>
#include <initializer_list>

namespace deconv {
namespace {

int holders = 0;

}  // namespace

void Workspace::expect(int64_t scratch_elements) {
  expected_scratch_ = std::max(expected_scratch_, scratch_elements);
}

bool Workspace::reserve_scratch(int64_t elements) {
  if (expected_scratch_ > elements) {
    if (scratch.reserve(expected_scratch_)) return true;
    expected_scratch_ = 0;
  }
  return scratch.reserve(elements);
}

void Workspace::release() {
  for (Buffer* buffer : {&parameters, &input, &output}) buffer->release();
  release_own();
}

void Workspace::release_parameters() {
  parameters.release();
  if (holders == 0) release();
}

void Workspace::release_own() {
  for (Buffer* buffer : {&route_input, &route_output, &scratch}) buffer->release();
  expected_scratch_ = 0;
}

void Workspace::hold() { ++holders; }

void Workspace::let_go() {
  if (--holders == 0) shared().release();
}

Workspace& Workspace::shared() {
  static Workspace workspace;
  return workspace;
}

}  // namespace deconv
