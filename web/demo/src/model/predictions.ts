/** When a flat picture comes out of a layer with a pattern. */
export const guesses = ['never', 'weights', 'equal'] as const;
export type Guess = (typeof guesses)[number];

export const guessNames: Record<Guess, string> = {
  never: 'Never',
  weights: 'With unequal weights only',
  equal: 'With equal weights already',
};

/** A layer that a person is asked about before the page shows what it does. */
export interface Question {
  readonly id: 'k3s2' | 'k4s2' | 'k2s2';
  readonly kernel: number;
  readonly stride: number;
}

export const questions: readonly Question[] = [
  { id: 'k3s2', kernel: 3, stride: 2 },
  { id: 'k4s2', kernel: 4, stride: 2 },
  { id: 'k2s2', kernel: 2, stride: 2 },
];

export type Answers = Partial<Readonly<Record<Question['id'], Guess>>>;

/** U with all taps equal, and with taps at random. */
export interface Outcome {
  readonly equal: number;
  readonly random: number;
}

/** Below it, U is what rounding leaves. */
const NO_PATTERN = 1e-10;

/** What is the case, from what the package computes. */
export function truth({ equal, random }: Outcome): Guess {
  if (equal > NO_PATTERN) return 'equal';
  return random > NO_PATTERN ? 'weights' : 'never';
}

/** Why it is so. */
export function because({ kernel, stride }: Question, found: Guess): string {
  switch (found) {
    case 'equal':
      return `${stride} does not divide ${kernel}: more stamps meet on some cells than on others, so that equal weights sum to different values.`;
    case 'weights':
      return kernel === stride
        ? `No two stamps touch, and a pattern all the same: every cell of a block of ${stride} \u00d7 ${stride} shows one tap alone, and taps differ.`
        : `Every cell collects as many stamps, so that equal weights come out flat. But each cell of a block of ${stride} \u00d7 ${stride} has taps of its own, and their sums differ.`;
    case 'never':
      return 'The sums are equal with any weights.';
  }
}

/** How many questions were answered, and how many as it is. */
export function scoreOf(answers: Answers, outcomes: Readonly<Record<Question['id'], Outcome>>) {
  const answered = questions.filter(({ id }) => answers[id] !== undefined);
  const right = answered.filter(({ id }) => answers[id] === truth(outcomes[id]));
  return { answered: answered.length, right: right.length };
}

/** Answers as they were kept; what is none of them is left out. */
export function readAnswers(text: string | null): Answers {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
  if (typeof kept !== 'object' || kept === null) return {};
  const found = new Map<string, unknown>(Object.entries(kept));
  return Object.fromEntries(
    questions.flatMap(({ id }) => {
      const guess = guesses.find((one) => one === found.get(id));
      return guess ? [[id, guess]] : [];
    }),
  );
}
