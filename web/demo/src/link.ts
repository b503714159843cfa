import { effect, signal } from '@preact/signals';
import type { State } from './model/state';
import { change, state } from './store';

/** What to say of a link that could not be read, until it is put away. */
export const linkNotice = signal<string | null>(null);

/** Addresses are rewritten at most this often; some browsers refuse more. */
const PACE = 250;
let timer = 0;
/** The fragment that the page has read or written last. Another one is where a person has gone since. */
let known = location.hash;

type Language = typeof import('./model/url-state');

/** How states are written in addresses: nothing of it is needed before there is one to read or to write. */
let language: Language | null = null;

async function loadLanguage(): Promise<Language> {
  language ??= await import('./model/url-state');
  return language;
}

/** Of a state, and of what was meant to be one; the name of a station is none. */
const mayHoldState = () => !/^#?[a-z]*$/.test(location.hash);

/**
 * The state of the address at first, when this is done, and whenever a person goes to another; then the address of the
 * state.
 */
export async function followAddress(): Promise<void> {
  if (mayHoldState()) {
    // Set and not changed: there is nothing before it to go back to.
    state.value = (await stateThere()) ?? state.peek();
  }
  addEventListener('hashchange', () => void open());
  let first = true;
  effect(() => {
    void state.value;
    // The page as it begins needs no state in its address.
    if (first) {
      first = false;
      return;
    }
    clearTimeout(timer);
    timer = window.setTimeout(() => void writeNow(), PACE);
    // For a page that is left before that.
    void loadLanguage().catch(() => {});
  });
  // A page left within the pace still leaves the right address behind.
  addEventListener('pagehide', () => timer && language && writeAddress(language));
}

async function open(): Promise<void> {
  known = location.hash;
  // What was to be written is of the address that has been left.
  clearTimeout(timer);
  timer = 0;
  linkNotice.value = null;
  if (!mayHoldState()) return;
  const there = await stateThere();
  if (there) change(() => there);
}

/** The state of the address; null where what reads it did not load, of which the notice tells, too. */
async function stateThere(): Promise<State | null> {
  try {
    const { decodeState } = await loadLanguage();
    const { state: there, notice } = decodeState(location.hash);
    linkNotice.value = notice;
    return there;
  } catch {
    linkNotice.value = 'What reads links did not load. Load the page again to have what this one shows.';
    return null;
  }
}

/** Whether it could be: what writes addresses may not have loaded, and is asked for again with the next change. */
async function writeNow(): Promise<boolean> {
  try {
    writeAddress(await loadLanguage());
    return true;
  } catch {
    return false;
  }
}

/** Puts the state into the address now, unless a person has just gone to another one, which tells so a moment later. */
function writeAddress({ encodeState }: Language): void {
  clearTimeout(timer);
  timer = 0;
  if (location.hash !== known) return;
  const hash = `#${encodeState(state.peek())}`;
  if (location.hash !== hash) history.replaceState(history.state, '', hash);
  known = location.hash;
}

/** The address of the page with all that is chosen on it; null where what writes it did not load. */
export async function shareLink(): Promise<string | null> {
  return (await writeNow()) ? location.href : null;
}
