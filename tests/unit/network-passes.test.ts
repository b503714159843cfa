// Passes over networks: each changes what a network is made of and nothing of what it computes.

import { describe, expect, it } from 'vitest';
import type { NetworkGraph, Operation } from '../../web/lib/network/operations.js';
import { foldForward, gatherAffines } from '../../web/lib/network/passes/affines.js';
import { averageBeforeAdding } from '../../web/lib/network/passes/averages.js';
import { nameFunctions } from '../../web/lib/network/passes/functions.js';
import { nameGroupNorms } from '../../web/lib/network/passes/group-norms.js';
import { runFastPasses, runPasses } from '../../web/lib/network/passes/index.js';
import { dropNothing } from '../../web/lib/network/passes/nothing.js';
import { foldPads } from '../../web/lib/network/passes/pads.js';
import { convolveBeforeResizing } from '../../web/lib/network/passes/resizes.js';
import { findShuffles } from '../../web/lib/network/passes/shuffles.js';
import { mergeTransposes } from '../../web/lib/network/passes/transposes.js';
import {
  affine,
  Build,
  binary,
  constant,
  convolution,
  numbers,
  type Of,
  pad,
  pool,
  reshape,
  resize,
  transpose,
  unary,
} from '../support/network-build.js';
import { expectPass, namesOf } from '../support/network-pass.js';

describe('what does nothing', () => {
  it('is gone, and reshapes in a row are one', () => {
    const net = new Build();
    let x = net.input(1, 2, 4);
    x = net.emit({ kind: 'concat', axis: 1 }, x);
    x = net.emit({ kind: 'slice', start: [0, 0, 0], step: [1, 1, 1], count: [1, 2, 4] }, x);
    x = net.emit(
      pad([
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
      x,
    );
    x = net.emit(transpose(0, 1, 2), x);
    x = net.emit({ kind: 'expand', shape: [1, 1, 4] }, x);
    x = net.emit(reshape(8), x);
    x = net.emit(reshape(2, 4), x);
    expectPass(dropNothing, net.graph(net.emit(unary('neg'), x)), ['reshape', 'neg']);
  });

  it('stays where it reverses, pads or repeats', () => {
    const net = new Build();
    const x = net.input(2, 3);
    const reversed = net.emit({ kind: 'slice', start: [1, 0], step: [-1, 1], count: [2, 3] }, x);
    const padded = net.emit(
      pad([
        [1, -1],
        [0, 0],
      ]),
      reversed,
    );
    const graph = net.graph(net.emit({ kind: 'expand', shape: [2, 2, 3] }, padded));
    expectPass(dropNothing, graph, ['slice', 'pad', 'expand']);
  });

  it('an output that is an input is that input', () => {
    const net = new Build();
    const x = net.input(2, 3);
    const after = expectPass(dropNothing, net.graph(net.emit(reshape(2, 3), x)), []);
    expect(after.outputs).toEqual(after.inputs);
  });
});

describe('pads', () => {
  const zeros = pad([
    [0, 0],
    [0, 0],
    [1, 2],
    [0, 3],
  ]);

  it('of zeros are a convolution’s own', () => {
    const net = new Build();
    const padded = net.emit(zeros, net.input(1, 3, 5, 6));
    const after = expectPass(foldPads, net.graph(net.emit(convolution(), padded)), ['convolution']);
    expect(after.nodes[0]?.operation).toHaveProperty('pads', [
      [2, 2],
      [0, 4],
    ]);
    expect(namesOf(after)).toHaveLength(2);
  });

  it('of minus infinity are a maximum pool’s own', () => {
    const net = new Build();
    const padded = net.emit(
      pad(
        [
          [0, 0],
          [0, 0],
          [1, 1],
          [0, 1],
        ],
        Number.NEGATIVE_INFINITY,
      ),
      net.input(1, 3, 5, 6),
    );
    expectPass(foldPads, net.graph(net.emit(pool('maximum'), padded)), ['pool']);
  });

  it.each([
    ['zeros before a maximum pool', zeros, pool('maximum')],
    ['zeros before an average', zeros, pool('average')],
    [
      'ones before a convolution',
      pad(
        [
          [0, 0],
          [0, 0],
          [1, 1],
          [1, 1],
        ],
        1,
      ),
      convolution(),
    ],
    [
      'a reflection',
      pad(
        [
          [0, 0],
          [0, 0],
          [1, 1],
          [1, 1],
        ],
        0,
        'reflect',
      ),
      convolution(),
    ],
    [
      'a crop',
      pad([
        [0, 0],
        [0, 0],
        [-1, 1],
        [1, 1],
      ]),
      convolution(),
    ],
    [
      'channels',
      pad([
        [0, 0],
        [1, 0],
        [0, 0],
        [0, 0],
      ]),
      convolution({ weight: constant([4, 4, 3, 3]) }),
    ],
    ['a transposed convolution', zeros, convolution({ transposed: true, weight: constant([3, 4, 3, 3]) })],
  ])('stay where they are not the same: %s', (_, first, second) => {
    const net = new Build();
    const padded = net.emit(first, net.input(1, 3, 5, 6));
    expectPass(foldPads, net.graph(net.emit(second, padded)), ['pad', second.kind]);
  });

  it('stay where somebody else reads what is padded', () => {
    const net = new Build();
    const padded = net.emit(zeros, net.input(1, 3, 5, 6));
    expectPass(foldPads, net.graph(net.emit(convolution(), padded), padded), ['pad', 'convolution']);
  });
});

describe('squares of pixels', () => {
  it.each([
    ['PyTorch’s', 'depth-to-space', [2, 12, 3, 5], [2, 3, 2, 2, 3, 5], [0, 1, 4, 2, 5, 3], [2, 3, 6, 10]],
    ['blocks first', 'depth-to-space', [2, 12, 3, 5], [2, 2, 2, 3, 3, 5], [0, 3, 4, 1, 5, 2], [2, 3, 6, 10]],
    ['TensorFlow’s', 'depth-to-space', [2, 3, 5, 12], [2, 3, 5, 2, 2, 3], [0, 1, 3, 2, 4, 5], [2, 6, 10, 3]],
    ['channels last', 'depth-to-space', [2, 3, 5, 12], [2, 3, 5, 3, 2, 2], [0, 1, 4, 2, 5, 3], [2, 6, 10, 3]],
    ['PyTorch’s', 'space-to-depth', [2, 3, 6, 10], [2, 3, 3, 2, 5, 2], [0, 1, 3, 5, 2, 4], [2, 12, 3, 5]],
    ['blocks first', 'space-to-depth', [2, 3, 6, 10], [2, 3, 3, 2, 5, 2], [0, 3, 5, 1, 2, 4], [2, 12, 3, 5]],
    ['channels last', 'space-to-depth', [2, 6, 10, 3], [2, 3, 2, 5, 2, 3], [0, 1, 3, 5, 2, 4], [2, 3, 5, 12]],
    ['TensorFlow’s', 'space-to-depth', [2, 6, 10, 3], [2, 3, 2, 5, 2, 3], [0, 1, 3, 2, 4, 5], [2, 3, 5, 12]],
  ])('are seen: %s %s', (_, kind, before, between, permutation, behind) => {
    const net = new Build();
    const moved = net.emit(transpose(...permutation), net.emit(reshape(...between), net.input(...before)));
    expectPass(findShuffles, net.graph(net.emit(reshape(...behind), moved)), [kind]);
  });

  it('are seen where a reshape is several', () => {
    const net = new Build();
    // As PyTorch writes it for sizes that are open.
    const deep = net.emit(reshape(2, 12, 1, 1, 3, 5), net.input(2, 12, 3, 5));
    const moved = net.emit(transpose(0, 1, 4, 2, 5, 3), net.emit(reshape(2, 3, 2, 2, 3, 5), deep));
    const flat = net.emit(reshape(2, 3, 6, 10, 1), net.emit(reshape(2, 3, 6, 1, 10, 1), moved));
    expectPass(runPasses, net.graph(net.emit(reshape(2, 3, 6, 10), flat)), ['depth-to-space']);
  });

  it('are none where the blocks are no squares', () => {
    const net = new Build();
    const moved = net.emit(
      transpose(0, 1, 4, 2, 5, 3),
      net.emit(reshape(1, 2, 2, 3, 4, 5), net.input(1, 12, 4, 5)),
    );
    expectPass(findShuffles, net.graph(net.emit(reshape(1, 2, 8, 15), moved)), [
      'reshape',
      'transpose',
      'reshape',
    ]);
  });
});

describe('group norms', () => {
  const norm = (groups: number, more: Partial<Of<'normalization'>> = {}): Operation => ({
    kind: 'normalization',
    over: 'groups',
    groups,
    axis: 1,
    epsilon: 1e-5,
    scale: null,
    shift: null,
    layout: 'channels-first',
    ...more,
  });
  /** A norm of `groups` between reshapes to `between` and back, with factors and summands of channels behind. */
  const spelled = (between: readonly number[], operation = norm(between[1] as number)): Build => {
    const net = new Build();
    const inner = net.emit(operation, net.emit(reshape(...between), net.input(2, 6, 3, 5)));
    const x = net.emit(reshape(2, 6, 3, 5), inner);
    const scaled = net.emit(binary('multiply'), x, constant([6, 1, 1]));
    net.graph(net.emit(binary('add'), scaled, constant([6, 1, 1], 6)));
    return net;
  };

  it.each([
    ['points in a row', [2, 3, 30]],
    ['as a picture', [2, 3, 6, 5]],
  ])('are seen in norms of groups that are laid out as channels: %s', (_, between) => {
    const after = expectPass(runPasses, spelled(between).graph(), ['normalization']);
    expect(after.nodes[0]?.operation).toMatchObject({ groups: 3, over: 'groups' });
    expect(namesOf(after)).toHaveLength(5);
  });

  it('have what the groups were multiplied with', () => {
    const own = { scale: Float32Array.of(2, 3, 4), shift: Float32Array.of(5, 6, 7) };
    const after = expectPass(nameGroupNorms, spelled([2, 3, 30], norm(3, own)).graph(), [
      'normalization',
      'multiply',
      'add',
    ]);
    expect(after.nodes[0]?.operation).toMatchObject({
      scale: Float32Array.of(2, 2, 3, 3, 4, 4),
      shift: Float32Array.of(5, 5, 6, 6, 7, 7),
    });
  });

  it.each<readonly [string, readonly number[], Operation | undefined]>([
    ['groups of several samples', [1, 6, 30], undefined],
    ['groups of groups', [2, 6, 15], norm(3)],
    ['a norm of points', [2, 3, 30], norm(1, { over: 'layer', axis: 2 })],
  ])('are none: %s', (_, between, operation) => {
    const graph = spelled(between, operation).graph();
    expect(nameGroupNorms(graph)).toBe(graph);
  });

  it('are none where somebody else reads what is between', () => {
    const net = new Build();
    const gathered = net.emit(reshape(2, 3, 30), net.input(2, 6, 3, 5));
    const inner = net.emit(norm(3), gathered);
    const graph = net.graph(net.emit(reshape(2, 6, 3, 5), inner), net.emit(unary('abs'), inner));
    expect(nameGroupNorms(graph)).toBe(graph);
  });

  it('take factors and summands, each behind the other', () => {
    const net = new Build();
    const own = { scale: Float32Array.of(2, 3), shift: Float32Array.of(5, 6) };
    let x = net.emit(norm(1, own), net.input(1, 2, 3));
    x = net.emit(binary('subtract'), x, numbers(4));
    x = net.emit(binary('divide'), x, constant([2, 1]));
    const after = expectPass(gatherAffines, net.graph(x), ['normalization']);
    expect(after.nodes[0]?.operation).toMatchObject({ groups: 1 });
  });
});

describe('transposes', () => {
  const first = transpose(0, 3, 1, 2);
  const last = transpose(0, 2, 3, 1);

  it('meet behind what computes every value by itself', () => {
    const net = new Build();
    const x = net.input(2, 3, 4, 5);
    const y = net.input(2, 3, 4, 5);
    let sum = net.emit(binary('add'), net.emit(first, x), net.emit(first, y));
    sum = net.emit(affine(5), sum);
    sum = net.emit(binary('multiply'), sum, constant([5, 1, 1]));
    sum = net.emit(unary('tanh'), net.emit(binary('add'), sum, constant([3, 4])));
    const after = expectPass(mergeTransposes, net.graph(net.emit(last, sum)), [
      'add',
      'affine',
      'multiply',
      'add',
      'tanh',
    ]);
    expect(after.nodes[1]?.operation).toHaveProperty('layout', 'channels-last');
  });

  it('meet behind what lays, cuts and pads along axes', () => {
    const net = new Build();
    const [x, y] = [net.input(2, 3, 4, 5), net.input(2, 3, 4, 2)];
    let z = net.emit({ kind: 'concat', axis: 1 }, net.emit(first, x), net.emit(first, y));
    z = net.emit({ kind: 'slice', start: [0, 1, 2, 3], step: [1, 2, -1, -2], count: [2, 3, 2, 2] }, z);
    z = net.emit({ kind: 'softmax', axis: 2, logarithm: false }, z);
    z = net.emit(
      pad(
        [
          [0, 0],
          [1, 2],
          [0, 1],
          [2, 0],
        ],
        3,
      ),
      z,
    );
    expectPass(mergeTransposes, net.graph(net.emit(last, z)), ['concat', 'slice', 'softmax', 'pad']);
  });

  it('of axes of length 1 are reshapes', () => {
    const net = new Build();
    expectPass(mergeTransposes, net.graph(net.emit(transpose(0, 2, 1, 3), net.input(2, 1, 4, 5))), [
      'reshape',
    ]);
  });

  it('stay where they differ, or somebody else reads what they give', () => {
    const net = new Build();
    const [x, y] = [net.input(1, 3, 3, 3), net.input(1, 3, 3, 3)];
    const moved = net.emit(first, x);
    const sum = net.emit(binary('add'), moved, net.emit(last, y));
    expectPass(mergeTransposes, net.graph(sum, net.emit(unary('abs'), moved), moved), [
      'transpose',
      'transpose',
      'add',
      'abs',
    ]);
  });
});

describe('functions', () => {
  type Spelling = (net: Build, x: number) => number;
  const SPELLINGS: readonly (readonly [string, Spelling])[] = [
    ['silu', (net, x) => net.emit(binary('multiply'), net.emit(unary('sigmoid'), x), x)],
    [
      'hardswish',
      (net, x) => net.emit(binary('multiply'), x, net.emit(unary('hardsigmoid', 1 / 6, 1 / 2), x)),
    ],
    [
      'hardswish',
      (net, x) => {
        const clamped = net.emit(unary('clamp', 0, 6), net.emit(binary('add'), x, numbers(3)));
        return net.emit(binary('divide'), net.emit(binary('multiply'), x, clamped), numbers(6));
      },
    ],
    [
      'hardswish',
      (net, x) => {
        const clamped = net.emit(unary('clamp', 0, 6), net.emit(binary('add'), numbers(3), x));
        return net.emit(binary('multiply'), x, net.emit(binary('multiply'), clamped, numbers(1 / 6)));
      },
    ],
    [
      'hardsigmoid',
      (net, x) => {
        const clamped = net.emit(unary('clamp', 0, 6), net.emit(binary('add'), x, numbers(3)));
        return net.emit(binary('divide'), clamped, numbers(6));
      },
    ],
    [
      'gelu',
      (net, x) => {
        const erf = net.emit(unary('erf'), net.emit(binary('divide'), x, numbers(Math.SQRT2)));
        const product = net.emit(binary('multiply'), x, net.emit(binary('add'), erf, numbers(1)));
        return net.emit(binary('multiply'), product, numbers(0.5));
      },
    ],
    [
      'gelu',
      (net, x) => {
        const erf = net.emit(unary('erf'), net.emit(binary('multiply'), x, numbers(Math.SQRT1_2)));
        const half = net.emit(binary('multiply'), x, numbers(0.5));
        return net.emit(binary('multiply'), half, net.emit(binary('add'), numbers(1), erf));
      },
    ],
    [
      'gelu-tanh',
      (net, x) => {
        const cube = net.emit(binary('power'), x, numbers(3));
        const curve = net.emit(binary('add'), x, net.emit(binary('multiply'), cube, numbers(0.044715)));
        const scaled = net.emit(binary('multiply'), curve, numbers(Math.sqrt(2 / Math.PI)));
        const sum = net.emit(binary('add'), net.emit(unary('tanh'), scaled), numbers(1));
        return net.emit(binary('multiply'), net.emit(binary('multiply'), x, numbers(0.5)), sum);
      },
    ],
    [
      'snake',
      (net, x) => {
        const rates = { ...constant([1, 3, 1]), data: Float32Array.of(0.5, 1, 2) };
        const inverse = { ...constant([1, 3, 1]), data: Float32Array.of(2, 1, 0.5) };
        const sine = net.emit(unary('sin'), net.emit(binary('multiply'), rates, x));
        const square = net.emit(binary('power'), sine, numbers(2));
        return net.emit(binary('add'), x, net.emit(binary('multiply'), inverse, square));
      },
    ],
    [
      'snake',
      (net, x) => {
        const rates = { ...constant([1, 3, 1]), data: Float32Array.of(0.5, 1, 2) };
        const sine = net.emit(unary('sin'), net.emit(binary('multiply'), x, rates));
        const square = net.emit(binary('multiply'), sine, sine);
        return net.emit(binary('add'), net.emit(binary('divide'), square, rates), x);
      },
    ],
    ['leaky-relu', (net, x) => net.emit(binary('maximum'), x, net.emit(binary('multiply'), x, numbers(0.2)))],
  ];

  it.each(SPELLINGS)('spelled as several nodes are one: %s', (name, spell) => {
    const net = new Build();
    const x = net.input(2, 3, 40);
    const result = spell(net, x);
    const after = expectPass(nameFunctions, net.graph(result), [name]);
    expect(namesOf(after).length).toBeGreaterThan(1);
  });

  it('a square of a sine that is divided along another axis is no snake', () => {
    const net = new Build();
    const x = net.input(2, 3, 3);
    const rates = { ...constant([1, 3, 1]), data: Float32Array.of(0.5, 1, 2) };
    const others = { ...constant([1, 1, 3]), data: Float32Array.of(0.5, 1, 2) };
    const sine = net.emit(unary('sin'), net.emit(binary('multiply'), x, rates));
    const square = net.emit(binary('multiply'), sine, sine);
    const sum = net.emit(binary('add'), net.emit(binary('divide'), square, others), x);
    expectPass(nameFunctions, net.graph(sum), ['multiply', 'sin', 'multiply', 'divide', 'add']);
  });

  it('as many products as a file has are followed to their fourth', () => {
    const net = new Build();
    const x = net.input(2, 3, 3);
    const scaled = (count: number) => {
      let value = x;
      for (let index = 0; index < count; index += 1)
        value = net.emit(binary('multiply'), value, numbers(0.5));
      return net.emit(binary('maximum'), x, value);
    };
    const many = ['multiply', 'multiply', 'multiply', 'multiply', 'multiply', 'maximum'];
    expectPass(nameFunctions, net.graph(scaled(4), scaled(5)), ['leaky-relu', ...many]);
  });

  it('that look alike and are others stay', () => {
    const net = new Build();
    const x = net.input(2, 3, 4);
    const y = net.input(2, 3, 4);
    const gate = net.emit(binary('multiply'), x, net.emit(unary('sigmoid'), y));
    const clamped = net.emit(unary('clamp', 0, 5), net.emit(binary('add'), x, numbers(3)));
    const sixth = net.emit(binary('divide'), clamped, numbers(6));
    const steep = net.emit(binary('maximum'), x, net.emit(binary('multiply'), x, numbers(1.5)));
    expectPass(nameFunctions, net.graph(gate, sixth, steep), [
      'sigmoid',
      'multiply',
      'add',
      'clamp',
      'divide',
      'multiply',
      'maximum',
    ]);
  });
});

describe('factors and summands of channels', () => {
  it('a number that rounds what it is added to stays by itself', () => {
    const net = new Build();
    const magic = 1.5 * 2 ** 23;
    const scaled = net.emit(binary('multiply'), net.input(1, 3, 4, 4), numbers(2));
    const rounded = net.emit(
      binary('subtract'),
      net.emit(binary('add'), scaled, numbers(magic)),
      numbers(magic),
    );
    const graph = net.graph(
      net.emit(
        convolution({
          pads: [
            [0, 0],
            [0, 0],
          ],
        }),
        rounded,
      ),
    );
    const kinds = ['multiply', 'add', 'subtract', 'convolution'];
    expectPass(gatherAffines, graph, kinds);
    expectPass(foldForward, graph, kinds);
  });

  it('behind a convolution are one', () => {
    const net = new Build();
    let x = net.emit(convolution(), net.input(1, 3, 5, 6));
    x = net.emit(binary('multiply'), x, constant([4, 1, 1]));
    x = net.emit(affine(4), x);
    x = net.emit(binary('subtract'), numbers(2), x);
    x = net.emit(binary('divide'), x, constant([1, 4, 1, 1], 9));
    x = net.emit(binary('add'), numbers(-1), net.emit(binary('subtract'), x, numbers(3)));
    const after = expectPass(gatherAffines, net.graph(x), ['convolution', 'affine']);
    expect(namesOf(after)).toHaveLength(7);
  });

  it('are not rounded before they meet a weight', () => {
    const net = new Build();
    const x = net.emit(binary('divide'), net.emit(convolution(), net.input(1, 3, 5, 6)), numbers(3));
    const graph = gatherAffines(net.graph(net.emit(binary('multiply'), x, numbers(5))));
    const { operation } = graph.nodes.at(-1) as (typeof graph.nodes)[number];
    expect(operation).toMatchObject({ kind: 'affine', scale: new Float64Array(4).fill((1 / 3) * 5) });
  });

  it('behind anything are one, where they are several', () => {
    const net = new Build();
    const x = net.emit(unary('relu'), net.input(1, 4, 5, 6));
    const product = net.emit(binary('multiply'), numbers(3), x);
    expectPass(gatherAffines, net.graph(net.emit(binary('add'), product, constant([4, 1, 1]))), [
      'relu',
      'affine',
    ]);
    const alone = new Build();
    const y = alone.emit(unary('relu'), alone.input(1, 4, 5, 6));
    expectPass(gatherAffines, alone.graph(alone.emit(binary('multiply'), y, numbers(3))), [
      'relu',
      'multiply',
    ]);
  });

  const padless = {
    pads: [
      [0, 0],
      [0, 0],
    ],
  } as const;

  it.each([
    ['of windows', convolution(padless), [1, 3, 5, 6]],
    [
      'in groups',
      convolution({ ...padless, weight: constant([6, 2, 3, 3]), bias: null, groups: 2 }),
      [2, 4, 5, 6],
    ],
    ['of channels last', convolution({ ...padless, layout: 'channels-last' }), [2, 5, 6, 3]],
  ])('in front of a convolution %s that pads nothing go into it', (_, layer, shape) => {
    const { layout, weight, groups } = layer as Of<'convolution'>;
    const channels = (weight.shape[1] as number) * groups;
    const made = (height: number) => {
      const net = new Build();
      const x = net.emit(
        affine(channels, 7, layout),
        net.input(...shape.with(layout === 'channels-first' ? 2 : 1, height)),
      );
      return net.graph(net.emit(layer, x));
    };
    const [first, second] = [5, 7].map((height) => expectPass(foldForward, made(height), ['convolution']));
    const weightOf = (graph: NetworkGraph | undefined) => {
      const own = graph?.nodes[0]?.operation;
      return own?.kind === 'convolution' ? own.weight : null;
    };
    expect(weightOf(first)).not.toBe(weight);
    // One packed weight serves all sizes.
    expect(weightOf(second)).toBe(weightOf(first));
    const net = new Build();
    const x = net.emit(binary('multiply'), numbers(3), net.input(...shape));
    const other = expectPass(foldForward, net.graph(net.emit(layer, x)), ['convolution']);
    expect(weightOf(other)).not.toBe(weightOf(first));
  });

  it('in front of one that pads, or is transposed, and for several readers stay', () => {
    const behind = (layer: Operation) => {
      const net = new Build();
      return net.graph(net.emit(layer, net.emit(affine(3), net.input(1, 3, 5, 6))));
    };
    expectPass(foldForward, behind(convolution()), ['affine', 'convolution']);
    const transposed = convolution({ ...padless, transposed: true, weight: constant([3, 4, 3, 3]) });
    expectPass(foldForward, behind(transposed), ['affine', 'convolution']);
    const net = new Build();
    const x = net.emit(affine(3), net.input(1, 3, 5, 6));
    expectPass(foldForward, net.graph(net.emit(convolution(padless), x), x), ['affine', 'convolution']);
  });

  it('of channels last too', () => {
    const net = new Build();
    const last = convolution({ layout: 'channels-last' });
    const x = net.emit(binary('multiply'), net.emit(last, net.input(1, 5, 6, 3)), constant([4]));
    expectPass(gatherAffines, net.graph(x), ['convolution', 'affine']);
  });

  it.each([
    ['one that differs within a channel', constant([4, 5, 1])],
    ['one along another axis', constant([6])],
    ['one that makes the result larger', constant([1, 1, 4, 1, 1])],
  ])('%s stays', (_, summand) => {
    const net = new Build();
    const x = net.emit(convolution(), net.input(1, 3, 6, 7));
    expectPass(gatherAffines, net.graph(net.emit(binary('add'), x, summand)), ['convolution', 'add']);
  });

  it('a constant over a value stays', () => {
    const net = new Build();
    const x = net.emit(convolution(), net.input(1, 3, 5, 6));
    expectPass(gatherAffines, net.graph(net.emit(binary('divide'), numbers(2), x)), [
      'convolution',
      'divide',
    ]);
  });
});

describe('convolutions behind resizes', () => {
  const doubled = (
    shape: readonly number[],
    spatial: readonly number[],
    more: Partial<Of<'resize'>> = {},
  ): Operation =>
    resize(
      shape,
      shape.map((_, axis) => (spatial.includes(axis) ? 2 : 1)),
      more,
    );
  const points = (more: Partial<Of<'convolution'>> = {}): Operation =>
    convolution({
      weight: constant([4, 3, 1, 1]),
      pads: [
        [0, 0],
        [0, 0],
      ],
      ...more,
    });
  const first = [1, 3, 5, 6];

  it.each([
    ['in a line', {}],
    ['to the nearest', { interpolation: 'nearest' }],
    ['by cubes', { interpolation: 'cubic', excludeOutside: true }],
  ] as const)('of points stand before them, %s', (_, more) => {
    const net = new Build();
    const large = net.emit(doubled(first, [2, 3], more), net.input(...first));
    const small = expectPass(convolveBeforeResizing, net.graph(net.emit(points(), large)), [
      'convolution',
      'resize',
    ]);
    expect(namesOf(small)).toEqual(['convolution 3', 'resize 2']);
  });

  it('of channels last too, and in groups', () => {
    const net = new Build();
    const shape = [2, 5, 6, 4];
    const large = net.emit(doubled(shape, [1, 2]), net.input(...shape));
    const own = points({
      weight: constant([6, 2, 1, 1]),
      bias: constant([6]),
      groups: 2,
      layout: 'channels-last',
    });
    expectPass(convolveBeforeResizing, net.graph(net.emit(own, large)), ['convolution', 'resize']);
  });

  it.each([
    ['of windows', { weight: constant([4, 3, 3, 3]) }, {}],
    ['with strides', { stride: [2, 2] }, {}],
    [
      'with pads',
      {
        pads: [
          [1, 0],
          [0, 0],
        ],
      },
      {},
    ],
    ['behind a crop', {}, { coordinates: 'crop-and-resize' }],
    ['behind what makes less of it', {}, { size: [1, 3, 3, 3], scale: [1, 1, 0.6, 0.5] }],
    ['behind what resamples as many channels', {}, { scale: [1, 1.2, 2, 2] }],
    [
      'behind what mixes channels',
      { weight: constant([4, 6, 1, 1]) },
      { size: [1, 6, 5, 6], scale: [1, 2, 1, 1] },
    ],
  ] as const)('%s stay', (_, ofLayer, ofResize) => {
    const net = new Build();
    const large = net.emit(doubled(first, [2, 3], ofResize as Partial<Of<'resize'>>), net.input(...first));
    const graph = net.graph(net.emit(points(ofLayer as Partial<Of<'convolution'>>), large));
    expectPass(convolveBeforeResizing, graph, ['resize', 'convolution']);
  });

  it('stay where they compute what stands behind them, and where others read the large value', () => {
    const net = new Build();
    const large = net.emit(doubled(first, [2, 3]), net.input(...first));
    const graph = net.graph(net.emit(unary('relu'), net.emit(points(), large)));
    expectPass(convolveBeforeResizing, graph, ['resize', 'convolution', 'relu']);
    const other = new Build();
    const both = other.emit(doubled(first, [2, 3]), other.input(...first));
    expectPass(convolveBeforeResizing, other.graph(other.emit(points(), both), both), [
      'resize',
      'convolution',
    ]);
  });
});

describe('averages of a sum', () => {
  const shape = [1, 3, 4, 5];
  const means = { kind: 'reduce', function: 'mean', axes: [2, 3], keepAxes: true } as const;
  const windows = { ...pool('average'), kernel: [4, 5] } as Operation;

  /** The average of the sum of two values that others read, too. */
  const gate = (average: Operation, ofOther: readonly number[] = shape) => {
    const net = new Build();
    const [x, y] = [net.input(...shape), net.input(...ofOther)];
    const both = net.emit(binary('add'), x, y);
    const mean = net.emit(average, both);
    return { net, x, y, both, mean };
  };

  it.each([
    ['over points', means],
    ['in windows of all', windows],
    ['as sums', { ...means, function: 'sum' }],
  ] as const)('%s are made of the summands, where they are there for others', (_, average) => {
    const { net, x, y, mean } = gate(average);
    const product = net.emit(binary('multiply'), x, mean);
    const graph = net.graph(net.emit(binary('add'), product, y));
    const kinds = [average.kind, average.kind, 'add', 'multiply', 'add'];
    expectPass(averageBeforeAdding, graph, kinds);
    expectPass(runFastPasses, graph, kinds);
    expectPass(runPasses, graph, ['add', average.kind, 'multiply', 'add']);
  });

  it('stay where a summand is theirs alone, or a constant, or has other shapes', () => {
    const { net, x, mean } = gate(means);
    expectPass(averageBeforeAdding, net.graph(mean, x), ['add', 'reduce']);
    const narrow = gate(means, [1, 3, 1, 1]);
    const [xs, ys] = [narrow.x, narrow.y];
    expectPass(averageBeforeAdding, narrow.net.graph(narrow.mean, xs, ys), ['add', 'reduce']);
    const other = new Build();
    const input = other.input(...shape);
    const shifted = other.emit(binary('add'), input, constant(shape));
    expectPass(averageBeforeAdding, other.graph(other.emit(means, shifted), input), ['add', 'reduce']);
  });

  it('stay where others read the sum, where they leave much of it, and what is no average', () => {
    const read = gate(means);
    expectPass(averageBeforeAdding, read.net.graph(read.mean, read.both, read.x, read.y), ['add', 'reduce']);
    const most = gate(pool('average'));
    expectPass(averageBeforeAdding, most.net.graph(most.mean, most.x, most.y), ['add', 'pool']);
    const maximum = gate({ ...means, function: 'maximum' });
    expectPass(averageBeforeAdding, maximum.net.graph(maximum.mean, maximum.x, maximum.y), ['add', 'reduce']);
  });
});
