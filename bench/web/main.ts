/**
 * npm run bench:web -- [--models kws,ic,FILE.tflite] [--places chromium,node] [--contenders NAME,…] [--rounds 3] [--write]
 *
 * Times one inference of mcc's packages beside other WebAssembly runtimes, one thread, in headless Chromium and in Node.
 * Every measurement has a page or process of its own; the contenders take turns, round by round. Answers are compared with
 * the recorded ones. --write puts the tables into bench/results/web.md.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { emitFor } from '../../compiler/cli/emit.ts';
import { lowerVerified } from '../../compiler/compile.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import { CONTENDERS, type Contender, PLACES, type Place } from './contenders.ts';
import { F32_MODELS, INT8_MODELS, type Model, readModel } from './models.ts';
import { onnxInput, onnxOf } from './onnx.ts';
import { errorOf, type Measurement, measurementText, resultsPage, tables } from './report.ts';
import { chromiumRunner, nodeRunner, type Request, type Runner } from './run.ts';
import { withoutSignature } from './signature.ts';
import { stagePeers } from './stage.ts';

const RESULTS = new URL('../results/web.md', import.meta.url);

function some<T extends string>(flag: string, text: string | undefined, known: readonly T[]): readonly T[] {
  if (text === undefined) return known;
  const names = text.split(',');
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown === undefined) return names as T[];
  console.error(`--${flag} ${unknown}: expected some of ${known.join(',')}`);
  process.exit(2);
}

/** Writes the model, converted too, and its packages. */
async function stageModel(folder: string, model: Model, targets: readonly TargetName[]): Promise<void> {
  writeFileSync(join(folder, 'models', `${model.name}.tflite`), withoutSignature(model.bytes));
  writeFileSync(join(folder, 'models', `${model.name}.onnx`), onnxOf(model.imported));
  for (const target of targets) {
    const { program } = lowerVerified(model.graph, TARGETS[target]);
    for (const { path, content } of await emitFor(program, TARGETS[target], {
      name: model.name,
      banner: [model.name],
    })) {
      const to = join(folder, 'mcc', target, model.name, path);
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, content);
    }
  }
}

function requestOf({ target, script, runtime, file, reads }: Contender, model: Model): Request {
  const form = reads(model);
  return {
    script,
    options: { runtime: target ? `${runtime}${model.name}/` : runtime, ...(file === undefined ? {} : { file }) },
    ...(target ? {} : { model: `models/${model.name}.${form}` }),
    inputs: model.inputs
      .map(({ type, data }) => (form === 'onnx' ? onnxInput(type, data) : { shape: type.shape, data }))
      .map(({ shape, data }) => ({ array: data.constructor.name, shape, values: Array.from(data as Float32Array) })),
  };
}

async function runners(folder: string, places: readonly Place[]): Promise<ReadonlyMap<Place, Runner>> {
  const made = new Map<Place, Runner>();
  if (places.includes('chromium')) {
    made.set('chromium', await chromiumRunner(folder, process.env.CHROMIUM ?? '/usr/bin/chromium'));
  }
  if (places.includes('node')) made.set('node', nodeRunner(folder));
  return made;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      models: { type: 'string' },
      places: { type: 'string' },
      contenders: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
    },
  });
  const places = some('places', values.places, PLACES);
  const names = some('contenders', values.contenders, [...new Set(CONTENDERS.map(({ name }) => name))]);
  const contenders = CONTENDERS.filter(({ name }) => names.includes(name));
  const models = (values.models?.split(',') ?? [...INT8_MODELS, ...F32_MODELS]).map(readModel);
  const folder = mkdtempSync(join(tmpdir(), 'mcc-bench-'));
  const measurements: Measurement[] = [];
  try {
    await stagePeers(folder);
    const targets = contenders.flatMap(({ target }) => target ?? []);
    for (const model of models) await stageModel(folder, model, targets);
    const started = await runners(folder, places);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const model of models) {
        for (const [place, runner] of started) {
          for (const contender of contenders.filter((one) => one.places.includes(place) && one.reads(model))) {
            try {
              const result = await runner.run(requestOf(contender, model));
              const measurement = { model, place, contender, result };
              measurements.push(measurement);
              console.log(measurementText(measurement));
            } catch (error) {
              console.log(`${model.name} ${place} ${contender.name}: ${(error as Error).message.split('\n')[0]}`);
            }
          }
        }
      }
    }
    console.log(`\n${tables(measurements)}`);
    if (values.write) {
      mkdirSync(new URL('.', RESULTS), { recursive: true });
      const versions = [...started.values()].map(({ version }) => version);
      writeFileSync(RESULTS, resultsPage(measurements, versions));
    }
    for (const runner of started.values()) await runner.close();
    const wrong = measurements.filter((one) => one.contender.target && !one.model.isFloat && errorOf(one) !== 0);
    for (const one of wrong) console.error(`wrong answer: ${measurementText(one)}`);
    if (wrong.length > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
