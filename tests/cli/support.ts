/** Small models on disk and the command line as a user calls it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../compiler/cli/program.ts';
import { writeTflite } from '../support/tflite-writer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A folder that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-cli-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `mcc ARGS` in the given folder, as a process. */
export function mccProcess(cwd: string, ...args: string[]): Outcome {
  const command = ['--import', join(ROOT, 'tools/ts.mjs'), join(ROOT, 'compiler/cli/main.ts'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** The same within this process, which saves its start. */
export async function mcc(cwd: string, ...args: string[]): Promise<Outcome> {
  const home = process.cwd();
  const streams = [process.stdout, process.stderr] as const;
  const writes = streams.map((stream) => stream.write);
  const texts = ['', ''];
  streams.forEach((stream, i) => {
    stream.write = (chunk: string | Uint8Array) => {
      texts[i] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    };
  });
  process.chdir(cwd);
  try {
    const code = await runCommandLine(args);
    return { code, stdout: texts[0] as string, stderr: texts[1] as string };
  } finally {
    process.chdir(home);
    streams.forEach((stream, i) => {
      stream.write = writes[i] as typeof stream.write;
    });
  }
}

/** sum = a + b, larger = relu(b - a) in int8 of scale 1: two inputs and two outputs whose values are plain integers. */
export function pairModel(): Uint8Array {
  const tensor = (name: string) => ({ name, shape: [1, 4], type: 'i8' as const, scale: [1], zeroPoint: [0] });
  return writeTflite({
    subgraphs: [
      {
        tensors: ['a', 'b', 'sum', 'difference', 'larger'].map(tensor),
        operators: [
          { op: 'ADD', inputs: [0, 1], outputs: [2] },
          { op: 'SUB', inputs: [1, 0], outputs: [3] },
          { op: 'RELU', inputs: [3], outputs: [4] },
        ],
        inputs: [0, 1],
        outputs: [2, 4],
      },
    ],
  });
}

/** Writes the pair model and its inputs `a.bin`, `b.bin` (1 2 3 4 and 10 1 30 1). */
export function writePair(folder: string): void {
  writeFileSync(join(folder, 'pair.tflite'), pairModel());
  writeFileSync(join(folder, 'a.bin'), Int8Array.of(1, 2, 3, 4));
  writeFileSync(join(folder, 'b.bin'), Int8Array.of(10, 1, 30, 1));
}

/** A .npy file of version 1.0 with the header that numpy.lib.format describes. */
export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(header, 'latin1'), data]);
}
