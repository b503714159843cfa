import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readIfThere } from './files.mjs';

// A process id alone may have been given to somebody else since; with the start time it is unique.
function identity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return `${pid} unknown`;
  }
}

function isAlive(owner) {
  const pid = Number.parseInt(owner, 10);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return identity(pid) === owner;
}

/**
 * Waits until this process alone owns `path` and returns a function that gives it back.
 *
 * A lock whose owner has died is taken over. `onWait(owner)` is called once if somebody is ahead.
 */
export async function acquireLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = identity(process.pid);
  const own = `${path}.${process.pid}`;
  let waiting = false;
  writeFileSync(own, mine);
  try {
    for (;;) {
      try {
        // A link appears together with its content, so nobody ever reads a half-written lock.
        linkSync(own, path);
        return () => {
          if (readIfThere(path) === mine) rmSync(path, { force: true });
        };
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const owner = readIfThere(path);
      if (owner !== undefined && !isAlive(owner)) {
        takeAway(path, owner, `${own}.stale`);
        continue;
      }
      if (!waiting) onWait?.(owner);
      waiting = true;
      await sleep(300);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

// Two processes may find the same dead owner: the slower one must not throw away the faster one's
// new lock, so what was taken is looked at and put back if it is not what was seen.
function takeAway(path, owner, aside) {
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readIfThere(aside) !== owner) {
    try {
      linkSync(aside, path);
    } catch {}
  }
  rmSync(aside, { force: true });
}
