#include "deconv/workspace.h"

#include <initializer_list>

namespace deconv {
namespace {

int holders = 0;

}  // namespace

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
