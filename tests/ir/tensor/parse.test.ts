import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { ParseError } from '../../../ir/tensor/scan.ts';
import { mutateText } from '../../support/mutate-text.ts';
import { Random } from '../../support/random.ts';
import { randomGraph } from '../../support/random-graph.ts';

const suite = makeSuite('tensor IR parser');

/** Source and the message it must be refused with. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['', "line 1, column 1: expected 'graph', found the end of the text"],
  [
    'graph g {\n  inputs %x',
    "line 2, column 3: expected 'input', 'const', 'state', 'output', a value or '}', found 'inputs'",
  ],
  ['graph g { input x : i8[1] }', "line 1, column 17: expected a value (%name), found 'x'"],
  ['graph g { input %x i8[1] }', "line 1, column 20: expected ':', found 'i8'"],
  [
    'graph g { input %x : i7[1] }',
    "line 1, column 22: expected an element type (f32, f16, i64, i32, i16, i8, u8, i4, u4, i2, i1, bool), found 'i7'",
  ],
  ['graph g { input %x : i8[1 2] }', "line 1, column 27: expected ',' or ']', found '2'"],
  ['graph g { input %x : i8[1.5] }', "line 1, column 25: expected an integer, found '1.5'"],
  ['graph g { input %x : i8[1] affine(0.5) }', "line 1, column 38: expected ',', found ')'"],
  ['graph g { input %x : i8[1]\n input %x : i8[1] }', 'line 2, column 8: expected a new name, found %x again'],
  [
    'graph g { const %c : i8[1] thick = [1] }',
    "line 1, column 28: expected an encoding (dense, sparse, hashed, low-rank, entropy), found 'thick'",
  ],
  ['graph g { const %c : i8[1] dense = [128] }', 'line 1, column 37: expected a value of i8, -128 to 127, found 128'],
  ['graph g { const %c : i8[1] dense = base64 "AQ" }', 'line 1, column 43: expected base64, found "AQ"'],
  [
    'graph g { const %c : i8[1] dense = base64 "AQI=" }',
    'line 1, column 36: expected data of the declared type, found expected 1 bytes for i8[1], found 2',
  ],
  ['graph g { state %s : i8[1] = [1] %s }', "line 1, column 34: expected 'next', found %s"],
  ['graph g { %y, %y : i8[1], i8[1] = reshape() }', 'line 1, column 15: expected a new name, found %y again'],
  [
    'graph g { %y : i8[1] = reshape(%x) {"shape":[1],"shop":1} }',
    'line 1, column 36: expected attributes of reshape, found a fault: Unrecognized key: "shop"',
  ],
  [
    'graph g { %y : i8[1] = reshape(%x) {"shape":[-1]} }',
    'line 1, column 36: expected attributes of reshape, found a fault at shape.0: Too small: expected number to be >=0',
  ],
  ['graph "g', 'line 1, column 7: expected a string that ends on its line, found no closing "'],
  ['graph g { } !', 'line 1, column 13: expected a token, found "!"'],
  ['graph g { } }', "line 1, column 13: expected the end of the text, found '}'"],
];

for (const [text, message] of REFUSED) {
  suite(`refuses ${JSON.stringify(text)}`, () => {
    let caught: unknown;
    try {
      parseGraph(text);
    } catch (error) {
      caught = error;
    }
    assert.instance(caught, ParseError);
    assert.is((caught as ParseError).message, message);
  });
}

suite('refuses an unknown op with the list of ops', () => {
  assert.throws(
    () => parseGraph('graph g { %y : i8[1] = conv9d(%x) }'),
    /line 1, column 24: expected an op \(.*conv2d.*\), found 'conv9d'/,
  );
});

suite('refuses deep nesting without overflowing the stack', () => {
  const deep = `graph g { %y : i8[1] = reshape(%x) {"shape":${'['.repeat(100000)}`;
  assert.throws(() => parseGraph(deep), /nesting of at most 32 levels/);
  const over = `graph g { const %c : i8[1] ${'entropy(rans, '.repeat(100000)}`;
  assert.throws(() => parseGraph(over), /nesting of at most 32 levels/);
});

suite('mutated texts parse or end in a ParseError with a place inside the text', () => {
  const texts = Array.from({ length: 50 }, (_, i) => printGraph(randomGraph(i + 1, { nodes: 3 })));
  let refused = 0;
  for (let seed = 1; seed <= 5000; seed++) {
    const r = new Random(seed);
    let text = r.pick(texts);
    for (let edits = r.int(1, 3); edits > 0; edits--) text = mutateText(r, text);
    try {
      parseGraph(text);
    } catch (error) {
      assert.instance(error, ParseError, `seed ${seed}: ${(error as Error).stack}\n${text}`);
      const { line, column } = error as ParseError;
      const lineText = text.split('\n')[line - 1];
      assert.ok(lineText !== undefined && column >= 1 && column <= lineText.length + 1, `seed ${seed}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > 2500, `only ${refused} of 5000 mutations were refused`);
});

suite.run();
