/** The definition against tflite-micro's reference kernels: outputs of all inputs, and the CRC of every operator's output. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32 } from '../../compiler/cli/engines/harness-log.ts';
import { bytesOf, dataFromBytes } from '../../ir/tensor/bytes.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { goldens, goldenTests, hasShared, INT8_MODELS, importShared } from '../support/golden.ts';
import { goldenFile } from '../support/shared-models.ts';

const test = suite('models on the reference engine');
goldenTests(test, 'reference', 20);

/** Lines `run 3 op 7 bytes=64 crc=f737db24` of a layer log. */
function layerLog(name: string): { run: number; op: number; bytes: number; crc: number }[] {
  const text = readFileSync(goldenFile(name, 'layers/log.txt'), 'utf8');
  return [...text.matchAll(/^run (\d+) op (\d+) bytes=(\d+) crc=([0-9a-f]+)$/gm)].map((match) => ({
    run: Number(match[1]),
    op: Number(match[2]),
    bytes: Number(match[3]),
    crc: Number.parseInt(match[4] as string, 16),
  }));
}

function checkLayers(name: string): void {
  const { graph, layers } = importShared(name);
  const log = layerLog(name);
  assert.ok(log.length > 0, `${name}: the layer log is empty`);
  const runs = Math.max(...log.map(({ run }) => run)) + 1;
  goldens(name, runs).inputs.forEach((inputs, run) => {
    const data = graph.inputs.map((input, i) => dataFromBytes(typeOfValue(graph, input), inputs[i] as Uint8Array));
    const { values } = evaluate(graph, data);
    for (const { op, bytes, crc } of log.filter((line) => line.run === run)) {
      const value = layers.find(({ index }) => index === op)?.outputs[0] as string;
      const found = bytesOf(typeOfValue(graph, value), values.get(value) as TensorData);
      assert.is(found.length, bytes, `${name} run ${run} op ${op}: size`);
      assert.is(crc32(found), crc, `${name} run ${run} op ${op} (%${value}): CRC of ${found.length} bytes`);
    }
  });
}

if (hasShared('layers of the models')) {
  for (const name of INT8_MODELS.filter((model) => model !== 'hello')) {
    test(`every layer of ${name} has the recorded CRC`, () => checkLayers(name));
  }
}

test.run();
