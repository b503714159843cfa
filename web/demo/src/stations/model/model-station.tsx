import type { ModelResult } from '../../engine/protocol';
import { count } from '../../model/numbers';
import { LiveRegion } from '../../view/live-region';
import { OpenFile } from '../../view/open-file';
import { Refusal } from '../../view/refusal';
import { refuse } from '../../view/refuse';
import { useDrop } from '../../view/use-drop';
import '../../view/readings.css';
import { LayerCard } from './layer-card';
import { examples, open, openExample, opened, reading, trouble } from './model-run';
import { inputKindOf, openInput } from './network-run';
import { NetworkView } from './network-view';
import { TensorForm } from './tensor-form';
import './model.css';

/** The transposed convolutions of a model file: geometry, verdict, U and kernels of each. */
export function ModelStation() {
  const target = useDrop('station', (data) => {
    const files = [...(data?.files ?? [])];
    const [first] = files;
    const kind = first && inputKindOf(first);
    if (!first) refuse(trouble, 'Only a file can be dropped here.');
    if (first && kind) void openInput(kind, first);
    else void open(files);
  });
  const found = opened.value;
  return (
    <section {...target} id="model" aria-labelledby="model-title">
      <h2 id="model-title">
        <span class="station-number">7</span> Your model
      </h2>
      <p class="standfirst">
        Which layers of a network leave a pattern? Open a file: each of its transposed convolutions is read
        and judged by its geometry and its weights.
      </p>
      <NetworkView />
      <h3 class="model-strided">Layer by layer</h3>
      <div class="model-choice">
        <OpenFile
          title="Your model"
          hint={
            reading.value === null
              ? 'ONNX, TFLite, safetensors, npy or npz. Choose or drop. It stays in this page.'
              : `Reading ${reading.value} \u2026`
          }
          accept=".onnx,.tflite,.safetensors,.npy,.npz,.bin,.data,application/octet-stream"
          multiple
          onFiles={(files) => void open(files)}
        />
        <div class="model-examples">
          <p>Or try an example, untrained:</p>
          <div class="presets">
            {examples.map((example) => (
              <button type="button" class="preset" key={example.file} onClick={() => openExample(example)}>
                {example.name}
              </button>
            ))}
          </div>
        </div>
      </div>
      <Refusal text={trouble.value} />
      {found && (
        <Found
          key={found.files.map(({ name, size }) => `${name} ${size}`).join()}
          files={found.files}
          result={found.result}
        />
      )}
      <LiveRegion text={spoken()} pace={300} />
    </section>
  );
}

function Found({ files, result }: { files: readonly File[]; result: ModelResult }) {
  const tensors = result.candidates.length + result.layers.length;
  const transposed = result.layers.filter((layer) => layer.transposed);
  const strided = result.layers.filter((layer) => !layer.transposed);
  const bare = result.format !== 'onnx' && result.format !== 'tflite' && tensors > 0;
  return (
    <>
      <p class="model-summary">
        <b>{files[0]?.name}</b> {inWords(result)}
        {result.producer && <span class="size"> Written by {result.producer}.</span>}
      </p>
      {bare && (
        <TensorForm
          result={result}
          onRead={(geometry) => void open(files, geometry)}
          described={result.layers.length}
        />
      )}
      {transposed.length > 0 && (
        <p class="model-note">
          <i>U</i> is the share of pattern in what a layer makes of a flat input, from 0 to 1; dBc is the same
          in decibels. Stamps are how many meet at the places of one stride, axis by axis.
        </p>
      )}
      <div class="model-layers">
        {transposed.map((layer, index) => (
          <LayerCard layer={layer} key={`${index} ${layer.name}`} />
        ))}
      </div>
      {strided.length > 0 && (
        <>
          <h3 class="model-strided">Strided convolutions</h3>
          <p class="model-note">
            They leave nothing on their output. Their gradient passes through a transposed convolution: this
            is what it leaves there.
          </p>
          <div class="model-layers">
            {strided.map((layer, index) => (
              <LayerCard layer={layer} key={`${index} ${layer.name}`} />
            ))}
          </div>
        </>
      )}
      {result.leftOut > 0 && (
        <p class="model-note">
          {count(result.leftOut, 'more layer is', 'more layers are')} in the file and not shown.
        </p>
      )}
    </>
  );
}

function inWords({ layers, candidates, format }: ModelResult): string {
  const transposed = layers.filter((layer) => layer.transposed).length;
  if (layers.length === 0 && candidates.length > 0) {
    return `holds ${count(candidates.length, 'tensor')} that could be the weight of a convolution, but no geometry.`;
  }
  if (layers.length === 0) return `has no transposed and no strided convolution (${format}).`;
  const strided = layers.length - transposed;
  const rest = strided > 0 ? `, and ${count(strided, 'strided convolution')}` : '';
  return `has ${count(transposed, 'transposed convolution')}${rest}.`;
}

function spoken(): string {
  if (reading.value !== null) return `Reading ${reading.value}`;
  const found = opened.value;
  return found ? `${found.files[0]?.name} ${inWords(found.result)}` : '';
}
