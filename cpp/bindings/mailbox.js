// Emscripten's threads wait for mail by Atomics.waitAsync. An engine keeps whoever waits so, and the shared memory
// with it, for as long as nobody wakes it: a runtime that was shut down would never give its memory back. Mail comes
// by postMessage where nobody waits, which is what engines without waitAsync have always done.
addToLibrary({
  _emscripten_thread_mailbox_await: () => {},
});
