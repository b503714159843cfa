import { fault, isNoRoom, noRoom } from './checks.js';
import type { DeconvError } from './errors.js';

type Member = (this: unknown, one?: unknown, two?: unknown, three?: unknown) => unknown;

/** What a member with the name `where` throws whose `this` is none of its objects. */
export function strangeReceiver(where: string): DeconvError {
  return fault('BAD_TYPE', where, 'the object itself', 'a Proxy, an heir or a call without it');
}

/**
 * Makes the members of a class with private state say in words what they would say as a bare TypeError: that `this`
 * is none of its objects, but a Proxy around one, an object that inherits from one, or nothing. Reactive state of
 * frameworks is made of such proxies. Arrays that the engine has no room for are told in words, too. No member takes more than three arguments. Those that are called most look for themselves: see strangeReceiver.
 */
export function guardReceivers(
  prototype: object,
  name: string,
  owns: (value: object) => boolean,
  keys: readonly PropertyKey[] = Object.getOwnPropertyNames(prototype),
): void {
  for (const key of keys) {
    if (key === 'constructor') continue;
    const member = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor;
    const slot = member.get === undefined ? 'value' : 'get';
    const act = member[slot] as Member;
    const where = `${name}.${String(key)}`;
    member[slot] = function (this: unknown, one: unknown, two: unknown, three: unknown) {
      if (Object(this) !== this || !owns(this as object)) throw strangeReceiver(where);
      try {
        return act.call(this, one, two, three);
      } catch (error) {
        throw isNoRoom(error) ? noRoom(where, error) : error;
      }
    };
    // The engine's word for it is a bare TypeError, and scripts that are not strict hear none at all.
    if (slot === 'get') {
      member.set ??= () => {
        throw fault('UNSUPPORTED', where, 'to be read', 'an assignment', 'Use its methods.');
      };
    }
    Object.defineProperty(prototype, key, member);
  }
}
