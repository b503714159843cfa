/** What a Python literal may be here; integers beyond a double's are `NaN`. */
export type PythonValue = string | number | boolean | null | readonly PythonValue[] | PythonDictionary;

export interface PythonDictionary {
  readonly entries: readonly (readonly [key: PythonValue, value: PythonValue])[];
}

/** Nesting that numpy's headers need is 4; more is refused before it costs stack. */
const DEPTH = 32;

/** Reads a literal of strings, numbers, lists, tuples and dictionaries; undefined for any other text. */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  return reader.ended && !reader.failed ? value : undefined;
}

class LiteralReader {
  failed = false;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    this.#match(/\s*/y);
    return this.#at === this.#text.length;
  }

  value(depth: number): PythonValue {
    this.#match(/\s*/y);
    // Python 2 marks long numbers with an L.
    const number = this.#match(/[+-]?\d+[lL]?/y);
    if (number !== undefined) return number.length > 16 ? Number.NaN : Number.parseInt(number, 10);
    const string = this.#match(/[uU]?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")/y);
    if (string !== undefined) return string.replace(/^[uU]/, '').slice(1, -1);
    const word = this.#match(/True|False|None/y);
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    if (depth < DEPTH) {
      if (this.#take('{')) return this.#dictionary(depth + 1);
      if (this.#take('[')) return this.#list(']', depth + 1).values;
      if (this.#take('(')) {
        const { values, commas } = this.#list(')', depth + 1);
        return values.length === 1 && commas === 0 ? (values[0] as PythonValue) : values;
      }
    }
    return this.#fail();
  }

  #dictionary(depth: number): PythonDictionary {
    const entries: [PythonValue, PythonValue][] = [];
    while (!this.failed && !this.#take('}')) {
      const key = this.value(depth);
      if (!this.#take(':')) this.#fail();
      entries.push([key, this.value(depth)]);
      if (this.#take(',')) continue;
      if (!this.#take('}')) this.#fail();
      break;
    }
    return { entries };
  }

  #list(end: string, depth: number): { readonly values: PythonValue[]; readonly commas: number } {
    const values: PythonValue[] = [];
    let commas = 0;
    while (!this.failed && !this.#take(end)) {
      values.push(this.value(depth));
      if (this.#take(',')) {
        commas += 1;
        continue;
      }
      if (!this.#take(end)) this.#fail();
      break;
    }
    return { values, commas };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #take(mark: string): boolean {
    this.#match(/\s*/y);
    const there = this.#text[this.#at] === mark;
    if (there) this.#at += 1;
    return there;
  }

  #fail(): null {
    this.failed = true;
    return null;
  }
}
