import { readFileSync } from 'node:fs';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import type { Graph, Node } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { elementCount, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { assertValid, diagnosticText, LAWS, type Law, verifyGraph } from '../../../ir/tensor/verify.ts';
import { mutateNumber, mutateText } from '../../support/mutate-text.ts';
import { Random } from '../../support/random.ts';
import { randomGraph, randomInputs } from '../../support/random-graph.ts';

const suite = makeSuite('tensor IR verifier');

const CONV = `graph g {
  input %x : i8[1,3,3,1] affine(0.5, -1)
  const %w : i8[2,1,1,1] affine(axis=0, [0.5, 0.25], 0) dense = [7, -128]
  const %b : i32[2] dense = [0, 3]
  state %s : i8[1,3,3,2] affine(0.125, 3) = [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0] next %y
  %y : i8[1,3,3,2] affine(0.125, 3) = conv2d(%x, %w, %b) {"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
  output %y
}`;

function replaced(from: string, to: string): Graph {
  assert.ok(CONV.includes(from), `the example has ${from}`);
  return parseGraph(CONV.replace(from, to));
}

function constant(text: string): Graph {
  return parseGraph(`graph g { const %c : ${text} output %c }`);
}

function input(type: string): Graph {
  return parseGraph(`graph g { input %x : ${type} output %x }`);
}

/** A graph that text cannot say, made from the example. */
function changed(change: (graph: Graph) => Partial<Graph>): Graph {
  const graph = parseGraph(CONV);
  return { ...graph, ...change(graph) };
}

function withType(name: string, type: TensorType): Graph {
  return changed((graph) => ({ types: new Map(graph.types).set(name, type) }));
}

function withData(name: string, data: TensorData): Graph {
  return changed((graph) => ({
    constants: new Map(graph.constants).set(name, { data, encoding: { kind: 'dense' } }),
  }));
}

function withNode(change: object): Graph {
  return changed((graph) => ({ nodes: [{ ...(graph.nodes[0] as Node), ...change } as Node] }));
}

/** By law: graphs that break it, each with the whole text of what the verifier finds first. */
const BROKEN: { readonly [K in Law]: readonly (readonly [Graph, string])[] } = {
  extent: [
    [input('i8[0]'), '%x: expected extents that are integers of at least 1, found 0 in [0]'],
    [input('i8[2,-1]'), '%x: expected extents that are integers of at least 1, found -1 in [2,-1]'],
    [
      withType('x', { dtype: 'f32', shape: [1.5], quant: { kind: 'none' } }),
      '%x: expected extents that are integers of at least 1, found 1.5 in [1.5]',
    ],
  ],
  size: [
    [input('i8[1,1,1,1,1,1,1,1,1]'), '%x: expected at most 8 dimensions, found [1,1,1,1,1,1,1,1,1]'],
    [input('i8[65536,32768]'), '%x: expected at most 2147483647 elements, found [65536,32768]'],
  ],
  'quant-dtype': [
    [
      input('f32[2] affine(0.5, 0)'),
      '%x: expected affine quantization on i64, i32, i16, i8, u8, i4, u4, i2, found f32',
    ],
    [input('f16[2] fixed(3)'), '%x: expected fixed quantization on i64, i32, i16, i8, u8, i4, u4, i2, found f16'],
    [
      input('bool[2] affine(1, 0)'),
      '%x: expected affine quantization on i64, i32, i16, i8, u8, i4, u4, i2, found bool',
    ],
    [input('i8[2] binary(0.5)'), '%x: expected binary quantization on i1, found i8'],
    [input('i4[2] ternary(0.5)'), '%x: expected ternary quantization on i2, found i4'],
    [input('i8[2] codebook([0, 1])'), '%x: expected codebook quantization on u4, u8, found i8'],
  ],
  'quant-axis': [
    [input('i8[2] affine([0.5, 0.5], 0)'), '%x: expected one scale, as no axis is given, found 2'],
    [input('i8[2,3] affine(axis=1, [0.5, 0.5], 0)'), '%x: expected 3 scales along axis 1, found 2'],
    [input('i8[2,3] fixed(axis=2, [1])'), '%x: expected an axis of a shape of rank 2, found axis 2'],
    [input('i1[2] binary(axis=0, 0.5)'), '%x: expected 2 alphas along axis 0, found 1'],
    [input('i8[2] affine(axis=0, [1, 1], [0, 0, 1])'), '%x: expected 2 zero points along axis 0, found 3'],
  ],
  scale: [
    [input('i8[2] affine(0, 0)'), '%x: expected scales that are finite f32 values above 0, found 0'],
    [input('i8[2] affine(-0.5, 0)'), '%x: expected scales that are finite f32 values above 0, found -0.5'],
    [input('i8[2] affine(NaN, 0)'), '%x: expected scales that are finite f32 values above 0, found NaN'],
    [input('i2[2] ternary(Infinity)'), '%x: expected alphas that are finite f32 values above 0, found Infinity'],
    [
      withType('x', { dtype: 'i8', shape: [1], quant: { kind: 'affine', scale: [0.1], zeroPoint: [0] } }),
      '%x: expected scales that are finite f32 values above 0, found 0.1',
    ],
  ],
  'zero-point': [
    [input('i8[2] affine(1, 128)'), '%x: expected zero points of i8, integers in -128..127, found 128'],
    [input('u8[2] affine(1, -1)'), '%x: expected zero points of u8, integers in 0..255, found -1'],
    [input('i4[2] affine(axis=0, [1, 1], [0, 8])'), '%x: expected zero points of i4, integers in -8..7, found 8'],
  ],
  fraction: [[input('i8[2] fixed(127)'), '%x: expected fraction bits that are integers in -126..126, found 127']],
  codebook: [
    [input('u4[2] codebook([0, 1])'), '%x: expected a table of 16 entries, found 2'],
    [constant('u4[1] codebook([]) dense = [0]'), '%c: expected a table of 1..16 entries for u4, found 0'],
    [
      constant(`u4[1] codebook([${Array(17).fill(1)}]) dense = [0]`),
      '%c: expected a table of 1..16 entries for u4, found 17',
    ],
    [constant('u8[1] codebook([NaN]) dense = [0]'), '%c: expected table entries that are finite f32 values, found NaN'],
  ],
  'i64-constant': [[input('i64[1]'), '%x: expected i64 on a constant, found i64 on a computed value']],
  'data-array': [[withData('b', new Float32Array(2)), '%b: expected data in a Int32Array for i32, found Float32Array']],
  'data-length': [
    [constant('i8[3] dense = [1, 2]'), '%c: expected 3 values for [3], found 2'],
    [replaced('[0,0,0,', '[0,'), '%s: expected 18 values for [1,3,3,2], found 16'],
  ],
  'data-range': [
    [
      changed(() => ({
        constants: new Map([['b', { data: Int8Array.of(7, 8), encoding: { kind: 'dense' as const } }]]),
        types: new Map([['b', { dtype: 'i4' as const, shape: [2], quant: { kind: 'none' as const } }]]),
        inputs: [],
        states: [],
        nodes: [],
        outputs: ['b'],
      })),
      '%b: expected values in -8..7, found 8 at index 1',
    ],
    [constant('i2[2] ternary(1) dense = [1, -2]'), '%c: expected values in -1..1, found -2 at index 1'],
    [constant('u4[3] codebook([1, 2]) dense = [0, 1, 2]'), '%c: expected values in 0..1, found 2 at index 2'],
  ],
  encoding: [
    [
      constant('i8[2,2] sparse(block, [2]) = [0, 0, 0, 1]'),
      '%c: expected a block of rank 2 within [2,2], found [2] in sparse(block, [2])',
    ],
    [
      constant('i8[2,2] sparse(block, [1, 3]) = [0, 0, 0, 1]'),
      '%c: expected a block of rank 2 within [2,2], found [1,3] in sparse(block, [1, 3])',
    ],
    [
      constant('i8[1] sparse(relative, 17) = [0]'),
      '%c: expected relative indices of 1..16 bits, found 17 in sparse(relative, 17)',
    ],
    [
      constant('i1[1] binary(1) sparse(bitmap) = [0]'),
      '%c: expected a type with a stored zero, found binary quantization in sparse(bitmap)',
    ],
    [constant('f32[4] low-rank(1) = [0, 0, 0, 0]'), '%c: expected a matrix, found [4] in low-rank(1)'],
    [constant('f32[2,2] low-rank(3) = [0, 0, 0, 0]'), '%c: expected a rank of 1..2, found 3 in low-rank(3)'],
    [
      constant('i8[3] hashed(1, 2) = [1, 2, 3]'),
      '%c: expected at least 3 buckets, one per distinct value, found 2 in hashed(1, 2)',
    ],
    [constant('i8[1] hashed(-1, 2) = [1]'), '%c: expected a seed that is a u32, found -1 in hashed(-1, 2)'],
    [
      constant('i8[1] entropy(rans, entropy(huffman, dense)) = [1]'),
      '%c: expected an entropy code over bytes that are not entropy-coded, found another entropy code in ' +
        'entropy(rans, entropy(huffman, dense))',
    ],
    [
      constant('i8[1] entropy(rans, sparse(relative, 0)) = [1]'),
      '%c: expected relative indices of 1..16 bits, found 0 in entropy(rans, sparse(relative, 0))',
    ],
  ],
  'defined-once': [
    [
      changed((graph) => ({ inputs: [...graph.inputs, 'x'] })),
      '%x: expected one definition, found another as an input',
    ],
    [
      changed((graph) => ({ nodes: [...graph.nodes, ...graph.nodes] })),
      '%y: expected one definition, found another as a result of conv2d',
    ],
  ],
  'types-complete': [
    [changed((graph) => ({ types: new Map([...graph.types].slice(1)) })), '%x: expected a type, found none'],
    [
      changed((graph) => ({ types: new Map(graph.types).set('z', graph.types.get('x') as TensorType) })),
      'the types: expected defined values only, found %z',
    ],
  ],
  'defined-before-use': [
    [replaced('(%x,', '(%z,'), '%y = conv2d: expected operands that are defined earlier, found %z'],
    [replaced('(%x,', '(%y,'), '%y = conv2d: expected operands that are defined earlier, found %y'],
  ],
  'output-exists': [
    [replaced('output %y', 'output %"y y"'), 'graph g: expected outputs that are defined, found %"y y"'],
    [replaced('output %y', ''), 'graph g: expected at least one output, found none'],
  ],
  'state-next': [
    [replaced('next %y', 'next %z'), '%s: expected a next value that is defined, found %z'],
    [
      replaced('next %y', 'next %x'),
      '%s: expected a next value of i8[1,3,3,2] affine(0.125, 3), found %x : i8[1,3,3,1] affine(0.5, -1)',
    ],
  ],
  'node-op': [],
  'node-attrs': [
    [
      withNode({ attrs: { stride: [0, 1], padding: { top: 0, bottom: 0, left: 0, right: 0 } } }),
      '%y = conv2d: expected attributes of conv2d, found stride.0: Too small: expected number to be >=1',
    ],
    [
      withNode({ attrs: { stride: [1, 1], padding: { top: 0, bottom: 0, left: 0, right: 0 } } }),
      '%y = conv2d: expected all attributes, {"stride":[1,1],"dilation":[1,1],"padding":{"top":0,"bottom":0,"left":0,' +
        '"right":0},"activation":"none","rounding":"double","accumulator":"i32"}, found {"stride":[1,1],' +
        '"padding":{"top":0,"bottom":0,"left":0,"right":0}}',
    ],
  ],
  'node-arity': [
    [replaced('(%x, %w, %b)', '(%x)'), '%y = conv2d: expected 2 to 3 operands (x, w, bias?), found 1'],
    [replaced('(%x, %w, %b)', '(%x, %w, %b, %b)'), '%y = conv2d: expected 2 to 3 operands (x, w, bias?), found 4'],
    [
      replaced('%y : i8[1,3,3,2] affine(0.125, 3) =', '%y, %z : i8[1,3,3,2] affine(0.125, 3), i8[1] ='),
      '%y, %z = conv2d: expected 1 result (y), found 2',
    ],
  ],
  'node-signature': [
    [
      replaced('(%x, %w, %b)', '(%x, %w, %x)'),
      '%y = conv2d: expected one of i8 i8 i32? -> i8, i16 i8 i32? -> i16, i16 i8 i64? -> i16, u8 u8 i32? -> u8, ' +
        'f32 f32 f32? -> f32, f32 i8 f32? -> f32, found i8 i8 i8 -> i8',
    ],
  ],
  'node-shape': [
    [replaced('"stride":[1,1]', '"stride":[1,2]'), '%y = conv2d: expected [1,3,2,2], found [1,3,3,2]'],
    [
      replaced('%b : i32[2] dense = [0, 3]', '%b : i32[1] dense = [0]'),
      '%y = conv2d: expected operands and attributes that conv2d accepts, found expected a bias of 2 values, found i32[1]',
    ],
  ],
  'node-check': [
    [
      replaced('affine(axis=0, [0.5, 0.25], 0)', ''),
      '%y = conv2d: expected operands and results that conv2d accepts, found expected affine weights, found i8[2,1,1,1]',
    ],
  ],
  'node-movement': [
    [
      parseGraph(
        'graph g { input %x : i8[4] affine(0.5, 0) %y : i8[2,2] affine(0.5, 1) = reshape(%x) {"shape":[2,2]} output %y }',
      ),
      '%y = reshape: expected the dtype and quantization of i8[4] affine(0.5, 0) on all that moves, found i8[2,2] ' +
        'affine(0.5, 1)',
    ],
  ],
};

suite('finds nothing wrong with the example', () => {
  assert.equal(verifyGraph(parseGraph(CONV)), []);
});

for (const [law, cases] of Object.entries(BROKEN)) {
  cases.forEach(([graph, text], i) => {
    suite(`${law}, case ${i + 1}`, () => {
      const [first] = verifyGraph(graph);
      assert.is(first && diagnosticText(first), `${text} [${law}]`);
    });
  });
}

suite('node-op: names the ops there are', () => {
  const [first] = verifyGraph(withNode({ op: 'conv9d' }));
  assert.is(first?.law, 'node-op');
  assert.match(
    diagnosticText(first as NonNullable<typeof first>),
    /%y = conv9d: expected an op \(.*conv2d.*\), found conv9d/,
  );
});

suite('has a broken graph for every law', () => {
  const untested = (Object.keys(LAWS) as Law[]).filter((law) => law !== 'node-op' && BROKEN[law].length === 0);
  assert.equal(untested, []);
});

suite('the README lists every law in its words', () => {
  const readme = readFileSync(new URL('../../../ir/tensor/README.md', import.meta.url), 'utf8');
  for (const [law, text] of Object.entries(LAWS)) assert.ok(readme.includes(`| \`${law}\` | ${text} |`), law);
});

suite('never throws, and what it lets pass evaluates: mutated texts of random graphs', () => {
  const texts = Array.from({ length: 100 }, (_, i) => printGraph(randomGraph(i + 1, { nodes: 3 })));
  let [valid, broken] = [0, 0];
  for (let seed = 1; seed <= 6000; seed++) {
    const r = new Random(seed);
    const graph = parsed((r.chance(0.5) ? mutateText : mutateNumber)(r, r.pick(texts)));
    if (graph === undefined) continue;
    const place = `seed ${seed}: ${printGraph(graph)}`;
    assert.not.throws(() => verifyGraph(graph), place);
    if (verifyGraph(graph).length > 0) broken++;
    else if ([...graph.types.values()].every((type) => elementCount(type.shape) < 1e4)) {
      assert.not.throws(() => evaluate(graph, randomInputs(graph, seed)), place);
      valid++;
    }
  }
  assert.ok(valid > 500 && broken > 500, `${valid} valid and ${broken} broken graphs`);
});

function parsed(text: string): Graph | undefined {
  try {
    return parseGraph(text);
  } catch {
    return undefined;
  }
}

suite('assertValid throws one error with every fault', () => {
  const broken = parseGraph('graph g { input %x : i8[0] input %y : f32[1] affine(1, 0) output %x }');
  assert.throws(
    () => assertValid(broken),
    'graph g is not valid:\n  %x: expected extents that are integers of at least 1, found 0 in [0] [extent]\n' +
      '  %y: expected affine quantization on i64, i32, i16, i8, u8, i4, u4, i2, found f32 [quant-dtype]',
  );
});

suite.run();
