import { checkBoolean, checkInteger, MAX_INTEGER, refuse, shapeText } from '../core/checks.js';
import { isList } from '../core/realms.js';

/** A list of exactly `length` integers. */
export function checkList(
  where: string,
  name: string,
  value: unknown,
  length: number,
  minimum: number,
): number[] {
  if (!isList(value)) refuse('BAD_TYPE', where, `${name} to be a list of ${length} integers`, value);
  if (value.length !== length) refuse('BAD_OPTION', where, `${name} to have ${length} entries`, value);
  return Array.from(value, (entry, index) => checkInteger(where, `${name}[${index}]`, entry, minimum));
}

/** The same, or one integer for all entries. */
export function checkIntegerOrList(
  where: string,
  name: string,
  value: unknown,
  length: number,
  minimum: number,
): number[] {
  return typeof value === 'number'
    ? new Array<number>(length).fill(checkInteger(where, name, value, minimum))
    : checkList(where, name, value, length, minimum);
}

/** One `[low, high]` for each axis; either may be negative. */
export function checkPairs(
  where: string,
  name: string,
  value: unknown,
  length: number,
): (readonly [number, number])[] {
  if (!isList(value) || value.length !== length) {
    refuse('BAD_OPTION', where, `${name} to have ${length} pairs [low, high]`, value);
  }
  return Array.from(value, (pair, axis) => {
    const [low, high] = checkList(where, `${name}[${axis}]`, pair, 2, -MAX_INTEGER);
    return [low as number, high as number] as const;
  });
}

/** An attribute that repeats what the weight says: it may be left out, but must not contradict. */
export function checkAgreement(
  where: string,
  name: string,
  given: number | readonly number[] | null | undefined,
  actual: number | readonly number[],
): void {
  if (given === undefined || given === null) return;
  const [asked, found] =
    typeof actual === 'number'
      ? [[checkInteger(where, name, given, 1)], [actual]]
      : [checkIntegerOrList(where, name, given, actual.length, 1), actual];
  if (asked.every((extent, axis) => extent === found[axis])) return;
  const shown = typeof actual === 'number' ? String(actual) : shapeText(actual);
  refuse('BAD_SHAPE', where, `${name} ${shown}, as the weight's shape says`, given, 'Make the two agree.');
}

/** A flag that says whether there is a bias: it must not contradict the parameters. */
export function checkBiasFlag(where: string, name: string, flag: unknown, bias: unknown): void {
  if (flag === undefined) return;
  checkBoolean(where, name, flag);
  const given = bias !== undefined && bias !== null;
  if (flag === given) return;
  const wanted = given ? 'true, as a bias was passed' : 'false, as no bias was passed';
  refuse('BAD_OPTION', where, `${name} to be ${wanted}`, flag, 'Make the two agree.');
}

/** Whether a fused activation is a relu; the core knows no other one. */
export function readActivation(
  where: string,
  name: string,
  value: unknown,
  words: { readonly none: string; readonly relu: string },
): boolean {
  if (value === undefined || value === null || value === words.none) return false;
  if (value === words.relu) return true;
  if (typeof value !== 'string') refuse('BAD_TYPE', where, `${name} to be a string`, value);
  return refuse(
    'UNSUPPORTED',
    where,
    `${name} '${words.none}' or '${words.relu}'`,
    value,
    'Apply it to the output.',
  );
}
