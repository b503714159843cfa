// The ratios as an SVG: one panel for each environment and number of threads.

import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { ratiosOf } from '../verdicts.mjs';
import { groupRuns, titleOf } from './markdown.mjs';

/** Resolves to the text of the SVG. */
export async function chart(report) {
  const rows = groupRuns(report.runs).flatMap((group) =>
    group.runs.flatMap((run) =>
      Object.entries(ratiosOf(run))
        .filter(([, ratio]) => ratio !== undefined)
        .map(([build, ratio]) => ({ panel: titleOf(group), case: run.case, build, ratio })),
    ),
  );
  const { spec } = compile({
    title: {
      text: 'Times faster than the best WebAssembly peer',
      subtitle: 'Array to array, layout changes included. Left of the line a peer is faster.',
      anchor: 'start',
    },
    background: 'white',
    data: { values: rows },
    facet: { field: 'panel', sort: null, title: null },
    columns: 2,
    spec: {
      width: 300,
      height: { step: 15 },
      layer: [
        { mark: { type: 'rule', color: '#555' }, encoding: { x: { datum: 1 } } },
        {
          mark: { type: 'point', filled: true, size: 55, opacity: 1 },
          encoding: {
            y: {
              field: 'case',
              type: 'nominal',
              sort: Object.keys(report.cases),
              title: null,
              axis: { grid: true },
            },
            x: {
              field: 'ratio',
              type: 'quantitative',
              scale: { type: 'log', nice: false, padding: 12 },
              title: 'peer / ours (log)',
              axis: { format: '~g' },
            },
            color: {
              field: 'build',
              type: 'nominal',
              scale: { domain: ['relaxed', 'simd'], range: ['#0072b2', '#e69f00'] },
            },
            shape: { field: 'build', type: 'nominal', scale: { domain: ['relaxed', 'simd'] } },
          },
        },
      ],
    },
  });
  const view = new View(parse(spec), { renderer: 'none' });
  return view.toSVG();
}
