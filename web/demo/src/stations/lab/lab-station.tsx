import { useEffect } from 'preact/hooks';
import { state } from '../../store';
import { pictureFile } from '../../view/open-picture';
import { Trouble } from '../../view/trouble';
import { useDrop } from '../../view/use-drop';
import { LabControls } from './lab-controls';
import { developed, openOwn, refusePicture, startLab, trouble } from './lab-run';
import { Panels } from './panels';
import { Sound } from './sound';
import { Sources } from './sources';
import '../../view/readings.css';
import './lab.css';

/** A picture through the layer, beside the same taps after resizing. */
export function LabStation() {
  const target = useDrop('station', (data) => {
    const file = pictureFile(data);
    if (file) open(file);
    else refusePicture('Only a picture file can be dropped here.');
  });
  useEffect(startLab, []);
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const file = pictureFile(event.clipboardData);
      if (file) open(file);
    };
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
      <Sources onFile={open} />
      <LabControls lab={state.value.lab} />
      <Trouble text={trouble.value} />
      {developed.value && <Panels developed={developed.value} />}
      <Sound />
    </section>
  );
}

function open(file: File): void {
  void openOwn(file, file.name);
}
