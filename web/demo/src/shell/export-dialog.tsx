import { useRef, useState } from 'preact/hooks';
import {
  type ExportTarget,
  exportCode,
  exportLanguages,
  exportNames,
  exportTargets,
} from '../model/export-code';
import { state } from '../store';
import { Choice } from '../view/choice';
import { useSaid } from '../view/use-said';

/** The present layer with its weights as a program for another system. */
export function ExportDialog({ onClose }: { onClose: () => void }) {
  const [target, setTarget] = useState<ExportTarget>('pytorch');
  const code = useRef<HTMLPreElement>(null);
  const { code: text, refusal } = exportCode(target, state.value);
  const [said, say] = useSaid(text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say('Copied.');
    } catch {
      // Selected, it can be copied by hand.
      if (code.current?.textContent !== text) return;
      getSelection()?.selectAllChildren(code.current);
      say('Selected: copy it with your keyboard.');
    }
  };
  return (
    <dialog
      class="export"
      aria-labelledby="export-title"
      ref={(dialog) => {
        if (dialog && !dialog.open) dialog.showModal();
      }}
      onClose={onClose}
    >
      <div class="export-head">
        <h2 id="export-title">Export the layer</h2>
        <button type="button" class="text-button" onClick={onClose}>
          Close
        </button>
      </div>
      <p class="export-hint">
        A program that makes the layer of station 1 with its weights and prints its output. All of them print
        the same numbers.
      </p>
      <Choice
        legend="For"
        name="export-target"
        options={exportTargets.map((value) => ({ value, label: exportNames[value] }))}
        value={target}
        onChoose={(next) => {
          setTarget(next);
          say('');
        }}
      />
      {refusal ? (
        <p class="refusal">{refusal}</p>
      ) : (
        <>
          {/* biome-ignore-start lint/a11y: what scrolls has to be reached by keyboard, and to be named then */}
          <pre ref={code} tabIndex={0} role="region" aria-label={`${exportNames[target]} code`}>
            <code>{text}</code>
          </pre>
          {/* biome-ignore-end lint/a11y: see above */}
          <p class="export-foot">
            <button type="button" class="button" onClick={() => void copy()}>
              Copy {exportLanguages[target]}
            </button>
            <span role="status">{said}</span>
          </p>
        </>
      )}
    </dialog>
  );
}
