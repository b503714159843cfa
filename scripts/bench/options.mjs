import { parseArgs } from 'node:util';
import { CASES, QUICK } from './cases.mjs';

export const HELP = `Usage: npm run bench -- [options]

Measures transposed convolutions against onnxruntime-web, LiteRT.js, tfjs-wasm and plain JavaScript, in Node
and in Chromium, with one thread and with two. Needs a built dist/ (npm run build). The first run downloads
the peers into scripts/bench/node_modules.

  --quick          fewer cases and shorter turns: under 3 minutes instead of about 12
  --networks       whole networks of files instead: files of packages, and ONNX networks of a
                   module networks/zoo.mjs in a folder beside the project's
  --only LIST      of the networks, by their names
  --zoo FILE       that module
  --cases LIST     names from scripts/bench/cases.mjs, comma separated
  --env LIST       node,chromium
  --threads LIST   1,2
  --rounds N       turns of each candidate (10)
  --seconds S      for the turns of all candidates of one case together (1)
  --out DIR        where results.json, results.md and ratios.svg go (build/bench)
  --no-extras      leave out chains, pictures, start-up time and download size
  --help           this text
`;

const USUAL = { rounds: '10', seconds: '1' };
const QUICKER = { rounds: '5', seconds: '0.4' };

export class OptionError extends Error {}

/** The checked options, or undefined when help was asked for. */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) return undefined;
  const usual = values.quick ? QUICKER : USUAL;
  const names = CASES.map(({ name }) => name);
  const wanted = list('cases', values.cases, names) ?? (values.quick ? QUICK : names);
  return {
    layers: CASES.filter(({ name }) => wanted.includes(name)),
    environments: list('env', values.env, ['node', 'chromium']) ?? ['node', 'chromium'],
    threads: (list('threads', values.threads, ['1', '2']) ?? ['1', '2']).map(Number),
    rounds: number('rounds', values.rounds ?? usual.rounds, Number.isInteger),
    milliseconds: 1000 * number('seconds', values.seconds ?? usual.seconds, Number.isFinite),
    quick: values.quick === true,
    extras: values.extras !== false,
    out: values.out,
    networks: values.networks === true,
    networkNames: values.only?.split(','),
    zoo: values.zoo,
  };
}

function parse(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    return parseArgs({
      args,
      allowNegative: true,
      options: {
        ...{
          cases: text,
          env: text,
          threads: text,
          rounds: text,
          seconds: text,
          out: text,
          only: text,
          zoo: text,
        },
        ...{ quick: flag, extras: flag, help: flag, networks: flag },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error.message);
  }
}

function list(name, value, known) {
  if (value === undefined) return undefined;
  const entries = value.split(',');
  const unknown = entries.filter((entry) => !known.includes(entry));
  if (unknown.length > 0) {
    throw new OptionError(`--${name}: expected some of ${known.join(', ')}, got ${unknown.join(', ')}`);
  }
  return entries;
}

function number(name, value, isKind) {
  const read = Number(value);
  if (!isKind(read) || read <= 0)
    throw new OptionError(`--${name}: expected a positive number, got ${value}`);
  return read;
}
