/** Thrown where a library has no way to compute a layer; the message says what it lacks. */
export class NotSupported extends Error {}
