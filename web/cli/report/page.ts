import type { Pass } from 'deconv-wasm/checkerboard';
import { type Finding, type Judgement, layerPass } from '../findings.js';
import {
  emptySentence,
  firstSentence,
  type Inspected,
  isAbove,
  sectionsOf,
  summary,
  unreadSentence,
} from '../inspected.js';
import { printable } from '../terminal.js';
import { packageVersion } from '../usage.js';
import { counted, geometryText, levelText, overlapText, shareText } from '../words.js';
import { attributionSection } from './attribution.js';
import { Markup, markup, NOTHING } from './markup.js';
import { picturesOf } from './pictures.js';
import { STYLE } from './style.js';

/** Layers with pictures. A page of more would be slow, and nobody reads that far. */
const MOST_PICTURES = 200;

/** The report as one HTML page: no script, no other file, and a policy that forbids both. */
export function reportPage(
  inspected: readonly Inspected[],
  limit: number | null,
  pass: Pass | 'both',
): string {
  const files = inspected.map(({ title }) => printable(title)).join(', ');
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>Checkerboard report: ${files}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>Checkerboard report</h1>
<p class="soft">The periodic pattern that each layer leaves on flat areas, computed from its geometry and weights alone.</p>
</header>
<main>
${inspected.map((one, index) => modelSection(one, index, limit, pass))}
</main>
${footer()}
</body>
</html>
`;
  return page.text;
}

function modelSection(
  inspected: Inspected,
  model: number,
  limit: number | null,
  pass: Pass | 'both',
): Markup {
  const { format, producer, findings, candidates, error, attributed } = inspected;
  const run = attributed === undefined ? NOTHING : attributionSection(attributed);
  const title = markup`<h2>${printable(inspected.title)}</h2>`;
  if (error !== null)
    return markup`<section>${title}<p>Not read: ${printable(error.message, 2000)}</p></section>`;
  const by = producer === '' ? '' : `, ${printable(producer)}`;
  const left = unreadSentence(inspected);
  const unread = left === '' ? NOTHING : markup`<p class="soft">${left}</p>`;
  if (findings.length === 0) {
    const what =
      candidates.length === 0
        ? emptySentence(inspected, pass)
        : `${counted(candidates.length, 'tensor')} that could be a weight, but the file does not say of what: use --geometry.`;
    return markup`<section>${title}<p class="soft">${format ?? ''}${by}</p><p>${what}</p>${unread}${run}</section>`;
  }
  const anchor = (index: number) => `layer-${model}-${index}`;
  const detailed = findings.flatMap((finding, index) =>
    finding.judged !== null && hasGrid(finding.judged) ? [{ finding, judged: finding.judged, index }] : [],
  );
  const drawn = detailed.slice(0, MOST_PICTURES);
  const linked = new Set(drawn.map(({ index }) => index));
  return markup`<section>${title}
<p class="soft">${format ?? ''}${by}</p>
${sectionsOf(findings).map(
  (section) => markup`<h3>${section.title}</h3>
<p><strong>${summary(section.findings, limit)}</strong></p>
<table role="table" aria-label="${section.title}">
<thead role="rowgroup"><tr role="row">${['Layer', 'Operator', 'Geometry', 'Pass', 'Overlap', 'Verdict'].map((word) => markup`<th role="columnheader" scope="col">${word}</th>`)}<th role="columnheader" scope="col" class="right">U</th><th role="columnheader" scope="col" class="right">dBc</th></tr></thead>
<tbody role="rowgroup">
${section.findings.map((finding) => {
  const index = findings.indexOf(finding);
  return row(finding, linked.has(index) ? anchor(index) : null, limit);
})}
</tbody>
</table>
`,
)}
${unread}${run}
${drawn.map(({ finding, judged, index }) => layerSection(finding, judged, anchor(index)))}
${detailed.length > drawn.length ? markup`<p class="soft">Pictures of the first ${MOST_PICTURES} layers; the table has all.</p>` : NOTHING}
</section>`;
}

function hasGrid({ analysis }: Judgement): boolean {
  return analysis.stride.some((step) => step > 1);
}

function row(finding: Finding, anchor: string | null, limit: number | null): Markup {
  const { layer, judged, problem } = finding;
  const name = printable(layer.name) || '(no name)';
  const head = markup`<th role="rowheader" scope="row">${anchor === null ? name : markup`<a href="#${anchor}">${name}</a>`}</th>${cell('Operator', printable(layer.operator))}${cell('Geometry', layer.geometry === null ? '' : geometryText(layer.geometry), 'number')}`;
  if (judged === null) {
    return markup`<tr role="row">${head}<td role="cell" data-title="Verdict" class="wrap" colspan="5"><span><span class="verdict unread">not judged</span> ${printable(problem ?? '', 2000)}</span></td></tr>`;
  }
  const { analysis, stamps } = judged;
  const level = levelText(analysis.levelDbc);
  return markup`<tr role="row">${head}${cell('Pass', layerPass(layer))}${cell('Overlap', overlapText(stamps))}<td role="cell" data-title="Verdict"><span class="verdict ${analysis.verdict}">${analysis.verdict}</span></td>${cell('U', shareText(analysis.unevenness), 'number right')}<td role="cell" data-title="dBc" class="number right">${isAbove(finding, limit) ? markup`<strong class="verdict above">${level}</strong>` : markup`<span>${level}</span>`}</td></tr>`;
}

function cell(title: string, text: string, style = ''): Markup {
  return markup`<td role="cell" data-title="${title}" class="${style}">${text === '' ? NOTHING : markup`<span>${text}</span>`}</td>`;
}

function layerSection(finding: Finding, { analysis, fix, worstKernel }: Judgement, anchor: string): Markup {
  const { inChannel, outChannel } = analysis.worstPair;
  const pictures = picturesOf(analysis, worstKernel).map(
    ({ title, svg, caption }) =>
      markup`<figure><h4>${title}</h4>${svg}<figcaption>${caption}</figcaption></figure>`,
  );
  return markup`<article class="layer" id="${anchor}">
<div class="title"><h3>${printable(finding.layer.name) || '(no name)'}</h3><span class="verdict ${analysis.verdict}">${analysis.verdict}</span><span class="number soft">U ${shareText(analysis.unevenness)}${analysis.unevenness === 0 ? '' : `, ${levelText(analysis.levelDbc)} dBc`}</span></div>
<p>${firstSentence(finding)}</p>
${fix.text === '' ? NOTHING : markup`<p><strong>Fix:</strong> ${fix.text}</p>`}
<p class="soft">Pictures of ${analysis.unevenness === 0 ? 'a' : 'the strongest'} pair of channels, ${inChannel} to ${outChannel}${analysis.pass === 'backward' ? ' of the gradient' : ''}:</p>
<div class="pictures">${pictures}</div>
</article>
`;
}

function footer(): Markup {
  return markup`<footer>
<h2>What the numbers mean</h2>
<p><strong>U</strong>, the unevenness, is the share of a constant input's output energy that lies in the pattern, from 0 to 1, over all pairs of channels. <strong>dBc</strong> is the same as a level: 10 log10(U / (1 - U)).</p>
<p><strong>free</strong>: no pattern (U below 1e-10). <strong>weights-only</strong>: the stamps overlap evenly, but the weights of the phases differ; random weights of any kernel do. <strong>overlap</strong>: the stamps overlap unevenly, and the weights do not make up for it. <strong>holes</strong>: some output positions get no stamp, which no weights can mend.</p>
<p>The pass is backward for strided convolutions: their input gradient is a transposed convolution, and what trains through it or shows it gets the pattern. Geometry: input channels &gt; output channels, k kernel, s stride, d dilation, p padding, g groups.</p>
<p>U = 0 removes the periodic modulation of flat areas. It costs sharpness, leaves border effects, and a loss or a discriminator can bring patterns back.</p>
<p>Made by deconv-wasm ${packageVersion()}.</p>
</footer>`;
}
