import type { TraceResult } from '../../engine/protocol';
import { toneText } from '../../model/voice';
import { PlayButton } from '../../view/play-button';

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
      <table class="tones">
        <caption>Tones of the network, in dB of a full sine</caption>
        <thead>
          <tr>
            <th scope="col">Hz</th>
            <th scope="col" class="number">
              As it is
            </th>
            <th scope="col" class="number">
              Repaired
            </th>
          </tr>
        </thead>
        <tbody>
          {tones.map(({ frequency, before, after }) => (
            <tr key={frequency}>
              <th scope="row">{frequency}</th>
              <td class="number" data-before={before}>
                {toneText(before)}
              </td>
              <td class="number" data-after={after ?? ''}>
                {after === null ? '' : toneText(after)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
