/**
 * Small networks as TensorFlow's converter makes them, with inputs and a reference's answers. `tools/networks/make.py`
 * wrote them; a name is `<network>-<way of conversion>`.
 */
import { readFileSync } from 'node:fs';
import type { Runs } from '../../compiler/cli/engines/index.ts';
import { importModel } from '../../compiler/compile.ts';
import { dataFromBytes } from '../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { isFloat, type TensorType } from '../../ir/tensor/types.ts';

export interface Network {
  readonly name: string;
  readonly graph: Graph;
  /** Invocations in a row; state goes from one to the next. */
  readonly inputs: Runs;
  readonly golden: Runs;
  /** Who answered, with version. */
  readonly reference: string;
}

interface Recorded {
  /** Who answered, with version. */
  readonly reference: string;
  /** Base64, `;` between runs, `,` between ports. */
  readonly inputs: string;
  readonly outputs: string;
}

const FOLDER = new URL('../networks/', import.meta.url);

/** Throws ImportError when a network is refused. */
export function loadNetworks(): Network[] {
  const recorded: Readonly<Record<string, Recorded>> = JSON.parse(readFileSync(new URL('golden.json', FOLDER), 'utf8'));
  return Object.entries(recorded).map(([name, { reference, inputs, outputs }]) => {
    const bytes = new Uint8Array(readFileSync(new URL(`${name}.tflite`, FOLDER)));
    const { graph } = importModel({ path: `tests/networks/${name}.tflite`, name: name.replaceAll('-', '_'), bytes });
    return { name, graph, inputs: decoded(inputs), golden: decoded(outputs), reference };
  });
}

function decoded(text: string): Runs {
  return text.split(';').map((run) => run.split(',').map((port) => new Uint8Array(Buffer.from(port, 'base64'))));
}

/** Networks that only TensorFlow answers, with ties that it rounds the other way, as it multiplies scales in another precision: by 1. */
const TIES = ['pruned-sparse_int8', 'efficient-int16x8', 'unet-int16x8'];

/**
 * Why the outputs are not the recorded ones, or undefined. Integers have to be equal but for the named ties. Floats may differ by 1e-4 or by
 * 1e-5 of the recorded number; those of dynamic-range models by 1e-2 of the output's largest number, because interpreters
 * round the activations of such models to 8 bits, and mcc does not.
 */
export function networkFault({ name, graph, golden }: Network, found: Runs): string | undefined {
  const tolerance = { hybrid: name.endsWith('-dynamic'), integer: TIES.includes(name) ? 1 : 0 };
  for (const [run, outputs] of golden.entries()) {
    for (const [port, expected] of outputs.entries()) {
      const type = typeOfValue(graph, graph.outputs[port] as string);
      const fault = outputFault(type, expected, found[run]?.[port] as Uint8Array, tolerance);
      if (fault !== undefined) return `run ${run}, output ${port}: ${fault}`;
    }
  }
  return undefined;
}

interface Tolerance {
  readonly hybrid: boolean;
  readonly integer: number;
}

function outputFault(
  type: TensorType,
  expected: Uint8Array,
  found: Uint8Array,
  tolerance: Tolerance,
): string | undefined {
  if (expected.length !== found.length) return `${found.length} bytes instead of ${expected.length}`;
  const [wanted, got] = [dataFromBytes(type, expected), dataFromBytes(type, found)];
  const largest = Math.max(...Array.from<number | bigint, number>(wanted, (value) => Math.abs(Number(value))));
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(wanted[i]), Number(got[i])];
    const float = Math.max(1e-4, 1e-5 * Math.abs(a), tolerance.hybrid ? 1e-2 * largest : 0);
    const allowed = isFloat(type.dtype) ? float : tolerance.integer;
    if (!(Math.abs(a - b) <= allowed)) return `element ${i} is ${b} instead of ${a}`;
  }
  return undefined;
}

/** The first output of `found` that is not `expected` byte for byte, or undefined. */
export function bytesFault(expected: Runs, found: Runs): string | undefined {
  for (const [run, outputs] of expected.entries()) {
    const port = outputs.findIndex((bytes, k) => Buffer.compare(bytes, found[run]?.[k] ?? new Uint8Array()) !== 0);
    if (port >= 0) return `run ${run}, output ${port} differs from the reference evaluation`;
  }
  return undefined;
}
