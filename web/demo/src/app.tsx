import { linkNotice, loadLanguage } from './link';
import { keepOffline } from './offline';
import { Navigation } from './shell/navigation';
import { Rail } from './shell/rail';
import { Toolbar } from './shell/toolbar';
import { type Station, stations } from './stations/stations';
import { engineStatus, pageOpened } from './store';
import { Badge } from './view/badge';
import { useAfterOpening } from './view/later';

/** The one station that `?embed=` asks for, as in a frame of another page. */
const asked = new URLSearchParams(location.search).get('embed');
const embedded = stations.find(({ id }) => id === asked);

/** Where the documentation is, if it stands beside the page, as on the site. */
const documentation = document.querySelector<HTMLLinkElement>('link[rel="help"]')?.href;

// Nothing opens before a station that is alone, unless it is the first.
if (embedded && embedded.id !== 'stamp') pageOpened.value = true;

function prepare(): void {
  // A page that is left just after a change has no time left to load what writes that into its address.
  void loadLanguage().catch(() => {});
  void import('./view/keep-focus').then(({ keepFocus }) => keepFocus()).catch(() => {});
  const status = engineStatus.peek();
  if (status.is === 'ready') void keepOffline(status.files);
}

export function App() {
  useAfterOpening(prepare);
  if (embedded) return <Embedded station={embedded} />;
  return asked === null ? <Page /> : <NoSuchStation />;
}

function Page() {
  return (
    <>
      <a class="skip" href="#stamp">
        Skip to the first station
      </a>
      <header class="masthead">
        {documentation ? (
          <a class="wordmark" href={documentation} title="Documentation of the package">
            deconv-wasm
          </a>
        ) : (
          <span class="wordmark">deconv-wasm</span>
        )}
        <Badge />
        <Toolbar />
        <Navigation />
      </header>
      <Rail />
      <main>
        <LinkNotice />
        <div class="opening">
          <h1>Stamp, sum, see</h1>
          <p class="standfirst">
            Transposed convolution enlarges images in neural networks: each input cell multiplies a small
            kernel and stamps it onto the output. Where stamps overlap, they add. Watch where.
          </p>
        </div>
        <Stations shown={stations} />
      </main>
      <footer class="colophon">
        <p>
          Every result on this page is computed by the package, in a worker, on your machine. Nothing is sent
          anywhere. Once loaded, the page works offline.
        </p>
        {documentation && (
          <p>
            To have these layers, and what finds and repairs patterns, in a page or program of your own:{' '}
            <a href={documentation}>the documentation of the package</a>.
          </p>
        )}
        <Isolation />
      </footer>
    </>
  );
}

/** One station alone, with a way to the whole page in the same state. */
function Embedded({ station }: { station: Station }) {
  return (
    <div class="embedded">
      <main>
        <h1 class="visually-hidden">Stamp, sum, see: {station.name}</h1>
        <LinkNotice />
        <Stations shown={[station]} />
      </main>
      <footer class="colophon embedded-foot">
        <Badge />
        <a
          href={location.pathname}
          target="_blank"
          rel="noopener"
          onClick={(event) => {
            event.currentTarget.href = location.pathname + location.hash;
          }}
        >
          The whole page, with this layer
        </a>
      </footer>
    </div>
  );
}

function NoSuchStation() {
  return (
    <section class="plain-message" role="alert">
      <h2>There is no such station</h2>
      <p>
        <code>embed=</code> names one of {stations.map(({ id }) => id).join(', ')}.
      </p>
      <p class="quoted">{asked}</p>
      <a href={location.pathname}>The whole page</a>
    </section>
  );
}

function Stations({ shown }: { shown: readonly Station[] }) {
  if (engineStatus.value.is === 'failed') return <LoadFailure message={engineStatus.value.message} />;
  return (
    <>
      {shown.map(({ id, View }) => (
        <View key={id} />
      ))}
    </>
  );
}

function LinkNotice() {
  if (linkNotice.value === null) return null;
  return (
    <div class="link-notice" role="alert">
      <p>{linkNotice.value}</p>
      <button
        type="button"
        class="text-button"
        onClick={() => {
          linkNotice.value = null;
        }}
      >
        Close
      </button>
    </div>
  );
}

/** Where threads are off, why. */
function Isolation() {
  if (crossOriginIsolated) return null;
  return (
    <p id="isolation">
      Threads are off here. They need shared memory, which browsers give to pages whose host sends
      Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp. All results are
      the same; large layers take longer.
    </p>
  );
}

function LoadFailure({ message }: { message: string }) {
  return (
    <section class="plain-message" role="alert">
      <h2>The page cannot compute</h2>
      <p>
        Its WebAssembly module did not load, so there is nothing to show. Today's Firefox, Chrome, Edge and
        Safari run it; an extension or filter that blocks WebAssembly stops it.
      </p>
      <p class="quoted">{message}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load again
      </button>
    </section>
  );
}
