import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { archiveFile, expectedHash } from './pins.mjs';
import { SetupError } from './report.mjs';
import { attempt, run, tail, which } from './run.mjs';

const KEYRINGS = ['gpg', 'pgp'].map((end) => `/usr/share/keyrings/debian-archive-keyring.${end}`);

export async function sha256(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function empty(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

function bytesIn(folder) {
  let sum = 0;
  for (const name of readdirSync(folder)) {
    // apt renames its partial files while we look.
    sum += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

/** Addresses of Debian mirrors in the output of `apt-get indextargets`; see mirrors() for the format. */
export function mirrorsFromTargets(text) {
  const mirrors = new Set();
  for (const line of text.split('\n')) {
    const [site, codename, kind, label] = line.split('|');
    const isMain = label === 'Debian' && kind === 'Packages' && /^[a-z]+$/.test(codename);
    if (isMain && /^(https?|mirror|file|ftp)/.test(site)) mirrors.add(site);
  }
  return [...mirrors];
}

/** The same from `apt-get update --print-uris`, which works before the first update of a machine. */
export function mirrorsFromUris(text, codename) {
  const suites = new Set([codename, 'oldstable', 'stable', 'testing', 'unstable', 'sid']);
  const mirrors = new Set();
  for (const [, site, suite] of text.matchAll(/^'([^']+)\/dists\/([^/']+)\/InRelease'/gm)) {
    if (suites.has(suite) && !site.includes('security')) mirrors.add(site);
  }
  return [...mirrors];
}

async function mirrors() {
  const format = '$(SITE)|$(CODENAME)|$(CREATED_BY)|$(LABEL)';
  const targets = await attempt('apt-get', ['indextargets', '--format', format]);
  const found = mirrorsFromTargets(targets.stdout);
  if (found.length > 0) return found;
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID="?debian"?$/m.test(release)) return [];
  const uris = await attempt('apt-get', ['update', '--print-uris']);
  return mirrorsFromUris(uris.stdout, /^VERSION_CODENAME="?(\w+)/m.exec(release)?.[1]);
}

/**
 * Fetches pinned files of another Debian suite through this machine's mirror, with an apt
 * configuration of its own inside the toolchain folder: the system's apt never learns of it.
 */
export class DebianArchive {
  #folder;
  #downloads;
  #pins;
  #report;
  #ready;
  #architecture;

  constructor({ toolchain, pins, report }) {
    this.#folder = join(toolchain, 'apt');
    this.#downloads = join(toolchain, 'downloads');
    this.#pins = pins;
    this.#report = report;
  }

  /**
   * Returns the path of the file of `pin`, downloaded unless it is there already.
   *
   * Its SHA-256 is the pinned one; only a pin that Debian replaces at point releases may differ,
   * and then apt has checked the file against the archive's signature.
   */
  async fetch(pin) {
    const architecture = await this.#machine();
    const expected = expectedHash(pin, architecture);
    if (!expected) {
      throw new SetupError(`${pin.name} is not pinned for ${architecture} machines.`, {
        advice: this.#alternatives(pin),
      });
    }
    const path = join(this.#downloads, archiveFile(pin, architecture));
    if (existsSync(path)) {
      if ((await sha256(path)) === expected) return path;
      this.#report.say(`${path} is not what is pinned: fetching it again`);
      rmSync(path);
    }
    this.#ready ??= this.#configure();
    await this.#ready;
    return this.#download(pin, expected, path);
  }

  async #machine() {
    this.#architecture ??= which('dpkg')
      ? (await run('dpkg', ['--print-architecture'])).stdout.trim()
      : ({ x64: 'amd64' }[process.arch] ?? process.arch);
    return this.#architecture;
  }

  /** What a person can do without the archive, about one pin or about all of them. */
  #alternatives(...pins) {
    const concerned = pins.length > 0 ? pins : this.#pins.fetched;
    const lines = ['What to do instead:'];
    if (concerned.some((pin) => !pin.upstream)) {
      lines.push(
        `- Emscripten: install an emsdk, ${this.#pins.emscripten.minimum} or newer (git clone emsdk, \
./emsdk install, ./emsdk activate, source emsdk_env.sh), so that emcc is on PATH.`,
      );
    }
    for (const { name, upstream, replacedBy } of concerned.filter((pin) => pin.upstream)) {
      lines.push(`- ${name}: take it from ${upstream}, and set ${replacedBy} to its folder.`);
    }
    if (concerned.some((pin) => pin.replacedBy === 'THIRD_PARTY_INCLUDE_DIR')) {
      lines.push('  (One folder for the headers, holding fp16.h, fp16/, fxdiv.h, doctest/ and simde/.)');
    }
    lines.push('- Or copy the downloads folder of the toolchain from a machine where setup has run.');
    return lines.join('\n');
  }

  async #configure() {
    const { suite } = this.#pins;
    const advice = this.#alternatives();
    if (!which('apt-get')) {
      throw new SetupError('There is no apt-get here to fetch Emscripten and the sources with.', {
        advice,
      });
    }
    const candidates = await mirrors();
    if (candidates.length === 0) {
      throw new SetupError("No Debian mirror in this machine's apt configuration.", { advice });
    }
    const keyring = KEYRINGS.find((path) => existsSync(path));
    if (!keyring) {
      throw new SetupError(`There is no Debian archive keyring (${KEYRINGS.join(' or ')}).`, {
        advice: `apt-get install debian-archive-keyring\n${advice}`,
      });
    }
    const tried = [];
    for (const mirror of candidates) {
      this.#report.note(`reading the package lists of ${suite}`);
      await this.#write(mirror, keyring);
      const update = await this.#apt('apt-get', ['-q', 'update']);
      if (update.code === 0) return;
      const output = tail(update.output, 6);
      if (/NO_PUBKEY|EXPKEYSIG/.test(output)) {
        throw new SetupError(`The archive keyring of this machine does not cover ${suite}.`, {
          output,
          advice: `Update it: apt-get install debian-archive-keyring\n${advice}`,
        });
      }
      tried.push(`${mirror}:\n${output}`);
    }
    throw new SetupError(`No package lists of Debian ${suite} could be read.`, {
      output: `Tried ${tried.join('\n')}`,
      advice,
    });
  }

  async #write(mirror, keyring) {
    const folder = this.#folder;
    for (const name of ['lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    const signed = `signed-by=${keyring}`;
    const { suite } = this.#pins;
    // target= and lang= keep out what other packages on this machine make apt download as well.
    writeFileSync(
      join(folder, 'sources.list'),
      `deb [${signed} arch=${await this.#machine()} target=Packages lang=none] ${mirror} ${suite} main
deb-src [${signed} target=Sources] ${mirror} ${suite} main
`,
    );
    // The hooks would run programs of this machine that work on the system's own lists.
    writeFileSync(
      join(folder, 'apt.conf'),
      `#clear APT::Update;
APT::Update::Error-Mode "any";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::Etc::sourcelist "${join(folder, 'sources.list')}";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::Lists "${join(folder, 'lists')}";
Dir::State::status "/dev/null";
Dir::Cache "${join(folder, 'cache')}";
`,
    );
  }

  #apt(command, args, cwd) {
    return attempt(command, ['-c', join(this.#folder, 'apt.conf'), ...args], {
      cwd,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    });
  }

  async #download(pin, expected, path) {
    // A folder for each file: whatever apt leaves there is that file, or a part of it to resume.
    const partial = join(this.#downloads, 'partial', basename(path));
    mkdirSync(partial, { recursive: true });
    const resumes = readdirSync(partial).length > 0;
    this.#report.note(`fetching ${pin.name}`);
    const timer = setInterval(() => {
      const done = megabytes(bytesIn(partial));
      this.#report.note(`fetching ${pin.name}, ${done} of ${megabytes(pin.size)} MB`);
    }, 500);
    let result;
    try {
      result = await this.#request(pin, partial);
      if (result.code !== 0 && resumes) {
        empty(partial);
        result = await this.#request(pin, partial);
      }
    } finally {
      clearInterval(timer);
    }
    const found = readdirSync(partial).filter((name) => name.startsWith(`${pin.name}_`));
    if (result.code !== 0 || found.length !== 1) {
      throw new SetupError(`${pin.name} ${pin.version} could not be fetched.`, {
        output: tail(result.output),
        advice: this.#alternatives(pin),
      });
    }
    const file = join(partial, found[0]);
    const actual = await sha256(file);
    if (actual !== expected && !(pin.replacedAtPointReleases && result.served)) {
      rmSync(partial, { recursive: true });
      throw new SetupError(`${found[0]} does not have the pinned SHA-256.`, {
        output: `pinned: ${expected}\nserved: ${actual}`,
        advice: `Nothing of it was used. If it stays so, the mirror is wrong or the pin is.
${this.#alternatives(pin)}`,
      });
    }
    const destination = result.served ? join(this.#downloads, found[0]) : path;
    renameSync(file, destination);
    rmSync(partial, { recursive: true });
    return destination;
  }

  async #request(pin, cwd) {
    if (pin.kind !== 'deb') {
      const only = ['--download-only', '--tar-only'];
      return this.#apt('apt-get', ['-q', ...only, 'source', pin.name], cwd);
    }
    const exact = await this.#apt('apt-get', ['-q', 'download', `${pin.name}=${pin.version}`], cwd);
    const isGone = exact.code !== 0 && exact.output.includes('was not found');
    if (!isGone || !pin.replacedAtPointReleases) return exact;
    empty(cwd);
    const served = await this.#apt('apt-get', ['-q', 'download', pin.name], cwd);
    if (served.code === 0) {
      this.#report.say(
        `${pin.name}: Debian has replaced ${pin.version}; taking the one it serves now (signed)`,
      );
    }
    return { ...served, served: true };
  }

  /** Removes the package lists, which are large, and stale by the next time. */
  forget() {
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(join(this.#downloads, 'partial'), { recursive: true, force: true });
  }
}
