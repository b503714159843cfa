import { kernelLabel } from '../../model/family-words';
import { outputPaddingLimit } from '../../model/geometry';
import { largestSize, limitsOf } from '../../model/layer-state';
import { withLayer } from '../../model/state';
import { change, state } from '../../store';
import { Choice } from '../../view/choice';
import { KindChoice } from '../../view/kind-choice';
import { PresetList } from '../../view/presets';
import { Slider } from '../../view/slider';
import { refusal, stamped } from './film';

const axes = [
  { value: 1, label: '1-D' },
  { value: 2, label: '2-D' },
] as const;

/** The layer's parameters, and the package's sentence when they do not make a layer. */
export function LayerControls() {
  const { layer, kind } = state.value;
  const limits = limitsOf(state.value);
  const set = (name: Exclude<keyof typeof layer, 'axes'>) => (value: number) =>
    change((s) => withLayer(s, { [name]: value }));
  const highest = outputPaddingLimit(layer.stride, layer.dilation);
  return (
    <fieldset class="controls layer-controls">
      <legend class="visually-hidden">Layer</legend>
      <KindChoice station="stamp" />
      <PresetList />
      <Choice
        legend="Axes"
        name="axes"
        options={axes}
        value={layer.axes}
        onChoose={(axes) => change((s) => withLayer(s, { axes }))}
      />
      {layer.axes === 1 && (
        <Slider label="Groups" value={layer.groups} {...limits.groups} onInput={set('groups')} />
      )}
      <Slider label="Input size" value={layer.size} min={1} max={largestSize(layer)} onInput={set('size')} />
      <Slider label={kernelLabel(kind)} value={layer.kernel} {...limits.kernel} onInput={set('kernel')} />
      <Slider label="Stride" value={layer.stride} {...limits.stride} onInput={set('stride')} />
      <Slider label="Padding" value={layer.padding} {...limits.padding} onInput={set('padding')} />
      <Slider
        label="Output padding"
        value={layer.outputPadding}
        min={0}
        max={Math.max(highest, layer.outputPadding)}
        hint={`Below the larger of stride and dilation: 0 to ${highest}`}
        onInput={set('outputPadding')}
      />
      <Slider label="Dilation" value={layer.dilation} {...limits.dilation} onInput={set('dilation')} />
      {refusal.value && (
        <p class="refusal" role="alert">
          <b>Not a layer.</b> {refusal.value}
          {stamped.value && ' The picture still shows the last one that was.'}
        </p>
      )}
    </fieldset>
  );
}
