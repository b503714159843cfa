import { plain } from '../model/numbers';
import { toneText } from '../model/voice';

/** How loud tones are before a repair and after it; `after` is null where nothing was repaired. */
export function TonesTable({
  of,
  tones,
}: {
  of: 'layer' | 'network';
  tones: readonly { readonly frequency: number; readonly before: number; readonly after: number | null }[];
}) {
  return (
    <table class="tones">
      <caption>Tones of the {of}, in dB of a full sine</caption>
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
            <th scope="row">{plain(frequency, 0)}</th>
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
  );
}
