/** The classes of operations that executions are counted in, and sums over them; count.ts counts. */
import type { Opcode } from './instructions.ts';

export const OP_CLASSES = [
  'load1',
  'load2',
  'load4',
  'load8',
  'load16',
  'store1',
  'store2',
  'store4',
  'store8',
  'store16',
  'alu', // 32-bit integer arithmetic, logic, comparisons, selects and conversions between integers
  'mul',
  'mulhi', // the high word of a product
  'mac', // i32 additions with a product as an operand, which count once, and the dual multiplies of Armv7E-M
  'div',
  'fixed', // fixed-point building blocks, several instructions on most targets
  'i64',
  'i64mul',
  'f32',
  'f32div', // divisions and square roots
  'f64',
  'f64div',
  'vector',
  'vectorMac', // widening dot products and multiplications
  'branch', // one per trip of a loop that is not unrolled and one per `if`
  'call',
] as const;

export type OpClass = (typeof OP_CLASSES)[number];

/** How often each class is executed. */
export type Counts = Readonly<Record<OpClass, number>>;

const FIXED: ReadonlySet<Opcode> = new Set<Opcode>([
  'i32.sqrdmulh',
  'i32.rdivpot',
  'i32.sqadd',
  'i32.sqsub',
  'i32.sqshl',
]);

/** The class of an instruction by itself. A conversion belongs to its result's type, a comparison to its operands'. */
export function classOf(op: Opcode): OpClass {
  if (FIXED.has(op)) return 'fixed';
  if (op === 'i32.mulhi_s' || op === 'i32.mulhir_s') return 'mulhi';
  if (op.startsWith('dsp.smla') || op === 'dsp.smmlar' || op === 'i32.mla_ordered') return 'mac';
  if (op === 'mve.vmladav_s8' || op === 'mve.vmladava_s8' || op.startsWith('mve.vmull')) return 'vectorMac';
  if (op === 'i32.div_s' || op === 'i32.rem_s') return 'div';
  if (/^f(?:32|64)\.(?:div|sqrt)$/.test(op)) return op.startsWith('f32') ? 'f32div' : 'f64div';
  if (/\.(?:extmul|dot|sdot|sdot_lane|usdot|q15mulr)_/.test(op)) return 'vectorMac';
  const family = op.slice(0, op.indexOf('.'));
  const isProduct = /\.mul(?:_wrap)?$/.test(op);
  if (family === 'i32') return isProduct ? 'mul' : 'alu';
  if (family === 'i64') return isProduct ? 'i64mul' : 'i64';
  if (family === 'f32' || family === 'f64') return family;
  return family === 'dsp' || op === 'mve.address' ? 'alu' : 'vector';
}

export type MutableCounts = Record<OpClass, number>;

export function emptyCounts(): MutableCounts {
  return Object.fromEntries(OP_CLASSES.map((name) => [name, 0])) as MutableCounts;
}

export function memoryClass(kind: 'load' | 'store', bytes: number): OpClass {
  const size = [1, 2, 4, 8].find((known) => known === bytes) ?? 16;
  return `${kind}${size}` as OpClass;
}

export function sumCounts(all: readonly Counts[]): Counts {
  const sum = emptyCounts();
  for (const counts of all) for (const name of OP_CLASSES) sum[name] += counts[name];
  return sum;
}

/** The weighted sum: predicted instructions or cycles, by what one operation of each class takes on a target. */
export function weighted(counts: Counts, weights: Readonly<Record<OpClass, number>>): number {
  return OP_CLASSES.reduce((sum, name) => sum + counts[name] * weights[name], 0);
}
