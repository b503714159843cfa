import { layerKinds, type StampGeometry } from '../model/family';
import { familySentence, kindLabels } from '../model/family-words';
import { withKind } from '../model/state';
import { change, state } from '../store';
import { Choice } from './choice';

const kinds = layerKinds.map((value) => ({ value, label: kindLabels[value] }));

/** What the layer of the stations is made of, with the sentence that it makes no other layer. */
export function KindChoice({ station, geometry }: { station: string; geometry?: StampGeometry }) {
  const { layer, kind } = state.value;
  return (
    <div class="kind-choice">
      <Choice
        legend="Made as"
        name={`${station}-kind`}
        options={kinds}
        value={kind}
        onChoose={(next) => change((s) => withKind(s, next))}
      />
      <p class="family-sentence">{familySentence(geometry ?? layer, kind)}</p>
    </div>
  );
}
