import type { KernelFill } from '../../model/kernels';
import type { LevelsMode } from '../../model/levels';
import { type LabState, limits } from '../../model/state';
import { change } from '../../store';
import { Choice } from '../../view/choice';
import { Slider } from '../../view/slider';

const fills: readonly { value: KernelFill; label: string }[] = [
  { value: 'ones', label: 'Ones' },
  { value: 'random', label: 'Random' },
  { value: 'bilinear', label: 'Bilinear' },
];

const levelModes: readonly { value: LevelsMode; label: string }[] = [
  { value: 'unit', label: '0 to 1' },
  { value: 'shared', label: 'Full range' },
];

export function LabControls({ lab }: { lab: LabState }) {
  const set = (part: Partial<LabState>) => change((s) => ({ ...s, lab: { ...s.lab, ...part } }));
  return (
    <fieldset class="controls lab-controls">
      <legend class="visually-hidden">Lab layer</legend>
      <Slider label="Kernel" value={lab.kernel} {...limits.labKernel} onInput={(kernel) => set({ kernel })} />
      <Slider label="Stride" value={lab.stride} {...limits.labStride} onInput={(stride) => set({ stride })} />
      <div class="with-seed">
        <Choice
          legend="Weights"
          name="lab-fill"
          options={fills}
          value={lab.fill}
          onChoose={(fill) => set({ fill })}
        />
        {lab.fill === 'random' && (
          <button type="button" class="preset" onClick={() => set({ seed: lab.seed + 1 })}>
            Seed {lab.seed}, next
          </button>
        )}
      </div>
      <Choice
        legend="Black to white"
        name="lab-levels"
        options={levelModes}
        value={lab.levels}
        onChoose={(levels) => set({ levels })}
      />
    </fieldset>
  );
}
