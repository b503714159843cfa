// README.md and the pages of docs/, and the code that stands in them.

import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths from the root, as links have them. */
export function pagesOf(root) {
  const names = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...names.map((name) => `docs/${name}`)];
}

/**
 * The code of a text's blocks in a language, or in several: `html|jsx`.
 *
 * @returns {string[]}
 */
export function blocksOf(text, language = 'js') {
  const blocks = text.matchAll(new RegExp(`^\`\`\`(?:${language})\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return Array.from(blocks, ([, code]) => code);
}
