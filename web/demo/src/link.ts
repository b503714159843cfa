import { effect, signal } from '@preact/signals';
import { decodeState, encodeState } from './model/url-state';
import { change, state } from './store';

/** What to say of a link that could not be read, until it is put away. */
export const linkNotice = signal<string | null>(null);

/** Addresses are rewritten at most this often; some browsers refuse more. */
const PACE = 250;
let timer = 0;
/** The fragment that the page has read or written last. Another one is where a person has gone since. */
let known = location.hash;

/** The state of the address at first and whenever a person goes to another; then the address of the state. */
export function followAddress(): void {
  const open = () => {
    known = location.hash;
    const opened = decodeState(location.hash);
    linkNotice.value = opened.notice;
    if (opened.notice === null && !location.hash.startsWith('#v')) return;
    change(() => opened.state);
  };
  if (location.hash !== '') {
    const opened = decodeState(location.hash);
    linkNotice.value = opened.notice;
    // Set and not changed: there is nothing before it to go back to.
    state.value = opened.state;
  }
  addEventListener('hashchange', open);
  let first = true;
  effect(() => {
    void state.value;
    // The page as it begins needs no state in its address.
    if (first) {
      first = false;
      return;
    }
    clearTimeout(timer);
    timer = window.setTimeout(writeAddress, PACE);
  });
  // A page left within the pace still leaves the right address behind.
  addEventListener('pagehide', () => timer && writeAddress());
}

/** Puts the state into the address now, unless a person has just gone to another one, which tells so a moment later. */
export function writeAddress(): void {
  clearTimeout(timer);
  timer = 0;
  if (location.hash !== known) return;
  const hash = `#${encodeState(state.peek())}`;
  if (location.hash !== hash) history.replaceState(history.state, '', hash);
  known = location.hash;
}

/** The address of the page with all that is chosen on it. */
export function shareLink(): string {
  writeAddress();
  return location.href;
}
