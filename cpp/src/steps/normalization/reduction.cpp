#include "steps/normalization/reduction.h"

#include <algorithm>

namespace deconv::normalization {
namespace {

// Columns of a piece of the reductions that go down them, and the most pieces of a line.
constexpr int64_t kPieceColumns = 256;
constexpr int64_t kMostPieces = 64;

}  // namespace

Cut Lines::cut() const {
  const int64_t most = ceil_divide(length(), kMostPieces);
  if (are_rows) {
    const int64_t columns = std::max(kPiece, ceil_divide(most, kLanes) * kLanes);
    return Cut(grid, std::max(int64_t{1}, kPiece / grid.columns), columns);
  }
  const int64_t columns = std::min(grid.columns, kPieceColumns);
  return Cut(grid, std::max({kHeight, kPiece / columns, most}), columns);
}

int64_t Lines::slots() const {
  const Cut pieces = cut();
  return count() * (are_rows ? pieces.across : pieces.down);
}

void reduce(const Lines& lines, const Reduction& reduction, Pair* slots) {
  const Cut cut = lines.cut();
  const int64_t per_outer = lines.per_outer();
  std::fill_n(slots, lines.slots(), Pair{});
  for_each_tile(cut, lines.walk(), [&](const Tile& tile, int64_t down, int64_t across) {
    const auto& [outer, row, column] = tile.at;
    if (lines.are_rows) {
      Pair& slot = slots[(outer * per_outer + row) * cut.across + across];
      const bool all = tile.lanes == kLanes;
      reduction.add(slot, column - across * cut.columns,
                    all ? reduction.whole(tile) : reduction.rest(tile), tile.height * tile.lanes);
      return;
    }
    Pair pairs[kLanes];
    reduction.columns(tile, pairs);
    Pair* const first = slots + (outer * cut.down + down) * per_outer + column;
    for (int64_t lane = 0; lane < tile.lanes; ++lane) {
      reduction.add(first[lane], row - down * cut.rows, pairs[lane], tile.height);
    }
  });
  // What is written has been read: a line's slots never stand before its place.
  const int64_t pieces = lines.are_rows ? cut.across : cut.down;
  const int64_t piece = lines.are_rows ? cut.columns : cut.rows;
  if (pieces == 1) return;
  for (int64_t line = 0; line < lines.count(); ++line) {
    const int64_t outer = line / per_outer;
    Pair total;
    for (int64_t index = 0; index < pieces; ++index) {
      const int64_t slot = lines.are_rows ? line * pieces + index
                                          : (outer * pieces + index) * per_outer + line % per_outer;
      const int64_t begin = index * piece;
      reduction.add(total, begin, slots[slot], std::min(piece, lines.length() - begin));
    }
    slots[line] = total;
  }
}

}  // namespace deconv::normalization
