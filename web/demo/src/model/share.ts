// What is done with a link and said of it: loaded with what writes links (url-state.ts).

/** What came of a press, in words, and the link to be copied by hand. */
export interface Said {
  readonly text: string;
  readonly link?: string;
  /** What stands behind the link. */
  readonly more?: string;
}

/** The name of a file that a person has opened, where one is shown. */
type Shown = () => string | false | null | undefined;

const shown: Shown[] = [];

/** Files stay in their page, of which a link tells nothing: who shares one is told. */
export function showsOwn(name: Shown): void {
  shown.push(name);
}

/** Copies a link; where that is forbidden, it is shown to be copied. */
export async function share(link: string): Promise<Said> {
  const names = new Set(shown.map((name) => name()).filter((name) => name));
  const more = names.size === 0 ? '' : ` Not part of it: ${[...names].join(', ')}.`;
  try {
    await navigator.clipboard.writeText(link);
    return { text: `Link copied.${more}` };
  } catch {
    return { text: 'Copy this link:', link, more };
  }
}
