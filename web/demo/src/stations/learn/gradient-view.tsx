import { useMemo } from 'preact/hooks';
import type { GradientResult } from '../../engine/protocol';
import { diverging, largestMagnitude } from '../../model/colour';
import { short } from '../../model/curve';
import { type GradientFill, type LearnState, learnLimits } from '../../model/learn-state';
import { toBytes } from '../../model/levels';
import { plain } from '../../model/numbers';
import type { Planes } from '../../model/picture';
import { theme } from '../../store';
import { Choice } from '../../view/choice';
import { LiveRegion } from '../../view/live-region';
import { PixelCanvas } from '../../view/pixel-canvas';
import { Slider } from '../../view/slider';
import { ValuesTable } from '../../view/values-table';
import { gradients, set } from './learn-run';

const fills: readonly { value: GradientFill; label: string }[] = [
  { value: 'ones', label: 'Ones' },
  { value: 'random', label: 'Random' },
];

/** What a strided convolution sends back to its input: the stamps of a transposed one. */
export function GradientView({ learn }: { learn: LearnState }) {
  const result = gradients.value;
  return (
    <>
      <fieldset class="controls gradient-controls">
        <legend class="visually-hidden">Strided convolution</legend>
        <Slider
          label="Kernel"
          value={learn.kernel}
          {...learnLimits.kernel}
          onInput={(kernel) => set({ kernel })}
        />
        <Slider
          label="Stride"
          value={learn.stride}
          {...learnLimits.stride}
          onInput={(stride) => set({ stride })}
        />
        <Choice
          legend="Weights"
          name="gradient-fill"
          options={fills}
          value={learn.fill}
          onChoose={(fill) => set({ fill })}
        />
        {learn.fill === 'random' && (
          <button type="button" class="preset" onClick={() => set({ seed: (learn.seed % 999) + 1 })}>
            Seed {learn.seed}, next
          </button>
        )}
      </fieldset>
      {result && <Gradients result={result} />}
    </>
  );
}

function Gradients({ result }: { result: GradientResult }) {
  const bytes = useMemo(() => toBytes(result.picture, { black: 0, white: 1 }), [result]);
  return (
    <>
      <div class="gradient-panels">
        <figure class="learn-picture">
          <PixelCanvas
            width={result.picture.width}
            height={result.picture.height}
            bytes={bytes}
            label="The picture that goes in"
          />
          <figcaption>The input x</figcaption>
          <ValuesTable
            of="The input, red"
            width={result.picture.width}
            height={result.picture.height}
            data={result.picture.data}
          />
        </figure>
        <Signed
          name="sum"
          title="dL/dx, L the sum of the outputs"
          note="Every output sends back a 1."
          planes={result.ofSum}
        />
        <Signed
          name="squares"
          title="dL/dx, L half the sum of their squares"
          note="Every output sends back its own value, here of the picture's red."
          planes={result.ofSquares}
        />
      </div>
      <p class="gradient-verdict">
        U of the backward pass <b>{short(result.unevenness)}</b>. {result.sentence}
      </p>
      <p class="layer-name">{result.layer}</p>
      <p class="rules">
        The backward pass of a strided convolution is a transposed convolution: each output stamps the kernel
        onto the gradient of the input, and the stamps overlap as in station 1. Pictures that follow such
        gradients, as feature visualisation and adversarial examples do, show the pattern. Blue is positive,
        ochre negative, strongest at the largest magnitude.
      </p>
      <LiveRegion text={`U of the backward pass ${short(result.unevenness)}`} pace={700} />
    </>
  );
}

interface SignedProps {
  name: string;
  title: string;
  note: string;
  planes: Planes;
}

function Signed({ name, title, note, planes }: SignedProps) {
  const { width, height } = planes;
  const data = planes.data.subarray(0, width * height);
  const largest = largestMagnitude([data]);
  const colours = theme.value;
  const bytes = useMemo(() => {
    const painted = new Uint8ClampedArray(4 * width * height);
    data.forEach((value, i) => {
      painted.set([...diverging(value, largest, colours), 255], 4 * i);
    });
    return painted;
  }, [planes, colours]);
  return (
    <figure class="learn-picture" data-gradient={name}>
      <PixelCanvas
        width={width}
        height={height}
        bytes={bytes}
        label={`${title}: ${width} by ${height}, largest magnitude ${plain(largest)}`}
      />
      <figcaption>
        {title} <span class="size">{note}</span>
      </figcaption>
      <ValuesTable of={title} width={width} height={height} data={data} />
    </figure>
  );
}
