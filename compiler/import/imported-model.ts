/** What every importer makes of a file. */
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';

export interface SourceOperator {
  /** Position among the operators of the file's main graph. */
  readonly index: number;
  readonly opcode: string;
  /** Graph values that hold this operator's outputs, which may be constants; empty tensors and handles have none. */
  readonly outputs: readonly ValueName[];
}

export interface ImportedModel {
  readonly graph: Graph;
  /** The operators of the main graph, in the file's order. */
  readonly layers: readonly SourceOperator[];
  /** Names in the file of the inputs and outputs that are called as the file's signature calls them. */
  readonly tensorNames: ReadonlyMap<ValueName, string>;
  /** What the file says about itself. */
  readonly description: string;
}
