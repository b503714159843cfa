import type { OperatorSpec } from '../core/spec.js';

/** What PyTorch's extra_repr shows of every convolution: defaults are left out. */
export function describeLayer(
  spec: OperatorSpec,
  padding: readonly number[] | string,
  outputPadding: readonly number[],
  bias: boolean,
): string {
  const parts = [
    `${spec.inChannels}, ${spec.outChannels}, kernel_size=${tuple(spec.kernel)}, stride=${tuple(spec.stride)}`,
  ];
  if (typeof padding === 'string') parts.push(`padding=${padding}`);
  else if (padding.some((pad) => pad !== 0)) parts.push(`padding=${tuple(padding)}`);
  if (spec.dilation.some((step) => step !== 1)) parts.push(`dilation=${tuple(spec.dilation)}`);
  if (outputPadding.some((pad) => pad !== 0)) parts.push(`output_padding=${tuple(outputPadding)}`);
  if (spec.groups !== 1) parts.push(`groups=${spec.groups}`);
  if (!bias) parts.push('bias=False');
  return parts.join(', ');
}

/** Python writes a tuple of one entry with a trailing comma. */
export function tuple(values: readonly (number | string)[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`;
}

/** A string as Python prints it: quoted, and without what a terminal does not show. */
export function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\'"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (character === quote || character === '\\') return `\\${character}`;
    if (character === "'" || character === '"') return character;
    const named = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    const code = (character.codePointAt(0) as number).toString(16);
    if (named !== undefined || code.length <= 2) return named ?? `\\x${code.padStart(2, '0')}`;
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
  });
  return quote + escaped + quote;
}

/** A float, a boolean or null as Python prints it. */
export function python(value: number | boolean | null): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (!Number.isFinite(value)) return String(value).replace('inity', '').toLowerCase();
  const text = value.toExponential();
  const power = Number(text.split('e')[1]);
  if (value === 0 || (power >= -4 && power < 16))
    return Number.isInteger(value) ? `${value}.0` : String(value);
  // An exponent has two digits there.
  return text.replace(/([+-])(.)$/, '$10$2');
}
