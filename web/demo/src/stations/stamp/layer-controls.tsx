import { outputPaddingLimit } from '../../model/geometry';
import { largestSize, layerLimits } from '../../model/layer-state';
import { withLayer } from '../../model/state';
import { change, state } from '../../store';
import { Slider } from '../../view/slider';
import { refusal } from './film';

/** The layer's parameters, and the package's sentence when they do not make a layer. */
export function LayerControls() {
  const { layer } = state.value;
  const limits = layerLimits(layer.axes);
  const set = (name: keyof typeof layer) => (value: number) => change((s) => withLayer(s, { [name]: value }));
  const highest = outputPaddingLimit(layer.stride, layer.dilation);
  return (
    <fieldset class="controls">
      <legend class="visually-hidden">Layer</legend>
      <Slider label="Input size" value={layer.size} min={1} max={largestSize(layer)} onInput={set('size')} />
      <Slider label="Kernel" value={layer.kernel} {...limits.kernel} onInput={set('kernel')} />
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
          <b>Not a layer.</b> {refusal.value} The picture still shows the last one that was.
        </p>
      )}
    </fieldset>
  );
}
