import { lit } from '../../model/board';
import { ownKernel, stampTap, subpixelChannels } from '../../model/family-weights';
import { type Cell, tapRows } from '../../model/geometry';
import { count, plain } from '../../model/numbers';
import { phaseOfTap, phasesOf } from '../../model/phases';
import { resizeKernels } from '../../model/resize-stamps';
import { ownTaps, withDrawn, withTap } from '../../model/state';
import { change, state } from '../../store';
import { CellGrid } from '../../view/cell-grid';
import { InCell } from '../../view/in-cell';
import { columns, lane, marks, painted, pointer, sizeText, unpin } from './cells';
import { Fills } from './fills';
import { hovered, lighted, type Stamped } from './film';

interface Props {
  picture: Stamped;
}

/** The kernel of a layer that is no transposed convolution, and the stamp that it makes. */
export function FamilyFigures({ picture }: Props) {
  if (picture.request.kind === 'subpixel') {
    return (
      <>
        <ChannelsFigure picture={picture} />
        <StampFigure picture={picture} how="the channels, interleaved" />
      </>
    );
  }
  return (
    <>
      <BehindResizeFigure picture={picture} />
      <StampFigure picture={picture} how="the kernel, spread by the resize" />
    </>
  );
}

/** All channels of a sub-pixel convolution, each at the place that it takes in a block of the output. */
function ChannelsFigure({ picture }: Props) {
  const { spec, weights } = picture.request;
  const { axes, stride, kernel } = spec;
  const own = ownKernel(spec, 'subpixel');
  const channels = subpixelChannels(spec);
  const rows = axes === 1 ? spec.groups : stride * own;
  const light = lit(spec, lighted.value);
  const channelAt = (cell: Cell) =>
    channels[(axes === 1 ? 0 : Math.floor(cell.row / own) * stride) + Math.floor(cell.column / own)];
  /** The cell of the stamp that a channel's becomes. */
  const stampCell = (cell: Cell): Cell | null => {
    const channel = channelAt(cell);
    const tap = channel && stampTap(spec, channel, axes === 1 ? 0 : cell.row % own, cell.column % own);
    if (tap === null || tap === undefined) return null;
    return { row: axes === 1 ? cell.row : Math.floor(tap / kernel), column: tap % kernel };
  };
  const index = (cell: Cell) => {
    const there = stampCell(cell);
    return there === null ? null : there.row * kernel + there.column;
  };
  const size = axes === 1 ? count(own, 'tap') : `${own} \u00d7 ${own}`;
  return (
    <figure class="figure kernel-figure channels-figure">
      <figcaption>
        <b>Kernel</b> <span class="size">{`${count(channels.length, 'channel')} of ${size}`}</span>
      </figcaption>
      <div class="grid-scroll">
        <CellGrid
          label={`Kernel, ${count(channels.length, 'channel')} of ${own} by ${axes === 1 ? 1 : own}`}
          describedBy="edit-hint"
          rows={rows}
          columns={stride * own}
          style={columns(stride * own)}
          look={(cell) => {
            const name = channelAt(cell)?.name ?? '';
            const there = stampCell(cell);
            const value = there ? (weights[there.row * kernel + there.column] ?? 0) : 0;
            const starts = marks({
              'starts-channel-row': axes === 2 && cell.row > 0 && cell.row % own === 0,
              'starts-channel-column': cell.column > 0 && cell.column % own === 0,
            });
            if (!there) {
              return {
                label: `channel ${name}: stays 0, the stamp has no tap there`,
                marks: `is-void ${starts}`,
                content: <i class="channel-name" data-name={name} />,
              };
            }
            return {
              ...painted(value),
              label: `${plain(value)}, channel ${name}`,
              marks: `${lane(spec, cell)} ${starts} ${marks({ 'is-lit': light.kernel(there) })}`,
              content: <Named value={value} name={name} />,
            };
          }}
          onPoint={(how, cell) => pointer('kernel')(how, cell && stampCell(cell))}
          onEscape={unpin}
          edit={{
            has: (cell) => index(cell) !== null,
            value: (cell) => ownTaps(state.value)[index(cell) ?? -1] ?? 0,
            set: (cell, value) => {
              const tap = index(cell);
              if (tap !== null)
                change((s) => withDrawn(s, picture.request, (now) => withTap(now, tap, value)));
            },
          }}
        />
      </div>
      <Fills />
    </figure>
  );
}

/** The kernel of the convolution behind a resize. */
function BehindResizeFigure({ picture }: Props) {
  const { spec, weights } = picture.request;
  const own = ownKernel(spec, 'resize');
  const rows = spec.axes === 1 ? spec.groups : own;
  const taps = resizeKernels(spec, weights);
  const index = (cell: Cell) => cell.row * own + cell.column;
  return (
    <figure class="figure kernel-figure">
      <figcaption>
        <b>Kernel</b> <span class="size">{sizeText(spec, rows, own)}</span>
      </figcaption>
      <div class="grid-scroll">
        <CellGrid
          label={`Kernel behind the resize, ${rows} by ${own}`}
          describedBy="edit-hint"
          rows={rows}
          columns={own}
          style={columns(own)}
          look={(cell) => {
            const value = taps[index(cell)] ?? 0;
            return {
              ...painted(value),
              label: plain(value),
              marks: lane(spec, cell),
              content: <InCell value={value} />,
            };
          }}
          onPoint={() => {
            // It reaches whole boxes of the stamp, which the stamp itself shows.
            hovered.value = null;
          }}
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

/** What the layer lays onto the output for an input of 1, with the channel that each of its taps comes from. */
function StampFigure({ picture, how }: Props & { how: string }) {
  const { spec, kind, weights } = picture.request;
  const light = lit(spec, lighted.value);
  const names = phasesOf({ ...spec, groups: 1 });
  return (
    <figure class="figure stamp-figure">
      <figcaption>
        <b>Stamp</b> <span class="size">{sizeText(spec, tapRows(spec), spec.kernel)}</span>{' '}
        <span class="size">{how}</span>
      </figcaption>
      <div class="grid-scroll">
        <CellGrid
          label={`Stamp, ${tapRows(spec)} by ${spec.kernel}`}
          rows={tapRows(spec)}
          columns={spec.kernel}
          style={columns(spec.kernel)}
          look={(cell) => {
            const value = weights[cell.row * spec.kernel + cell.column] ?? 0;
            const phase = phaseOfTap(spec, spec.axes === 1 ? 0 : cell.row, cell.column);
            const name = kind === 'subpixel' ? (names[phase]?.name ?? '') : '';
            return {
              ...painted(value),
              label: name ? `${plain(value)}, channel ${name}` : plain(value),
              marks: `${lane(spec, cell)} ${marks({ 'is-lit': light.kernel(cell) })}`,
              content: name ? <Named value={value} name={name} /> : <InCell value={value} />,
            };
          }}
          onPoint={pointer('kernel')}
          onEscape={unpin}
        />
      </div>
    </figure>
  );
}

function Named({ value, name }: { value: number; name: string }) {
  return (
    <>
      <InCell value={value} />
      <i class="channel-name" data-name={name} />
    </>
  );
}
