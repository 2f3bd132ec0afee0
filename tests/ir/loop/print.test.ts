import { equal } from 'node:assert/strict';
import { suite } from 'uvu';
import { add, FunctionBuilder, f32, f64, i32, i64, inRange, mul, op, sub } from '../../../ir/loop/build.ts';
import { printConst, printExpr, printFunc, printProgram, printRom } from '../../../ir/loop/print.ts';
import type { Expr, Program } from '../../../ir/loop/types.ts';

const test = suite('print');
const a: Expr = { kind: 'var', name: 'a', type: 'i32' };
const b: Expr = { kind: 'var', name: 'b', type: 'i32' };

test('a function', () => {
  const f = new FunctionBuilder('conv', ['y = w * x', 'for oy']);
  const x = f.buffer('x', 'i8', 96, 'in');
  const y = f.buffer('y', 'i32', 48, 'out');
  const zero = f.scalar('zp', 'i32');
  f.for(
    'oy',
    0,
    48,
    (oy) => {
      const iy = f.let('iy', sub(mul(oy, 2), 1));
      const acc = f.variable('acc', 0);
      f.comment('inside the image');
      f.if(
        inRange(iy, 0, 96),
        () => f.set(acc, sub(x.at(iy), zero)),
        () => f.set(acc, op('i32.ssat', [zero], [8])),
      );
      f.store(y, oy, acc.value);
    },
    { unroll: true },
  );
  equal(
    printFunc(f.finish()),
    `;; y = w * x
;; for oy
func conv(x: in i8[96], y: out i32[48], zp: i32) {
  for oy in 0..48 unroll {
    let iy = oy * 2 - 1
    var acc: i32 = 0
    ;; inside the image
    if iy >= 0 & iy < 96 {
      set acc = x.i8[iy] - zp
    } else {
      set acc = i32.ssat(zp; 8)
    }
    store y.i32[oy] = acc
  }
}
`,
  );
});

test('parentheses stand only where the operators alone would mean something else', () => {
  const cases: readonly (readonly [Expr, string])[] = [
    [add(add(a, b), 1), 'a + b + 1'],
    [add(a, add(b, 1)), 'a + (b + 1)'],
    [sub(a, sub(b, a)), 'a - (b - a)'],
    [mul(add(a, b), 3), '(a + b) * 3'],
    [add(mul(a, 3), mul(b, -4)), 'a * 3 + b * -4'],
    [sub(a, i32(-5)), 'a - -5'],
    [op('i32.lt_s', [add(a, 1), b]), 'a + 1 < b'],
    [op('i32.eq', [op('i32.lt_s', [a, b]), 0]), '(a < b) == 0'],
    [op('i32.eq', [0, op('i32.lt_s', [a, b])]), '0 == (a < b)'],
    [op('i32.and', [op('i32.and', [a, b]), 1]), 'a & b & 1'],
    [op('i32.and', [a, op('i32.and', [b, 1])]), 'a & (b & 1)'],
    [mul(op('i32.and', [a, 7]), 2), '(a & 7) * 2'],
    [op('i32.add_wrap', [add(a, b), 1]), 'i32.add_wrap(a + b, 1)'],
  ];
  for (const [e, text] of cases) equal(printExpr(e), text);
});

test('constants', () => {
  const cases: readonly (readonly [Expr, string])[] = [
    [i32(-7), '-7'],
    [i64(-(2n ** 63n)), '-9223372036854775808:i64'],
    [f32(0.1), '0.1:f32'],
    [f32(-0), '-0:f32'],
    [f32(2 ** -149), '1e-45:f32'],
    [f32(16777216), '16777216:f32'],
    [f64(0.1), '0.1:f64'],
    [f64(1e21), '1e+21:f64'],
    [f64(NaN), 'nan:f64'],
    [f32(-Infinity), '-inf:f32'],
  ];
  for (const [e, text] of cases) equal(printExpr(e), text);
});

test('the digits of an f32 read back as it', () => {
  const view = new DataView(new ArrayBuffer(4));
  for (let bits = 0; bits < 2 ** 32; bits += 7654321) {
    view.setUint32(0, bits);
    const value = view.getFloat32(0);
    if (!Number.isFinite(value)) continue;
    const text = printConst('f32', value).replace(':f32', '');
    equal(Object.is(Math.fround(Number(text)), value), true, text);
  }
});

test('roms, whole and elided', () => {
  const rom = { name: 'w', elem: 'i16', length: 3, bytes: Uint8Array.from([1, 0, 2, 0, 3, 0]) } as const;
  equal(printRom(rom), 'rom w: i16[3] =\n  "AQACAAMA"\n');
  equal(printRom(rom, { elide: true }), 'rom w: i16[3] = elided 6\n');
});

test('a program', () => {
  const program: Program = {
    name: 'two "words"',
    functions: [],
    roms: [],
    inputs: [{ name: 'in/put', elem: 'i8', length: 6, shape: [2, 3], type: 'i8 0.5' }],
    outputs: [{ name: 'out', elem: 'f32', length: 1, shape: [], type: 'f32' }],
    arenaBytes: 96,
    arenaAlign: 16,
    stateBytes: 32,
    run: [
      {
        fn: 'k',
        doc: 'CONV_2D 0',
        args: [
          { kind: 'arena', offset: 16 },
          { kind: 'rom', name: 'w' },
          { kind: 'input', index: 0 },
          { kind: 'input', index: 0, offset: 4 },
          { kind: 'output', index: 0 },
          { kind: 'scalar', type: 'f32', value: 0.5 },
        ],
      },
    ],
    reset: [],
  };
  equal(
    printProgram(program),
    `program "two \\"words\\"" {
  arena 96 align 16 state 32
  input "in/put" i8[6] shape [2, 3] type "i8 0.5"
  output "out" f32[1] shape [] type "f32"
  run {
    ;; CONV_2D 0
    call k(arena 16, rom w, input 0, input 0 + 4, output 0, 0.5:f32)
  }
  reset {
  }
}
`,
  );
});

test.run();
