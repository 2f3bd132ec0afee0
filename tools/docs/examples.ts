/**
 * Brings the printed examples in README.md, ARCHITECTURE.md and docs/add-a-kernel.md up to date with what mcc prints:
 *
 *   node --import ./tools/ts.mjs tools/docs/examples.ts
 *
 * Left alone: what needs a compiler or an emulator, and the figures of networks that are not in this repository.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { emitFor } from '../../compiler/cli/emit.ts';
import { compile, importModel } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { printProgram } from '../../ir/loop/print.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODEL = 'examples/digits/digits.tflite';
/** The portable kernels are the ones to read first. */
const TARGET = TARGETS.c;

/** The documents with examples. */
export const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'docs/add-a-kernel.md'] as const;

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The text of a document with its examples printed anew. */
export async function withExamples(document: string): Promise<string> {
  const printed = await examplesOf(graphOf(document));
  return document.replace(/^```(\w+)\n([\s\S]*?)^```$/gm, (_, language: string, block: string) => {
    const text = language === 'console' ? session(block) : (printed.find(matching(block)) ?? block.trimEnd());
    return `\`\`\`${language}\n${text}\n\`\`\``;
  });
}

/** The graph that a document prints; the example's network where it prints none. */
function graphOf(document: string): Graph {
  const text = /^```text\n(graph [\s\S]*?)^```$/m.exec(document)?.[1];
  if (text !== undefined) return parseGraph(text);
  const bytes = readFileSync(join(ROOT, MODEL));
  return importModel({ path: MODEL, bytes, name: 'digits' }).graph;
}

/** A graph as text, its program, and each function of it as loop IR and as C. */
async function examplesOf(graph: Graph): Promise<string[]> {
  const { program } = compile(graph, TARGET);
  const text = printProgram(program, { elide: true }).trimEnd();
  const files = await emitFor(program, TARGET, { name: graph.name, banner: [] });
  const c = files.find(({ path }) => path === `${graph.name}.c`)?.content as string;
  const functions = [...text.matchAll(/^ {2}func [\s\S]*?^ {2}\}$/gm)].map(([all]) => all.replaceAll(/^ {2}/gm, ''));
  const kernels = [...c.matchAll(/^MCC_KERNEL [\s\S]*?^\}$/gm)].map(([all]) => all);
  const commented = [...c.matchAll(/^\/\* (?:(?!\*\/)[\s\S])*\*\/\nMCC_KERNEL [\s\S]*?^\}$/gm)].map(([all]) => all);
  return [printGraph(graph).trimEnd(), text, ...functions, ...kernels, ...commented];
}

/** Whether a printed text begins as the block does: with the same kind of thing and the same name. */
function matching(block: string): (text: string) => boolean {
  const head = (text: string) => /^(graph|program|func|MCC_KERNEL|\/\*) [^(\n]*/.exec(text)?.[0];
  return (text) => head(block) !== undefined && head(block) === head(text);
}

/** A shell session: commands of mcc that need no toolchain are run, the output of others stays. */
function session(block: string): string {
  return block
    .trimEnd()
    .split(/^(?=\$ )/m)
    .map((part) => {
      const command = (part.split('\n')[0] as string).slice(2);
      return /^npx mcc (build|inspect) /.test(command) ? `$ ${command}\n${outputOf(command)}` : part.trimEnd();
    })
    .join('\n');
}

function outputOf(command: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-docs-'));
  try {
    const args = command.split(' ').slice(2);
    const here = args.map((arg) => (arg === MODEL ? join(ROOT, MODEL) : arg));
    const loader = new URL('../ts.mjs', import.meta.url).href;
    const main = join(ROOT, 'compiler/cli/main.ts');
    const run = spawnSync(process.execPath, ['--import', loader, main, ...here], { cwd: folder, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`${command}: ${run.stderr}`);
    return run.stdout.trimEnd();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const path of DOCUMENTS) writeFileSync(join(ROOT, path), await withExamples(readDocument(path)));
}
