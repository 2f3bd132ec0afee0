import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, calibrationOf, calibrationState } from '../../../compiler/compress/calibrate/calibrate.ts';
import type { Sample, Samples } from '../../../compiler/compress/samples.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { CNN, network, samplesFor } from '../support.ts';

const suite = makeSuite('calibrate');

const SUM = parseGraph(`graph g {
  input %a : f32[2]
  input %b : f32[2]
  %s : f32[2] = add(%a, %b) {"activation":"none"}
  %y : f32[2] = exp(%s)
  output %y
}`);

async function rejects(graph = SUM, samples: Samples, text: string): Promise<void> {
  const message = await calibrate(graph, samples).then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );
  assert.is(message, text);
}

suite('sees every value over all samples', async () => {
  const calibration = await calibrate(SUM, [
    [Float32Array.of(1, 2), Float32Array.of(-4, 0)],
    [Float32Array.of(5, 0), Float32Array.of(1, 1)],
  ]);
  assert.equal([...calibration.keys()], ['a', 'b', 's', 'y']);
  const s = calibration.get('s');
  assert.equal([s?.min, s?.max, s?.samples, s?.count], [-3, 6, 2, 4]);
  assert.is(s?.mean, (-3 + 2 + 6 + 1) / 4);
});

suite('goes on from a stored state as if it had never stopped', async () => {
  const graph = network(CNN);
  const samples = samplesFor(graph, 4);
  const whole = await calibrate(graph, samples);
  const first = await calibrate(graph, samples.slice(0, 3));
  const stored = JSON.stringify(calibrationState(first));
  const rest = await calibrate(graph, samples.slice(3), { from: calibrationOf(graph, JSON.parse(stored)) });
  assert.equal(calibrationState(rest), calibrationState(whole));
});

suite('takes samples that come one by one, with taps of another engine', async () => {
  async function* stream(): AsyncGenerator<Sample> {
    yield [Float32Array.of(0, 0), Float32Array.of(0, 1)];
  }
  const values = new Map(['a', 'b', 's', 'y'].map((name) => [name, Float32Array.of(9, 9)]));
  const calibration = await calibrate(SUM, stream(), { taps: async () => values });
  assert.is(calibration.get('s')?.max, 9);
});

suite('refuses what does not fit, by name', async () => {
  await rejects(
    SUM,
    [],
    'calibration: expected at least one sample, found none (a generator is empty when it is walked a second time: pass an array or an iterable that starts anew)',
  );
  await rejects(
    SUM,
    [[Float32Array.of(1, 2)]],
    'calibration sample 0: expected one array for each of 2 inputs, found 1',
  );
  await rejects(
    SUM,
    [[Float32Array.of(1, 2), Float32Array.of(1)]],
    'calibration sample 0, input %b: expected 2 values for f32[2], found 1',
  );
  await rejects(
    SUM,
    [[Float32Array.of(100, 2), Float32Array.of(1, 0)]],
    'calibration sample 0: expected finite values in %y, found Infinity',
  );
  await rejects(
    SUM,
    [[Float32Array.of(Number.NaN, 2), Float32Array.of(1, 0)]],
    'calibration sample 0: expected finite values in %a, found NaN',
  );
});

suite('refuses a state of another graph', () => {
  const state = { values: { z: {} } };
  assert.throws(() => calibrationOf(SUM, state), /^calibration state: values\.z\.samples: Invalid input/);
});

suite.run();
