/** What bench:web prints: a line for each measurement, and tables of the best round's medians. */
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { type Contender, PLACES, type Place } from './contenders.ts';
import type { Model } from './models.ts';
import { onnxOutput } from './onnx.ts';
import type { Result } from './run.ts';
import { versionOf } from './stage.ts';

export interface Measurement {
  readonly model: Model;
  readonly place: Place;
  readonly contender: Contender;
  readonly result: Result;
}

/** The largest difference from the recorded answer, in units of the output's type. */
export function errorOf({ model, contender, result }: Measurement): number {
  const expected: readonly TensorData[] = contender.target ? model.expected : model.litert;
  const differences = expected.flatMap((data, k) => {
    const given = result.outputs[k] ?? [];
    const type = typeOfValue(model.graph, model.graph.outputs[k] as string);
    const values = contender.reads(model) === 'onnx' ? onnxOutput(type, given) : given;
    return Array.from(data as Float32Array, (x, i) => Math.abs(x - (values[i] ?? Number.NaN)));
  });
  return Math.max(...differences);
}

const ms = (x: number): string => (x < 1 ? x.toFixed(4) : x.toFixed(x < 10 ? 3 : 2));

export function measurementText(measurement: Measurement): string {
  const { model, place, contender, result } = measurement;
  return [
    `${model.name.padEnd(10)} ${place.padEnd(9)} ${contender.name.padEnd(17)}`,
    `${ms(result.ms).padStart(8)} ms, least ${ms(result.leastMs).padStart(8)}`,
    `${(model.macs / result.ms / 1e6).toFixed(2).padStart(6)} GMAC/s`,
    `first answer ${result.firstAnswerMs.toFixed(1)} ms, ${result.loadMs.toFixed(1)} of them from load()`,
    `differs by ${Number(errorOf(measurement).toPrecision(3))}`,
  ].join('  ');
}

function bestOf(list: readonly Measurement[]): Measurement | undefined {
  return list.toSorted((a, b) => a.result.ms - b.result.ms)[0];
}

const geomean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, x) => sum + Math.log(x), 0) / values.length);

function tableOf(list: readonly Measurement[]): string[] {
  const names = [...new Set(list.map(({ contender }) => contender.name))];
  const models = [...new Map(list.map(({ model }) => [model.name, model])).values()];
  const best = (model: Model, name: string) =>
    bestOf(list.filter((one) => one.model.name === model.name && one.contender.name === name));
  const rows = models.map((model) => {
    const cells = names.map((name) => best(model, name));
    const own = bestOf(cells.filter((cell) => cell?.contender.target !== undefined) as Measurement[]);
    const peer = bestOf(
      cells.filter((cell) => cell !== undefined && cell.contender.target === undefined) as Measurement[],
    );
    return { model, cells, own, peer, ratio: own && peer ? peer.result.ms / own.result.ms : undefined };
  });
  return [
    ...[
      ['model', 'MMAC', ...names.map((name) => `${name}, ms`), 'mcc against the fastest peer'],
      ['---', ...names.map(() => '---:'), '---:', '---:'],
      ...rows.map(({ model, cells, ratio, peer }) => [
        model.name,
        (model.macs / 1e6).toFixed(3),
        ...cells.map((cell) => (cell ? ms(cell.result.ms) : '')),
        ratio === undefined ? '' : `${ratio.toFixed(2)}x ${peer?.contender.name}`,
      ]),
    ].map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...means(rows, names),
  ];
}

interface Row {
  readonly model: Model;
  readonly cells: readonly (Measurement | undefined)[];
  readonly own: Measurement | undefined;
}

/** Geometric means of peer's time over mcc's best, over the models that both ran. */
function means(rows: readonly Row[], names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [kind, isFloat] of [
    ['8-bit', false],
    ['float32', true],
  ] as const) {
    const list = rows.filter(({ model }) => model.isFloat === isFloat);
    names.forEach((name, i) => {
      const ratios = list.flatMap(({ cells, own }) => {
        const cell = cells[i];
        return cell && own && cell.contender.target === undefined ? cell.result.ms / own.result.ms : [];
      });
      if (ratios.length === 0) return;
      const span = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
      lines.push(
        `- ${kind}: mcc's fastest is ${geomean(ratios).toFixed(2)}x as fast as ${name} (${ratios.length} models, ${span})`,
      );
    });
  }
  return lines.length === 0 ? [] : [...lines, ''];
}

/** Differences from the recorded answers, and times to the first answer. */
function detailsOf(place: Place, list: readonly Measurement[]): string[] {
  const names = [...new Set(list.map(({ contender }) => contender.name))];
  const models = [...new Set(list.map(({ model }) => model.name))];
  const cell = (model: string, name: string): string => {
    const ones = list.filter((one) => one.model.name === model && one.contender.name === name);
    if (ones.length === 0) return '';
    const least = (of: 'firstAnswerMs' | 'loadMs') => Math.min(...ones.map(({ result }) => result[of])).toFixed(0);
    return `${least('firstAnswerMs')} ms (${least('loadMs')} ms), ${Number(Math.max(...ones.map(errorOf)).toPrecision(2))}`;
  };
  return [
    `First answer in a fresh ${place === 'node' ? 'process' : 'page'}: from nothing, scripts included, and in brackets from the call of load() (of a`,
    'peer what corresponds to it, its script being there), which fetches the module from this machine, compiles it, instantiates',
    "it and runs it once. Then the answer's largest difference from the recorded one:",
    '',
    ...[
      ['model', ...names],
      ['---', ...names.map(() => '---')],
      ...models.map((model) => [model, ...names.map((name) => cell(model, name))]),
    ].map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ];
}

export function tables(measurements: readonly Measurement[]): string {
  return PLACES.flatMap((place) => {
    const list = measurements.filter((one) => one.place === place);
    const title = place === 'node' ? 'Node' : 'Chromium';
    return list.length === 0 ? [] : [`## ${title}`, '', ...tableOf(list), ...detailsOf(place, list)];
  }).join('\n');
}

const TELLING_FLAGS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimd', 'asimddp', 'i8mm'];

/** The processor as the system names it, and those of its extensions that matter here. */
export function machineClass(): string {
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8').split(/\s+/) : [];
  const list = cpus();
  return `${list.length} x ${list[0]?.model.trim() ?? 'unknown processor'} (${TELLING_FLAGS.filter((flag) => flags.includes(flag)).join(', ')})`;
}

/** The page of bench/results. */
export function resultsPage(measurements: readonly Measurement[], places: readonly string[]): string {
  const peers = ['@litertjs/core', '@tensorflow/tfjs-tflite', 'onnxruntime-web'];
  return `${[
    '# WebAssembly',
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench:web -- --write\` on ${machineClass()}; ${places.join(', ')};`,
    `${peers.map((name) => `${name} ${versionOf(name)}`).join(', ')}. One thread. Each figure comes from a page or process of its own: 600 ms of`,
    'warm-up, then batches of 15 ms for at least 0.7 s, of which the median counts; the contenders took turns, and the best round',
    'stands here. A run goes from input arrays to output arrays; LiteRT.js keeps its input tensors from run to run. LiteRT.js is',
    "given an entry for int8 that its table of types lacks. Answers are compared with recorded ones: mcc's with tflite-micro's, which",
    "must be equal for 8-bit models, those of the peers with LiteRT's.",
    '',
    tables(measurements),
  ]
    .join('\n')
    .trimEnd()}\n`;
}
