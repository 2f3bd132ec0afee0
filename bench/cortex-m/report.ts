/** What bench:cortex-m prints: a line for each measurement, and the page of results. */
import type { Optimize } from '../../compiler/lower/kernel.ts';
import type { Core, Measured } from './measure.ts';
import { PEERS, type Peer, type PeerModel } from './peers.ts';

export interface Row {
  readonly model: PeerModel;
  readonly core: Core;
  readonly optimize: Optimize;
  readonly measured: Measured;
  /** The output is the recorded one. */
  readonly correct: boolean;
}

const PEER_COLUMN: Readonly<Partial<Record<Core, 'm4' | 'm3' | 'm55'>>> = {
  'cortex-m4': 'm4',
  'cortex-m3': 'm3',
  'cortex-m55': 'm55',
};

/** Instructions of the peer on the same core, where it was measured. */
function peerOf({ model, core }: Row): number | undefined {
  const column = PEER_COLUMN[core];
  return column === undefined ? undefined : PEERS[model][column];
}

function ratioOf(row: Row): number | undefined {
  const peer = peerOf(row);
  return peer === undefined ? undefined : row.measured.instructions / peer;
}

function perMac({ model, measured }: Row): string {
  return (measured.instructions / PEERS[model].macs).toFixed(2);
}

/** Flash that is neither weight nor bias: code, tables, and what arranging the weights adds. */
export function beyondWeights({ text, constants, weights }: Measured): number {
  return text + constants - weights;
}

export function rowText(row: Row): string {
  const { model, core, optimize, measured, correct } = row;
  const ratio = ratioOf(row);
  return [
    `${model.padEnd(12)} ${core.padEnd(13)} ${optimize.padEnd(5)}`,
    `${String(measured.instructions).padStart(11)} instructions (${perMac(row)} per MAC${
      ratio === undefined ? '' : `, ${ratio.toFixed(3)} of the peer's`
    })`,
    `${measured.cycles} cycles by the M4 model`,
    `flash ${beyondWeights(measured)} + ${measured.weights} weights, RAM ${measured.arena} + ${measured.stack} stack`,
    correct ? 'output right' : 'OUTPUT WRONG',
  ].join('  ');
}

function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

const number = (x: number): string => x.toLocaleString('en-US');

function coreTable(core: Core, rows: readonly Row[]): string[] {
  const hasPeer = PEER_COLUMN[core] !== undefined;
  const isM4 = core === 'cortex-m4';
  const head = [
    'model',
    'optimize',
    'instructions',
    'per MAC',
    ...(hasPeer ? ['TFLM', 'ratio'] : []),
    ...(isM4 ? ['modelled cycles', "TFLM's", 'best published'] : []),
    'flash beyond weights',
    'weights',
    'arena',
    'stack',
    'output',
  ];
  const body = rows.map((row) => {
    const { measured, model, optimize } = row;
    const peer: Peer = PEERS[model];
    return [
      model,
      optimize,
      number(measured.instructions),
      perMac(row),
      ...(hasPeer ? [number(peerOf(row) as number), (ratioOf(row) as number).toFixed(3)] : []),
      ...(isM4 ? [number(measured.cycles), number(peer.m4Cycles), peer.published ? number(peer.published) : ''] : []),
      number(beyondWeights(measured)),
      number(measured.weights),
      number(measured.arena),
      number(measured.stack),
      row.correct ? 'right' : '**wrong**',
    ];
  });
  const ratios = rows.filter(({ optimize }) => optimize === 'speed').flatMap((row) => ratioOf(row) ?? []);
  return [
    `## ${core}`,
    '',
    ...[head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...(ratios.length > 1 ? [`Geometric mean of the ratios at \`speed\`: ${geomean(ratios).toFixed(3)}.`, ''] : []),
  ];
}

/** The page of bench/results, from all rows. */
export function resultsPage(rows: readonly Row[]): string {
  const cores = [...new Set(rows.map(({ core }) => core))];
  return `${[
    '# Small cores',
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench:cortex-m -- --write\`: instructions of one inference on QEMU's boards,`,
    'counted one by one (the counts do not depend on the machine), input 0 of the recorded ones. Compiled by',
    'arm-none-eabi-gcc or riscv64-unknown-elf-gcc of Debian 12 at -O2, for `size` at -Os. The peer is TensorFlow Lite Micro with',
    'CMSIS-NN, its fastest build; versions stand in `bench/cortex-m/peers.ts`. Cycles are those of the Cortex-M4 model in',
    '`bench/cortex-m/cycles.ts`, memory without wait states. Flash beyond weights: code and tables of the model, without the',
    "bytes of the model's weights and biases. Stack: deepest kernel and run function, from -fstack-usage.",
    '',
    ...cores.flatMap((core) =>
      coreTable(
        core,
        rows.filter((row) => row.core === core),
      ),
    ),
  ]
    .join('\n')
    .trimEnd()}\n`;
}
