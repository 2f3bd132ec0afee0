/**
 * npm run bench:cortex-m -- [--models kws,ic] [--cores cortex-m4] [--optimize speed,size] [--functions] [--write]
 *
 * Counts the instructions of one inference of the shared models on emulated boards, beside TensorFlow Lite Micro's. Every
 * output is compared with the recorded one. --functions lists the busiest functions; --write puts the tables into
 * bench/results/cortex-m.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { importModel, simplify } from '../../compiler/compile.ts';
import type { Optimize } from '../../compiler/lower/kernel.ts';
import { CORES, type Core, type Measured, measure } from './measure.ts';
import { PEERS, type PeerModel } from './peers.ts';
import { type Row, resultsPage, rowText } from './report.ts';

const MODELS = Object.keys(PEERS) as PeerModel[];
const SHARED = process.env.MCC_SHARED ?? new URL('../../../shared', import.meta.url).pathname;
const RESULTS = new URL('../results/cortex-m.md', import.meta.url);

function chosen<T extends string>(
  flag: string,
  text: string | undefined,
  known: readonly T[],
  usual: readonly T[],
): T[] {
  const names = text === undefined ? usual : text.split(',');
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown === undefined) return [...names] as T[];
  console.error(`--${flag} ${unknown}: expected some of ${known.join(',')}`);
  process.exit(2);
}

function graphOf(model: string) {
  const path = `${SHARED}/models/${model}.tflite`;
  return simplify(importModel({ path, bytes: readFileSync(path), name: model }).graph);
}

function checkOutput(model: string, { outputs }: Measured): boolean {
  return Buffer.compare(readFileSync(`${SHARED}/golden/${model}/out_00.bin`), outputs[0] as Uint8Array) === 0;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      models: { type: 'string' },
      cores: { type: 'string' },
      optimize: { type: 'string' },
      functions: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const rows: Row[] = [];
  const cores = chosen<Core>('cores', values.cores, CORES, [
    'cortex-m4',
    'cortex-m55',
    'cortex-m3',
    'cortex-m0plus',
    'rv32imc',
  ]);
  const goals = chosen<Optimize>('optimize', values.optimize, ['speed', 'size'], ['speed', 'size']);
  for (const model of chosen<PeerModel>('models', values.models, MODELS, MODELS)) {
    const graph = graphOf(model);
    const inputs = [new Uint8Array(readFileSync(`${SHARED}/golden/${model}/in_00.bin`))];
    for (const core of cores) {
      // Size matters where flash is small, which the M4's figures stand for.
      for (const optimize of goals.filter((goal) => goal === 'speed' || core === 'cortex-m4')) {
        const measured = measure({ graph, core, optimize, inputs });
        const row: Row = { model, core, optimize, measured, correct: checkOutput(model, measured) };
        rows.push(row);
        console.log(rowText(row));
        if (values.functions) for (const f of measured.functions.slice(0, 16)) console.log(functionText(f, measured));
      }
    }
  }
  const wrong = rows.filter(({ correct }) => !correct);
  if (values.write) writeFileSync(RESULTS, resultsPage(rows));
  if (wrong.length > 0) {
    console.error(`wrong outputs: ${wrong.map(({ model, core }) => `${model} on ${core}`).join(', ')}`);
    process.exitCode = 1;
  }
}

function functionText({ name, instructions, cycles }: Measured['functions'][number], all: Measured): string {
  const share = ((100 * instructions) / all.instructions).toFixed(1);
  return `    ${String(instructions).padStart(12)}  ${share.padStart(5)} %  ${String(cycles).padStart(12)} cycles  ${name}`;
}

main();
