/** The shared networks import, and every operator of the int8 ones gives the recorded bytes. */
import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { importTflite } from '../../../compiler/import/tflite/import.ts';
import { bytesOf, dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { typeOfValue } from '../../../ir/tensor/graph.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import { goldenFile, sharedModel, sharedModels } from '../../support/shared-models.ts';

const test = suite('import of shared models');
const REPRODUCE = 'node --import ./tools/ts.mjs tests/import/tflite/importer-models.test.ts';

/** `run 0 op 3 bytes=128 crc=cced272c`, one per output of an operator. */
function recordedLayers(model: string): Map<string, string[]> {
  const recorded = new Map<string, string[]>();
  const log = readFileSync(goldenFile(model, 'layers/log.txt'), 'utf8');
  for (const [, run, op, bytes, crc] of log.matchAll(/run (\d+) op (\d+) bytes=(\d+) crc=(\w+)/g)) {
    const key = `${run} ${op}`;
    recorded.set(key, [...(recorded.get(key) ?? []), `${bytes} bytes, crc ${crc}`]);
  }
  return recorded;
}

function layerText(bytes: Uint8Array): string {
  return `${bytes.length} bytes, crc ${crc32(bytes).toString(16).padStart(8, '0')}`;
}

for (const model of sharedModels('import of shared models')) {
  test(`${model} imports`, () => {
    const { graph, layers } = importTflite(sharedModel(model), { name: model });
    assertValid(graph);
    assert.is(graph.inputs.length, 1, REPRODUCE);
    assert.is(graph.outputs.length, 1, REPRODUCE);
    assert.ok(layers.length > 0, REPRODUCE);
  });

  if (!existsSync(goldenFile(model, 'layers/log.txt'))) continue;
  test(`${model}: every layer's CRC-32`, () => {
    const { graph, layers } = importTflite(sharedModel(model), { name: model });
    const recorded = recordedLayers(model);
    const runs = Math.max(...[...recorded.keys()].map((key) => Number(key.split(' ')[0]))) + 1;
    assert.is(layers.length * runs, recorded.size, REPRODUCE);
    for (let run = 0; run < runs; run++) {
      const bytes = readFileSync(goldenFile(model, `in_${String(run).padStart(2, '0')}.bin`));
      const { values } = evaluate(graph, [dataFromBytes(typeOfValue(graph, graph.inputs[0]), bytes)]);
      for (const { index, opcode, outputs } of layers) {
        const found = outputs.map((name) => layerText(bytesOf(typeOfValue(graph, name), values.get(name)!)));
        const what = `${model} input ${run} operator ${index} ${opcode}; ${REPRODUCE}`;
        assert.equal(found, recorded.get(`${run} ${index}`), what);
      }
    }
  });
}

test.run();
