import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { METHODS } from '../../compiler/compress/methods.ts';
import { parseRecipe, parseRecipeText, RecipeError } from '../../compiler/compress/recipe.ts';

const suite = makeSuite('recipe');

function refused(json: unknown, message: string): void {
  assert.throws(
    () => parseRecipe(json),
    (error: Error) => {
      assert.is(error.message, message);
      return error instanceof RecipeError;
    },
  );
}

const steps = (...methods: unknown[]) => ({ steps: methods.map((m) => (typeof m === 'string' ? { method: m } : m)) });

suite('fills in defaults', () => {
  const { samples, seed, steps: parsed } = parseRecipe(steps('equalize', 'quantize', 'adaround'));
  assert.equal([samples, seed], [128, 1]);
  assert.equal(parsed[2], { method: 'adaround', options: { positions: 64, iterations: 400 } });
  assert.is((parsed[1].options as { io: string }).io, 'float');
});

suite('names the place, what was expected and what was found', () => {
  refused({}, 'recipe: steps: Invalid input: expected array, received undefined');
  refused({ steps: [] }, 'recipe: steps: Too small: expected array to have >=1 items');
  refused(steps('prune'), `recipe: steps[0].method: expected one of ${Object.keys(METHODS).join(', ')}, found "prune"`);
  refused(
    steps({ method: 'quantize', weights: { bits: 9 } }),
    'recipe: steps[0] (quantize): weights.bits: Too big: expected number to be <=8',
  );
  refused(steps({ method: 'quantize', weight: 1 }), 'recipe: steps[0] (quantize): Unrecognized key: "weight"');
  refused(steps({ method: 'bit-widths' }), 'recipe: steps[0] (bit-widths): expected bytes or decibels');
  refused(
    steps({ method: 'mixed-precision', bytes: 1, decibels: 3 }),
    'recipe: steps[0] (mixed-precision): expected one of bytes, decibels and maxLoss',
  );
});

suite('holds methods to their order', () => {
  refused(
    steps('quantize', 'equalize'),
    'recipe: steps[1] (equalize): works on floats: expected it before quantize, found quantize at steps[0]',
  );
  refused(
    steps('gptq', 'quantize'),
    'recipe: steps[0] (gptq): works on integers: expected quantize before it, found it at steps[1]',
  );
  refused(
    steps('bias-correction'),
    'recipe: steps[0] (bias-correction): works on integers: expected quantize before it, found no such step',
  );
  refused(
    steps('quantize', 'quantize'),
    'recipe: steps[1] (quantize): expected one quantize, found another at steps[0]',
  );
});

suite('refuses text that is no JSON', () => {
  assert.throws(() => parseRecipeText('{'), /^recipe: expected JSON, found text that is none \(/);
});

suite('every method names its paper and has options that an empty step or a goal satisfies', () => {
  for (const [name, method] of Object.entries(METHODS)) {
    assert.is(method.name, name);
    assert.match(method.lossy.paper, /\b20\d\d\b/);
  }
});

suite.run();
