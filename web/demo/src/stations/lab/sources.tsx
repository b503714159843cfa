import { levelsOf, toBytes } from '../../model/levels';
import type { Picture } from '../../model/picture';
import { testImageNames, testImages } from '../../model/test-images';
import { change, state } from '../../store';
import { OpenFile } from '../../view/open-file';
import { PixelCanvas } from '../../view/pixel-canvas';
import { Refusal } from '../../view/refusal';
import { Camera } from './camera';
import { openOwn, ownPicture, picture, pictureRefusal, refusePicture } from './lab-run';

interface Props {
  onFile: (file: File) => void;
}

/** The pictures to choose from: four made on the spot, and the person's own. */
export function Sources({ onFile }: Props) {
  const chosen = state.value.lab.source;
  const choose = (source: typeof chosen) => change((s) => ({ ...s, lab: { ...s.lab, source } }));
  const own = ownPicture.value;
  return (
    <div class="picture-choice">
      <fieldset>
        <legend class="visually-hidden">Picture</legend>
        {testImages.map((which) => (
          <Source
            key={which}
            name={testImageNames[which]}
            picture={picture(which)}
            checked={chosen === which}
            onChoose={() => choose(which)}
          />
        ))}
        {own && (
          <Source name={own.name} picture={own} checked={chosen === 'own'} onChoose={() => choose('own')} />
        )}
      </fieldset>
      <div class="own-picture">
        <OpenFile
          title="Your own picture"
          hint="Choose, drop or paste. It stays in this page."
          accept="image/*"
          onFiles={([file]) => file && onFile(file)}
        />
        <Camera onPicture={(taken) => void openOwn(taken, 'Camera')} onTrouble={refusePicture} />
      </div>
      <Refusal text={pictureRefusal.value} />
      {chosen === 'own' && !own && (
        <p class="taken">
          The picture that was here is not part of a link: it stays with whoever has opened it. Until one is
          opened the panels show the landscape.
        </p>
      )}
    </div>
  );
}

interface SourceProps {
  name: string;
  picture: Picture;
  checked: boolean;
  onChoose: () => void;
}

function Source({ name, picture, checked, onChoose }: SourceProps) {
  return (
    <label class="source">
      <input type="radio" name="lab-source" checked={checked} onChange={onChoose} />
      <PixelCanvas label="" width={picture.width} height={picture.height} bytes={thumbnail(picture)} />
      <span>{name}</span>
    </label>
  );
}

const thumbnails = new WeakMap<Picture, Uint8ClampedArray<ArrayBuffer>>();

function thumbnail(picture: Picture): Uint8ClampedArray<ArrayBuffer> {
  const bytes = thumbnails.get(picture) ?? toBytes(picture, levelsOf('unit', []));
  thumbnails.set(picture, bytes);
  return bytes;
}
