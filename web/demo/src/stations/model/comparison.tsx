import { peerSize, peersThere } from '../../engine/peers';
import { LiveRegion } from '../../view/live-region';
import { compare, comparing, comparison, stopRun } from './network-run';
import { comparisonText } from './network-words';

/** The same network in onnxruntime-web, which is fetched when it is asked for. */
export function Comparison() {
  const peer = peersThere.onnxruntime;
  const result = comparison.value;
  if (!peer) return null;
  const text = comparing.value ? 'Running it in both \u2026' : result ? comparisonText(result) : '';
  return (
    <>
      <div class="network-choice network-comparison" aria-busy={comparing.value}>
        <button type="button" class="button" onClick={() => void compare()}>
          {`Compare with onnxruntime-web ${peer.version}`}
        </button>
        {comparing.value && (
          <button type="button" class="button" onClick={stopRun}>
            Stop comparing
          </button>
        )}
        <p class={result?.refusal ? 'refusal' : 'model-note'}>{text || peerSize(peer)}</p>
      </div>
      {/* Beside it: of what is busy nothing is read aloud before it ends. */}
      <LiveRegion text={text} pace={300} />
    </>
  );
}
