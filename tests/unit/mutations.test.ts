// The one-line faults of scripts/mutations, on lines of which each shows one rule.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { explanations, staleExplanations } from '../../scripts/mutations/explanations.mjs';
import { mutationsOf } from '../../scripts/mutations/rules.mjs';

interface Mutation {
  readonly original: string;
  readonly mutant: string;
  readonly estimate: boolean;
}

const mutantsOf = (source: string) => mutationsOf(`${source}\n`).map(({ mutant }: Mutation) => mutant);

test.each([
  ['a < b;', ['a <= b;']],
  ['a >= b;', ['a > b;']],
  ['x = a == b && c;', [';', 'x = a != b && c;', 'x = a == b || c;']],
  ['x = a * b + c % d;', [';', 'x = a + b + c % d;', 'x = a * b - c % d;', 'x = a * b + c / d;']],
  ['f(3);', ['f(4);', 'f(2);', ';']],
  ['f(0.0f, 1.5);', ['f(1.0f, 1.5);', ';']],
  ['f(-x, !y);', ['f( x, !y);', 'f(-x,  y);', ';']],
  [
    'if (a || b) continue;',
    ['if (!(a || b)) continue;', 'if (a && b) continue;', 'if (a || b) break;', 'if (a || b) ;'],
  ],
  ['if constexpr (a) ++b;', ['if constexpr (a) ;']],
  ['int x = a ? b : c;', ['int x = a || true ? b : c;', 'int x = a && false ? b : c;']],
  ['return std::min(a, b);', ['return std::max(a, b);']],
  ['y = relu(x);', ['y = (x);', ';']],
  ['f(spec_.relu);', ['f(false);', ';']],
  ['sum = bias_[out];', ['sum = 0.0f;', ';']],
  [
    'for (int i = n; i < m; ++i) x += i;',
    [
      'for (int i = n; i <= m; ++i) x += i;',
      'for (int i = n; i < m; ++i) x -= i;',
      'for (int i = n; i < m; ++i) ;',
    ],
  ],
  ['f(rows, columns);', ['f(columns, columns);', 'f(rows, rows);', ';']],
])('%s', (line, mutants) => {
  expect(mutantsOf(line).sort()).toEqual([...mutants].sort());
});

test.each([
  '// a < b',
  '/* a + 1 */',
  '#define A (1 + 2)',
  'static_assert(a < 3);',
  'const char* reason = "takes 3 < 4";',
  'template <typename Body>',
  'float* target;',
  'void f(const Block<float>& rows, int columns);',
])('nothing of %s', (line) => {
  expect(mutantsOf(line)).toEqual([]);
});

test('what the cost model computes is told apart', () => {
  const source = 'double cost(int x) {\n  return x * y;\n}\nint f(int x) {\n  return x * y;\n}\n';
  expect(mutationsOf(source).map(({ estimate }: Mutation) => estimate)).toEqual([true, false]);
});

test('faults that change nothing are explained on lines that are there', () => {
  expect(explanations.length).toBeGreaterThan(50);
  expect(staleExplanations(fileURLToPath(new URL('../../', import.meta.url)))).toEqual([]);
});
