/** Programs of one kernel call with an input and an output laid over each other, as the kernel says they may be. */
import { buildCopy } from '../../compiler/lower/copy.ts';
import type { Lowered, StepPlan } from '../../compiler/lower/index.ts';
import { alignUp } from '../../compiler/plan/problem.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { type Argument, ELEM_BYTES, type Place, type Port, type Program } from '../../ir/loop/types.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';

/** An input that begins `distance` bytes above an output. */
export interface Laid {
  readonly input: number;
  readonly output: number;
  readonly distance: number;
}

/** The closest that the call's kernel allows each of its inputs and outputs, at the alignment of their elements. */
export function permitted({ program, plan }: Lowered, graph: Graph): Laid[] {
  const { inPlace, overlap } = plan.steps[0] as StepPlan;
  const declared = [...inPlace.map(([input, output]) => ({ input, output, distance: 0 })), ...overlap];
  return declared.flatMap(({ input, output, distance }) => {
    const from = graph.inputs.indexOf(graph.nodes[0]?.inputs[input] ?? '');
    const to = graph.outputs.indexOf(graph.nodes[0]?.outputs[output] ?? '');
    if (from < 0 || to < 0) return [];
    const align = Math.max(elemBytes(program.inputs[from] as Port), elemBytes(program.outputs[to] as Port));
    return [{ input: from, output: to, distance: alignUp(distance, align) }];
  });
}

function elemBytes(port: Port): number {
  return ELEM_BYTES[port.elem];
}

function portBytes(port: Port): number {
  return port.length * elemBytes(port);
}

/** The program with ports `input` and `output` in the arena, copied there before the call and from there after it. */
export function laidOver(program: Program, graph: Graph, { input, output, distance }: Laid): Program {
  const [call] = program.run;
  const [x, y] = [program.inputs[input] as Port, program.outputs[output] as Port];
  if (call === undefined || program.run.length > 1) throw new Error('expected a program of one call');
  const to: Place = { kind: 'arena', offset: Math.max(0, -distance) };
  const from: Place = { kind: 'arena', offset: to.offset + distance };
  const base = alignUp(Math.max(from.offset + portBytes(x), to.offset + portBytes(y)), 16);
  const moved = (arg: Argument): Argument => {
    if (arg.kind === 'input' && arg.index === input) return from;
    if (arg.kind === 'output' && arg.index === output) return to;
    return arg.kind === 'arena' ? { ...arg, offset: base + arg.offset } : arg;
  };
  const copyIn = buildCopy(typeOfValue(graph, graph.inputs[input] as string)).func;
  const copyOut = buildCopy(typeOfValue(graph, graph.outputs[output] as string)).func;
  return {
    ...program,
    functions: [...program.functions, { ...copyIn, name: 'copy_in' }, { ...copyOut, name: 'copy_out' }],
    arenaBytes: base + program.arenaBytes,
    run: [
      { fn: 'copy_in', args: [{ kind: 'input', index: input }, from], doc: '' },
      { ...call, args: call.args.map(moved) },
      { fn: 'copy_out', args: [to, { kind: 'output', index: output }], doc: '' },
    ],
  };
}

/** What differs between the program as it is and with its buffers laid over each other, or undefined. */
export function overlapFault(
  { program }: Lowered,
  graph: Graph,
  laid: Laid,
  inputs: readonly Uint8Array[],
): string | undefined {
  const expected = new Machine(program).run(inputs);
  const found = new Machine(laidOver(program, graph, laid)).run(inputs);
  const output = expected.findIndex((bytes, i) => Buffer.compare(bytes, found[i] as Uint8Array) !== 0);
  if (output < 0) return undefined;
  const at = expected[output]?.findIndex((byte, i) => byte !== found[output]?.[i]);
  return `input ${laid.input} ${laid.distance} bytes above output ${laid.output}: byte ${at} of output ${output} differs`;
}
