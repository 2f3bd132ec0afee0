/** Recipes: compression as data. A JSON file of steps, each a method with its options, checked before anything runs. */
import { z } from 'zod';
import { METHODS, type MethodName } from './methods.ts';

/** A recipe that says nothing that can be done, with the place in it. */
export class RecipeError extends Error {
  override name = 'RecipeError';
}

const NAMES = Object.keys(METHODS) as MethodName[];

const recipeSchema = z.strictObject({
  /** Most calibration samples. */
  samples: z.int().min(1).max(1_000_000).default(128),
  /** Of everything that is chosen at random. */
  seed: z.int().min(0).default(1),
  steps: z.array(z.looseObject({ method: z.string() })).min(1),
});

export interface Step {
  readonly method: MethodName;
  readonly options: unknown;
}

export interface Recipe {
  readonly samples: number;
  readonly seed: number;
  readonly steps: readonly Step[];
}

/** Throws RecipeError: the field, what was expected, what was found. */
export function parseRecipe(json: unknown): Recipe {
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success) throw new RecipeError(`recipe: ${issueText(parsed.error)}`);
  const { samples, seed } = parsed.data;
  const steps = parsed.data.steps.map(({ method, ...options }, i) => parseStep(method, options, i));
  checkOrder(steps);
  return { samples, seed, steps };
}

/** Throws RecipeError for text that is no JSON, too. */
export function parseRecipeText(text: string): Recipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecipeError(`recipe: expected JSON, found text that is none (${(error as Error).message})`);
  }
  return parseRecipe(json);
}

function issueText({ issues: [issue] }: z.ZodError): string {
  const path = issue?.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('') ?? '';
  const place = path.replace(/^\./, '');
  return place === '' ? `${issue?.message}` : `${place}: ${issue?.message}`;
}

function parseStep(name: string, options: unknown, index: number): Step {
  const method = NAMES.find((known) => known === name);
  if (method === undefined) {
    throw new RecipeError(`recipe: steps[${index}].method: expected one of ${NAMES.join(', ')}, found "${name}"`);
  }
  const parsed = METHODS[method].options.safeParse(options);
  if (!parsed.success) throw new RecipeError(`recipe: steps[${index}] (${method}): ${issueText(parsed.error)}`);
  return { method, options: parsed.data };
}

/** Methods on float graphs come before the one quantize, those on integers after it. */
function checkOrder(steps: readonly Step[]): void {
  const at = steps.findIndex(({ method }) => METHODS[method].stage === 'quantize');
  steps.forEach(({ method }, i) => {
    const { stage } = METHODS[method];
    const where = `recipe: steps[${i}] (${method})`;
    if (stage === 'quantize' && i !== at) {
      throw new RecipeError(`${where}: expected one quantize, found another at steps[${at}]`);
    }
    if (stage === 'quantized' && (at < 0 || i < at)) {
      const found = at < 0 ? 'no such step' : `it at steps[${at}]`;
      throw new RecipeError(`${where}: works on integers: expected quantize before it, found ${found}`);
    }
    if (stage === 'float' && at >= 0 && i > at) {
      throw new RecipeError(`${where}: works on floats: expected it before quantize, found quantize at steps[${at}]`);
    }
  });
}
