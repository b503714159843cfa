// Every reason for which a test may be skipped. Any other skip fails the run (tests/support/run-reporter.ts):
// what a test cannot do where it runs has to be known here, or else nobody sees that it tests nothing.

export interface Skip {
  readonly project: string;
  /** From the root of the repository. */
  readonly file: string;
  /** With the names of the suites around it. */
  readonly test: string;
  /** What the test itself said when it left. */
  readonly note: string | undefined;
}

interface ExpectedSkip {
  /** Default: any project. */
  readonly project?: RegExp;
  readonly file: RegExp;
  /** Default: any test of the file. */
  readonly test?: RegExp;
  readonly note?: RegExp;
  readonly because: string;
}

const EXPECTED: readonly ExpectedSkip[] = [
  {
    file: /demo\/export/,
    test: /^the stored outputs/,
    because: 'DECONV_STORE_OUTPUTS=1 writes them anew, on purpose only',
  },
  {
    file: /demo\/export/,
    test: /two lanes.* says to (JAX and to flax|Keras)/,
    because: 'JAX, flax and Keras have no transposed convolution with groups',
  },
  {
    file: /demo\/export/,
    test: /runs with PyTorch|makes an ONNX model|says to ONNX/,
    because: 'PyTorch and the package onnx are not installed by scripts/setup.mjs',
  },
  {
    file: /demo\/export/,
    note: /^no WebNN here: /,
    because: 'a Chromium without a backend of WebNN has none to run the program with',
  },
  {
    file: /package\/bench/,
    test: /with peers/,
    because: 'the peers are installed by scripts/bench/install.mjs only',
  },
  {
    file: /package\/cli/,
    test: /a screen has colours|a disk that is full/,
    because: 'only Linux has `script` of util-linux and /dev/full',
  },
  {
    file: /consumers\/runtimes/,
    note: /the registry has this binary for other systems/,
    because: 'Deno and Bun are installed for Linux on x64 only',
  },
  {
    file: /unit\/disposable/,
    test: /`using` releases/,
    because: 'Node before 24 has no Symbol.dispose of its own',
  },
  {
    project: /^(chromium|firefox|webkit)/,
    file: /conformance\/network-tflite/,
    test: /selfie segmentation/,
    because: 'their files are in node_modules',
  },
  {
    project: /^(chromium|firefox|webkit)/,
    file: /conformance\/(models|network)-/,
    test: /ONNX Runtime/,
    because: 'the reference of these tests runs in Node only',
  },
  { file: /./, note: /no Float16Array/, because: 'engines of before 2025 have no Float16Array' },
  { file: /conformance\//, note: /^this engine lacks /, because: 'LACKING says what and why' },
];

/** Why a test may be skipped; undefined where it may not. */
export function whySkipped({ project, file, test, note }: Skip): string | undefined {
  return EXPECTED.find(
    (expected) =>
      (expected.project === undefined || expected.project.test(project)) &&
      expected.file.test(file) &&
      (expected.test === undefined || expected.test.test(test)) &&
      (expected.note === undefined || (note !== undefined && expected.note.test(note))),
  )?.because;
}

const NO_RELAXED_SIMD = 'relaxed SIMD is an experiment there, behind a flag';

/**
 * What an engine cannot start, by the name of the test's host and of the build, and why. A build that does not
 * start and does not stand here fails.
 */
export const LACKING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  WebKit: { relaxed: NO_RELAXED_SIMD, 'relaxed-threads': NO_RELAXED_SIMD },
};
