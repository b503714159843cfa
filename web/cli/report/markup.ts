/** Text that is HTML already: made by `markup`, or fixed text of ours. Everything else is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly Markup[];

/** A template whose values are escaped, in text and in quoted attributes, unless they are markup. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] as string;
  for (const [index, part] of parts.entries()) text += textOf(part) + (strings[index + 1] as string);
  return new Markup(text);
}

export const NOTHING = new Markup('');

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
