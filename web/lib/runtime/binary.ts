import { describe, fault } from '../core/checks.js';
import { isDeconvError } from '../core/errors.js';
import { nodeModule } from '../core/node.js';
import { bytesOf, isUrl, messageOf } from '../core/realms.js';
import { VERSION } from '../core/version.js';
import { loadError } from './load-error.js';
import { type BinaryName, checkSource, type InitOptions, type WasmSource } from './options.js';
import { installedFile, packagedBinary } from './package-files.js';
import { supportsRelaxedSimd } from './probes.js';

/** The compiled binary of this name: the package's own, or what the caller gave. */
export async function compileBinary(
  where: string,
  name: BinaryName,
  wasm: InitOptions['wasm'],
): Promise<WebAssembly.Module> {
  const module = await (wasm === undefined
    ? compilePackaged(where, name)
    : compileSource(where, await sourceOf(where, name, wasm)));
  checkIdentity(where, module, name);
  return module;
}

async function compilePackaged(where: string, name: BinaryName): Promise<WebAssembly.Module> {
  try {
    return await compileSource(where, packagedBinary(name));
  } catch (cause) {
    const installed = installedFile(`${name}.wasm`);
    if (installed !== undefined) return compileSource(where, installed);
    if (isDeconvError(cause)) throw cause;
    throw loadError(
      where,
      `to know where ${name}.wasm is`,
      messageOf(cause),
      typeof URL === 'function'
        ? 'This script is no ES module and does not know its own address. Bundle to ES modules, pass the address with init({ wasm }), or import deconv-wasm/standalone.'
        : HAND_IN,
      cause,
    );
  }
}

async function sourceOf(
  where: string,
  name: BinaryName,
  wasm: NonNullable<InitOptions['wasm']>,
): Promise<WasmSource> {
  if (typeof wasm !== 'function') return wasm;
  let given: unknown;
  try {
    given = await wasm(name);
  } catch (cause) {
    const advice = 'That function is yours.';
    throw loadError(where, `wasm('${name}') to give a binary`, messageOf(cause), advice, cause);
  }
  return checkSource(where, given);
}

async function compileSource(where: string, source: unknown): Promise<WebAssembly.Module> {
  const bytes = bytesOf(source);
  if (bytes !== undefined) return compileBytes(where, bytes, 'the bytes given');
  const location = isUrl(source) ? source.href : source;
  if (typeof location !== 'string') return location as WebAssembly.Module;
  const files = nodeModule('node:fs/promises');
  const file = pathOf(location);
  if (files === undefined || file === undefined) return fetchAndCompile(where, location);
  let content: Uint8Array<ArrayBuffer>;
  try {
    content = await files.readFile(file);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw loadError(
      where,
      `a file at ${location}`,
      code ?? messageOf(cause),
      code === 'ENOENT'
        ? 'If a bundler left it behind, copy it, keep the package external, pass its place with init({ wasm }), or import deconv-wasm/standalone.'
        : 'Check its permissions.',
      cause,
    );
  }
  return compileBytes(where, content, location);
}

/** Undefined for an address of the network; a drive of Windows is one letter. */
function pathOf(location: string): string | URL | undefined {
  if (/^file:/i.test(location)) return new URL(location);
  return /^[a-z][a-z\d+.-]+:/i.test(location) ? undefined : location;
}

async function fetchAndCompile(where: string, location: string): Promise<WebAssembly.Module> {
  if (typeof fetch !== 'function') throw loadError(where, `to fetch ${location}`, 'no fetch', HAND_IN);
  let response: Response;
  try {
    response = await fetch(location);
  } catch (cause) {
    throw loadError(
      where,
      `to fetch ${location}`,
      messageOf(cause),
      /^file:/i.test(location)
        ? 'A page opened from disk cannot read files: serve its folder over http, or import deconv-wasm/standalone.'
        : 'Check the network, connect-src of a Content-Security-Policy, CORS of another origin.',
      cause,
    );
  }
  const { url } = response;
  const served = 'Check that the file is served there, or pass its place with init({ wasm }).';
  const type = response.headers.get('Content-Type') ?? '';
  // Servers of single-page apps answer with their page where a file is missing.
  const page = type.startsWith('text/html');
  // What nobody reads is fetched no further.
  if (page || !response.ok) response.body?.cancel().catch(() => {});
  if (!response.ok) throw loadError(where, `the file ${url}`, `status ${response.status}`, served);
  if (page) {
    throw loadError(
      where,
      `WebAssembly at ${url}`,
      'a web page',
      `${served} The dev server of Vite 7 and older needs optimizeDeps: { exclude: ['deconv-wasm'] }.`,
    );
  }
  // A server that sends another type than application/wasm cannot be streamed from.
  if (!type.startsWith('application/wasm')) return compileBytes(where, await response.arrayBuffer(), url);
  return WebAssembly.compileStreaming(response).catch((cause) => refuseBytes(where, cause, url));
}

async function compileBytes(where: string, bytes: BufferSource, place: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(bytes).catch((cause) => refuseBytes(where, cause, place));
}

function refuseBytes(where: string, cause: unknown, place: string): never {
  const message = messageOf(cause);
  // Chromium and its kin, Firefox, Safari; the first also where a host forbids it altogether.
  const forbidden = /disallowed by embedder|blocked by CSP|unsafe-eval|Content.Security.Policy/i;
  throw loadError(
    where,
    `to compile ${place}`,
    message,
    forbidden.test(message)
      ? "Allow it in the page's Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'. Where a host compiles nothing (edge functions), import the .wasm file as a module and pass that with init({ wasm })."
      : `The bytes are no WebAssembly, or cut off${supportsRelaxedSimd() ? '' : ', or made for relaxed SIMD, which this engine has not'}: the files are deconv-wasm/wasm/<name>.wasm.`,
    cause,
  );
}

/** A glue works with its own binary only: scripts/build.mjs writes its name into each. */
function checkIdentity(where: string, binary: WebAssembly.Module, name: BinaryName): void {
  const [section] = WebAssembly.Module.customSections(binary, 'deconv-wasm');
  // Not TextDecoder, which an AudioWorklet lacks; the text is ASCII.
  const got =
    section === undefined ? 'a module of another package' : String.fromCharCode(...new Uint8Array(section));
  const expected = `${name} ${VERSION}`;
  if (got === expected) return;
  throw fault(
    'LOAD_FAILED',
    where,
    `the .wasm file ${expected}`,
    describe(got),
    "Pass the file of that name and version, with build: 'simd' or 'relaxed' if you choose it yourself.",
    { expected, got },
  );
}

const HAND_IN =
  'Without fetch (in an AudioWorklet) compile the binary elsewhere and pass the module: init({ wasm: module }).';
