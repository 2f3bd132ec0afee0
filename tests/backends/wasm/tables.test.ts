/** Tables are written out as they were, from fewer bytes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitWasm } from '../../../backends/wasm/index.ts';
import { expansion, type PackedTables, packedBytes, packingOf } from '../../../backends/wasm/tables.ts';
import { FunctionBuilder } from '../../../ir/loop/build.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { ELEM_BYTES, type Elem, type Program, type Rom } from '../../../ir/loop/types.ts';
import { verifyFunc } from '../../../ir/loop/verify.ts';
import { Random } from '../../support/random.ts';
import { instantiate } from './support.ts';

const SEED = 5;
const test = suite('wasm: packed tables');

const ARRAYS = { i8: Int8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array, f32: Float32Array } as const;

function rom(name: string, elem: keyof typeof ARRAYS, values: readonly number[]): Rom {
  const data = ARRAYS[elem].from(values);
  return { name, elem, length: values.length, bytes: new Uint8Array(data.buffer) };
}

function between(r: Random, low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(low + r.unit() * (high - low + 1)));
}

/** What the function that writes the tables out makes of their bytes. */
function written(tables: PackedTables, bytes: Uint8Array): Uint8Array {
  const count = bytes.length / ELEM_BYTES[tables.elem];
  const func = expansion('write', tables, count);
  const packed = packedBytes(tables, bytes);
  const port = (name: string, elem: Elem, length: number) => ({ name, elem, length, shape: [length], type: elem });
  const machine = new Machine({
    name: 'written',
    functions: [func],
    roms: [],
    inputs: [port('packed', 'u8', packed.length)],
    outputs: [port('values', tables.elem, count)],
    arenaBytes: 0,
    arenaAlign: 16,
    stateBytes: 0,
    run: [
      {
        fn: 'write',
        args: [
          { kind: 'input', index: 0 },
          { kind: 'output', index: 0 },
        ],
        doc: '',
      },
    ],
    reset: [],
  });
  return machine.run([packed])[0] as Uint8Array;
}

/** `exp(-step * i)` with 31 fraction bits, each a little off. */
function falling(r: Random, step: number, count: number, off: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Math.max(0, Math.round(Math.exp(-step * i) * (2 ** 31 - 1)) + (i === 0 ? 0 : between(r, -off, off, 1)[0]!)),
  );
}

test('every coding gives the elements back', () => {
  const r = new Random(SEED);
  const roms = [
    rom('small16', 'i16', between(r, -128, 127, 100)),
    rom('wide16', 'u16', between(r, 0, 65535, 70)),
    rom('small', 'i32', between(r, -128, 127, 80)),
    rom('two', 'i32', between(r, -32768, 32767, 80)),
    rom('three', 'i32', between(r, -(2 ** 23), 2 ** 23 - 1, 80)),
    rom('four', 'i32', [-(2 ** 31), 2 ** 31 - 1, ...between(r, -(2 ** 31), 2 ** 31 - 1, 80)]),
    rom(
      'powers',
      'i32',
      Array.from({ length: 90 }, (_, i) => 2 ** (i % 31)),
    ),
    rom(
      'taps',
      'i8',
      between(r, -128, 127, 400).map((value, i) => (i % 4 === 3 ? 0 : value)),
    ),
    rom('falling', 'i32', falling(r, 0.02, 256, 50)),
    rom('steep', 'i32', falling(r, 0.3, 256, 1)),
  ];
  const { plain, packed } = packingOf(roms);
  assert.equal(plain, []);
  const codings = packed.map(({ coding, roms: members }) => [
    members[0]?.name,
    coding.kind,
    'width' in coding && coding.width,
  ]);
  assert.equal(codings, [
    ['small16', 'bytes', 1],
    ['wide16', 'bytes', 2],
    ['small', 'bytes', 1],
    ['two', 'bytes', 2],
    ['three', 'bytes', 3],
    ['four', 'bytes', 4],
    ['powers', 'powers', false],
    ['taps', 'bytes', 3],
    ['falling', 'ratio', 1],
    ['steep', 'ratio', 1],
  ]);
  for (const tables of packed) {
    const { bytes, name } = tables.roms[0] as Rom;
    assert.equal(written(tables, bytes), bytes, name);
  }
});

test('tables of one coding are written by one loop; few elements, bytes and floats stay as they are', () => {
  const r = new Random(SEED);
  const few = rom('few', 'i16', between(r, 300, 400, 63));
  const bytes = rom('bytes', 'i8', between(r, -128, 127, 500));
  const floats = rom('floats', 'f32', between(r, -128, 127, 500));
  const pair = [rom('a', 'i32', between(r, -9, 9, 40)), rom('b', 'i32', between(r, -9, 9, 24))];
  const { plain, packed } = packingOf([few, bytes, ...pair, floats]);
  assert.equal(plain, [few, bytes, floats]);
  assert.equal(
    packed.map(({ roms }) => roms),
    [pair],
  );
});

test('tables that hardly fall, rise, or jump are not predicted', () => {
  const r = new Random(SEED);
  const kinds = [
    Array.from({ length: 100 }, (_, i) => i * 1e6),
    Array.from({ length: 100 }, () => 77777),
    falling(r, 0.02, 100, 1e6),
    falling(r, 0.02, 60, 0),
  ].map((values, i) => packingOf([rom(`t${i}`, 'i32', values), rom('more', 'i32', new Array(64).fill(1e9))]).packed[0]);
  assert.equal(
    kinds.map((tables) => tables?.coding.kind),
    ['bytes', 'bytes', 'bytes', 'bytes'],
  );
});

test('a module reads tables as they were, and keeps no room for what they lay in', () => {
  const r = new Random(SEED);
  const tables = [
    rom('a', 'i32', between(r, -500, 500, 333)),
    rom('b', 'i16', between(r, -100, 100, 777)),
    rom('c', 'i32', falling(r, 0.01, 256, 9)),
  ];
  const f = new FunctionBuilder('sums', []);
  const buffers = tables.map(({ name, elem, length }) => f.buffer(name, elem, length, 'rom'));
  const outs = tables.map(({ name, elem, length }) => f.buffer(`y_${name}`, elem, length, 'out'));
  buffers.forEach((buffer, i) => {
    f.for('i', 0, buffer.length, (at) => f.store(outs[i]!, at, buffer.at(at)));
  });
  const func = f.finish();
  assert.equal(verifyFunc(func, []), []);
  const program: Program = {
    name: 'tables',
    functions: [func],
    roms: tables,
    inputs: [],
    outputs: tables.map(({ name, elem, length }) => ({ name, elem, length, shape: [length], type: elem })),
    arenaBytes: 4096,
    arenaAlign: 16,
    stateBytes: 0,
    run: [
      {
        fn: 'sums',
        args: [
          ...tables.map(({ name }) => ({ kind: 'rom', name }) as const),
          ...tables.map((_, index) => ({ kind: 'output', index }) as const),
        ],
        doc: '',
      },
    ],
    reset: [],
  };
  for (const level of ['none', 'size', 'speed'] as const) {
    const found = instantiate(program, level).run([]);
    for (const [i, { bytes, name }] of tables.entries()) assert.equal(found[i], bytes, `${name}, ${level}`);
  }
  assert.is(emitWasm(program).layout.pages, 1);
});

test.run();
