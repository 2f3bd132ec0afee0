/** `mcc inspect`: types, work, sizes and memory of a model on a target. */
import { printProgram } from '../../../ir/loop/print.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { lowerVerified, simplify } from '../../compile.ts';
import { memoryText } from '../../report/memory.ts';
import { reportModel } from '../../report/model-report.ts';
import { type Proof, proofOf, proofsText } from '../../report/proofs.ts';
import { memoryChart, reportText } from '../../report/text.ts';
import { loadModel, type ModelOptions } from '../model.ts';
import { UsageError } from '../output.ts';
import { type MemoryOptions, memoryOf } from '../sizes.ts';
import { optimizeNamed, targetNamed } from './build.ts';

export interface InspectOptions extends ModelOptions, MemoryOptions {
  readonly target: string;
  readonly ir?: string;
  readonly memory?: boolean;
  readonly proofs?: boolean;
  readonly json?: boolean;
  readonly optimize?: string;
}

export function inspect(path: string, options: InspectOptions): void {
  const target = targetNamed(options.target);
  if (options.ir !== undefined && options.ir !== 'tensor' && options.ir !== 'loop') {
    throw new UsageError(`--ir ${options.ir}: expected tensor or loop`);
  }
  if (options.ir !== undefined && (options.json === true || options.memory === true)) {
    throw new UsageError('--ir prints the IR alone: leave out --json and --memory');
  }
  if (options.proofs === true) {
    if ([options.ir, options.json, options.memory].some((given) => given !== undefined)) {
      throw new UsageError('--proofs prints the rewrites alone: leave out --ir, --json and --memory');
    }
    printProofs(loadModel(path, options).graph);
    return;
  }
  // Whole when it goes to a file or a program, which may parse it; without long data for a reader.
  const elide = process.stdout.isTTY === true;
  const graph = simplify(loadModel(path, options).graph);
  if (options.ir === 'tensor') {
    process.stdout.write(printGraph(graph, { elide }));
    return;
  }
  const lowered = lowerVerified(graph, target, {
    optimize: optimizeNamed(options.optimize),
    ...memoryOf(options, target),
  });
  if (options.ir === 'loop') {
    process.stdout.write(printProgram(lowered.program, { elide }));
    return;
  }
  const report = reportModel(lowered.graph, lowered, target);
  if (options.json === true) {
    const { strips, extraMacs, program } = lowered;
    const cut = strips.length === 0 ? {} : { strips, extraMacs };
    const divided = program.regions === undefined ? {} : { regions: program.regions };
    console.log(JSON.stringify({ ...report, ...cut, ...divided }, null, 2));
    return;
  }
  const chart = options.memory === true ? ['', ...memoryChart(lowered)] : [];
  console.log([...reportText(report), ...memoryText(lowered), ...chart].join('\n'));
}

function printProofs(graph: Graph): void {
  const proofs: Proof[] = [];
  simplify(graph, (event) => proofs.push(proofOf(event)));
  console.log(proofsText(graph, proofs).join('\n'));
}
