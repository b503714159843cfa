// `<deconv-station station="overlap" state="v1&k=4">` in somebody else's page: a frame with one station, as high as
// the station is. It is a plain script, because hosts of static files seldom let other origins have modules, and so
// it imports nothing.

const script = document.currentScript;
const ownPage = script instanceof HTMLScriptElement ? new URL('.', script.src).href : undefined;

class DeconvStation extends HTMLElement {
  static readonly observedAttributes = ['station', 'state', 'page'];

  readonly #frame = document.createElement('iframe');
  readonly #instead = document.createElement('slot');
  readonly #wrong = document.createElement('p');
  readonly #listen = (event: MessageEvent) => this.#hear(event);

  constructor() {
    super();
    this.#frame.loading = 'lazy';
    this.#frame.allow = 'camera; clipboard-write; cross-origin-isolated';
    this.#frame.style.cssText = 'display: block; inline-size: 100%; block-size: 40rem; border: 0';
    this.attachShadow({ mode: 'open' }).append(this.#instead, this.#wrong, this.#frame);
  }

  connectedCallback(): void {
    if (this.style.display === '') this.style.display = 'block';
    addEventListener('message', this.#listen);
    this.#show();
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.#listen);
  }

  /** An attribute that is set to what it was asks once more for what its reader has changed since. */
  attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (this.isConnected) this.#show(before === after);
  }

  #show(again = false): void {
    const station = this.getAttribute('station') ?? 'stamp';
    const page = this.getAttribute('page') ?? ownPage;
    const address = page === undefined ? null : addressOf(page);
    this.#frame.style.display = address ? 'block' : 'none';
    this.#wrong.hidden = address !== null;
    if (!address) {
      this.#wrong.textContent =
        page === undefined
          ? 'deconv-station: expected the attribute page, the address of the page, because this script was loaded as a module.'
          : `deconv-station: expected the attribute page to be the address of the page, got "${page}".`;
      return;
    }
    address.search = `?embed=${encodeURIComponent(station)}`;
    address.hash = this.getAttribute('state') ?? '';
    this.#frame.title = this.getAttribute('title') ?? `Stamp, sum, see: ${station}`;
    if (again || this.#frame.src !== address.href) this.#frame.src = address.href;
  }

  #hear({ source, data }: MessageEvent): void {
    const height: unknown = data?.deconvStation?.height;
    if (source !== this.#frame.contentWindow || typeof height !== 'number') return;
    this.#frame.style.blockSize = `${height}px`;
    this.#instead.hidden = true;
  }
}

/** The address that an attribute names, if it is one of a page and not of a script. */
function addressOf(page: string): URL | null {
  try {
    const address = new URL(page, document.baseURI);
    return /^(https?|file):$/.test(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

if (customElements.get('deconv-station') === undefined) {
  customElements.define('deconv-station', DeconvStation);
}
