import type { TraceResult } from '../../engine/protocol';
import { PlayButton } from '../../view/play-button';
import { TonesTable } from '../../view/tones-table';

/** The output of a network of sounds, to be heard, and how loud its tones are. */
export function NetworkTones({
  sound: { before, after, tones },
}: {
  sound: NonNullable<TraceResult['sound']>;
}) {
  return (
    <>
      <div class="network-choice">
        <PlayButton samples={before} label="Play as it is" />
        {after && <PlayButton samples={after} label="Play repaired" />}
      </div>
      <TonesTable of="network" tones={tones} />
    </>
  );
}
