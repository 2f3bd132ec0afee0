/** Statements, addresses, calls and memory: the module computes what the interpreter computes, byte for byte. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitWasm, emitWat, type Optimize } from '../../../backends/wasm/index.ts';
import {
  add,
  affine,
  type Buffer,
  call,
  clamp,
  FunctionBuilder,
  inRange,
  mul,
  op,
  sub,
} from '../../../ir/loop/build.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import {
  type Access,
  type Argument,
  ELEM_BYTES,
  type Elem,
  type Expr,
  type Func,
  type Program,
  STORABLE,
} from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';
import { TINY } from './fixture.ts';
import { firstDifference, instantiate } from './support.ts';

const SEED = 77;
const LEVELS = ['none', 'size', 'speed'] as const satisfies readonly Optimize[];
const test = suite('wasm: lowering');

const port = (name: string, elem: Elem, length: number) => ({ name, elem, length, shape: [length], type: elem });

const EMPTY: Program = {
  name: 'test',
  functions: [],
  roms: [],
  inputs: [],
  outputs: [],
  arenaBytes: 0,
  arenaAlign: 16,
  stateBytes: 0,
  run: [],
  reset: [],
};

/** A program that calls one kernel once, with an input or output for each of its buffers. */
function programOf(func: Func, helpers: readonly Func[] = []): Program {
  const buffers = func.params.filter((param) => param.kind === 'buffer');
  const ins = buffers.filter((param) => param.access === 'in');
  const outs = buffers.filter((param) => param.access === 'out');
  const args = buffers.map(
    (param): Argument =>
      param.access === 'in'
        ? { kind: 'input', index: ins.indexOf(param) }
        : { kind: 'output', index: outs.indexOf(param) },
  );
  return {
    ...EMPTY,
    functions: [...helpers, func],
    inputs: ins.map(({ name, elem, length }) => port(name, elem, length)),
    outputs: outs.map(({ name, elem, length }) => port(name, elem, length)),
    run: [{ fn: func.name, args, doc: func.name }],
  };
}

function randomInputs(program: Program, random: Random): Uint8Array[] {
  return program.inputs.map(({ length, elem }) => random.bytes(length * ELEM_BYTES[elem]));
}

/** Runs the program three times in the interpreter and at each level of optimisation. */
function agrees(program: Program): void {
  const random = new Random(SEED);
  const rounds = [0, 1, 2].map(() => randomInputs(program, random));
  const machine = new Machine(program);
  const expected = rounds.map((inputs) => machine.run(inputs));
  for (const level of LEVELS) {
    const instance = instantiate(program, level);
    rounds.forEach((inputs, round) => {
      instance.run(inputs).forEach((found, i) => {
        const difference = firstDifference(expected[round]?.[i] as Uint8Array, found);
        assert.is(difference, undefined, `${level}, round ${round}, output ${i}: ${difference} (seed ${SEED})`);
      });
    });
  }
}

const ACCESSES: readonly Access[] = [
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'i64',
  'v128',
  'i8x8_s',
  'u8x8_u',
  'i16x4_s',
  'splat8',
  'splat16',
  'splat32',
  'low64',
];

test('every access, at any alignment', () => {
  for (const access of ACCESSES) {
    const f = new FunctionBuilder('access', []);
    const x = f.buffer('x', 'u8', 64, 'in');
    const y = f.buffer('y', 'u8', 1024, 'out');
    f.for('i', 0, 1024, (i) => f.store(y, i, 0));
    const storeAs = STORABLE.has(access) ? access : 'v128';
    f.for('i', 0, 48, (i) => f.store(y, add(mul(i, 17), 3), x.at(add(i, 0), access), storeAs));
    agrees(programOf(f.finish()));
  }
});

test('every element type, converted there and back', () => {
  const WAYS: Readonly<Partial<Record<Elem, readonly [to: Opcode, back: Opcode]>>> = {
    i64: ['i64.extend_i32_s', 'i32.wrap_i64'],
    f32: ['f32.convert_i32_s', 'i32.trunc_sat_f32_s'],
    f64: ['f64.convert_i32_s', 'i32.trunc_sat_f64_s'],
  };
  for (const elem of Object.keys(ELEM_BYTES) as Elem[]) {
    const f = new FunctionBuilder('convert', []);
    const x = f.buffer('x', 'i8', 24, 'in');
    const y = f.buffer('y', elem, 24, 'out');
    const z = f.buffer('z', 'i32', 24, 'out');
    const way = WAYS[elem];
    f.for('i', 0, 24, (i) => f.store(y, sub(23, i), way === undefined ? x.at(i) : op(way[0], [x.at(i)])));
    f.for('i', 0, 24, (i) => f.store(z, i, way === undefined ? y.at(i) : op(way[1], [y.at(i)])));
    agrees(programOf(f.finish()));
  }
});

/** A 3x3 convolution of stride 2 with padding: bounds from an `if`, unrolled taps, a helper, saturation. */
function convolution(unroll: boolean): Program {
  const requantize = new FunctionBuilder('requantize', []);
  const acc = requantize.scalar('acc', 'i32');
  const shift = requantize.scalar('shift', 'i32');
  const scaled = requantize.let('scaled', op('i32.sqrdmulh', [acc, 1518500250]));
  const helper = requantize.finishWith(clamp(op('i32.rdivpot', [scaled, shift]), -128, 127));
  const f = new FunctionBuilder('conv', []);
  const x = f.buffer('x', 'i8', 9 * 9 * 4, 'in');
  const w = f.buffer('w', 'i8', 8 * 3 * 3 * 4, 'in');
  const y = f.buffer('y', 'i8', 5 * 5 * 8, 'out');
  f.forAll(['oy', 'ox', 'o'], [5, 5, 8], ([oy, ox, o]) => {
    const sum = f.variable('sum', mul(add(oy!, 1), -7));
    f.for(
      'ky',
      0,
      3,
      (ky) => {
        const iy = f.let('iy', sub(add(mul(oy!, 2), ky), 1));
        f.if(inRange(iy, 0, 9), () => {
          f.for(
            'kx',
            0,
            3,
            (kx) => {
              const ix = f.let('ix', sub(add(mul(ox!, 2), kx), 1));
              f.if(
                inRange(ix, 0, 9),
                () => {
                  f.for(
                    'c',
                    0,
                    4,
                    (c) => {
                      const tap = x.at(
                        affine([
                          [iy, 36],
                          [ix, 4],
                          [c, 1],
                        ]),
                      );
                      const weight = w.at(
                        affine([
                          [o!, 36],
                          [ky, 12],
                          [kx, 4],
                          [c, 1],
                        ]),
                      );
                      f.set(sum, add(sum.value, mul(tap, weight)));
                    },
                    { unroll },
                  );
                },
                () => f.set(sum, sub(sum.value, 3)),
              );
            },
            { unroll },
          );
        });
      },
      { unroll },
    );
    f.store(
      y,
      affine([
        [oy!, 40],
        [ox!, 8],
        [o!, 1],
      ]),
      call(helper, [sum.value, 6]),
    );
  });
  return programOf(f.finish(), [helper]);
}

test('a convolution with padding, as loops and unrolled', () => {
  agrees(convolution(false));
  agrees(convolution(true));
});

test('constants leave an index only where the rest cannot be negative', () => {
  const f = new FunctionBuilder('shifted', []);
  const x = f.buffer('x', 'i16', 64, 'in');
  const y = f.buffer('y', 'i32', 64, 'out');
  f.for('i', 0, 64, (i) => f.store(y, i, 0));
  f.for('i', -20, 20, (i) => f.store(y, add(i, 20), x.at(add(mul(i, -1), 30))), { step: 3 });
  f.for('i', 5, 10, (i) => f.store(y, sub(mul(i, 5), 2), x.at(add(mul(sub(i, 3), 4), 9))));
  const v = f.variable('v', 8);
  f.if(op('i32.ge_s', [v.value, 0]), () => {
    f.set(v, -4);
    f.store(y, add(v.value, 5), x.at(add(v.value, 6)));
  });
  agrees(programOf(f.finish()));
});

test('variables of every type, branches both ways, steps that do not divide', () => {
  const f = new FunctionBuilder('mixed', []);
  const x = f.buffer('x', 'i32', 40, 'in');
  const y = f.buffer('y', 'i64', 40, 'out');
  const z = f.buffer('z', 'i32', 4, 'out');
  const total = f.variable('total', { kind: 'const', type: 'i64', value: -5n });
  const last = f.variable('last', { kind: 'const', type: 'f64', value: 0.5 });
  const lanes = f.variable('lanes', op('i32x4.splat', [3]));
  f.for('k', 0, 40, (k) => f.store(y, k, { kind: 'const', type: 'i64', value: 0n }));
  f.for(
    'i',
    1,
    39,
    (i) => {
      const value = f.let('value', op('i32.shr_s', [x.at(i), 3]));
      f.if(
        op('i32.lt_s', [value, 0]),
        () => f.set(total, op('i64.sub', [total.value, op('i64.extend_i32_s', [value])])),
        () => f.set(last, op('f64.add', [last.value, op('f64.convert_i32_s', [value])])),
      );
      f.set(lanes, op('i32x4.add', [lanes.value, op('i32x4.splat', [value])]));
      f.store(y, i, total.value);
    },
    { step: 7 },
  );
  f.store(y, 39, op('i64.trunc_sat_f64_s', [last.value]));
  f.store(z, 0, lanes.value, 'v128');
  agrees(programOf(f.finish()));
});

/** y = x + bias * scale, for the same kernel at several places. */
function addScaled(): Func {
  const f = new FunctionBuilder('add_scaled', []);
  const x = f.buffer('x', 'i16', 8, 'in');
  const bias = f.buffer('bias', 'i16', 8, 'rom');
  const y = f.buffer('y', 'i16', 8, 'out');
  const scale = f.scalar('scale', 'i32');
  const wide = f.scalar('wide', 'i64');
  f.for('i', 0, 8, (i) => {
    const at = (buffer: Buffer) => buffer.at(i);
    const sum = add(add(at(x), mul(at(bias), scale)), op('i32.wrap_i64', [wide]));
    f.store(y, i, op('i32.extend16_s', [sum]));
  });
  return f.finish();
}

test('one kernel at several places, with scalars and constants that are mostly zero', () => {
  const sparse = new Uint8Array(16 * 40);
  sparse[3] = 9;
  sparse.fill(7, 200, 205);
  const rom = (name: string, bytes: Uint8Array) => ({ name, elem: 'i16', length: bytes.length / 2, bytes }) as const;
  const scalars = (scale: number, wide: bigint): Argument[] => [
    { kind: 'scalar', type: 'i32', value: scale },
    { kind: 'scalar', type: 'i64', value: wide },
  ];
  const step = (from: Argument, constant: string, to: Argument, scale: number, wide: bigint) => ({
    fn: 'add_scaled',
    args: [from, { kind: 'rom', name: constant } as const, to, ...scalars(scale, wide)],
    doc: `step ${scale}`,
  });
  const program: Program = {
    ...EMPTY,
    functions: [addScaled()],
    roms: [
      rom('a', sparse.slice(0, 16)),
      rom('zeros', new Uint8Array(16)),
      rom('b', sparse.slice(192, 208)),
      rom('rest', sparse),
    ],
    inputs: [port('x', 'i16', 8)],
    outputs: [port('y', 'i16', 8), port('z', 'i16', 8)],
    arenaBytes: 64,
    run: [
      step({ kind: 'input', index: 0 }, 'a', { kind: 'arena', offset: 48 }, 3, -1n),
      step({ kind: 'arena', offset: 48 }, 'b', { kind: 'output', index: 1 }, -5, 2n ** 40n + 3n),
      step({ kind: 'arena', offset: 48 }, 'zeros', { kind: 'output', index: 0 }, 11, 0n),
    ],
  };
  agrees(program);
});

test('state lives on until it is reset', () => {
  const inputs = [Uint8Array.of(1, 2, 3, 4), new Uint8Array(12)];
  for (const level of LEVELS) {
    const machine = new Machine(TINY);
    const instance = instantiate(TINY, level);
    for (const round of [0, 1, 2, 3]) {
      if (round === 2) {
        machine.reset();
        instance.reset();
      }
      assert.equal(instance.run(inputs), machine.run(inputs), `${level}, round ${round}`);
    }
  }
});

test('imports nothing, exports what is needed, has no more memory than that', () => {
  for (const level of LEVELS) {
    const stateful = instantiate(TINY, level);
    assert.is(stateful.imports, 0);
    assert.equal([...stateful.exports].sort(), ['memory', 'reset', 'run']);
    assert.equal([...instantiate(convolution(true), level).exports].sort(), ['memory', 'run']);
  }
  const { layout } = emitWasm({
    ...EMPTY,
    inputs: [port('x', 'u8', 70000)],
    outputs: [port('y', 'f32', 3)],
    arenaBytes: 5,
  });
  assert.equal(layout, { inputs: [1024], outputs: [71024], arena: 71040, pages: 2 });
});

test('gives the same bytes for the same program, optimised smaller', () => {
  const program = convolution(true);
  const sizes = LEVELS.map((optimize) => {
    const first = emitWasm(program, { optimize }).wasm;
    assert.is(firstDifference(first, emitWasm(program, { optimize }).wasm), undefined);
    return first.length;
  });
  const [none, size, speed] = sizes as [number, number, number];
  console.log(`  unrolled convolution: none ${none}, size ${size}, speed ${speed} bytes`);
  assert.ok(size < none && speed < none, `${size} and ${speed} < ${none}`);
});

test('writes text for people, without constants', () => {
  const wat = emitWat(TINY);
  assert.match(wat, /\(func \$tiny/);
  assert.match(wat, /\(i64\.const 100\)/);
  assert.not.match(wat, /\(data/);
});

test('says what is wrong with a program', () => {
  const says = (program: Program): string => {
    try {
      emitWasm(program);
      return 'emitted';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const func = addScaled();
  const base = { ...EMPTY, functions: [func] };
  const places: Argument[] = [
    { kind: 'arena', offset: 0 },
    { kind: 'rom', name: 'none' },
    { kind: 'arena', offset: 16 },
  ];
  assert.is(says({ ...base, run: [{ fn: 'sub', args: [], doc: 'op 3' }] }), 'op 3: the program has no function sub');
  assert.is(
    says({ ...base, run: [{ fn: 'add_scaled', args: places, doc: 'op 3' }] }),
    'op 3: add_scaled takes 5 arguments, the call gives 3',
  );
  const full: Argument[] = [
    ...places,
    { kind: 'scalar', type: 'i32', value: 1 },
    { kind: 'scalar', type: 'i64', value: 1n },
  ];
  assert.is(
    says({ ...base, run: [{ fn: 'add_scaled', args: full, doc: 'op 3' }] }),
    'a call names rom none, which the program does not have',
  );
  assert.is(
    says({ ...EMPTY, arenaBytes: 2 ** 32 }),
    'test needs 4294968320 bytes of memory; a WebAssembly module can have 4 GiB at most',
  );
  const broken = (value: Expr): Program =>
    programOf({
      name: 'broken',
      doc: [],
      params: [],
      result: null,
      body: [{ kind: 'var', name: 'a', type: 'i32', init: value }],
    });
  const one: Expr = { kind: 'const', type: 'f32', value: 1 };
  assert.is(
    says(broken({ kind: 'op', op: 'i32.add', args: [one], imm: [] })),
    'function broken: i32.add takes 2 operands and 0 constants, found 1 and 0',
  );
  assert.is(says(broken({ kind: 'var', name: 'b', type: 'i32' })), 'function broken: no variable b');
  assert.match(
    says(broken({ kind: 'op', op: 'i32.clz', args: [one], imm: [] })),
    /^the WebAssembly module is not valid: \[wasm-validator error in function broken\]/,
  );
});

test.run();
