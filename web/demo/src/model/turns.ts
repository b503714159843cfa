/**
 * For what takes a while and may be asked for anew meanwhile. Each call begins a turn, which ends those before it, and
 * gives what tells whether it is still the last: what an earlier one brings late is of no use.
 */
export function turns(): () => () => boolean {
  let last = 0;
  return () => {
    last += 1;
    const own = last;
    return () => own === last;
  };
}
