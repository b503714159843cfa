import { HeapTensor, type Runtime } from 'deconv-wasm';

/** Leaves `bytes` of a heap that cannot grow, in one piece, while `body` runs. */
export function withFreeMemory<Result>(bytes: number, body: () => Result, runtime?: Runtime): Result {
  const { prototype } = WebAssembly.Memory;
  const { grow } = prototype;
  const held: HeapTensor[] = [];
  const hold = (floats: number): HeapTensor | undefined => {
    try {
      return new HeapTensor([floats], { runtime });
    } catch {
      return undefined;
    }
  };
  try {
    // The heap may have to grow to what is to be free.
    const room = hold(bytes / 4);
    if (room === undefined) throw new Error(`no room for the ${bytes} bytes that are to be free`);
    prototype.grow = () => {
      throw new RangeError('this heap does not grow');
    };
    for (let floats = 2 ** 24; floats >= 16; ) {
      const tensor = hold(floats);
      if (tensor === undefined) floats >>= 1;
      else held.push(tensor);
    }
    room.dispose();
    return body();
  } finally {
    for (const tensor of held) tensor.dispose();
    prototype.grow = grow;
  }
}

/** JavaScript has no Float32Array above `most` values while `body` runs. Engines end at different sizes. */
export function withSmallArrays<Result>(most: number, body: () => Result): Result {
  const Engine = Float32Array;
  const Small = new Proxy(Engine, {
    construct(target, given: [number | ArrayLike<number> | ArrayBuffer], newTarget) {
      const [from] = given;
      const count = typeof from === 'number' ? from : 'length' in from ? from.length : 0;
      if (count > most) throw new RangeError('Array buffer allocation failed');
      return Reflect.construct(target, given, newTarget) as object;
    },
  });
  globalThis.Float32Array = Small;
  try {
    return body();
  } finally {
    globalThis.Float32Array = Engine;
  }
}
