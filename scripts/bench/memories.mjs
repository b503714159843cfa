// The WebAssembly heaps that come into being while a candidate is loaded. A heap never shrinks, so its size
// at the end is its peak. Call watchMemories before anything is loaded.

const seen = new Set();

export function watchMemories() {
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
  const note = (instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof Memory) seen.add(value);
    return instance;
  };
  const noteResult = (result) => {
    note(result instanceof Instance ? result : result.instance);
    return result;
  };
  const watched = (target, remember) =>
    new Proxy(target, { construct: (Class, args) => remember(new Class(...args)) });
  WebAssembly.Memory = watched(Memory, (memory) => {
    seen.add(memory);
    return memory;
  });
  WebAssembly.Instance = watched(Instance, note);
  WebAssembly.instantiate = async (...args) => noteResult(await instantiate.apply(WebAssembly, args));
  if (instantiateStreaming !== undefined) {
    WebAssembly.instantiateStreaming = async (...args) =>
      noteResult(await instantiateStreaming.apply(WebAssembly, args));
  }
}

/** The heaps made since the last call. */
export function takeMemories() {
  const memories = [...seen];
  seen.clear();
  return memories;
}

/** Their bytes together; null where there is none. */
export function heapBytes(memories) {
  if (memories.length === 0) return null;
  return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
