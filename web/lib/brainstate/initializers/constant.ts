import {
  type Amount,
  amount,
  initializer,
  readOptions,
  type SeededInitializer,
  type UnitOptions,
} from './seeded.js';

/**
 * One value everywhere (1 by default), or values that broadcast to the shape.
 *
 * @example
 * console.log(Constant(0.5)([2, 2]).join(' ')); // 0.5 0.5 0.5 0.5
 * console.log(Constant([1, 2])([2, 2]).join(' ')); // 1 2 1 2
 */
export function Constant(value: Amount = 1, options: UnitOptions = {}): SeededInitializer {
  return constant('Constant', value, options);
}

function constant(where: string, value: Amount, options: UnitOptions): SeededInitializer {
  const checked = readOptions<UnitOptions>(where, options, ['unit']);
  const filling = amount(where, 'value', value);
  return initializer(where, checked, (values, shape) => {
    const at = filling(shape);
    for (let index = 0; index < values.length; index += 1) values[index] = at(index);
  });
}

/**
 * Zeros, the usual initial bias.
 *
 * @example
 * const layer = new Conv1d({ inSize: [8, 1], outChannels: 2, kernelSize: 3, bInit: ZeroInit() });
 * console.log(layer.bias.data.join(' ')); // 0 0
 */
export function ZeroInit(options: UnitOptions = {}): SeededInitializer {
  return constant('ZeroInit', 0, options);
}

/**
 * Ones.
 *
 * @example
 * console.log(OneInit()([3]).join(' ')); // 1 1 1
 */
export function OneInit(options: UnitOptions = {}): SeededInitializer {
  return constant('OneInit', 1, options);
}
