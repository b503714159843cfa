import { readFileSync } from 'node:fs';
import { SetupError } from './report.mjs';

const KINDS = ['deb', 'orig source tarball'];
const GROUPS = ['build', 'llvm', 'native', 'browser', 'shell', 'firefox', 'webkit', 'data', 'lint'];
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Orders dotted versions by their leading numbers: negative if a < b, 0 if equal, positive if a > b.
 *
 * Anything after the numbers ("-git", "+dfsg-3") does not count; a missing number counts as 0.
 */
export function compareVersions(a, b) {
  const numbers = (text) => (/^\d+(\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The first dotted number in the output of some `tool --version`, or undefined. */
export const versionIn = (text) => /\d+(\.\d+)+/.exec(text)?.[0];

/** Everything wrong with the parsed pins.json, one sentence each; empty if it is sound. */
export function pinProblems(pins) {
  const problems = [];
  const seen = new Set();
  for (const pin of pins.fetched ?? []) {
    const { name, kind, architecture, sha256 } = pin;
    const complain = (what) => problems.push(`${name ?? 'a pin without name'}: ${what}.`);
    for (const key of ['name', 'version', 'suite', 'purpose']) {
      if (typeof pin[key] !== 'string' || pin[key] === '') complain(`${key} is missing`);
    }
    if (seen.has(name)) complain('is pinned twice');
    seen.add(name);
    if (pin.suite !== pins.suite) complain(`suite is not ${pins.suite}`);
    if (!KINDS.includes(kind)) complain(`kind is none of ${KINDS.join(', ')}`);
    if (kind === 'deb' && !['all', 'any'].includes(architecture)) {
      complain('architecture is neither all nor any');
    }
    if (Boolean(pin.upstream) !== Boolean(pin.replacedBy)) {
      complain('upstream and replacedBy belong together');
    }
    if (!(Number.isInteger(pin.size) && pin.size > 0)) complain('size is not a number of bytes');
    const hashes = architecture === 'any' ? Object.values(sha256 ?? {}) : [sha256];
    if (hashes.length === 0 || !hashes.every((hash) => SHA256.test(hash))) {
      complain('sha256 is not 64 hexadecimal digits');
    }
  }
  for (const { package: name, group, commands, file } of pins.apt ?? []) {
    if (!GROUPS.includes(group)) problems.push(`${name}: group is none of ${GROUPS.join(', ')}.`);
    if (!file && !(commands?.length > 0)) problems.push(`${name}: nothing proves that it is there.`);
  }
  if (seen.size === 0) problems.push('nothing is pinned.');
  return problems;
}

/** Reads pins.json and refuses it if it is incomplete. */
export function loadPins(path) {
  const pins = JSON.parse(readFileSync(path, 'utf8'));
  const problems = pinProblems(pins);
  if (problems.length > 0) throw new SetupError(`${path}: ${problems.join(' ')}`);
  return pins;
}

export function pinNamed(pins, name) {
  const pin = pins.fetched.find((candidate) => candidate.name === name);
  if (!pin) throw new Error(`pins.json does not list ${name}`);
  return pin;
}

/** The hash of the file for this machine, or undefined if the pin does not cover it. */
export const expectedHash = (pin, architecture) =>
  pin.architecture === 'any' ? pin.sha256[architecture] : pin.sha256;

/** The name under which the archive serves the pinned file. */
export function archiveFile(pin, architecture) {
  if (pin.kind !== 'deb') return `${pin.name}_${pin.version}.orig.tar.xz`;
  return `${pin.name}_${pin.version}_${pin.architecture === 'all' ? 'all' : architecture}.deb`;
}

// To be raised when the same files are unpacked differently, so that old results are replaced.
const LAYOUT = 1;

/** Text that changes with any of the pins; it lies beside what was made of them. */
export const pinStamp = (pins, names) =>
  [`layout ${LAYOUT}`, ...names.map((name) => `${name} ${JSON.stringify(pinNamed(pins, name).sha256)}`)]
    .map((line) => `${line}\n`)
    .join('');
