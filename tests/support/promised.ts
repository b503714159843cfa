/** What a program of the documentation says it prints: the comments behind console.log calls that end on their line. */
export function promisedBy(code: string): string[] {
  return [...code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1] ?? '');
}
