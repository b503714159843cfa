import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { KernelPicture, ModelLayerInfo } from '../../engine/protocol';
import { diverging, largestMagnitude } from '../../model/colour';
import { short } from '../../model/curve';
import { count, plain } from '../../model/numbers';
import { asLab, asStamp, type OpenedLayer } from '../../model/opened-layer';
import type { State } from '../../model/state';
import { goTo, goToHeading } from '../../shell/place';
import { change, state, theme } from '../../store';
import { PixelCanvas } from '../../view/pixel-canvas';
import { ValuesTable } from '../../view/values-table';
import { openInLab, type TakenKernel } from '../lab/lab-run';
import { opened, sought } from './model-run';

const verdicts = {
  free: 'No pattern',
  'weights-only': 'Pattern from the weights',
  overlap: 'Uneven overlap',
  holes: 'Holes: no weights can fix it',
} as const;

/** One layer of a file. */
export function LayerCard({ layer }: { layer: ModelLayerInfo }) {
  const { name, geometry, found, problem } = layer;
  const heading = useRef<HTMLHeadingElement>(null);
  const isSought = sought.value === name;
  useEffect(() => {
    if (!isSought || !heading.current) return;
    sought.value = null;
    goToHeading(heading.current);
  }, [isSought]);
  return (
    <article class="model-layer" data-layer={name} aria-label={`Layer ${name}`}>
      <h3 ref={heading}>{name}</h3>
      {geometry && <p class="layer-name">{geometryInWords(layer)}</p>}
      {problem !== null && <p class="model-problem">Not read: {problem}.</p>}
      {found && (
        <>
          <p class="model-verdict" data-verdict={found.verdict}>
            <b>{verdicts[found.verdict]}</b>
            <span>
              U <b>{short(found.unevenness)}</b>
            </span>
            {found.unevenness > 0 && <span>{plain(found.levelDbc, 1)} dBc</span>}
            <span>Stamps {found.overlap.map((axis) => axis.join('/')).join(' × ')}</span>
          </p>
          <details class="as-table">
            <summary>What that means</summary>
            <p class="model-note">{found.sentence}</p>
          </details>
          <Kernels layer={layer} />
        </>
      )}
    </article>
  );
}

function Kernels({ layer }: { layer: ModelLayerInfo }) {
  const [chosen, choose] = useState(0);
  const { kernels, pairs } = layer;
  const kernel = kernels[Math.min(chosen, kernels.length - 1)];
  const largest = useMemo(() => largestMagnitude(kernels.map(({ taps }) => taps)), [kernels]);
  if (!kernel) return <p class="model-note">Its kernels are too large to draw.</p>;
  const opening = layer.geometry as OpenedLayer;
  const stamp = asStamp(state.value, opening, kernel.taps);
  const lab = asLab(state.value, opening);
  const { width, height } = shapeOf(layer);
  return (
    <>
      <fieldset class="model-kernels">
        <legend>
          {kernels.length < pairs ? `${kernels.length} of ${pairs} kernels` : count(pairs, 'kernel')}, the
          most uneven first. Blue is positive, ochre negative.
        </legend>
        {kernels.map((one, index) => (
          <label key={`${one.first} ${one.second}`} class={width > 4 * height ? 'is-line' : ''}>
            <input
              type="radio"
              name={`kernel of ${layer.name}`}
              checked={one === kernel}
              aria-label={pairName(layer, one)}
              onChange={() => choose(index)}
            />
            <Picture taps={one.taps} width={width} height={height} largest={largest} />
          </label>
        ))}
      </fieldset>
      <p class="model-note">
        Chosen: {pairName(layer, kernel)},{' '}
        <span data-kernel-unevenness={kernel.unevenness}>
          <i>U</i> <b>{short(kernel.unevenness)}</b>
        </span>{' '}
        on its own
      </p>
      <ValuesTable
        of={`Kernel, ${pairName(layer, kernel)}`}
        width={width}
        height={height}
        data={kernel.taps}
        digits={4}
      />
      <div class="model-open">
        <button
          type="button"
          class="button"
          disabled={stamp === null}
          onClick={() => {
            if (stamp) change(() => stamp);
            goTo('stamp');
          }}
        >
          Open this kernel in station 1
        </button>
        <button
          type="button"
          class="button"
          disabled={lab === null}
          onClick={() => {
            if (lab) openInLab(takenFrom(layer, kernel, lab), lab);
            goTo('lab');
          }}
        >
          Open this kernel in the lab
        </button>
        {(stamp === null || lab === null) && (
          <p class="model-note">
            {stamp === null && lab === null
              ? 'Neither station 1 nor the lab has room for this geometry.'
              : stamp === null
                ? 'Station 1 has no room for this geometry.'
                : 'The lab has no room for this geometry: its kernels are square and end at 9, its strides at 4.'}
          </p>
        )}
      </div>
    </>
  );
}

function Picture(props: { taps: Float32Array; width: number; height: number; largest: number }) {
  const { taps, width, height, largest } = props;
  const colours = theme.value;
  const bytes = useMemo(() => {
    const painted = new Uint8ClampedArray(4 * width * height);
    for (let i = 0; i < width * height; i++) {
      painted.set([...diverging(taps[i] ?? 0, largest, colours), 255], 4 * i);
    }
    return painted;
  }, [taps, largest, colours]);
  return <PixelCanvas width={width} height={height} bytes={bytes} label="" />;
}

function takenFrom(layer: ModelLayerInfo, kernel: KernelPicture, { lab }: State): TakenKernel {
  const others = layer.pairs - 1;
  return {
    kernel: lab.kernel,
    taps: [...kernel.taps],
    note: [
      `From ${opened.value?.files[0]?.name}, ${layer.name}: ${pairName(layer, kernel)}, weights as they are.`,
      'Every colour goes through this kernel.',
      ...(others > 0 ? [`The layer's other ${count(others, 'kernel')} and its bias are left out.`] : []),
      ...(layer.transposed ? [] : ['It is stamped here, as in the backward pass of its layer.']),
      ...(lab.crop === 'fit'
        ? ['Its crop depends on its input; here it is to a multiple of the input.']
        : []),
    ].join(' '),
  };
}

/** A kernel as a picture: a line in 1-D, its slices below each other in 3-D. */
function shapeOf({ geometry }: ModelLayerInfo): { width: number; height: number } {
  const size = geometry?.kernelSize ?? [1];
  const width = size.at(-1) ?? 1;
  return { width, height: size.slice(0, -1).reduce((product, extent) => product * extent, 1) };
}

function pairName({ transposed }: ModelLayerInfo, { first, second }: KernelPicture): string {
  return transposed ? `input ${first} to output ${second}` : `output ${first} from input ${second}`;
}

function geometryInWords(layer: ModelLayerInfo): string {
  const { operator, geometry } = layer;
  if (!geometry) return operator;
  const { inChannels, outChannels, groups, kernelSize, stride, dilation } = geometry;
  return [
    `${operator} ${inChannels} → ${outChannels}`,
    `kernel ${times(kernelSize)}`,
    `stride ${times(stride)}`,
    ...padding(layer),
    ...(dilation.some((step) => step > 1) ? [`dilation ${times(dilation)}`] : []),
    ...(groups > 1 ? [`${groups} groups`] : []),
  ].join(', ');
}

const times = (values: readonly number[]) => values.join('×');

/** In PyTorch's words where they can say it. */
function padding({ geometry, transposed }: ModelLayerInfo): string[] {
  const { padBefore: before, padAfter: after } = geometry ?? {};
  if (!before || !after) return ['padding by the size of its input'];
  const added = before.map((rows, axis) => rows - (after[axis] ?? 0));
  if (added.every((rows) => rows === 0)) return [`padding ${times(before)}`];
  if (transposed && added.every((rows) => rows >= 0)) {
    return [`padding ${times(before)}`, `output padding ${times(added)}`];
  }
  return [`padding ${times(before)} before and ${times(after)} after`];
}
