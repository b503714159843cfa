import { phaseGains, unevenness as unevennessOf } from 'deconv-wasm/checkerboard';
import { hasNoOverlap, withNoOverlap } from '../../model/no-overlap';
import { unevennessText } from '../../model/phases';
import { goTo } from '../../shell/place';
import { change, state } from '../../store';

/** The case that is said to have no pattern because nothing overlaps, step by step. */
export function NoOverlap() {
  const { layer, weights } = state.value;
  const { axes, stride, kernel, groups } = layer;
  const there = hasNoOverlap(layer) && axes === 2;
  if (!there) {
    return (
      <div class="guided">
        <p>
          <b>No overlap, no pattern?</b> With kernel 2 and stride 2 stamps lie side by side. Many courses say
          that such a layer is safe.
        </p>
        <button type="button" class="button" onClick={() => change(withNoOverlap)}>
          Kernel 2, stride 2
        </button>
      </div>
    );
  }
  const every = new Array(axes).fill({ kernelSize: kernel, stride });
  const share = unevennessOf(phaseGains(weights, every), stride ** axes * groups).unevenness;
  return (
    <div class="guided">
      <ol class="guided-steps">
        <li>
          <b>Even overlap:</b> every cell collects one stamp.
        </li>
        <li>
          <b>No overlap at all:</b> no two stamps touch.
        </li>
        <li>
          {share < 1e-10 ? (
            <>
              <b>And no pattern,</b> because these weights are equal. Others are not.
            </>
          ) : (
            <>
              <b>And a pattern all the same:</b> of a flat input each cell of a block shows one tap, and these
              differ. <i>U</i> is <b data-guided-unevenness={share}>{unevennessText(share)}</b>.
            </>
          )}
        </li>
      </ol>
      <p class="guided-buttons">
        {share < 1e-10 && (
          <button type="button" class="button" onClick={() => change(withNoOverlap)}>
            Random weights
          </button>
        )}
        <button type="button" class="button" onClick={() => goTo('phases')}>
          Look at its phases
        </button>
      </p>
    </div>
  );
}
