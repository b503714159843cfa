// The sections of a Markdown text, as the search finds them.

/**
 * What stands below each heading up to the next one, the text before the first one under no title. `anchor` gives the
 * words of a heading its anchor, and is asked for each in their order.
 */
export function sectionsOf(markdown, anchor) {
  const sections = [{ title: '', anchor: '', level: 0, lines: [] }];
  let fence = null;
  for (const line of markdown.split('\n')) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? null;
    if (mark !== null && (fence === null || mark.startsWith(fence))) fence = fence === null ? mark : null;
    const heading = fence === null ? /^(#{1,6}) (.+?)(?: #+)?$/.exec(line) : null;
    if (heading === null) {
      sections.at(-1).lines.push(line);
    } else {
      const [, marks, words] = heading;
      // TypeDoc leaves code out of anchors.
      const place = anchor(plain(words.replaceAll(/`[^`]*`/g, '')));
      sections.push({ title: plain(words), anchor: place, level: marks.length, lines: [] });
    }
  }
  return sections.map(({ lines, ...section }) => ({ ...section, text: lines.join('\n').trim() }));
}

/** A heading as it reads: of a link its words, of code what is in it. */
function plain(text) {
  return text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*]/g, '')
    .trim();
}
