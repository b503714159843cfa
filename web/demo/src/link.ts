import { effect, signal } from '@preact/signals';
import type { Said } from './model/share';
import type { State } from './model/state';
import { change, state } from './store';

/** What to say of a link that could not be read, until it is put away. */
export const linkNotice = signal<string | null>(null);

/** Addresses are rewritten at most this often; some browsers refuse more. */
const PACE = 250;
let timer = 0;
/** The fragment that the page has read or written last. Another one is where a person has gone, and is not written over. */
let known = '';

type Language = typeof import('./model/url-state');

/** How states are written in addresses: nothing of it is needed before there is one to read or to write. */
let language: Language | null = null;

export async function loadLanguage(): Promise<Language> {
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
  takeUp();
  // Set and not changed: there is nothing before it to go back to.
  state.value = (await stateThere()) ?? state.peek();
  addEventListener('hashchange', () => void open());
  let first = true;
  effect(() => {
    void state.value;
    // The page as it begins needs no state in its address.
    if (first) {
      first = false;
      return;
    }
    // The first change of several at once: where nothing may be kept, a reload has it all the same.
    if (timer === 0 && language) writeAddress(language);
    clearTimeout(timer);
    timer = window.setTimeout(() => void writeNow(), PACE);
  });
  addEventListener('pagehide', leave);
  // A page that is shown again as it was left has its address.
  addEventListener('pageshow', takeUp);
}

/** Under which a tab keeps the address that this page was left with. */
const LEFT_AT = `deconv-wasm ${location.pathname}${location.search}`;

/**
 * A page left within the pace still leaves the right address behind. Chromium reloads the one that was there when the
 * reload began, however long its answer takes and whatever is written meanwhile: the last one is kept for it.
 */
function leave(): void {
  if (timer !== 0 && language) writeAddress(language);
  keep((store) => store.setItem(LEFT_AT, location.href));
}

/** After a reload, the address that the page was left with. */
function takeUp(): void {
  keep((store) => {
    const left = store.getItem(LEFT_AT);
    store.removeItem(LEFT_AT);
    const [opened] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    if (left && opened?.type === 'reload') history.replaceState(history.state, '', left);
  });
}

/** Where nothing may be kept, what was changed last is lost to a reload. */
function keep(use: (store: Storage) => void): void {
  try {
    use(sessionStorage);
  } catch {}
}

async function open(): Promise<void> {
  // What was to be written is of the address that has been left.
  clearTimeout(timer);
  timer = 0;
  const there = await stateThere();
  if (there) change(() => there);
}

/** The state of the address; null where it holds none, or what reads it did not load, of which the notice tells, too. */
async function stateThere(): Promise<State | null> {
  linkNotice.value = null;
  try {
    const reader = mayHoldState() ? await loadLanguage() : null;
    // A person may have gone on while it loaded.
    known = location.hash;
    if (!reader || !mayHoldState()) return null;
    const { state: there, notice } = reader.decodeState(known);
    linkNotice.value = notice;
    return there;
  } catch {
    linkNotice.value = 'What reads links did not load. Load the page again to have what this one shows.';
    return null;
  }
}

/** What is written; null where what writes it did not load, which is asked for again with the next change. */
async function writeNow(): Promise<string | null> {
  try {
    return writeAddress(await loadLanguage());
  } catch {
    return null;
  }
}

/** Puts the state into the address now, unless a person has gone to another one, which is yet to be read. */
function writeAddress({ encodeState }: Language): string {
  clearTimeout(timer);
  timer = 0;
  const hash = `#${encodeState(state.peek())}`;
  if (location.hash === known && known !== hash) {
    history.replaceState(history.state, '', hash);
    known = location.hash;
  }
  return hash;
}

/** Copies the address of the page with all that is chosen on it; what is to be said then, null where what writes it did not load. */
export async function shareLink(): Promise<Said | null | undefined> {
  const hash = await writeNow();
  return hash ? language?.share(new URL(hash, location.href).href) : null;
}
