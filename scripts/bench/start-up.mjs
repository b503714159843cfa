import { inChild } from './environments.mjs';
import { STARTERS } from './first-result.mjs';
import { summary } from './statistics.mjs';

/** Milliseconds from import to first result in fresh Node processes that take turns. */
export async function startUp(rounds) {
  const times = Object.fromEntries(STARTERS.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? STARTERS : STARTERS.toReversed()) {
      times[name].push(await inChild('node-first-result.mjs', { name }));
    }
  }
  return STARTERS.map((name) => ({ name, milliseconds: summary(times[name]) }));
}
