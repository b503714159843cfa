import { decadesAbove, depthOf, listedSteps, polyline, short } from '../model/curve';
import './readings.css';

export interface Curve {
  readonly name: string;
  readonly values: readonly number[];
  /** The style sheet draws the second one dashed. */
  readonly look: 'first' | 'second';
}

interface Props {
  title: string;
  hint: string;
  curves: readonly Curve[];
  lastStep: number;
  /** The power of ten at the bottom; what is smaller is drawn there. */
  floor: number;
  /** What to say while each curve is a point. */
  coming: string;
}

const WIDTH = 400;
const HEIGHT = 170;
const LEFT = 46;
const BELOW = 24;

/** Curves over steps on a logarithmic axis, each with a mark where it has come to, their newest numbers in words and all of it as a table. */
export function CurveChart({ title, hint, curves, lastStep, floor, coming }: Props) {
  const scale = decadesAbove(
    floor,
    curves.flatMap(({ values }) => values),
  );
  const lines = Array.from({ length: scale.high - scale.low + 1 }, (_, i) => scale.high - i);
  const every = Math.ceil(lines.length / 5);
  const y = (level: number) => ((scale.high - level) / (scale.high - scale.low)) * HEIGHT;
  const now = Math.max(...curves.map(({ values }) => values.length - 1), 0);
  return (
    <figure class="chart" data-chart={title}>
      <figcaption>
        <b>{title}</b> <span>{hint}</span>
      </figcaption>
      <ul class="chart-key">
        {curves.map(({ name, values, look }) => (
          <li key={name} class={`is-${look}`}>
            <svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">
              <line x1="0" y1="4" x2="28" y2="4" />
            </svg>
            {name}: <b>{short(values.at(-1) ?? 0)}</b>
          </li>
        ))}
      </ul>
      <svg
        class="chart-plot"
        viewBox={`0 0 ${LEFT + WIDTH + 8} ${HEIGHT + BELOW + 6}`}
        role="img"
        aria-label={`${title} after ${now} of ${lastStep} steps. ${curves
          .map(({ name, values }) => `${name}: from ${short(values[0] ?? 0)} to ${short(values.at(-1) ?? 0)}`)
          .join('; ')}.`}
      >
        <g transform={`translate(${LEFT} 6)`}>
          {lines.map((level, i) => (
            <g key={level} class="chart-line">
              <line x1="0" x2={WIDTH} y1={y(level)} y2={y(level)} />
              {i % every === 0 && (
                <text x="-6" y={y(level) + 4} text-anchor="end">
                  {decade(level)}
                </text>
              )}
            </g>
          ))}
          {[0, lastStep / 3, (2 * lastStep) / 3, lastStep].map((step) => (
            <text
              key={step}
              x={(step / lastStep) * WIDTH}
              y={HEIGHT + 18}
              text-anchor={step === 0 ? 'start' : step === lastStep ? 'end' : 'middle'}
            >
              {step === lastStep ? `step ${step}` : step}
            </text>
          ))}
          {now === 0 && (
            <text class="chart-coming" x={WIDTH / 2} y={HEIGHT / 2 + 4} text-anchor="middle">
              {coming}
            </text>
          )}
          {curves.map(({ name, values, look }) => (
            <polyline
              key={name}
              class={`is-${look}`}
              points={polyline(values, lastStep, scale, WIDTH, HEIGHT)}
            />
          ))}
          {curves.map(({ name, values, look }) => (
            <circle
              key={name}
              class={`is-${look}`}
              cx={(now / lastStep) * WIDTH}
              cy={depthOf(values.at(-1) ?? 0, scale, HEIGHT)}
              r={look === 'first' ? 3 : 4}
            />
          ))}
        </g>
      </svg>
      <details class="as-table">
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Step</th>
              {curves.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {listedSteps(now).map((step) => (
              <tr key={step}>
                <th scope="row">{step}</th>
                {curves.map(({ name, values }) => (
                  <td key={name}>{short(values[step] ?? 0)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function decade(level: number): string {
  if (level >= -2 && level <= 2) return String(Number((10 ** level).toPrecision(1)));
  const digits = [...String(Math.abs(level))].map((digit) => superscripts[Number(digit)]).join('');
  return `10${level < 0 ? '⁻' : ''}${digits}`;
}
