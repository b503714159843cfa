import { useMemo } from 'preact/hooks';
import { largestMagnitude } from '../../model/colour';
import { plain } from '../../model/numbers';
import { cuts, harmonicsOf, spectrumSize } from '../../model/phases';
import { paintSequential } from '../../model/sequential';
import { theme } from '../../store';
import { PixelCanvas } from '../../view/pixel-canvas';
import type { Described } from './phases-run';

const WIDTH = 320;
const HEIGHT = 150;
const marks = ['circle', 'square', 'cross'] as const;

/** |H| as curves along three cuts and as a map, with the harmonics of the stride marked in both. */
export function Spectrum({ described }: { described: Described }) {
  const { request, result } = described;
  const { axes, groups, stride } = request;
  const { spectra } = result;
  const size = spectrumSize(request);
  const lines = useMemo(() => cuts(spectra, size, axes), [spectra, size, axes]);
  const all = harmonicsOf(request, spectra, size);
  const harmonics = all.filter(({ row, column }) => row > 0 || column > 0);
  const top = largestMagnitude([...spectra, [1e-9]]);
  const y = (value: number) => HEIGHT - (HEIGHT * value) / top;
  const x = (at: number) => WIDTH * at;
  const paint = theme.value;
  const map = axes === 2 ? spectra[0] : undefined;
  const bytes = useMemo(() => map && mapBytes(map, top, paint), [map, top, paint]);
  const loudest = Math.max(0, ...harmonics.map(({ amplitude }) => amplitude));
  const multiples = Array.from({ length: Math.max(stride - 1, 0) }, (_, m) => m + 1);

  return (
    <figure class="spectrum">
      <figcaption>
        <b>Spectrum |H|.</b> A flat picture meets it only at the harmonics m/s of the stride
        {stride > 1 ? ` (${multiples.map((m) => `${m}/${stride}`).join(', ')})` : ', and stride 1 has none'}.
        What is left there is the pattern.
      </figcaption>
      <div class={`spectrum-pictures ${bytes ? '' : 'is-line'}`}>
        <div class="curves">
          <svg viewBox={`-6 -8 ${WIDTH + 12} ${HEIGHT + 30}`} role="img" aria-label={spoken(stride, loudest)}>
            <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
            {multiples.map((m) => (
              <g key={m}>
                <line class="harmonic" x1={x(m / stride)} x2={x(m / stride)} y1="0" y2={HEIGHT} />
                <text x={x(m / stride)} y={HEIGHT + 16} text-anchor="middle">
                  {m}/{stride}
                </text>
              </g>
            ))}
            <text x="0" y={HEIGHT + 16}>
              0
            </text>
            <text x={WIDTH} y={HEIGHT + 16} text-anchor="end">
              1
            </text>
            {lines.map(({ label, points }, i) => (
              <g key={label} class={`cut cut-${i}`}>
                <polyline
                  points={points.map((p) => `${x(p.at).toFixed(1)},${y(p.value).toFixed(1)}`).join(' ')}
                />
                {multiples.map((m) => {
                  const value = points[(m * size) / stride]?.value ?? 0;
                  return <Mark key={m} kind={marks[i] ?? 'circle'} x={x(m / stride)} y={y(value)} />;
                })}
              </g>
            ))}
          </svg>
          <ul class="cut-legend">
            {lines.map(({ label }, i) => (
              <li key={label} class={`cut cut-${i}`}>
                <svg viewBox="0 0 34 12" width="34" height="12" aria-hidden="true">
                  <polyline points="0,6 34,6" />
                  <Mark kind={marks[i] ?? 'circle'} x={17} y={6} />
                </svg>
                {label}
              </li>
            ))}
          </ul>
        </div>
        {bytes && (
          <div class="spectrum-map">
            <PixelCanvas
              label="Map of |H| over both axes, the constant at the corners"
              width={size}
              height={size}
              bytes={bytes}
            />
            <svg class="rings" viewBox="0 0 100 100" aria-hidden="true">
              {harmonics.map(({ row, column }) => (
                <g key={`${row},${column}`}>
                  <circle class="ring-outer" cx={(100 * column) / stride} cy={(100 * row) / stride} r="4.5" />
                  <circle class="ring" cx={(100 * column) / stride} cy={(100 * row) / stride} r="4.5" />
                </g>
              ))}
            </svg>
          </div>
        )}
      </div>
      <p class="spectrum-axes">
        {`From left to right the frequency, in cycles per output cell; upwards |H|, from 0 to ${plain(top, 2)}. `}
        {bytes &&
          'The map has both axes, 0 in its corners: the stronger the colour, the larger |H|, with rings at the harmonics.'}
      </p>
      {harmonics.length > 0 && (
        <details class="as-table">
          <summary>As a table</summary>
          <table>
            <thead>
              <tr>
                {groups > 1 && <th scope="col">Lane</th>}
                {axes === 2 && <th scope="col">Down</th>}
                <th scope="col">Across</th>
                <th scope="col" class="number">
                  |H|
                </th>
              </tr>
            </thead>
            <tbody>
              {all.map(({ lane, row, column, amplitude }) => (
                <tr key={`${lane},${row},${column}`}>
                  {groups > 1 && <td>{lane + 1}</td>}
                  {axes === 2 && <td>{fraction(row, stride)}</td>}
                  <td>{fraction(column, stride)}</td>
                  <td class="number" data-harmonic={row > 0 || column > 0 ? amplitude : undefined}>
                    {plain(amplitude, 4)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </figure>
  );
}

function Mark({ kind, x, y }: { kind: (typeof marks)[number]; x: number; y: number }) {
  if (kind === 'circle') return <circle class="mark" cx={x} cy={y} r="5" />;
  if (kind === 'square') return <rect class="mark" x={x - 4} y={y - 4} width="8" height="8" />;
  return <path class="mark" d={`M${x - 4} ${y - 4}l8 8m0 -8l-8 8`} />;
}

const fraction = (m: number, stride: number) => (m === 0 ? '0' : `${m}/${stride}`);

function spoken(stride: number, loudest: number): string {
  if (stride === 1) return 'Spectrum of the kernel; stride 1 has no harmonics';
  return `Spectrum of the kernel along three cuts; the loudest harmonic is ${plain(loudest, 3)}`;
}

function mapBytes(
  spectrum: Float64Array,
  top: number,
  theme: 'light' | 'dark',
): Uint8ClampedArray<ArrayBuffer> {
  const bytes = new Uint8ClampedArray(4 * spectrum.length);
  for (let i = 0; i < spectrum.length; i++) {
    paintSequential(bytes, i, (spectrum[i] ?? 0) / top, theme);
  }
  return bytes;
}
