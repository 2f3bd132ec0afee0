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
const REPRODUCE = 'node --import tsx tests/import/tflite/importer-models.test.ts';

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
    // One input proves each layer; the runs of all inputs are the work of the verification command.
    const input = dataFromBytes(typeOfValue(graph, graph.inputs[0]), readFileSync(goldenFile(model, 'in_00.bin')));
    const { values } = evaluate(graph, [input]);
    assert.is(layers.length, [...recorded.keys()].filter((key) => key.startsWith('0 ')).length, REPRODUCE);
    for (const { index, opcode, outputs } of layers) {
      const found = outputs.map((name) => {
        const bytes = bytesOf(typeOfValue(graph, name), values.get(name) ?? new Uint8Array(0));
        return `${bytes.length} bytes, crc ${crc32(bytes).toString(16).padStart(8, '0')}`;
      });
      assert.equal(found, recorded.get(`0 ${index}`), `${model} operator ${index} ${opcode}; ${REPRODUCE}`);
    }
  });
}

test.run();
