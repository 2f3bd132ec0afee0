/** What a pass is: data that the driver of run.ts reads. */
import type { z } from 'zod';
import type { Constant, Graph, Node, State, ValueName } from '../../ir/tensor/graph.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { TensorType } from '../../ir/tensor/types.ts';

/**
 * A change to a graph, as data. Added nodes stand where the first dropped node stood. A name may be dropped and defined
 * anew in one patch; that is how the outputs of a graph, whose names are the user's, get a new definition.
 */
export interface Patch {
  readonly drop?: {
    readonly nodes?: readonly Node[];
    readonly constants?: readonly ValueName[];
    readonly states?: readonly ValueName[];
  };
  readonly add?: {
    /** Types of everything that `nodes` and `constants` define. */
    readonly types: ReadonlyMap<ValueName, TensorType>;
    readonly nodes?: readonly Node[];
    readonly constants?: ReadonlyMap<ValueName, Constant>;
  };
  /**
   * Nodes that others with the same results replace where they stand: old to new. For changes to many nodes at once, which
   * must stay in order. `add.types` gives the types of the results anew.
   */
  readonly swap?: ReadonlyMap<Node, Node>;
  /** Values that are read in the place of others from now on: old name to new. Outputs of the graph are never replaced. */
  readonly replace?: ReadonlyMap<ValueName, ValueName>;
  /** What was seen here that makes the rewrite right, for `mcc inspect --proofs`; the pass's own words where absent. */
  readonly why?: string;
}

/** What rules ask about a graph. */
export interface Facts {
  /** The node that defines each value which a node defines. */
  readonly producers: ReadonlyMap<ValueName, Node>;
  /** The nodes that read each value, in no particular order. */
  readonly consumers: ReadonlyMap<ValueName, readonly Node[]>;
  /** Whether a node, an output of the graph or a state reads the value. */
  isUsed(value: ValueName): boolean;
  /** Whether an output of the graph is the value, or a state becomes it. */
  isKept(value: ValueName): boolean;
  isOutput(value: ValueName): boolean;
}

interface Place {
  readonly graph: Graph;
  readonly facts: Facts;
}
export interface NodeSite<K extends OpName = OpName> extends Place {
  readonly node: Node<K>;
}
export interface ConstantSite extends Place {
  readonly name: ValueName;
  readonly constant: Constant;
}
export interface StateSite extends Place {
  readonly state: State;
}

/** `when` answers true, or why the rule does not apply here, in words that complete "not at %x: …". */
interface RuleOf<S, O> {
  readonly name: string;
  readonly when: (site: S, options: O) => true | string;
  readonly rewrite: (site: S, options: O) => Patch;
}
/** A rule looks at nodes (of the ops in `on`, if given), at constants, or at states. */
export type Rule<O> =
  | (RuleOf<NodeSite, O> & {
      readonly at: 'node';
      readonly on?: readonly OpName[];
      /** Last node first: for rules whose firing at a node makes them apply to nodes before it. */
      readonly backwards?: true;
    })
  | (RuleOf<ConstantSite, O> & { readonly at: 'constant' })
  | (RuleOf<StateSite, O> & { readonly at: 'state' });

/** What a lossy pass owes its user besides the rewrite. */
export interface Lossy {
  readonly method: string;
  readonly paper: string;
  readonly needs: 'nothing' | 'calibration' | 'training';
}

// biome-ignore lint/suspicious/noExplicitAny: options differ per pass; `definePass` checks each pass on its own
export interface Pass<O = any> {
  /** `exact/fold-constants` */
  readonly name: string;
  /** before → after, when … */
  readonly doc: string;
  /**
   * Exact: evaluated outputs and states stay bit-equal. Defining: it changes where floats round, as one may only before the
   * graph counts as the definition, when a file is imported whose format leaves that open.
   */
  readonly kind: 'exact' | 'defining' | { readonly lossy: Lossy };
  /** Has a default for every option. */
  readonly options: z.ZodType<O>;
  readonly rules: readonly Rule<O>[];
}

/** Checks a pass's rules against its options while keeping its type. */
export function definePass<O>(pass: Pass<O>): Pass<O> {
  return pass;
}
