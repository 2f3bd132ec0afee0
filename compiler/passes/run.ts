/**
 * The driver. Each pass in turn: its rules are tried at every site, a firing changes the graph at once, and sweeps repeat
 * until one changes nothing. Sites and rules are tried in a fixed order, so the same graph takes the same path every time.
 */
import type { Graph, Node } from '../../ir/tensor/graph.ts';
import { valueText } from '../../ir/tensor/print.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import type { Pass, Patch, Rule } from './pass.ts';
import { GraphEditor } from './patch.ts';

export interface RunOptions {
  /** Verify the graph before the first and after every pass. */
  readonly verifyEach: boolean;
  /** Options by pass name; defaults where absent. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Stop after this many patches, all passes counted together. */
  readonly stopAfter?: number;
  readonly onPatch?: (event: PatchEvent) => void;
  /** Called with the graph after every pass. */
  readonly dump?: (pass: Pass, graph: Graph) => void;
}

export interface PatchEvent {
  /** From 1, through all passes; `stopAfter: n` makes this the last one. */
  readonly number: number;
  readonly pass: string;
  readonly rule: string;
  /** `%y = reshape`, `constant %w` */
  readonly site: string;
  readonly patch: Patch;
  readonly before: Graph;
  readonly after: Graph;
}

export interface Refusal {
  readonly rule: string;
  readonly site: string;
  readonly reason: string;
}

export interface PassReport {
  readonly pass: string;
  /** Firings by rule; rules that never fired have 0. */
  readonly fired: Readonly<Record<string, number>>;
  /** Why rules did not apply to what is left, in the last sweep. */
  readonly refused: readonly Refusal[];
}

export interface RunResult {
  readonly graph: Graph;
  readonly reports: readonly PassReport[];
  readonly patches: number;
  /** Whether `stopAfter` ended the run before the last pass was done. */
  readonly stopped: boolean;
}

/** A pass that does not end, makes a patch that contradicts the graph, or leaves an invalid graph. */
export class PassError extends Error {
  override name = 'PassError';
}

/**
 * Throws PassError for a pass at fault, VerifyError when the given graph is not valid, and TypeError for options of a pass
 * that is not run or that its schema refuses.
 */
export function runPasses(graph: Graph, passes: readonly Pass[], options: RunOptions): RunResult {
  const parsed = parseOptions(passes, options.options ?? {});
  if (options.verifyEach) assertValid(graph);
  const run = new Run(options);
  const reports: PassReport[] = [];
  let current = graph;
  for (const [i, pass] of passes.entries()) {
    const before = current;
    const result = run.pass(current, pass, parsed[i]);
    current = result.graph;
    reports.push(result.report);
    if (options.verifyEach && current !== before) verifyPass(pass, parsed[i], before, current);
    options.dump?.(pass, current);
    if (run.stopped) break;
  }
  return { graph: current, reports, patches: run.patches, stopped: run.stopped };
}

function parseOptions(passes: readonly Pass[], given: Readonly<Record<string, unknown>>): unknown[] {
  const unknown = Object.keys(given).find((name) => passes.every((pass) => pass.name !== name));
  if (unknown !== undefined) {
    throw new TypeError(`options for ${unknown}: expected one of ${passes.map((pass) => pass.name).join(', ')}`);
  }
  return passes.map((pass) => {
    const parsed = pass.options.safeParse(given[pass.name] ?? {});
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new TypeError(`options for ${pass.name}: ${issue?.path.join('.')}: ${issue?.message}`);
  });
}

/** On an invalid result, runs the pass again and blames the first patch that broke a law. */
function verifyPass(pass: Pass, options: unknown, before: Graph, after: Graph): void {
  try {
    assertValid(after);
  } catch (error) {
    new Run({ verifyEach: false, onPatch: (event) => verifyPatch(pass, event) }).pass(before, pass, options);
    throw error;
  }
}

function verifyPatch(pass: Pass, { rule, site, after }: PatchEvent): void {
  try {
    assertValid(after);
  } catch (error) {
    throw new PassError(
      `${pass.name}, rule ${rule}, at ${site}: the patch breaks the graph: ${(error as Error).message}`,
    );
  }
}

/** A rule at a place where it may apply. */
interface Candidate {
  readonly text: () => string;
  readonly when: () => true | string;
  readonly rewrite: () => Patch;
}

class Run {
  patches = 0;
  stopped = false;
  private readonly options: RunOptions;

  constructor(options: RunOptions) {
    this.options = options;
  }

  pass(graph: Graph, pass: Pass, options: unknown): { graph: Graph; report: PassReport } {
    const fired = Object.fromEntries(pass.rules.map((rule) => [rule.name, 0]));
    const limit = this.patches + 100 + 10 * (graph.nodes.length + graph.constants.size + graph.states.length);
    const editor = new GraphEditor(graph);
    const start = this.patches;
    let refused: Refusal[];
    let before: number;
    do {
      before = this.patches;
      refused = [];
      for (const rule of pass.rules) this.sweep(editor, { pass, rule, options, limit, fired, refused });
    } while (this.patches > before && !this.stopped);
    return {
      graph: this.patches === start ? graph : editor.snapshot(),
      report: { pass: pass.name, fired, refused },
    };
  }

  /** Tries one rule at every site once; where it fires, what stands there then is tried again. */
  private sweep(editor: GraphEditor, task: Sweep): void {
    const { rule, options } = task;
    const place = () => ({ graph: editor.view(), facts: editor });
    switch (rule.at) {
      case 'node':
        for (const slot of rule.backwards === true ? editor.slots.toReversed() : editor.slots) {
          for (let at = 0; at < slot.length && !this.stopped; ) {
            const node = slot[at] as Node;
            const skip = rule.on !== undefined && !rule.on.includes(node.op);
            const text = () => `${node.outputs.map(valueText).join(', ')} = ${node.op}`;
            if (skip || !this.attempt(editor, task, candidate(text, rule, { ...place(), node }, options))) at++;
          }
        }
        return;
      case 'constant':
        for (const [name, constant] of [...editor.constants]) {
          if (this.stopped || editor.constants.get(name) !== constant) continue;
          const text = () => `constant ${valueText(name)}`;
          this.attempt(editor, task, candidate(text, rule, { ...place(), name, constant }, options));
        }
        return;
      case 'state':
        for (const state of editor.states) {
          if (this.stopped || !editor.states.includes(state)) continue;
          const text = () => `state ${valueText(state.name)}`;
          this.attempt(editor, task, candidate(text, rule, { ...place(), state }, options));
        }
    }
  }

  /** Whether the rule fired. */
  private attempt(editor: GraphEditor, task: Sweep, site: Candidate): boolean {
    const answer = site.when();
    if (answer !== true) {
      task.refused.push({ rule: task.rule.name, site: site.text(), reason: answer });
      return false;
    }
    this.stopped = this.patches === this.options.stopAfter;
    if (!this.stopped) this.fire(editor, task, site);
    return !this.stopped;
  }

  private fire(editor: GraphEditor, { pass, rule, limit, fired }: Sweep, { text, rewrite }: Candidate): void {
    if (this.patches >= limit) {
      throw new PassError(
        `${pass.name} does not end: rule ${rule.name} would fire at ${text()} after ${limit} patches; ` +
          'expected a rule not to apply to its own result (stopAfter and onPatch show the patches)',
      );
    }
    const { onPatch } = this.options;
    const before = onPatch && editor.snapshot();
    const patch = rewrite();
    try {
      editor.apply(patch);
    } catch (error) {
      throw new PassError(`${pass.name}, rule ${rule.name}, at ${text()}: the patch ${(error as Error).message}`);
    }
    this.patches++;
    fired[rule.name] = (fired[rule.name] as number) + 1;
    if (onPatch === undefined || before === undefined) return;
    const event = { number: this.patches, pass: pass.name, rule: rule.name, site: text(), patch };
    onPatch({ ...event, before, after: editor.snapshot() });
  }
}

/** What one sweep of a rule works on; it adds to `fired` and `refused`. */
interface Sweep {
  readonly pass: Pass;
  readonly rule: Rule<unknown>;
  readonly options: unknown;
  /** The number of patches that the run may not exceed in this pass. */
  readonly limit: number;
  readonly fired: Record<string, number>;
  readonly refused: Refusal[];
}

function candidate<S>(
  text: () => string,
  rule: { when: (site: S, options: unknown) => true | string; rewrite: (site: S, options: unknown) => Patch },
  site: S,
  options: unknown,
): Candidate {
  return { text, when: () => rule.when(site, options), rewrite: () => rule.rewrite(site, options) };
}
