// Reading what the harness (runtime/c/main.c) printed and wrote.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const outputLine = /^run (\d+) output (\d+) bytes (\d+) crc ([0-9a-f]{8})$/;
const seededLine = /^run (\d+) input (\d+) seeded$/;

/** CRC-32 of zlib and PNG (ISO 3309), as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The outputs of each run, read from `out_<run>_<k>.bin` in `folder` and checked against the sizes and CRCs in the log.
 * Throws when they differ, when a run is missing, or when the program made up an input instead of reading it.
 */
export function readOutputs(folder: string, log: string, runs: number): Uint8Array[][] {
  const outputs: Uint8Array[][] = Array.from({ length: runs }, () => []);
  for (const line of log.split(/\r?\n/)) {
    const seeded = seededLine.exec(line);
    if (seeded !== null) {
      throw new Error(`run ${seeded[1]}: input ${seeded[2]} was not given; give one file for each input of the model`);
    }
    const found = outputLine.exec(line);
    if (found !== null) {
      const [run, k, bytes] = found.slice(1, 4).map(Number);
      if (run >= runs || k !== outputs[run].length) {
        throw new Error(`unexpected line in its log: ${line}`);
      }
      outputs[run].push(readChecked(join(folder, `out_${run}_${k}.bin`), `run ${run} output ${k}`, bytes, found[4]));
    }
  }
  const silent = outputs.findIndex((list) => list.length === 0);
  if (silent >= 0) {
    throw new Error(`run ${silent} of ${runs} printed no output; its log:\n${log}`);
  }
  return outputs;
}

function readChecked(path: string, what: string, bytes: number, crc: string): Uint8Array {
  const data = new Uint8Array(readFileSync(path));
  const actual = crc32(data).toString(16).padStart(8, '0');
  if (data.length !== bytes || actual !== crc) {
    throw new Error(
      `${what}: the program printed ${bytes} bytes with CRC ${crc}, but its file has ${data.length} with CRC ${actual}`,
    );
  }
  return data;
}
