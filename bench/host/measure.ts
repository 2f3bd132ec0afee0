/** One measurement of bench:host: emitted C on this machine, onnxruntime-node, or instructions of AArch64. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFiles } from '../../compiler/cli/emit.ts';
import { writeFiles } from '../../compiler/cli/output.ts';
import { lowerVerified } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { bytesOf, dataFromBytes } from '../../ir/tensor/bytes.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import { measure as countInstructions } from '../cortex-m/measure.ts';
import type { Model } from '../web/models.ts';
import { onnxInput, onnxOf, onnxOutput } from '../web/onnx.ts';

export interface Timed {
  /** Of one inference: the median of the batches, and the least disturbed. */
  readonly ms: number;
  readonly leastMs: number;
  readonly outputs: readonly (readonly number[])[];
}

/** Floats as they are written: no multiplication is fused with an addition. */
const FLAGS = ['-std=c99', '-ffp-contract=off', '-O3'];
const TIMER = fileURLToPath(new URL('time.c', import.meta.url));
const ORT = fileURLToPath(new URL('run-ort.mjs', import.meta.url));
const TIME_LIMIT_MS = 120_000;

function inFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-bench-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The model's C, compiled by `cc` with further flags. */
export function timeC({ graph, inputs }: Model, cc: string, flags: readonly string[]): Timed {
  return inFolder((folder) => {
    const { program } = lowerVerified(graph, TARGETS['x86-64']);
    writeFiles(folder, projectFiles(program, { prefix: 'model', target: 'x86-64', banner: [] }));
    const sources = ['model.c', 'model_adapter.c', TIMER];
    execFileSync(cc, [...FLAGS, ...flags, '-I.', '-Iharness', ...sources, '-o', 'timer', '-lm'], { cwd: folder });
    for (const [k, { type, data }] of inputs.entries())
      writeFileSync(join(folder, `in_0_${k}.bin`), bytesOf(type, data));
    const text = execFileSync('./timer', [], { cwd: folder, encoding: 'utf8', timeout: TIME_LIMIT_MS });
    const [ms, leastMs] = text.trim().split(' ').map(Number) as [number, number];
    const outputs = graph.outputs.map((name, k) => {
      const bytes = new Uint8Array(readFileSync(join(folder, `out_0_${k}.bin`)));
      return Array.from(dataFromBytes(typeOfValue(graph, name), bytes) as Float32Array);
    });
    return { ms, leastMs, outputs };
  });
}

/** @throws Error when the model has no conversion or onnxruntime-node refuses it */
export function timeOnnxruntime({ imported, inputs }: Model): Timed {
  return inFolder((folder) => {
    const model = join(folder, 'model.onnx');
    writeFileSync(model, onnxOf(imported));
    const request = {
      model,
      inputs: inputs.map(({ type, data }) => {
        const { shape, data: values } = onnxInput(type, data);
        return { array: values.constructor.name, shape, values: Array.from(values as Float32Array) };
      }),
    };
    const text = execFileSync(process.execPath, [ORT], {
      input: JSON.stringify(request),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      timeout: TIME_LIMIT_MS,
    });
    const result = JSON.parse(text.trim().split('\n').at(-1) as string) as Timed;
    const outputs = imported.outputs.map((name, k) => onnxOutput(typeOfValue(imported, name), result.outputs[k] ?? []));
    return { ...result, outputs };
  });
}

export interface Counted {
  readonly instructions: number;
  readonly outputs: readonly (readonly number[])[];
}

/**
 * Instructions of one inference on AArch64, compiled with further flags, counted under qemu-user. Throws NativeEngineError
 * when a tool is missing.
 */
export function countAarch64({ graph, inputs }: Model, flags: readonly string[]): Counted {
  const bytes = inputs.map(({ type, data }) => bytesOf(type, data));
  const request = { graph, core: 'aarch64', optimize: 'speed', inputs: bytes, flags } as const;
  const { instructions, outputs } = countInstructions(request);
  const values = graph.outputs.map((name, k) =>
    Array.from(dataFromBytes(typeOfValue(graph, name), outputs[k] as Uint8Array) as Float32Array),
  );
  return { instructions, outputs: values };
}
