/** Of the package; the binaries carry it too, because a glue works with its own binary only. */
export const VERSION = '0.1.0';
