#include "deconv/workspace.h"

#include <initializer_list>

namespace deconv {

void Workspace::release() {
  for (Buffer* buffer : {&parameters, &input, &output, &route_input, &route_output, &scratch}) {
    buffer->release();
  }
}

Workspace& Workspace::shared() {
  static Workspace workspace;
  return workspace;
}

}  // namespace deconv
