const SIGNED = [1, 2, 3, 4, 5, 6];
const LEVELS = Array.from({ length: 13 }, (_, index) => index);

/** The whole style sheet of the report: system fonts, both themes, from phones to desktops and paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d1f24; --soft: #565c68; --line: #dedbd5;
  --zero: #f1efea; --plus: #c24a00; --minus: #1257b8; --low: #f1efea; --high: #4b1683;
  --ring: #111111; --halo: #ffffff; --link: #0b57b0;
  --good: #176a35; --good-back: #e2f3e6; --fair: #7a4b00; --fair-back: #fdf0d5; --bad: #a3151d; --bad-back: #fde5e4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --card: #1e2126; --ink: #e9e7e2; --soft: #a9aebb; --line: #373b43;
    --zero: #2a2e35; --plus: #ff9a50; --minus: #6fb0ff; --low: #22252b; --high: #ffd75e;
    --ring: #ffffff; --halo: #101114; --link: #8ec1ff;
    --good: #86dba0; --good-back: #17331f; --fair: #ffcb70; --fair-back: #3a2c10; --bad: #ff9d97; --bad-back: #43191a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
footer { padding-bottom: 3rem; color: var(--soft); font-size: 0.9rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 0.4rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.2rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
h4 { font-size: 0.8rem; margin: 0 0 0.4rem; color: var(--soft); font-weight: 600; }
p { margin: 0.4rem 0; max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--link); }
code, .number { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.9em; }
.soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: 0.8rem 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; font-size: 0.92rem; }
th, td { text-align: left; padding: 0.5rem 0.7rem; border-top: 1px solid var(--line); vertical-align: baseline; overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: 0.8rem; overflow-wrap: normal; }
td { white-space: nowrap; }
td.wrap { white-space: normal; }
th[scope="row"] { font-weight: 600; min-width: 9rem; }
.right { text-align: right; white-space: nowrap; }
.verdict { display: inline-block; padding: 0 0.55em; border-radius: 1em; font-size: 0.85rem; font-weight: 600; white-space: nowrap; }
.free { color: var(--good); background: var(--good-back); }
.weights-only, .overlap { color: var(--fair); background: var(--fair-back); }
.holes, .above { color: var(--bad); background: var(--bad-back); }
.unread { color: var(--soft); background: var(--zero); }
.layer { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem; margin: 1rem 0; }
.title { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: baseline; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: 1.2rem 1.6rem; margin-top: 1rem; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 0.82rem; line-height: 1.4; margin-top: 0.4rem; }
svg { display: block; width: 100%; max-width: 20rem; height: auto; }
svg.map { max-width: 14rem; }
img.values { display: block; width: 100%; max-width: 16rem; image-rendering: pixelated; border: 1px solid var(--line); }
.border { fill: none; stroke: var(--line); }
.frame { fill: none; stroke: var(--ring); stroke-width: 2; }
.axis { fill: none; stroke: var(--soft); }
.level { fill: none; stroke: var(--ink); stroke-dasharray: 5 4; stroke-width: 1.5; }
.guide { fill: none; stroke: var(--line); stroke-dasharray: 3 3; }
.curve { fill: none; stroke: var(--minus); stroke-width: 1.8; stroke-linejoin: round; }
.ring { fill: none; stroke: var(--ring); stroke-width: 2; }
.halo { fill: none; stroke: var(--halo); stroke-width: 5; }
.tick { fill: var(--soft); font-size: 11px; }
.end { text-anchor: end; }
.phase0 { fill: var(--minus); } .phase1 { fill: var(--plus); } .phase2 { fill: var(--good); }
.phase3 { fill: var(--bad); } .phase4 { fill: var(--fair); } .phase5 { fill: var(--soft); }
.zero { fill: var(--zero); }
${SIGNED.map((step) => `.plus${step} { fill: ${mix('--plus', '--zero', step / 6)}; } .minus${step} { fill: ${mix('--minus', '--zero', step / 6)}; }`).join('\n')}
${LEVELS.map((step) => `.level${step} { fill: ${mix('--high', '--low', step / 12)}; }`).join('\n')}
@media (max-width: 46rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th[scope="row"], td { display: block; width: auto; }
  table { background: none; border: 0; }
  tr { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.8rem; margin: 0.7rem 0; }
  th[scope="row"], td { border: 0; padding: 0.1rem 0; text-align: left; white-space: normal; }
  td, td.wrap { display: grid; grid-template-columns: 6rem 1fr; gap: 0.5rem; justify-items: start; }
  td::before { content: attr(data-title); color: var(--soft); font: 0.85rem/1.5 system-ui, sans-serif; }
  td:empty { display: none; }
}
@media print { .layer { break-inside: avoid; } }
`;

function mix(colour: string, base: string, share: number): string {
  return `color-mix(in oklab, var(${colour}) ${Math.round(100 * share)}%, var(${base}))`;
}
