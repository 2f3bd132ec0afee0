import { equal, ok } from 'node:assert/strict';
import { test } from 'uvu';
import { i32, op } from '../../../ir/loop/build.ts';
import { instruction, OPCODES, type Opcode } from '../../../ir/loop/instructions.ts';
import {
  contains,
  factsOf,
  fullRange,
  I32,
  I64,
  opRange,
  printRange,
  type Range,
  range,
} from '../../../ir/loop/ranges.ts';
import type { Expr, ScalarType } from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';

const scalarOps = OPCODES.filter((name) => {
  const { params, result } = instruction(name);
  const integers = params.every((type) => type === 'i32' || type === 'i64');
  return integers && (result === 'i32' || result === 'i64');
});

function randomEnd(random: Random, full: Range): bigint {
  const bits = full === I32 ? 31 : 63;
  const magnitude = (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  const value = BigInt.asUintN(random.int(0, bits), magnitude);
  const edges = [full.low, full.high, 0n, -1n, 1n];
  return random.chance(0.15) ? random.pick(edges) : random.chance(0.5) ? value : -value - 1n;
}

function randomRange(random: Random, type: ScalarType): Range {
  const full = fullRange(type) as Range;
  const a = randomEnd(random, full);
  const b = random.chance(0.2) ? a : randomEnd(random, full);
  return a < b ? { low: a, high: b } : { low: b, high: a };
}

function valueIn(random: Random, { low, high }: Range): bigint {
  const choice = random.int(0, 3);
  if (choice === 0) return low;
  if (choice === 1) return high;
  const wide = (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  const offset = choice === 2 ? BigInt(random.int(0, 8)) : wide;
  return low + (offset % (high - low + 1n));
}

/** What the instruction gives, or undefined where it throws: an operand outside its domain, or an overflow. */
function tryEvaluate(name: Opcode, operands: readonly bigint[], imm: readonly number[]): bigint | undefined {
  const { params, evaluate } = instruction(name);
  const values = operands.map((value, i) => (params[i] === 'i32' ? Number(value) : value));
  try {
    return BigInt(evaluate(...values, ...imm) as number | bigint);
  } catch {
    return undefined;
  }
}

test('the range of every integer instruction holds all its results', () => {
  const random = new Random(1);
  for (const name of scalarOps) {
    const { params, imm } = instruction(name);
    let checked = 0;
    for (let round = 0; round < 600; round++) {
      const ranges = params.map((type) => randomRange(random, type as ScalarType));
      const isCount = /shl|shr|rdivpot/.test(name);
      const bits = params[1] === 'i64' ? 63 : 31;
      if (isCount) ranges[1] = range(random.int(0, 5), random.int(5, bits));
      const least = name === 'i32.ssat' ? 1 : 0;
      const constants = Array.from({ length: imm?.count ?? 0 }, () => random.int(least, (imm?.bound ?? 1) - 1));
      const known = opRange(name, ranges, constants) as Range;
      for (let i = 0; i < 8; i++) {
        const operands = ranges.map((r) => valueIn(random, r));
        const result = tryEvaluate(name, operands, constants);
        if (result === undefined) continue;
        checked++;
        const inside = contains(known, { low: result, high: result });
        ok(
          inside,
          `${name}(${operands}; ${constants}) of ${ranges.map(printRange)} is ${result}, not in ${printRange(known)}`,
        );
      }
    }
    ok(checked > 100, `${name}: only ${checked} results were checked`);
  }
});

test('ranges are as tight as kernels need', () => {
  const cases: readonly (readonly [Opcode, readonly Range[], readonly number[], Range])[] = [
    ['i32.add', [range(0, 10), range(-3, 4)], [], range(-3, 14)],
    ['i32.mul', [range(-2, 3), range(5, 7)], [], range(-14, 21)],
    ['i32.sub', [range(0, 10), range(-3, 4)], [], range(-4, 13)],
    ['i32.and', [I32, range(15, 15)], [], range(0, 15)],
    ['i32.or', [range(0, 100), range(1, 1)], [], range(1, 127)],
    ['i32.shr_s', [range(-128, 127), range(4, 4)], [], range(-8, 7)],
    ['i32.shr_u', [I32, range(24, 24)], [], range(0, 255)],
    ['i32.shl', [range(-3, 5), range(0, 3)], [], range(-24, 40)],
    ['i32.rem_s', [range(0, 1000), range(7, 7)], [], range(0, 6)],
    ['i32.rem_s', [range(-1000, 3), range(7, 7)], [], range(-6, 3)],
    ['i32.div_s', [range(-9, 1000), range(2, 10)], [], range(-4, 500)],
    ['i32.min_s', [I32, range(5, 9)], [], range(I32.low, 9)],
    ['i32.clz', [range(1, 255)], [], range(24, 31)],
    ['i32.ssat', [I32], [8], range(-128, 127)],
    ['i32.usat', [I32], [8], range(0, 255)],
    ['i32.wrap_i64', [range(-5, 5)], [], range(-5, 5)],
    ['i32.wrap_i64', [I64], [], I32],
    ['i32.add_wrap', [range(0, 2 ** 31 - 1), range(0, 1)], [], I32],
    ['i64.extend_i32_u', [range(-1, -1)], [], range(2 ** 32 - 1, 2 ** 32 - 1)],
    ['i32.lt_s', [I32, I32], [], range(0, 1)],
  ];
  for (const [name, args, imm, expected] of cases) {
    equal(printRange(opRange(name, args, imm) as Range), printRange(expected), name);
  }
});

const x: Expr = { kind: 'var', name: 'x', type: 'i32' };

test('a condition and its negation say what the comparison says', () => {
  const comparisons: readonly Opcode[] = [
    'i32.lt_s',
    'i32.le_s',
    'i32.gt_s',
    'i32.ge_s',
    'i32.eq',
    'i32.ne',
    'i32.lt_u',
  ];
  const own = range(-3, 6);
  const rangeOf = (e: Expr) => (e.kind === 'const' ? range(e.value, e.value) : own);
  for (const name of comparisons) {
    for (let bound = -4; bound <= 7; bound++) {
      for (const flipped of [false, true]) {
        const cond = op(name, flipped ? [bound, x] : [x, bound]);
        for (let value = -3; value <= 6; value++) {
          const holds = instruction(name).evaluate(...(flipped ? [bound, value] : [value, bound])) === 1;
          for (const fact of factsOf(cond, holds, rangeOf)) {
            ok(
              contains(fact.range, range(value, value)),
              `${name} ${flipped} ${bound}: ${value}, ${printRange(fact.range)}`,
            );
          }
        }
      }
    }
  }
  const known = factsOf(op('i32.and', [op('i32.ge_s', [x, 0]), op('i32.lt_s', [x, 96])]), true, rangeOf);
  equal(known.map((fact) => fact.range.low >= 0n || fact.range.high <= 95n).join(), 'true,true');
  equal(factsOf(op('i32.and', [op('i32.ge_s', [x, 0]), i32(2)]), true, rangeOf).length, 0);
  equal(factsOf(op('i32.and', [op('i32.ge_s', [x, 0]), i32(1)]), true, rangeOf).length, 1);
  equal(factsOf(op('i32.and', [i32(1), op('i32.ge_s', [x, 0])]), true, rangeOf).length, 1);
  equal(factsOf(op('i32.and', [op('i32.ge_s', [x, 0]), op('i32.lt_s', [x, 9])]), false, rangeOf).length, 0);
});

test.run();
