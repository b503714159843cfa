/** Where a part of the page stands in the window: what is read there does not depend on how high the others are. */
interface Place {
  /** Of a station, or of the whole page above the first one. */
  readonly id: string;
  /** Of its top, from that of the window. */
  readonly top: number;
}

/** Brings a station into view, and the keyboard with it. */
export function goTo(id: string): void {
  if (!document.getElementById(id)) return;
  const place = { id, top: topMargin() };
  hold({ place, part: partNamed(id), top: place.top, heading: partNamed(`${id}-title`) });
}

/** Brings a heading inside a station into view, and the keyboard with it. */
export function goToHeading(heading: HTMLElement): void {
  const there = () => (heading.isConnected ? heading : null);
  hold({ place: null, top: topMargin(), part: there, heading: there });
}

/** How far below the top of the window a part begins that is brought into view. */
const topMargin = () => Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;

/** A station is read from where its top has come this far up the window. */
const READ_FROM = 0.4;
/** A place is written down once the page has stood still this long; some browsers refuse to write often. */
const PACE = 100;

/** The station that is being read, if it is none above the first. */
export function stationInView(): string | null {
  const stations = [...document.querySelectorAll('.station')];
  // The last stations may be too short to come up.
  const left = document.documentElement.scrollHeight - innerHeight - scrollY;
  if (scrollY > 0 && left < 2) return stations.at(-1)?.id ?? null;
  const line = innerHeight * READ_FROM;
  return stations.filter((station) => station.getBoundingClientRect().top <= line).at(-1)?.id ?? null;
}

/**
 * Opens the page where its reader has left it, or at the station that the address names. The browser cannot: it
 * knows pixels from the top, and the stations come after the page, each as high as it then turns out to be.
 */
export function openInPlace(): void {
  history.scrollRestoration = 'manual';
  let timer = 0;
  // Not as the page is left: what a page writes then, Chromium does not give back to it.
  const leaveSoon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(leavePlace, PACE);
  };
  addEventListener('scroll', leaveSoon, { passive: true });
  const open = () => {
    const named = location.hash.slice(1);
    if (document.getElementById(named)?.matches('.station')) goTo(named);
  };
  addEventListener('hashchange', open);
  const left = placeLeft();
  if (left) hold({ place: left, part: partNamed(left.id), top: left.top, heading: null });
  else open();
}

/** In the entry of the browser's history, which a reload and a way back give again. */
function leavePlace(): void {
  history.replaceState({ ...history.state, place: held ?? placeNow() }, '');
}

function placeNow(): Place {
  const id = stationInView() ?? 'page';
  return { id, top: topOf(partNamed(id)()) ?? 0 };
}

function placeLeft(): Place | null {
  const { id, top } = history.state?.place ?? {};
  return typeof id === 'string' && typeof top === 'number' ? { id, top } : null;
}

/** A part of the page that is to stand where it is brought. */
interface Hold {
  /** Found anew each time: a station that comes takes the place of a heading. */
  readonly part: () => HTMLElement | null;
  /** Of its top, from that of the window. */
  readonly top: number;
  /** What the keyboard goes to, if it goes there. */
  readonly heading: (() => HTMLElement | null) | null;
  /** As it is written down on the way; null for a part that a page loaded again may not have. */
  readonly place: Place | null;
}

/** What is on its way to its place, which a page that is still coming may not reach yet. */
let held: Place | null = null;
/** Lets go of it. */
let letGo = () => {};

/** Keeps a part where it is, whatever grows or shrinks above it, until the reader scrolls or takes something up. */
function hold({ part, top, heading, place }: Hold): void {
  letGo();
  held = place;
  const { body } = document;
  let ours = scrollY;
  let height = 0;
  const keep = () => {
    const now = topOf(part());
    if (now === null) return;
    // Not as a glide: that ends where the part was when it began, and starts the work of all stations on its way.
    if (Math.abs(now - top) >= 1) scrollBy({ top: now - top, behavior: 'instant' });
    ours = scrollY;
    height = document.documentElement.scrollHeight;
    // A station that comes takes the place of a heading, which had the keyboard.
    if (document.activeElement === body) focusOn(heading?.());
  };
  const sizes = new ResizeObserver(keep);
  const scrolled = () => {
    // A page that has become shorter goes to its end by itself; `keep` comes after that, before anything is seen.
    const { scrollHeight } = document.documentElement;
    const shortened = scrollHeight < height && scrollHeight - innerHeight - scrollY < 2;
    if (!shortened && Math.abs(scrollY - ours) >= 1) letGo();
  };
  const taken = ['pointerdown', 'keydown', 'wheel', 'touchmove'] as const;
  letGo = () => {
    letGo = () => {};
    held = null;
    sizes.disconnect();
    removeEventListener('scroll', scrolled);
    for (const event of taken) removeEventListener(event, letGoNow, true);
    body.style.overflowAnchor = '';
  };
  const letGoNow = () => letGo();
  // Where the browser keeps something else in place, its scrolls could not be told from the reader's.
  body.style.overflowAnchor = 'none';
  focusOn(heading?.());
  keep();
  sizes.observe(body);
  addEventListener('scroll', scrolled, { passive: true });
  for (const event of taken) addEventListener(event, letGoNow, { capture: true, passive: true });
}

function focusOn(heading: HTMLElement | null | undefined): void {
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

const partNamed = (id: string) => () => document.getElementById(id);
const topOf = (part: HTMLElement | null) => part?.getBoundingClientRect().top ?? null;
