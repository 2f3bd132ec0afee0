/** The options that say which data a command uses: `--data`, `--labels`, `--preprocess`, `--classes`, `--limit`, `--seed`. */
import { existsSync, readFileSync } from 'node:fs';
import type { Graph } from '../../ir/tensor/graph.ts';
import { type Dataset, openDataset, parseDataSpec, readDataSpec, type Selection } from '../data/dataset.ts';
import { positiveInteger } from './model.ts';
import { Failure, reasonOf, UsageError } from './output.ts';

export interface DataOptions {
  readonly data: readonly string[];
  readonly labels?: string;
  readonly preprocess?: string;
  readonly classes?: string;
  readonly limit?: string;
  readonly seed: string;
}

/** Throws UsageError, Failure and DataError. */
export async function openData(graph: Graph, options: DataOptions): Promise<Dataset> {
  const [only] = options.data;
  if (only === undefined) throw new UsageError('--data: expected a source of samples, found none');
  if (options.data.length === 1 && only.toLowerCase().endsWith('.json')) {
    const given = (['labels', 'preprocess', 'classes'] as const).find((name) => options[name] !== undefined);
    if (given !== undefined) throw new UsageError(`--${given}: ${only} describes the data; state it there`);
    const { spec, base } = readDataSpec(only);
    return await openDataset(graph, spec, base);
  }
  const spec = {
    inputs: inputsOf(graph, options.data),
    ...(options.labels === undefined ? {} : { labels: options.labels }),
    ...(options.classes === undefined ? {} : { classes: options.classes.split(',').map((name) => name.trim()) }),
    ...(options.preprocess === undefined ? {} : { preprocess: preprocessOf(options.preprocess) }),
  };
  return await openDataset(graph, parseDataSpec(spec, 'command line'));
}

export function selectionOf({ limit, seed }: DataOptions): Selection {
  const chosen = { seed: positiveInteger(seed, '--seed') };
  return limit === undefined ? chosen : { ...chosen, limit: positiveInteger(limit, '--limit') };
}

/** One source for all inputs, or `name=source` for each. */
function inputsOf(graph: Graph, data: readonly string[]): string | Record<string, string> {
  const [only] = data;
  const nameOf = (text: string) => graph.inputs.find((input) => text.startsWith(`${input}=`));
  if (data.length === 1 && only !== undefined && nameOf(only) === undefined) return only;
  return Object.fromEntries(
    data.map((text) => {
      const name = nameOf(text);
      if (name !== undefined) return [name, text.slice(name.length + 1)];
      const list = graph.inputs.map((input) => `"${input}"`).join(', ');
      throw new UsageError(`--data ${text}: expected name=source, with one of the model's inputs ${list}`);
    }),
  );
}

function preprocessOf(text: string): unknown {
  const isFile = !text.trimStart().startsWith('{');
  if (isFile && !existsSync(text)) {
    throw new UsageError(
      `--preprocess ${text}: expected JSON, such as {"scale":0.5}, or a file of it; there is no such file`,
    );
  }
  try {
    return JSON.parse(isFile ? readFileSync(text, 'utf8') : text);
  } catch (error) {
    throw new Failure(`--preprocess ${text}: expected JSON; ${reasonOf(error)}`);
  }
}
