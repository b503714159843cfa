// equivalent.json: which one-line faults change nothing that a test could see, and why.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const explanations = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'equivalent.json'), 'utf8'),
);

/** Lines move; what stands on them tells faults apart. */
export function keyOf({ file, original, mutant }) {
  return JSON.stringify([file, original, mutant]);
}

/** Entries of lines that stand in a file more than once say what stands above theirs. */
export function explanationOf(mutant) {
  return explanations.find(
    (entry) => keyOf(entry) === keyOf(mutant) && (entry.above ?? mutant.above) === mutant.above,
  );
}

/** A sentence for each explanation whose line has gone, or is not the only one of its kind. */
export function staleExplanations(root) {
  return explanations.flatMap(({ file, original, above }) => {
    const place = path.join(root, file);
    const lines = (existsSync(place) ? readFileSync(place, 'utf8') : '')
      .split('\n')
      .map((line) => line.trim());
    const { length } = lines.filter(
      (line, index) => line === original && (above === undefined || lines[index - 1] === above),
    );
    const isOne = length === 1 || (length > 1 && above !== undefined);
    return isOne ? [] : [`${file}: has "${original}" ${length} times, not once`];
  });
}
