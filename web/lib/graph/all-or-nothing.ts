/** A change of somebody's object, by a method that may be the user's and throw. */
export interface Change {
  act(): unknown;
  undo(): unknown;
}

/** Makes all changes; where one throws, that one and those before it are undone. */
export function allOrNothing(changes: readonly Change[]): void {
  for (const [index, { act }] of changes.entries()) {
    try {
      act();
    } catch (error) {
      for (const { undo } of changes.slice(0, index + 1).reverse()) {
        try {
          undo();
        } catch {
          // What went wrong is the first error; the others are undone all the same.
        }
      }
      throw error;
    }
  }
}
