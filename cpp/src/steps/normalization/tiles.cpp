#include "steps/normalization/tiles.h"

#include <algorithm>

#include "parallel.h"

namespace deconv::normalization {

void for_each_tile(const Cut& cut, Walk walk, const void* context,
                   void (*visit)(const void*, const Tile&, int64_t, int64_t)) {
  const Grid& grid = cut.grid;
  for_each_item(grid.outer * cut.down * cut.across, [&](int64_t item, int) {
    const int64_t across = item % cut.across;
    const int64_t down = item / cut.across % cut.down;
    const int64_t outer = item / cut.across / cut.down;
    const int64_t last_row = std::min(grid.rows, (down + 1) * cut.rows);
    const int64_t first_column = across * cut.columns;
    const int64_t last_column = std::min(grid.columns, first_column + cut.columns);
    const int64_t most_rows = walk == Walk::kAlong ? 1 : kHeight;
    for (int64_t row = down * cut.rows; row < last_row; row += most_rows) {
      int64_t width = kLanes;
      for (int64_t column = first_column; column < last_column; column += width) {
        const int64_t rest = last_column - column;
        Tile tile{
            {outer, row, column}, std::min(most_rows, last_row - row), std::min(kLanes, rest)};
        if (walk == Walk::kAlong && rest > kLanes) tile.height = std::min(kHeight, rest / kLanes);
        width = walk == Walk::kAlong ? kLanes * tile.height : kLanes;
        visit(context, tile, down, across);
      }
    }
  });
}

}  // namespace deconv::normalization
