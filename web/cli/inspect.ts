import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Pass, Verdict } from 'deconv-wasm/checkerboard';
import type { Model } from 'deconv-wasm/models';
import {
  attributionJson,
  attributionOf,
  printAttribution,
  RUN_INPUT,
  RUN_OPTIONS,
  runInputOf,
  warnNotDone,
} from './attributed.js';
import {
  type Finding,
  fileProblem,
  hasGeometry,
  isFileError,
  judge,
  layerPass,
  openModel,
  readGeometries,
} from './findings.js';
import {
  countsOf,
  emptySentence,
  type Inspected,
  isAbove,
  plainSentence,
  sectionsOf,
  summary,
  titlesOf,
  unreadSentence,
} from './inspected.js';
import { nodesOf, printNodes } from './nodes.js';
import { reportPage } from './report/page.js';
import { type Cell, type Column, prose, type Row, table } from './table.js';
import { givenText, type Paint, printable, type Style, type Terminal } from './terminal.js';
import { EXIT, type ExitCode, packageVersion, parse, SCHEMA_VERSION, UsageError } from './usage.js';
import { counted, geometryText, levelText, overlapText, shareText } from './words.js';
import { checkEnding, checkFree, inOption, placeOf, writeWhole } from './written-files.js';

const OPTIONS = {
  all: { type: 'boolean' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  force: { type: 'boolean' },
  ...RUN_OPTIONS,
  'fail-above': { type: 'string' },
  'allow-unjudged': { type: 'boolean' },
  layers: { type: 'string' },
  pass: { type: 'string' },
  geometry: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

export async function inspect(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const given = parse(args, OPTIONS, { run: RUN_INPUT });
  if (given.positionals.length === 0) throw new UsageError('expected a model file');
  const limit = readLimit(given.text('fail-above'));
  const layers = readChoice('layers', given.text('layers'), ['resampling', 'all']);
  const pass = readChoice('pass', given.text('pass'), ['both', 'forward', 'backward']);
  const geometries = await readGeometries(given.text('geometry'));
  const input = runInputOf(given);
  const report = given.text('html');
  if (report === '') throw new UsageError('expected --html to be the name of a file, got none');
  if (report !== null) {
    await checkReportPath(report);
    await checkFree('--html', [report], given.flag('force'));
    checkEnding('--html', report, '.html');
  }

  const inspected: Inspected[] = [];
  const titles = titlesOf(given.positionals);
  let geometryUsed = false;
  for (const [index, file] of given.positionals.entries()) {
    const title = titles[index] as string;
    try {
      await using model = await openModel(file, layers, geometries);
      geometryUsed ||= !hasGeometry(model);
      const one = await inspectModel(file, title, model, pass, terminal);
      const nodes = given.flag('all') ? await nodesOf(model) : undefined;
      if (nodes?.problem !== undefined) warnNotDone('--all', printable(title), nodes.problem, terminal);
      inspected.push({
        ...one,
        ...(nodes !== undefined && { nodes }),
        ...(input !== null && { attributed: await attributionOf(model, printable(title), input, terminal) }),
      });
    } catch (error) {
      if (!isFileError(error)) throw error;
      const { code = 'LOAD_FAILED', message } = error as NodeJS.ErrnoException;
      inspected.push({
        file,
        title,
        format: null,
        producer: '',
        findings: [],
        leftOut: 0,
        candidates: [],
        unread: [],
        error: { code, message: message.split(path.resolve(file)).join(title).split(file).join(title) },
      });
      terminal.warn(`${terminal.paintError('red', 'deconv-wasm:')} ${fileProblem(file, error)}`);
    }
  }
  let failed = inspected.some(
    ({ error, nodes, attributed }) =>
      error !== null || nodes?.problem !== undefined || attributed?.attribution === null,
  );
  if (geometries !== null && !geometryUsed && !failed) {
    throw new UsageError('--geometry is for safetensors, .npy and .npz: the other formats have their own');
  }

  if (given.flag('json')) terminal.print(JSON.stringify(asJson(inspected, limit), null, 2));
  else print(inspected, limit, pass, terminal);
  if (report !== null) {
    try {
      await writeWhole('--html', [{ file: report, bytes: reportPage(inspected, limit, pass) }]);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      terminal.warn(`${terminal.paintError('red', 'deconv-wasm:')} ${error.message}`);
      failed = true;
    }
  }
  // A limit that nothing was held against has not been kept.
  for (const { file, error, findings, candidates } of limit === null ? [] : inspected) {
    if (error === null && findings.length === 0 && candidates.length > 0) {
      terminal.warn(
        `${terminal.paintError('red', 'deconv-wasm:')} ${printable(file)}: --fail-above needs --geometry, which says what its tensors are`,
      );
      failed = true;
    }
  }
  if (failed) return EXIT.failed;
  if (inspected.some(({ findings }) => findings.some((finding) => isAbove(finding, limit)))) {
    return EXIT.found;
  }
  if (limit === null || given.flag('allow-unjudged')) return EXIT.fine;
  return tellUnjudged(inspected, terminal) ? EXIT.unjudged : EXIT.fine;
}

/** A limit that some layers could not be held against has not been kept, nor broken. */
function tellUnjudged(inspected: readonly Inspected[], terminal: Terminal): boolean {
  let told = false;
  for (const { file, findings } of inspected) {
    const { notJudged } = countsOf(findings, null);
    if (notJudged === 0) continue;
    terminal.warn(
      `${terminal.paintError('red', 'deconv-wasm:')} ${printable(file)}: ${counted(notJudged, 'layer')} could not be judged; --allow-unjudged accepts that`,
    );
    told = true;
  }
  return told;
}

/** One of a few words, the first of them by default. */
function readChoice<Choice extends string>(
  name: string,
  text: string | null,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const found = choices.find((choice) => choice === (text ?? choices[0]));
  if (found !== undefined) return found;
  throw new UsageError(`expected --${name} to be ${choices.join(' or ')}, got ${givenText(text)}`);
}

function readLimit(text: string | null): number | null {
  if (text === null) return null;
  const limit = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(limit)) return limit;
  throw new UsageError(`expected --fail-above to be a level in dBc such as -40, got ${givenText(text)}`);
}

/** `--html` takes the next word, which may be a model that somebody forgot to put a name before. */
async function checkReportPath(file: string): Promise<void> {
  let head: string;
  try {
    // A pipe or a device has nothing that is replaced, and waits to be read.
    const place = await placeOf(file);
    const there = await stat(place);
    if (!there.isFile() && !there.isDirectory()) return;
    const handle = await open(place, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(15), 0, 15, 0);
      head = buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw inOption('--html', file, error);
  }
  if (head !== '' && head.toLowerCase() !== '<!doctype html>') {
    throw new UsageError(`--html: ${printable(file)} exists and is no HTML page; it is not replaced`);
  }
}

async function inspectModel(
  file: string,
  title: string,
  model: Model,
  pass: Pass | 'both',
  terminal: Terminal,
): Promise<Inspected> {
  const wanted = pass === 'both' ? (['forward', 'backward'] as const) : [pass];
  const layers = wanted.flatMap((one) => model.layers.filter((layer) => layerPass(layer) === one));
  return {
    file,
    title,
    format: model.format,
    producer: model.producer,
    findings: await judge(layers, printable(title), terminal),
    leftOut: model.layers.length - layers.length,
    candidates: model.candidates.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    unread: model.unread,
    error: null,
  };
}

function asJson(inspected: readonly Inspected[], limit: number | null): object {
  return {
    version: SCHEMA_VERSION,
    tool: `deconv-wasm ${packageVersion()}`,
    failAbove: limit,
    models: inspected.map(
      ({ title, format, producer, findings, candidates, unread, error, nodes, attributed }) => ({
        file: title,
        format,
        producer,
        error,
        summary: Object.fromEntries(
          (['forward', 'backward'] as const).map((pass) => [
            pass === 'forward' ? 'output' : 'gradients',
            countsOf(sectionsOf(findings).find((section) => section.pass === pass)?.findings ?? [], limit),
          ]),
        ),
        layers: findings.map((finding) => layerJson(finding, limit)),
        candidates,
        unread,
        ...(nodes !== undefined && { nodes }),
        ...(attributed !== undefined && attributionJson(attributed)),
      }),
    ),
  };
}

/** The same keys for all layers; null where there is no judgement. */
function layerJson(finding: Finding, limit: number | null): object {
  const { layer, judged, problem } = finding;
  const { weightTensor: weight } = layer;
  const { analysis, fix } = judged ?? {};
  const harmonics = analysis?.harmonics ?? [];
  return {
    name: layer.name,
    operator: layer.operator,
    problem,
    geometry: layer.geometry,
    weight: weight && { name: weight.name, dtype: weight.dtype, shape: weight.shape, file: weight.file },
    pass: analysis?.pass ?? null,
    overlap: analysis
      ? {
          perAxis: analysis.overlap.perAxis,
          ...judged?.stamps,
          even: analysis.overlap.even,
          holes: analysis.overlap.holes,
          coefficientOfVariation: analysis.overlap.coefficientOfVariation,
        }
      : null,
    verdict: analysis?.verdict ?? null,
    unevenness: analysis?.unevenness ?? null,
    levelDbc: analysis?.levelDbc ?? null,
    order: analysis?.order ?? null,
    phaseShift: analysis?.phaseShift ?? null,
    harmonics: harmonics.length > 0 ? harmonics : null,
    worstPair: analysis?.worstPair ?? null,
    sentence: analysis ? plainSentence(finding) : null,
    fix: fix ?? null,
    aboveLimit: limit === null || judged === null ? null : isAbove(finding, limit),
  };
}

const COLUMNS: readonly Column[] = [
  { title: 'LAYER', shrinksTo: 16 },
  { title: 'OPERATOR', drops: true },
  { title: 'GEOMETRY' },
  { title: 'PASS' },
  { title: 'OVERLAP' },
  { title: 'VERDICT' },
  { title: 'U', right: true },
  { title: 'dBc', right: true },
];

const STYLES: Readonly<Record<Verdict, Style>> = {
  free: 'green',
  'weights-only': 'yellow',
  overlap: 'yellow',
  holes: 'red',
};

function print(
  inspected: readonly Inspected[],
  limit: number | null,
  pass: Pass | 'both',
  terminal: Terminal,
): void {
  const { paint, width } = terminal;
  for (const [index, one] of inspected.entries()) {
    const { title, format, producer, findings, candidates, error, nodes, attributed } = one;
    if (error !== null) continue;
    if (index > 0) terminal.print('');
    const by = producer === '' ? '' : `, ${printable(producer)}`;
    terminal.print(`${paint('bold', printable(title))} (${format}${by})`);
    for (const section of sectionsOf(findings)) {
      terminal.print(paint('bold', `${section.title}:`));
      const rows = section.findings.map((finding) => rowOf(finding, limit, paint));
      for (const line of table(COLUMNS, rows, width)) terminal.print(line);
      terminal.print(paint('bold', summary(section.findings, limit)));
    }
    const say = (text: string) => {
      for (const line of prose(text, width)) terminal.print(line);
    };
    if (findings.length === 0 && candidates.length === 0) say(emptySentence(one, pass));
    if (candidates.length > 0) {
      say(
        `${counted(candidates.length, 'tensor')} that could be a weight, but the file does not say of what:`,
      );
      const rows = candidates.map(({ name, dtype, shape }) => ({
        cells: [{ text: printable(name) }, { text: `${dtype} [${shape.join(', ')}]` }],
      }));
      const columns = [{ title: 'TENSOR', shrinksTo: 16 }, { title: 'TYPE' }];
      for (const line of table(columns, rows, width)) terminal.print(line);
      say('Say it with --geometry FILE.json: { "up.weight": { "stride": 2, "padding": 1 } }');
    }
    const left = unreadSentence(one);
    if (left !== '') say(left);
    if (nodes) printNodes(nodes, terminal);
    if (attributed) printAttribution(attributed, terminal);
  }
}

function rowOf(finding: Finding, limit: number | null, paint: Paint): Row {
  const { layer, judged, problem } = finding;
  const head: Cell[] = [
    { text: printable(layer.name) || '(no name)', paint: (text) => paint('bold', text) },
    { text: printable(layer.operator) },
  ];
  if (judged === null) {
    const geometry = layer.geometry === null ? '' : geometryText(layer.geometry);
    return {
      cells: [
        ...head,
        { text: geometry },
        { text: '' },
        { text: '' },
        { text: 'unread', paint: (text) => paint('dim', text) },
      ],
      note: { text: `not judged: ${printable(problem ?? '', 2000)}`, paint: (text) => paint('dim', text) },
    };
  }
  const { analysis, fix, geometry, stamps } = judged;
  const above = isAbove(finding, limit);
  return {
    cells: [
      ...head,
      { text: geometryText(geometry) },
      { text: analysis.pass === 'forward' ? 'fwd' : 'bwd' },
      { text: overlapText(stamps) },
      { text: analysis.verdict, paint: (text) => paint(STYLES[analysis.verdict], text) },
      { text: shareText(analysis.unevenness) },
      { text: levelText(analysis.levelDbc), ...(above && { paint: (text: string) => paint('red', text) }) },
    ],
    ...(fix.text !== '' && {
      note: { text: `fix: ${fix.text}`, paint: (text: string) => paint('dim', text) },
    }),
  };
}
