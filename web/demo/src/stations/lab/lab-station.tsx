import { useEffect } from 'preact/hooks';
import { turns } from '../../model/turns';
import { state } from '../../store';
import { openPicture, pictureFile } from '../../view/open-picture';
import { Trouble } from '../../view/trouble';
import { useDrop } from '../../view/use-drop';
import { LabControls } from './lab-controls';
import { developed, pictureRefusal, startLab, trouble, useOwn } from './lab-run';
import { Panels } from './panels';
import { Sound } from './sound';
import { Sources } from './sources';
import '../../view/readings.css';
import './lab.css';

/** A picture through the layer, beside the same taps after resizing. */
export function LabStation() {
  const target = useDrop('station', (data) => {
    const file = pictureFile(data);
    if (!file) pictureRefusal.value = 'Only a picture file can be dropped here.';
    void open(file);
  });
  useEffect(startLab, []);
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => void open(pictureFile(event.clipboardData));
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  }, []);

  return (
    <section {...target} id="lab" aria-labelledby="lab-title">
      <h2 id="lab-title">
        <span class="station-number">5</span> Lab
      </h2>
      <p class="standfirst">
        The same stamps, thousands of them. A picture goes through a transposed convolution; beside it, what
        others do against the pattern, with the same weights.
      </p>
      <Sources onFile={(file) => void open(file)} />
      <LabControls lab={state.value.lab} />
      <Trouble text={pictureRefusal.value} />
      <Trouble text={trouble.value} />
      {developed.value && <Panels developed={developed.value} />}
      <Sound />
    </section>
  );
}

const begin = turns();

async function open(file: File | null): Promise<void> {
  if (!file) return;
  const isLast = begin();
  try {
    const picture = await openPicture(file, file.name);
    if (isLast()) useOwn(picture);
  } catch {
    if (isLast()) pictureRefusal.value = `${file.name} is not a picture this browser can read.`;
  }
}
