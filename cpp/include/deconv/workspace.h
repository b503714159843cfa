#pragma once

#include <cstdint>

#include "deconv/buffer.h"

namespace deconv {

// Buffers that all operators of the process share, because calls never overlap: wasm calls come
// from one thread and return before the next. Freed when the last operator lets go.
struct Workspace {
  Buffer parameters;    // weight and bias on their way in
  Buffer input;         // in the caller's layout
  Buffer output;        // in the caller's layout
  Buffer route_input;   // in the route's layout, when it differs
  Buffer route_output;  // in the route's layout, when it differs
  Buffer scratch;       // of the route that runs

  // That a run will want so much of `scratch`.
  void expect(int64_t scratch_elements);
  // Room for so many elements, and for as many as anybody expects where there is room for those: a
  // buffer that grows later leaves a hole in the heap.
  [[nodiscard]] bool reserve_scratch(int64_t elements);

  void release();
  // The parameters once they are packed, or given back; everything where no operator lives.
  void release_parameters();
  // Of these, what operators fill for themselves in a single run.
  void release_own();

  // Every operator holds the workspace while it lives.
  static void hold();
  static void let_go();

  static Workspace& shared();

 private:
  int64_t expected_scratch_ = 0;
};

}  // namespace deconv
