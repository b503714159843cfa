// The command line's own arithmetic: words on screens, tables, options. The commands themselves are tested as
// a user runs them, in tests/package.

import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { markup } from '../../web/cli/report/markup.js';
import { table, wrap } from '../../web/cli/table.js';
import { columnsOf, printable, processTerminal, shorten } from '../../web/cli/terminal.js';
import { nearest, parse, UsageError } from '../../web/cli/usage.js';
import { runsOf } from '../support/seed.js';

describe('names out of files', () => {
  it.each([
    ['plain/name.0', 'plain/name.0'],
    ['\x1b[31mred', '\\u{1b}[31mred'],
    ['a\r\nb\tc', 'a\\u{d}\\u{a}b\\u{9}c'],
    ['\u202eright to left', '\\u{202e}right to left'],
    ['\u009b2J', '\\u{9b}2J'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['\ud800', '\\u{d800}'],
    ['größer 層', 'größer 層'],
  ])('%j shows as %s', (name, shown) => {
    expect(printable(name)).toBe(shown);
  });

  it('are cut when they are longer than anybody reads', () => {
    expect(printable('x'.repeat(70_000))).toHaveLength(301);
  });

  it('steer no terminal, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(printable(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
      runsOf(300),
    );
  });

  it('take two columns a character in scripts that do', () => {
    expect(columnsOf('層abc')).toBe(5);
    expect(shorten('層層層層', 6)).toBe('層…層');
  });

  it('shortened, fit and keep both ends', () => {
    expect(shorten('/decoder/stage4/up/ConvTranspose', 15)).toBe('/decode…anspose');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(columnsOf(shorten(text, width))).toBeLessThanOrEqual(width);
      }),
      runsOf(300),
    );
  });
});

describe('a table', () => {
  const columns = [
    { title: 'NAME', shrinksTo: 6 },
    { title: 'KIND', drops: true },
    { title: 'U', right: true },
  ];
  const rows = [
    {
      cells: [{ text: 'a-long-name' }, { text: 'ConvTranspose' }, { text: '0.5' }],
      note: { text: 'one two three' },
    },
    { cells: [{ text: 'b' }, { text: 'Conv' }, { text: '12.25' }] },
  ];

  it('is as wide as it is where nothing limits it', () => {
    expect(table(columns, rows, null)).toEqual([
      'NAME         KIND               U',
      'a-long-name  ConvTranspose    0.5',
      '  one two three',
      'b            Conv           12.25',
    ]);
  });

  it('shortens, then leaves out, then stands in blocks', () => {
    expect(table(columns, rows, 30)).toEqual([
      'NAME      KIND               U',
      'a-l…name  ConvTranspose    0.5',
      '  one two three',
      'b         Conv           12.25',
    ]);
    expect(table(columns, rows, 14)).toEqual([
      'NAME         U',
      'a-l…ame    0.5',
      '  one two',
      '  three',
      'b        12.25',
    ]);
    expect(table(columns, rows, 12).slice(0, 3)).toEqual(['NAME  a-l…name', 'KIND  Con…pose', 'U     0.5']);
  });

  it.each([20, 33, 50, 80])('keeps to %i columns', (width) => {
    for (const line of table(columns, rows, width)) expect(columnsOf(line)).toBeLessThanOrEqual(width);
  });

  it('breaks texts between words', () => {
    expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
    expect(wrap('longer-than-that bb', 5)).toEqual(['longer-than-that', 'bb']);
  });
});

describe('a terminal', () => {
  function terminalOf(isTTY: boolean, env: Record<string, string>) {
    const said = { out: '', error: '' };
    const stream = (name: 'out' | 'error') => ({
      isTTY,
      columns: 40,
      write: (text: string) => {
        said[name] += text;
      },
    });
    return { said, terminal: processTerminal(stream('out'), stream('error'), env) };
  }

  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ] as const)('screen: %s, environment %j: colours %s', (isTTY, env, coloured) => {
    const { terminal } = terminalOf(isTTY, env);
    const expected = coloured ? '\x1b[31mtext\x1b[39m' : 'text';
    expect([terminal.paint('red', 'text'), terminal.paintError('red', 'text')]).toEqual([expected, expected]);
    expect(terminal.width).toBe(isTTY ? 40 : null);
  });

  it('shows progress on screens only, late, and takes it away before anything else', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { said, terminal } = terminalOf(true, {});
    const file = terminalOf(false, {});
    terminal.progress('at once');
    expect(said.error).toBe('');
    vi.advanceTimersByTime(450);
    terminal.progress('layer 1');
    terminal.progress('x'.repeat(60));
    terminal.print('result');
    file.terminal.progress('layer 1');
    expect(said.error).toBe(`layer 1\r\x1b[K${'x'.repeat(19)}…${'x'.repeat(19)}\r\x1b[K`);
    expect([said.out, file.said.error]).toEqual(['result\n', '']);
  });
});

describe('options', () => {
  const spec = {
    'fail-above': { type: 'string' },
    json: { type: 'boolean' },
    layer: { type: 'string', multiple: true, short: 'l' },
  } as const;

  it('come in any place, and numbers may be negative', () => {
    const given = parse(['a', '--fail-above', '-40', '--layer=x', '-l', 'y', 'b', '--', '--json'], spec);
    expect(given.positionals).toEqual(['a', 'b', '--json']);
    expect(given.text('fail-above')).toBe('-40');
    expect(given.texts('layer')).toEqual(['x', 'y']);
    expect(given.flag('json')).toBe(false);
  });

  it('have their values behind a letter as behind a name', () => {
    expect(parse(['-l=y', '-l', '-5', '-l', '=z', '-lw'], spec).texts('layer')).toEqual([
      'y',
      '-5',
      '=z',
      'w',
    ]);
    expect(parse(['--', '-l=y'], spec).positionals).toEqual(['-l=y']);
  });

  it.each([
    [['--jsno'], 'unknown option --jsno. Did you mean --json?'],
    [['--fail-abve', '-3'], 'unknown option --fail-abve. Did you mean --fail-above?'],
    [['--colour'], 'unknown option --colour'],
    [['-x'], 'unknown option -x'],
    [['--json=1'], 'expected --json without a value, got one'],
    [['--fail-above'], 'expected a value behind --fail-above, got none'],
    [['--fail-above', '--json'], 'expected a value behind --fail-above, got --json'],
    [['-l'], 'expected a value behind --layer, got none'],
    [['a', '-l', '--json'], 'expected a value behind --layer, got --json'],
    [['-l', 'x', '-l'], 'expected a value behind --layer, got none'],
    [['-l', 'x', '-l', '--json'], 'expected a value behind --layer, got --json'],
    [['--constructor'], 'unknown option --constructor'],
  ])('%j: %s', (args, message) => {
    const refusal = () => parse(args, spec);
    expect(refusal).toThrow(UsageError);
    expect(refusal).toThrow(message);
  });

  it('guess only what is near', () => {
    expect(nearest('/up1/ConvTransposed', ['/up2/Conv', '/up1/ConvTranspose'])).toBe('/up1/ConvTranspose');
    expect(nearest('quantize', ['inspect', 'repair', 'help'])).toBeNull();
    expect(nearest('insp', ['inspect', 'repair'])).toBe('inspect');
  });
});

it('markup escapes all values but markup', () => {
  const evil = `<b title="x" class='y'>&amp;`;
  expect(
    markup`<p title="${evil}">${evil}${markup`<i>${1}</i>`}${[markup`<u>`, markup`</u>`]}</p>`.text,
  ).toBe(
    '<p title="&#60;b title=&#34;x&#34; class=&#39;y&#39;&#62;&#38;amp;">&#60;b title=&#34;x&#34; class=&#39;y&#39;&#62;&#38;amp;<i>1</i><u></u></p>',
  );
});
