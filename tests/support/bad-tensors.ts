import type { DeconvErrorCode } from 'deconv-wasm';

export function detached(count: number): Float32Array {
  const data = new Float32Array(count);
  structuredClone(data.buffer, { transfer: [data.buffer] });
  return data;
}

/** As engines before ArrayBuffer's own word for it have them: Node 20, Safari 17.3. */
function gone(count: number): Float32Array {
  const data = detached(count);
  Object.defineProperty(data.buffer, 'detached', { value: undefined });
  return data;
}

function throwing(): never {
  throw new TypeError('not here');
}

/** An object that throws at whatever is asked of it, `Array.isArray` too. */
export function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** The ways in which an `out` of `shape` can be none: what else is copied cannot be written to. */
export function badOutputs(shape: readonly number[]): ReturnType<typeof badTensors> {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return [
    ...badTensors(shape),
    ['a list for data', { data: new Array(count).fill(0), shape }, 'BAD_TYPE'],
    ['doubles', { data: new Float64Array(count), shape }, 'BAD_TYPE'],
    ['bytes', { data: new Uint8Array(count), shape }, 'BAD_TYPE'],
  ];
}

/** The ways in which a tensor of `shape` can be none. */
export function badTensors(shape: readonly number[]): readonly [string, unknown, DeconvErrorCode][] {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const data = new Float32Array(count);
  const rest = shape.slice(1);
  // Of one value, one less is none, as of a buffer that is gone.
  const short = count === 1 ? 'BAD_BUFFER' : 'BAD_SHAPE';
  return [
    ['nothing', undefined, 'BAD_TYPE'],
    ['null', null, 'BAD_TYPE'],
    ['a number', 3, 'BAD_TYPE'],
    ['data alone', data, 'BAD_TYPE'],
    ['no shape', { data }, 'BAD_TYPE'],
    ['no data', { shape }, 'BAD_TYPE'],
    ['a typed shape', { data, shape: Int32Array.from(shape) }, 'BAD_TYPE'],
    ['a shape of strings', { data, shape: shape.map(String) }, 'BAD_TYPE'],
    ['typed dims', { data, dims: Int32Array.from(shape) }, 'BAD_TYPE'],
    ['a list with a word', { data: Array.from(data).with(-1, '0' as never), shape }, 'BAD_TYPE'],
    ['a list with a hole', { data: new Array(count), shape }, 'BAD_TYPE'],
    ['lists in a list', { data: [Array.from(data)], shape: [1] }, 'BAD_TYPE'],
    ['a list too short', { data: Array.from(data).slice(1), shape }, short],
    ['int8', { data: new Int8Array(count), shape }, 'BAD_TYPE'],
    ['16 bits of no type', { data: new Uint16Array(count), shape }, 'BAD_TYPE'],
    ['64-bit integers', { data: new BigInt64Array(count), dims: shape, type: 'int64' }, 'BAD_TYPE'],
    ['unsigned 64-bit integers', { data: new BigUint64Array(count), shape }, 'BAD_TYPE'],
    ['texts', { data: new Array(count).fill('0'), dims: shape, type: 'string' }, 'BAD_TYPE'],
    ['an integer between floats', { data: new Int32Array(count).fill(2 ** 24 + 1), shape }, 'BAD_TYPE'],
    ['bytes of floats', { data: new Uint8Array(count * 4), shape }, 'BAD_SHAPE'],
    ['a buffer', { data: data.buffer, shape }, 'BAD_TYPE'],
    ['a Proxy that was revoked', revoked(), 'BAD_TYPE'],
    ['data that are a revoked Proxy', { data: revoked(), shape }, 'BAD_TYPE'],
    ['a shape that is a revoked Proxy', { data, shape: revoked() }, 'BAD_TYPE'],
    ['a list of revoked Proxies', { data: new Array(count).fill(revoked()), shape }, 'BAD_TYPE'],
    ['data that throw', Object.defineProperty({ shape }, 'data', { get: throwing }), 'BAD_BUFFER'],
    ['a shape that throws', Object.defineProperty({ data }, 'shape', { get: throwing }), 'BAD_TYPE'],
    ['a view', { data: new DataView(data.buffer), shape }, 'BAD_TYPE'],
    [
      'an object that calls itself an array',
      { data: { [Symbol.toStringTag]: 'Float32Array' }, shape },
      'BAD_TYPE',
    ],
    ['a fraction in the shape', { data, shape: [1.5, ...rest] }, 'BAD_SHAPE'],
    ['NaN in the shape', { data, shape: [Number.NaN, ...rest] }, 'BAD_SHAPE'],
    ['infinity in the shape', { data, shape: [Number.POSITIVE_INFINITY, ...rest] }, 'BAD_SHAPE'],
    ['a negative extent', { data, shape: [-1, ...rest] }, 'BAD_SHAPE'],
    ['a value too few', { data: data.subarray(1), shape }, short],
    ['a value too many', { data: new Float32Array(count + 1), shape }, 'BAD_SHAPE'],
    ['a detached buffer', { data: detached(count), shape }, 'BAD_BUFFER'],
    ['a detached buffer of before', { data: gone(count), shape }, 'BAD_BUFFER'],
    ['no values of a detached buffer', { data: gone(count), shape: [0, ...rest] }, 'BAD_BUFFER'],
    ['an empty array', { data: new Float32Array(0), shape }, 'BAD_BUFFER'],
    ['shared memory', { data: new Float32Array(new SharedArrayBuffer(count * 4)), shape }, 'BAD_BUFFER'],
  ];
}
