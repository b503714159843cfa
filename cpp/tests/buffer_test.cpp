#include "deconv/buffer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

#include "deconv/geometry.h"
#include "deconv/workspace.h"
#include "failing_memory.h"

using deconv::Block;
using deconv::Buffer;
using deconv::Workspace;

TEST_CASE("a buffer grows, never shrinks, and survives a size that it cannot have") {
  Buffer buffer;
  CHECK(buffer.data() == nullptr);
  REQUIRE(buffer.reserve(0));
  CHECK(buffer.data() != nullptr);
  REQUIRE(buffer.reserve(100));
  float* const grown = buffer.data();
  REQUIRE(buffer.reserve(10));
  CHECK(buffer.data() == grown);
  CHECK_FALSE(buffer.reserve(deconv::kMaxTensorElements));
  CHECK(buffer.data() == nullptr);
  REQUIRE(buffer.reserve(10));
  CHECK(buffer.data() != nullptr);
}

TEST_CASE("a block whose bytes would wrap a 32-bit size is not to be had") {
  struct Pair {
    float* place;
    float value;
  };
  Block<Pair> block;
  // 2^32 bytes are 0 to a size_t, and 16 with the slack.
  CHECK_FALSE(block.reserve(int64_t{1} << 29));
  CHECK_FALSE(block.reserve((int64_t{1} << 29) + 1));
  CHECK_FALSE(block.reserve(int64_t{1} << 41));
  CHECK(block.data() == nullptr);
}

TEST_CASE("blocks begin on cache lines, with their slack behind them") {
  for (int64_t elements = 0; elements <= 40; ++elements) {
    CAPTURE(elements);
    float* const block = Buffer::allocate(elements);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(block) % 64 == 0);
    // The sanitizer sees whether they are there.
    for (int64_t index = 0; index < elements + Buffer::kSlackBytes / 4; ++index) block[index] = 1;
    std::free(block);
  }
}

TEST_CASE("a buffer asks for memory only when it grows, and again after it was released") {
  Buffer buffer;
  const auto asks = [&](int64_t elements) {
    const deconv_tests::FailingMemory memory(1 << 20);
    CHECK(buffer.reserve(elements));
    return memory.asked();
  };
  // More than one where an aligned block is cut out of one that is asked for in turn.
  const int64_t one_block = asks(10);
  CHECK(one_block >= 1);
  CHECK(asks(10) == 0);
  CHECK(asks(9) == 0);
  CHECK(asks(11) == one_block);
  buffer[10] = 2;
  CHECK(buffer.data()[10] == 2);
  buffer.release();
  CHECK(buffer.data() == nullptr);
  CHECK(asks(1) == one_block);
  CHECK(asks(0) == 0);
}

TEST_CASE("the workspace is freed when the last that holds it lets go") {
  Workspace& workspace = Workspace::shared();
  Buffer* const of_callers[] = {&workspace.parameters, &workspace.input, &workspace.output};
  Buffer* const own[] = {&workspace.route_input, &workspace.route_output, &workspace.scratch};
  const auto count = [](Buffer* const(&buffers)[3]) {
    int filled = 0;
    for (const Buffer* buffer : buffers) filled += buffer->data() != nullptr;
    return filled;
  };
  const auto fill = [&] {
    for (Buffer* buffer : of_callers) REQUIRE(buffer->reserve(1));
    for (Buffer* buffer : own) REQUIRE(buffer->reserve(1));
  };
  Workspace::hold();
  Workspace::hold();
  fill();
  Workspace::let_go();
  CHECK(count(of_callers) + count(own) == 6);
  workspace.release_own();
  CHECK(count(of_callers) == 3);
  CHECK(count(own) == 0);
  fill();
  workspace.release();
  CHECK(count(of_callers) + count(own) == 0);
  fill();
  workspace.release_parameters();
  CHECK(workspace.parameters.data() == nullptr);
  CHECK(count(of_callers) + count(own) == 5);
  Workspace::let_go();
  CHECK(count(of_callers) + count(own) == 0);
  // Gradients are computed where no operator lives: what was staged for them goes with the room for
  // their values.
  fill();
  workspace.release_parameters();
  CHECK(count(of_callers) + count(own) == 0);
}
