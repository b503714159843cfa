import { useState } from 'preact/hooks';

/** What is said of a text, as that it was copied, for as long as that text is shown. */
export function useSaid(text: string): readonly [said: string, say: (words: string) => void] {
  const [said, setSaid] = useState({ of: text, words: '' });
  return [said.of === text ? said.words : '', (words) => setSaid({ of: text, words })];
}
