import { useEffect, useRef } from 'preact/hooks';
import { Coming, later, useAfterOpening } from '../../view/later';
import { LiveRegion } from '../../view/live-region';
import { Waiting } from '../../view/waiting';
import { InputFigure, OutputFigure } from './figures';
import {
  atEnd,
  controls,
  currentStory,
  landed,
  pinned,
  playing,
  refusal,
  type Stamped,
  stamped,
  total,
} from './film';
import { Flight } from './flight';
import { KernelFigures } from './kernel-figures';
import { Notes, stepText } from './notes';
import { useFilm } from './opening';
import { Transport } from './transport';
import './stamp.css';

/** Nothing of the film needs them. */
const layerControls = later(async () => (await import('./layer-controls')).LayerControls);

/** Station 1: the layer as stamps that land and add up. */
export function StampStation() {
  const section = useRef<HTMLElement>(null);
  useFilm(section, '.output-figure');
  useShortcuts(section);
  const picture = stamped.value;

  return (
    <section class="station" id="stamp" ref={section} aria-labelledby="stamp-title">
      <h2 id="stamp-title">
        <span class="station-number">1</span> Stamp
      </h2>
      {picture ? (
        <Board picture={picture} />
      ) : (
        <Waiting why={refusal.value && 'These numbers make no layer. Below is why.'} />
      )}
      <Controls />
      <LiveRegion text={picture ? announcement(picture) : ''} pace={playing.value ? 900 : 350} />
    </section>
  );
}

function Controls() {
  useAfterOpening(layerControls.ask);
  const View = layerControls.view.value;
  if (View) return <View />;
  return (
    <div class="controls layer-controls is-coming">
      <Coming part={layerControls} />
    </div>
  );
}

function Board({ picture }: { picture: Stamped }) {
  const { spec, kind } = picture.request;
  const { axes, size, kernel } = spec;
  const classes = [
    'board',
    axes === 1 ? 'is-line' : '',
    // Both grids fit side by side under fingers.
    kind === 'transposed' && size + kernel <= 7 ? 'is-narrow' : '',
    refusal.value ? 'is-refused' : '',
  ];
  return (
    <div class={classes.join(' ')} style={{ '--input': size, '--kernel': kernel }}>
      <div class="sources">
        <InputFigure picture={picture} />
        <KernelFigures picture={picture} />
      </div>
      <OutputFigure picture={picture} />
      <Transport />
      <Notes picture={picture} />
      <Flight picture={picture} />
    </div>
  );
}

function announcement(picture: Stamped): string {
  const unit = picture.view === 'gather' ? 'Output' : 'Stamp';
  const step = `${unit} ${landed.value} of ${total.value}. ${stepText(picture)}`;
  const now = currentStory.value;
  return atEnd.value && now ? `${step} ${now.verdict} ${now.text}` : step;
}

/** Space plays, comma and full stop step: from anywhere in the station, and from nowhere while it is in view. */
function useShortcuts(section: { current: HTMLElement | null }): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const here = section.current;
      if (event.metaKey || event.ctrlKey || event.altKey || !here) return;
      if (!here.contains(target) && !(target === document.body && isInView(here))) return;
      if (target.matches('input[type="text"], input[type="radio"]')) return;
      if (event.key === ' ' && !target.matches('button, a, input[type="radio"]')) controls.toggle();
      else if (event.key === '.') controls.forward();
      else if (event.key === ',') controls.back();
      else if (event.key === 'Escape') pinned.value = null;
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}

function isInView(element: HTMLElement): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top < innerHeight / 2 && bottom > innerHeight / 2;
}
