// Results of whole networks as Markdown.

import { groupRuns, short, table, titleOf } from '../report/markdown.mjs';
import { geometricMean } from '../statistics.mjs';

const ok = ({ status }) => status === 'ok';
const times = (ratio) => (ratio === undefined ? '' : `${ratio.toFixed(2)}x`);
const named = ({ results = [] }, name) => results.find((one) => one.name === name && ok(one));

/** How many times faster ours is: than the fastest peer, than one, and what share of the native speed it has. */
export function networkRatios(run) {
  const own = named(run, 'ours relaxed');
  const ratio = (other) => (own && other ? other.milliseconds.median / own.milliseconds.median : undefined);
  const peers = (run.results ?? []).filter((one) => one.peer && ok(one));
  const [best] = peers.toSorted((a, b) => a.milliseconds.median - b.milliseconds.median);
  return {
    best: ratio(best),
    onnxruntime: ratio(named(run, 'onnxruntime-web')),
    litert: ratio(named(run, 'LiteRT.js')),
    native: ratio(named(run, 'onnxruntime native')),
  };
}

export function networkLine(run) {
  const where = `${run.network}, ${run.environment}, ${run.threads} thread${run.threads === 1 ? '' : 's'}`;
  if (run.error !== undefined) return `${where}: ${run.error.split('\n')[0]}`;
  const shown = run.results
    .filter(ok)
    .map(({ name, milliseconds }) => `${name} ${short(milliseconds.median)}`);
  return `${where}: ${times(networkRatios(run).best) || '-'} (ms: ${shown.join(', ')})`;
}

export function networksMarkdown(report) {
  const { machine, versions, options } = report;
  const groups = groupRuns(report.runs);
  return [
    '# Networks of files',
    [
      `${machine.processor}, ${machine.cores} cores, ${machine.memory} GB, ${machine.system}.`,
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
      '',
      `Milliseconds from arrays to arrays of JavaScript; median of ${options.rounds} turns, in which all take part, ${options.milliseconds / 1000} s of`,
      'turns a network. Ratios: the fastest peer, onnxruntime-web, LiteRT.js and native onnxruntime to ours (relaxed); above',
      '1 ours is faster. Off: the largest difference of ours from the first column that has a result, over the root of its',
      'mean square.',
    ].join('\n'),
    ...groups.flatMap((group) => [`## ${titleOf(group)}`, timesTable(group.runs), means(group.runs, report)]),
    ...startUpTable(report),
    ...downloadTable(report),
    '',
  ].join('\n\n');
}

function timesTable(runs) {
  const names = [...new Set(runs.flatMap(({ results = [] }) => results.map(({ name }) => name)))];
  const rows = runs.map((run) => {
    const { best, onnxruntime, litert, native } = networkRatios(run);
    const off = named(run, 'ours relaxed')?.error;
    return [
      run.network,
      ...names.map((name) =>
        cell(
          run.results?.find((one) => one.name === name),
          run,
        ),
      ),
      ...[best, onnxruntime, litert, native].map(times),
      off === undefined ? '' : off.toExponential(0),
    ];
  });
  return table([
    ['network', ...names, 'best peer', 'onnxruntime-web', 'LiteRT.js', 'native', 'off'],
    ...rows,
  ]);
}

function cell(result, { error }) {
  if (result === undefined) return error === undefined ? '' : error.split('\n')[0].slice(0, 60);
  if (ok(result)) return short(result.milliseconds.median);
  if (result.status === 'wrong values') return `off by ${result.error.toExponential(0)}`;
  return `${result.status === 'failed' ? 'failed: ' : ''}${result.note.split('\n')[0].slice(0, 60)}`;
}

function means(runs, { networks }) {
  const zoo = new Set(networks.filter(({ of }) => of === 'zoo').map(({ name }) => name));
  const mean = (kind, of) => {
    const ratios = runs
      .filter(({ network }) => of === 'all' || zoo.has(network))
      .map((run) => networkRatios(run)[kind])
      .filter((ratio) => ratio !== undefined);
    return ratios.length === 0
      ? undefined
      : `${times(geometricMean(ratios))} over ${ratios.length} (least ${times(Math.min(...ratios))})`;
  };
  const lines = [
    ['The fastest peer to ours, geometric mean', mean('best', 'all')],
    ['onnxruntime-web to ours, the zoo', mean('onnxruntime', 'zoo')],
    ['LiteRT.js to ours', mean('litert', 'all')],
    ['Native onnxruntime to ours', mean('native', 'all')],
  ].flatMap(([title, text]) => (text === undefined ? [] : [`- ${title}: ${text}`]));
  const behind = runs.filter((run) => networkRatios(run).best < 1).map(({ network }) => network);
  const lost = runs.flatMap(({ network, lost: reason }) =>
    reason === undefined ? [] : [`${network} (${reason.split('\n')[0]})`],
  );
  return [
    ...lines,
    `- Behind the fastest peer: ${behind.join(', ') || 'none'}`,
    ...(lost.length === 0
      ? []
      : [`- Measured without peers, because the first attempt failed: ${lost.join(', ')}`]),
  ].join('\n');
}

function startUpTable({ startUp }) {
  if (startUp === undefined) return [];
  const rows = startUp.map(({ network, name, milliseconds, withImport, heapBytes }) => [
    network,
    name,
    short(milliseconds),
    short(withImport),
    heapBytes === null ? '' : (heapBytes / 1e6).toFixed(1),
  ]);
  return [
    '## Start-up and memory',
    'In fresh Node processes, one thread: milliseconds from the imported library and the file in hand to the first output, with the import of the library, and megabytes of WebAssembly memory behind two runs (a heap never shrinks). LiteRT.js loads its WebAssembly with its import, which counts with the first column.',
    table([['network', 'library', 'first output', 'with import', 'heap'], ...rows]),
  ];
}

function downloadTable({ download }) {
  if (download === undefined) return [];
  const kilobytes = (bytes) => (bytes / 1000).toFixed(0);
  const rows = download.map(({ kind, name, files, plain, gzip, brotli }) => [
    kind,
    name,
    files,
    ...[plain, gzip, brotli].map(kilobytes),
  ]);
  return [
    '## Download',
    'Kilobytes that a page without a bundler loads until the first output, file by file as the packages ship them: the peers minified, ours with its comments.',
    table([['file', 'library', 'files', 'plain', 'gzip -9', 'brotli'], ...rows]),
  ];
}
