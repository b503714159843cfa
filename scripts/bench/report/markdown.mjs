// The results as Markdown tables.

import { PICTURE } from '../picture.mjs';
import { bestPeer, meanRatio, ratiosOf } from '../verdicts.mjs';
import { VOCODER, vocoderText } from '../vocoder.mjs';

export function markdown(report) {
  const groups = groupRuns(report.runs);
  return [
    '# deconv-wasm against its peers',
    facts(report),
    ...groups.flatMap((group) => [`## ${titleOf(group)}`, timesTable(group, report), means(group, report)]),
    ...operatorTables(groups, report),
    ...memoryTable(groups),
    ...chainTable(report),
    ...pictureTable(report),
    ...vocoderLines(report),
    ...startUpTable(report),
    ...downloadTable(report),
    '',
  ].join('\n\n');
}

/** Rows of cells as a table whose columns are aligned in the source as well; the first row is the head. */
export function table([head, ...rows]) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell ?? '').replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [first, ...others] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...others.map(line)].join('\n');
}

/** Three digits: 0.123, 1.23, 12.3, 123. */
export function short(value) {
  if (value === undefined || value === null) return '';
  return value.toFixed(Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.max(value, 1e-3))))));
}

/** Runs of one environment with one number of threads, that have results. */
export function groupRuns(runs) {
  const groups = new Map();
  for (const run of runs.filter(({ error }) => error === undefined)) {
    const key = `${run.environment} ${run.threads}`;
    if (!groups.has(key)) groups.set(key, { environment: run.environment, threads: run.threads, runs: [] });
    groups.get(key).runs.push(run);
  }
  return [...groups.values()];
}

export function titleOf({ environment, threads }) {
  return `${environment}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

function facts({ machine, versions, options }) {
  const { rounds, milliseconds } = options;
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memory} GB, ${machine.system}.`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
    'Milliseconds from an array in JavaScript to an array in JavaScript, layout changes included; median of',
    `${rounds} turns (p10–p90), ${milliseconds / 1000} s of turns a case. Ratio: best WebAssembly peer with right values / ours`,
    "(relaxed, channels first); out: ours writing into an array of the caller's, forward(x, { out }); simd: the",
    'same as ratio among builds without relaxed SIMD. Above 1 is faster. new array: the finished result copied',
    'from a heap into a new array, and nothing else.',
  ].join('\n');
}

function namesOf(runs) {
  return [...new Set(runs.flatMap(({ results }) => results.map(({ name }) => name)))];
}

function timesTable({ runs }, { cases }) {
  const names = namesOf(runs);
  const rows = runs.map((run) => {
    const best = bestPeer(run.results);
    const cells = names.map((name) =>
      timeCell(
        run.results.find((one) => one.name === name),
        best,
      ),
    );
    const { relaxed, out, simd } = ratiosOf(run);
    return [run.case, cases[run.case].description, ...cells, times(relaxed), times(out), times(simd)];
  });
  return table([['case', 'layer', ...names, 'ratio', 'out', 'simd'], ...rows]);
}

function timeCell(result, best) {
  if (result === undefined) return '';
  if (result.status === 'failed') return `failed: ${result.note.split('\n')[0].slice(0, 60)}`;
  if (result.status === 'not supported') return result.note;
  if (result.status !== 'ok') return result.status;
  const { median, p10, p90 } = result.milliseconds;
  const text = `${short(median)} (${short(p10)}–${short(p90)})`;
  return result === best ? `**${text}**` : text;
}

const times = (ratio) => (ratio === undefined ? '' : `${ratio.toFixed(2)}x`);

function means(group, { cases }) {
  const judged = group.runs.filter((run) => cases[run.case].judged);
  const sets = [
    ['all cases measured', group.runs],
    [`the ${judged.length} judged cases among them`, judged],
  ];
  const lines = sets.flatMap(([name, runs]) => {
    const [relaxed, out, simd] = ['relaxed', 'out', 'simd'].map((build) => meanRatio(runs, build));
    return relaxed === undefined
      ? []
      : [`- Geometric mean over ${name}: ${times(relaxed)}, with out ${times(out)}, simd ${times(simd)}`];
  });
  const behind = group.runs.filter((run) => ratiosOf(run).relaxed < 1);
  lines.push(
    `- Behind the best peer: ${behind.length === 0 ? 'none' : behind.map((run) => run.case).join(', ')}`,
  );
  const slower = group.runs.filter(slowerThanNaive);
  if (slower.length > 0) lines.push(`- Behind plain JavaScript: ${slower.map((run) => run.case).join(', ')}`);
  for (const { case: name, lost } of group.runs.filter((run) => run.lost !== undefined)) {
    lines.push(
      `- Measured without peers, because the first attempt failed: ${name} (${lost.split('\n')[0]})`,
    );
  }
  const notes = notesOf(group.runs);
  if (notes.length > 0) lines.push(`- How peers computed: ${notes.join('; ')}`);
  return lines.join('\n');
}

function slowerThanNaive({ results }) {
  const naive = results.find(({ name }) => name === 'naive JS');
  return results[0].milliseconds?.median > naive?.milliseconds?.median;
}

function notesOf(runs) {
  return runs.flatMap((run) =>
    run.results
      .filter((one) => one.peer && one.status === 'ok' && one.note !== '' && one.build === 'relaxed')
      .map((one) => `${one.name} ${run.case}: ${one.note}`),
  );
}

function operatorTables(groups, { cases }) {
  return groups.flatMap(({ runs, ...group }) => {
    const withOperators = runs.filter(({ operators }) => operators !== undefined);
    if (withOperators.length === 0) return [];
    const columns = withOperators[0].operators.map(({ build, layout }) => ({ build, layout }));
    const rows = withOperators.map((run) => [
      run.case,
      short(cases[run.case].flop / 1e6),
      run.operators[0].route,
      ...columns.map(({ build, layout }) => {
        const rate = run.operators.find((one) => one.build === build && one.layout === layout);
        return `${short(rate.gflops)} (${Math.round(rate.share * 100)} %)`;
      }),
      `${short(run.peaks.relaxed)}, ${short(run.peaks.simd)}`,
    ]);
    const head = columns.map(
      ({ build, layout }) => `${build} ${layout === 'channels-first' ? 'NCHW' : 'NHWC'}`,
    );
    return [
      `## Operator alone: ${titleOf(group)}`,
      'GFLOP/s on the heap, without copies, and the share of the peak: of independent multiply-adds in registers, measured in the same run, times the threads.',
      table([['case', 'MFLOP', 'route', ...head, 'peaks of one thread'], ...rows]),
    ];
  });
}

function memoryTable(groups) {
  const [group] = groups.filter(({ threads }) => threads === 1);
  if (group === undefined) return [];
  // The channels-last layers live on the heap of the others.
  const none = ['naive JS', 'new array'];
  const names = namesOf(group.runs).filter((name) => !none.includes(name) && !name.endsWith('NHWC'));
  const rows = group.runs.map((run) => [
    run.case,
    ...names.map((name) => {
      const bytes = run.results.find((one) => one.name === name)?.heapBytes;
      return bytes === undefined || bytes === null ? '' : (bytes / 1e6).toFixed(1);
    }),
  ]);
  return [
    `## Peak heap: ${titleOf(group)}`,
    'Megabytes of WebAssembly memory after two runs in a fresh process: every WebAssembly.Memory that came into being while the library was loaded. A heap never shrinks, so this is its peak.',
    table([['case', ...names], ...rows]),
  ];
}

function chainTable({ chains }) {
  if (chains === undefined) return [];
  const rows = chains.map(({ name, environment, build, threads, whole, alone, theirs, ...memory }) => [
    `${name}, ${environment}, ${build}, ${threads}`,
    ...[whole, alone, theirs].map(({ median }) => short(median)),
    times(whole.median / alone.median),
    times(theirs.median / whole.median),
    `${Math.round(memory.arenaBytes / 1000)} of ${Math.round(memory.tensorBytes / 1000)}`,
  ]);
  const titles = [...new Set(chains.map(({ name, title }) => `${name}: ${title}`))];
  return [
    '## Chains',
    `Milliseconds by build and threads: the whole chain, its convolutions alone, and onnxruntime-web on the same network with the same result. Ratios: the whole to the convolutions, onnxruntime-web to the whole. The arena in kB, of all tensors one beside the other. ${titles.join('; ')}.`,
    table([
      ['chain', 'whole', 'convolutions', 'onnxruntime-web', 'to convolutions', 'to onnxruntime-web', 'arena'],
      ...rows,
    ]),
  ];
}

function pictureTable({ pictures }) {
  if (pictures === undefined) return [];
  const rows = pictures.map(({ place, build, alone, picture, made }) => [
    `${place}, ${build}`,
    ...[alone, picture, made].map(({ median }) => short(median)),
    times(picture.median / alone.median),
  ]);
  return [
    `## ${PICTURE}`,
    'Milliseconds in Chromium, one thread: the layer alone on HeapTensors; fromImage, the layer and toImageData into what the caller keeps; the same making everything new. Ratio: the second to the first.',
    table([['where', 'layer alone', 'with its pictures', 'all new', 'ratio'], ...rows]),
  ];
}

function vocoderLines({ vocoders }) {
  if (vocoders === undefined) return [];
  return [`## ${VOCODER}`, ...vocoders.map(vocoderText)];
}

function startUpTable({ startUp }) {
  if (startUp === undefined) return [];
  const rows = startUp.map(({ name, milliseconds: { median, p10, p90 } }) => [
    name,
    short(median),
    `${short(p10)}–${short(p90)}`,
  ]);
  return [
    '## Start-up in Node',
    `Milliseconds from import to the first result of a small layer; ${startUp[0].milliseconds.count} fresh processes each, in turns.`,
    table([['library', 'median', 'p10–p90'], ...rows]),
  ];
}

function downloadTable({ download }) {
  if (download === undefined) return [];
  const kilobytes = (bytes) => (bytes / 1000).toFixed(0);
  const rows = download.map(({ name, files, plain, gzip, brotli }) => [
    name,
    files,
    ...[plain, gzip, brotli].map(kilobytes),
  ]);
  return [
    '## Download',
    'Kilobytes that a page without a bundler loads until the first result, file by file as the packages ship them: the peers minified, ours with its comments.',
    table([['library', 'files', 'plain', 'gzip -9', 'brotli'], ...rows]),
  ];
}
