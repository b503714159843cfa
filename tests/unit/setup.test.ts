import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mirrorsFromTargets, mirrorsFromUris } from '../../scripts/setup/debian-archive.mjs';
import { acquireLock } from '../../scripts/setup/lock.mjs';
import { installedMatchesLock } from '../../scripts/setup/npm-packages.mjs';
import { archiveFile, compareVersions, expectedHash, pinProblems } from '../../scripts/setup/pins.mjs';

const pinsFile = path.join(import.meta.dirname, '../../cpp/cmake/pins.json');
const readPins = () => JSON.parse(readFileSync(pinsFile, 'utf8'));

describe('versions', () => {
  it.each([
    ['3.1.9', '3.1.69'],
    ['3.1.69', '4'],
    ['20.9', '20.19'],
    ['', '0.1'],
  ])('%j is older than %j', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });

  it('ignores what follows the numbers', () => {
    expect(compareVersions('3.1.69-git', '3.1.69+dfsg-3')).toBe(0);
    expect(compareVersions('4', '4.0.0')).toBe(0);
  });
});

describe('pins', () => {
  it('are complete', () => {
    expect(pinProblems(readPins())).toEqual([]);
  });

  it.each([
    ['a hash that is too short', (pins) => (pins.fetched[0].sha256 = 'abc'), /sha256/],
    ['a pin named twice', (pins) => pins.fetched.push(pins.fetched[0]), /twice/],
    ['another suite', (pins) => (pins.fetched[0].suite = 'sid'), /suite/],
    ['an unknown kind', (pins) => (pins.fetched[0].kind = 'rpm'), /kind/],
    ['a tool that nothing proves', (pins) => (pins.apt[0].commands = []), /proves/],
    ['nothing', (pins) => (pins.fetched = []), /nothing/],
  ] as [string, (pins: ReturnType<typeof readPins>) => unknown, RegExp][])(
    'refuse %s',
    (_, spoil, reason) => {
      const pins = readPins();
      spoil(pins);
      expect(pinProblems(pins).join()).toMatch(reason);
    },
  );

  it('differ by machine only where the file does', () => {
    const pin = { name: 'a', version: '1-2', kind: 'deb', architecture: 'any', sha256: { amd64: 'x' } };
    expect(archiveFile(pin, 'amd64')).toBe('a_1-2_amd64.deb');
    expect(expectedHash(pin, 'amd64')).toBe('x');
    expect(expectedHash(pin, 'riscv64')).toBeUndefined();
    const all = { ...pin, architecture: 'all', sha256: 'y' };
    expect(archiveFile(all, 'amd64')).toBe('a_1-2_all.deb');
    expect(expectedHash(all, 'riscv64')).toBe('y');
  });
});

describe('mirrors', () => {
  it('come from the main Debian suite alone', () => {
    const targets = [
      'https://other.example/repo|nodistro|Packages|nodesource',
      'cdrom:[disc]|bookworm|Packages|Debian',
      'https://one.example/debian|bookworm|Sources|Debian',
      'https://one.example/debian|bookworm|Packages|Debian',
      'https://one.example/debian|bookworm|Packages|Debian',
      'https://two.example/debian|bookworm-updates|Packages|Debian',
      'https://three.example/debian-security|bookworm-security|Packages|Debian-Security',
    ];
    expect(mirrorsFromTargets(targets.join('\n'))).toEqual(['https://one.example/debian']);
  });

  it('are found before the first apt-get update', () => {
    const uris = [
      "'https://one.example/debian/dists/bookworm/InRelease' one_InRelease 0 ",
      "'https://one.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' one_Packages 0 ",
      "'https://two.example/debian-security/dists/stable/InRelease' two_InRelease 0 ",
      "'https://three.example/repo/dists/nodistro/InRelease' three_InRelease 0 ",
    ];
    expect(mirrorsFromUris(uris.join('\n'), 'bookworm')).toEqual(['https://one.example/debian']);
  });
});

describe('npm packages', () => {
  const one = { version: '1.0.0', integrity: 'sha512-one' };
  const lock = {
    packages: { '': {}, 'node_modules/one': one, 'node_modules/win': { ...one, optional: true } },
  };

  it('are current without those of other platforms', () => {
    expect(installedMatchesLock(lock, { packages: { 'node_modules/one': one } })).toBe(true);
  });

  it.each([
    ['is missing', {}],
    ['has another version', { 'node_modules/one': { ...one, version: '1.0.1' } }],
    ['has other content', { 'node_modules/one': { ...one, integrity: 'sha512-two' } }],
    ['is no longer wanted', { 'node_modules/one': one, 'node_modules/two': one }],
  ])('are not current if one %s', (_, packages) => {
    expect(installedMatchesLock(lock, { packages })).toBe(false);
  });
});

describe('the lock', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'setup-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is held by one at a time', async () => {
    const file = path.join(folder, 'lock');
    const release = await acquireLock(file);
    let second: (() => void) | undefined;
    let waiting: Promise<void> | undefined;
    // Told once it has found the lock taken.
    await new Promise((resolve) => {
      waiting = acquireLock(file, resolve).then((give: () => void) => {
        second = give;
      });
    });
    expect(second).toBeUndefined();
    release();
    await waiting;
    second?.();
    expect(second).toBeDefined();
  });

  it.each([
    ['a process that has ended', '999999999 1'],
    ['an earlier process of the same number', `${process.pid} 1`],
    ['nobody', ''],
  ])('is taken over from %s', async (_, owner) => {
    const file = path.join(folder, 'lock');
    writeFileSync(file, owner);
    const release = await acquireLock(file);
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    release();
  });
});
