import type { TensorGeometry } from 'deconv-wasm/models';
import { useState } from 'preact/hooks';
import type { ModelResult } from '../../engine/protocol';
import { count } from '../../model/numbers';

interface Row {
  readonly used: boolean;
  readonly transposed: boolean;
  readonly stride: number;
  readonly padding: number;
}

interface Props {
  result: ModelResult;
  described: number;
  onRead: (geometry: Record<string, TensorGeometry>) => void;
}

/** What a file of bare tensors leaves out, asked for each tensor that could be a weight. */
export function TensorForm({ result, described, onRead }: Props) {
  // Once described a tensor is a candidate no more; it stays in the form, to be described otherwise.
  const [candidates] = useState(result.candidates);
  const [rows, setRows] = useState<Readonly<Record<string, Row>>>({});
  const few = candidates.length <= 8;
  const row = (name: string): Row =>
    rows[name] ?? { used: few || /up|deconv|transp/i.test(name), transposed: true, stride: 2, padding: 1 };
  const set = (name: string, part: Partial<Row>) => setRows({ ...rows, [name]: { ...row(name), ...part } });
  const used = candidates.map(({ name }) => name).filter((name) => row(name).used);
  const number = (name: string, field: 'stride' | 'padding', least: number) => (
    <label class="tensor-number">
      <span>{field === 'stride' ? 'Stride' : 'Padding'}</span>
      <input
        type="number"
        inputMode="numeric"
        min={least}
        max={1024}
        value={row(name)[field]}
        aria-label={`${field === 'stride' ? 'Stride' : 'Padding'} of ${name}`}
        onInput={(event) => {
          const value = event.currentTarget.valueAsNumber;
          if (Number.isInteger(value)) set(name, { [field]: value });
        }}
      />
    </label>
  );
  return (
    <form
      class="tensor-form"
      onSubmit={(event) => {
        event.preventDefault();
        onRead(
          Object.fromEntries(
            used.map((name) => {
              const { transposed, stride, padding } = row(name);
              return [name, { transposed, stride, padding }];
            }),
          ),
        );
      }}
    >
      <p class="model-note">
        Files of this format hold tensors and say nothing of strides. Which of these are layers, and with what
        stride and padding?
      </p>
      <ul>
        {candidates.map(({ name, shape, dtype }) => (
          <li key={name}>
            <label class="tensor-used">
              <input
                type="checkbox"
                checked={row(name).used}
                onChange={(event) => set(name, { used: event.currentTarget.checked })}
              />
              <span>
                {name} <span class="size">{`${shape.join(' × ')}, ${dtype}`}</span>
              </span>
            </label>
            <label class="tensor-used">
              <input
                type="checkbox"
                checked={row(name).transposed}
                aria-label={`${name} is transposed`}
                onChange={(event) => set(name, { transposed: event.currentTarget.checked })}
              />
              <span>Transposed</span>
            </label>
            {number(name, 'stride', 1)}
            {number(name, 'padding', 0)}
          </li>
        ))}
      </ul>
      {result.moreCandidates > 0 && (
        <p class="model-note">{count(result.moreCandidates, 'more tensor')} not shown.</p>
      )}
      <button type="submit" class="button" disabled={used.length === 0}>
        {described > 0 ? 'Read again' : 'Read'} {count(used.length, 'layer')}
      </button>
    </form>
  );
}
