import { useEffect } from 'preact/hooks';
import { lit } from '../../model/board';
import { type Cell, tapRows } from '../../model/geometry';
import { plain } from '../../model/numbers';
import { ownTaps, withDrawn, withTap } from '../../model/state';
import { change, state } from '../../store';
import { CellGrid } from '../../view/cell-grid';
import { InCell } from '../../view/in-cell';
import { Coming, later } from '../../view/later';
import { columns, lane, marks, painted, pointer, sizeText, unpin } from './cells';
import { Fills } from './fills';
import { lighted, type Stamped } from './film';

interface Props {
  picture: Stamped;
}

const familyFigures = later(async () => (await import('./family-figures')).FamilyFigures);

/** The kernel that the layer has, and the stamp that it makes where that is another. */
export function KernelFigures({ picture }: Props) {
  return picture.request.kind === 'transposed' ? (
    <KernelFigure picture={picture} />
  ) : (
    <OtherFigures picture={picture} />
  );
}

/** Loaded with the first layer that needs them. */
function OtherFigures({ picture }: Props) {
  useEffect(familyFigures.ask, []);
  const View = familyFigures.view.value;
  return View ? <View picture={picture} /> : <Coming part={familyFigures} />;
}

function KernelFigure({ picture }: Props) {
  const { spec, weights } = picture.request;
  const index = (cell: Cell) => cell.row * spec.kernel + cell.column;
  const light = lit(spec, lighted.value);
  return (
    <figure class="figure kernel-figure">
      <figcaption>
        <b>Kernel</b> <span class="size">{sizeText(spec, tapRows(spec), spec.kernel)}</span>
      </figcaption>
      <div class="grid-scroll">
        <CellGrid
          label={`Kernel, ${tapRows(spec)} by ${spec.kernel}`}
          describedBy="edit-hint"
          rows={tapRows(spec)}
          columns={spec.kernel}
          style={columns(spec.kernel)}
          look={(cell) => {
            const value = weights[index(cell)] ?? 0;
            return {
              ...painted(value),
              label: plain(value),
              marks: `${lane(spec, cell)} ${marks({ 'is-lit': light.kernel(cell) })}`,
              content: <InCell value={value} />,
            };
          }}
          onPoint={pointer('kernel')}
          onEscape={unpin}
          edit={{
            value: (cell) => ownTaps(state.value)[index(cell)] ?? 0,
            set: (cell, value) =>
              change((s) => withDrawn(s, picture.request, (now) => withTap(now, index(cell), value))),
          }}
        />
      </div>
      <Fills />
    </figure>
  );
}
