import { LabStation } from './stations/lab/lab-station';
import { PhasesStation } from './stations/phases/phases-station';
import { StampStation } from './stations/stamp/stamp-station';
import { engineStatus, theme, toggleTheme } from './store';
import { Badge } from './view/badge';

export function App() {
  return (
    <>
      <a class="skip" href="#stamp">
        Skip to the first station
      </a>
      <header class="masthead">
        <span class="wordmark">deconv-wasm</span>
        <nav aria-label="Stations">
          <a href="#stamp">Stamp</a>
          <a href="#phases">Phases</a>
          <a href="#lab">Lab</a>
        </nav>
        <Badge />
        <ThemeButton />
      </header>
      <main>
        <div class="opening">
          <h1>Stamp, sum, see</h1>
          <p class="standfirst">
            A transposed convolution takes each cell of its input, multiplies the whole kernel by it, and
            stamps the result onto the output. Where stamps overlap, they add. Watch where they overlap.
          </p>
        </div>
        {engineStatus.value.is === 'failed' ? (
          <LoadFailure message={engineStatus.value.message} />
        ) : (
          <>
            <StampStation />
            <PhasesStation />
            <LabStation />
          </>
        )}
      </main>
      <footer class="colophon">
        <p>
          Every result on this page is computed by the package, in a worker, on your machine. Nothing is sent
          anywhere.
        </p>
      </footer>
    </>
  );
}

function LoadFailure({ message }: { message: string }) {
  return (
    <section class="plain-message" role="alert">
      <h2>The page cannot compute</h2>
      <p>
        Its WebAssembly module did not load, so there is nothing to show. A current version of Firefox,
        Chrome, Edge or Safari runs it; an extension or a network filter that blocks WebAssembly stops it.
      </p>
      <p class="quoted">{message}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load again
      </button>
    </section>
  );
}

function ThemeButton() {
  const other = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={`Use the ${other} theme`}
      title={`Use the ${other} theme`}
      onClick={toggleTheme}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.6" />
        <path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" />
      </svg>
    </button>
  );
}
