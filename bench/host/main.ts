/**
 * npm run bench:host -- [--models kws,ic,FILE.tflite] [--rounds 3] [--write]
 *
 * Times one inference of the emitted C on this machine, one thread, beside onnxruntime-node, and counts its instructions on
 * AArch64 under qemu-user; with --rounds 0 it only counts. Contenders take turns, each in a process of its own. --write puts
 * the table into bench/results/host.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { parseArgs } from 'node:util';
import type { TensorData } from '../../ir/tensor/types.ts';
import { F32_MODELS, INT8_MODELS, type Model, readModel } from '../web/models.ts';
import { machineClass } from '../web/report.ts';
import { type Counted, countAarch64, type Timed, timeC, timeOnnxruntime } from './measure.ts';

const RESULTS = new URL('../results/host.md', import.meta.url);
const ORT_PACKAGE = new URL('node_modules/onnxruntime-node/package.json', import.meta.url);

const CONTENDERS = {
  'gcc -O3': (model: Model) => timeC(model, 'gcc', []),
  'gcc -O3 -march=native': (model: Model) => timeC(model, 'gcc', ['-march=native']),
  'onnxruntime-node': timeOnnxruntime,
} as const;
type Contender = keyof typeof CONTENDERS;
const NAMES = Object.keys(CONTENDERS) as Contender[];

interface Row {
  readonly model: Model;
  readonly best: ReadonlyMap<Contender, Timed>;
  /** Compiled for every AArch64, and for cores with dot products. */
  readonly aarch64: Counted | undefined;
  readonly dotprod: Counted | undefined;
}

/** Multiplications of the largest model whose instructions are counted: the emulator counts a million instructions a second. */
const MOST_COUNTED = 20e6;

const DOTPROD = '-march=armv8.2-a+dotprod';

/** The result, or undefined with the reason on stderr. */
function attempt<T>(what: string, body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    console.error(`${what}: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
}

function errorOf(expected: readonly TensorData[], outputs: Timed['outputs']): number {
  return Math.max(
    ...expected.flatMap((data, k) =>
      Array.from(data as Float32Array, (x, i) => Math.abs(x - (outputs[k]?.[i] ?? Number.NaN))),
    ),
  );
}

function timeModel(model: Model, rounds: number): ReadonlyMap<Contender, Timed> {
  const best = new Map<Contender, Timed>();
  for (let round = 0; round < rounds; round += 1) {
    for (const name of NAMES) {
      const timed = attempt(`${model.name} ${name}`, () => CONTENDERS[name](model));
      const known = best.get(name);
      if (timed !== undefined && (known === undefined || timed.ms < known.ms)) best.set(name, timed);
    }
  }
  return best;
}

const ms = (x: number): string => (x < 1 ? x.toFixed(4) : x.toFixed(x < 10 ? 3 : 2));

function cellsOf({ model, best, aarch64, dotprod }: Row): string[] {
  const native = best.get('gcc -O3 -march=native');
  const peer = best.get('onnxruntime-node');
  const cell = (name: Contender): string => {
    const timed = best.get(name);
    if (timed === undefined) return '';
    const expected = name === 'onnxruntime-node' ? model.litert : model.expected;
    return `${ms(timed.ms)} (${Number(errorOf(expected, timed.outputs).toPrecision(2))})`;
  };
  return [
    model.name,
    (model.macs / 1e6).toFixed(3),
    ...NAMES.map(cell),
    native && peer ? `${(peer.ms / native.ms).toFixed(2)}x` : '',
    ...[aarch64, dotprod].flatMap((counted) =>
      counted
        ? [counted.instructions.toLocaleString('en-US'), (counted.instructions / model.macs).toFixed(2)]
        : ['', ''],
    ),
    aarch64 ? `${Number(errorOf(model.expected, aarch64.outputs).toPrecision(2))}` : '',
  ];
}

function tableOf(rows: readonly Row[]): string {
  const head = [
    'model',
    'MMAC',
    ...NAMES.map((name) => `${name}, ms`),
    'mcc against onnxruntime',
    'AArch64 instructions',
    'per MAC',
    'with dot products',
    'per MAC',
    'differs by',
  ];
  return [head, head.map(() => '---'), ...rows.map(cellsOf)].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function timesText(): string[] {
  const { version } = JSON.parse(readFileSync(ORT_PACKAGE, 'utf8')) as { version: string };
  return [
    `onnxruntime-node ${version}, with models converted to ONNX. One thread; a process for each figure: 600 ms of warm-up, then`,
    'batches of 15 ms for at least 0.7 s, of which the median counts; contenders took turns, and the best round stands here. In',
    "brackets: the answer's largest difference from the recorded one.",
  ];
}

function resultsPage(rows: readonly Row[]): string {
  const compiler = execFileSync('gcc', ['--version'], { encoding: 'utf8' }).split('\n')[0];
  const isTimed = rows.some(({ best }) => best.size > 0);
  return `${[
    '# Hosts',
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench:host -- ${process.argv.slice(2).join(' ')}\``,
    `on ${machineClass()}; ${compiler}.`,
    ...(isTimed ? timesText() : ['Nothing was timed in this run (`--rounds 0`): times want a quiet machine.']),
    'AArch64: instructions of one inference of the same C under qemu-user, aarch64-linux-gnu-gcc -O2, and again with',
    `${DOTPROD}; counts do not depend on the machine.`,
    '',
    tableOf(rows),
  ].join('\n')}\n`;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      models: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
    },
  });
  if (arch() !== 'x64')
    console.error(`this machine is ${arch()}: times are those of the code for x86-64 compiled here`);
  const rows: Row[] = [];
  for (const name of values.models?.split(',') ?? [...INT8_MODELS, ...F32_MODELS]) {
    const model = readModel(name);
    const best = timeModel(model, Number(values.rounds));
    const isCounted = model.macs <= MOST_COUNTED;
    const counted = (...flags: readonly string[]) =>
      isCounted ? attempt(`${name} aarch64`, () => countAarch64(model, flags)) : undefined;
    const row = { model, best, aarch64: counted(), dotprod: counted(DOTPROD) };
    rows.push(row);
    console.log(cellsOf(row).join('  '));
  }
  console.log(`\n${tableOf(rows)}`);
  if (values.write) {
    mkdirSync(new URL('.', RESULTS), { recursive: true });
    writeFileSync(RESULTS, resultsPage(rows));
  }
  for (const { model, best, aarch64, dotprod } of rows.filter((row) => !row.model.isFloat)) {
    const own = [best.get('gcc -O3'), best.get('gcc -O3 -march=native'), aarch64, dotprod];
    if (own.every((one) => one === undefined || errorOf(model.expected, one.outputs) === 0)) continue;
    console.error(`wrong answer: ${model.name}`);
    process.exitCode = 1;
  }
}

main();
