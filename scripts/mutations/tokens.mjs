// C++ cut into words, numbers and signs, with where each stands. What holds no code that runs is left out:
// comments, strings, the preprocessor's lines and static assertions.

const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|(?<word>[A-Za-z_]\w*)|(?<number>\d[\w'.]*(?:[+-]\d+)?)|(?<sign><=>|<<=|>>=|->|::|\+\+|--|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||[^\s\w])/g;
const HEXADECIMAL_FLOAT = /^0x[\da-f.]*p$/i;

/** Tokens `{ kind, text, at, spaced }`; `spaced` is true with white space on both sides. */
export function tokensOf(source) {
  const code = blankPreprocessor(source);
  const tokens = [];
  for (const match of code.matchAll(TOKEN)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === 'comment' || kind === 'text') continue;
    const text = match[0];
    const before = code[match.index - 1];
    const after = code[match.index + text.length];
    tokens.push({ kind, text, at: match.index, spaced: isSpace(before) && isSpace(after) });
  }
  return withoutStaticAssertions(tokens);
}

/** Index of the sign that closes the bracket at `open`. */
export function closing(tokens, open) {
  const [opener, closer] = { '(': '()', '[': '[]', '{': '{}' }[tokens[open].text];
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index].text === opener) depth += 1;
    if (tokens[index].text === closer) depth -= 1;
    if (depth === 0) return index;
  }
  throw new Error(`nothing closes the ${opener} at ${tokens[open].at}`);
}

export const isFloat = (number) => /[.]|^\d+e/.test(number) || HEXADECIMAL_FLOAT.test(number.slice(0, -1));

const isSpace = (character) => character === undefined || /\s/.test(character);

/** The same length, so that positions stay: a line that begins with # and those that continue it. */
function blankPreprocessor(source) {
  return source.replace(/^[ \t]*#(?:.*\\\n)*.*$/gm, (lines) => lines.replace(/[^\n]/g, ' '));
}

function withoutStaticAssertions(tokens) {
  const kept = [];
  for (let index = 0; index < tokens.length; index += 1) {
    if (tokens[index].text === 'static_assert') index = closing(tokens, index + 1);
    else kept.push(tokens[index]);
  }
  return kept;
}
