/** Written by scripts/build.mjs from package.json; the binaries carry it too. */
export const VERSION = '0.1.0';
