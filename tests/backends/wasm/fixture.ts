/** A small model with state and with names that are no identifiers, for the tests of packages and of their loader. */
import { add, FunctionBuilder, op } from '../../../ir/loop/build.ts';
import type { Program } from '../../../ir/loop/types.ts';

function kernel() {
  const f = new FunctionBuilder('tiny', ['doubled = saturated 2 * x + bias; above = y > 0; runs = how often']);
  const bias = f.buffer('bias', 'i8', 4, 'rom');
  const state = f.buffer('state', 'i64', 1, 'inout');
  const x = f.buffer('x', 'i8', 4, 'in');
  const y = f.buffer('y', 'f32', 3, 'in');
  const doubled = f.buffer('doubled', 'i8', 4, 'out');
  const above = f.buffer('above', 'u8', 3, 'out');
  const runs = f.buffer('runs', 'i64', 1, 'out');
  f.for('i', 0, 4, (i) => {
    const sum = f.let('sum', add(add(x.at(i), x.at(i)), bias.at(i)));
    f.store(doubled, i, op('i32.ssat', [sum], [8]));
  });
  f.for('i', 0, 3, (i) => {
    f.store(above, i, op('f32.gt', [y.at(i), { kind: 'const', type: 'f32', value: 0 }]));
  });
  f.store(state, 0, op('i64.add', [state.at(0), { kind: 'const', type: 'i64', value: 1n }]));
  f.store(runs, 0, state.at(0));
  return f.finish();
}

function clear() {
  const f = new FunctionBuilder('clear', ['state = 100']);
  const state = f.buffer('state', 'i64', 1, 'out');
  f.store(state, 0, { kind: 'const', type: 'i64', value: 100n });
  return f.finish();
}

const tensor = (name: string, elem: 'i8' | 'u8' | 'f32' | 'i64', length: number, type: string) =>
  ({ name, elem, length, shape: [1, length], type }) as const;

export const TINY: Program = {
  name: 'tiny',
  functions: [kernel(), clear()],
  roms: [{ name: 'bias', elem: 'i8', length: 4, bytes: Uint8Array.of(0, 1, 0xff, 100) }],
  inputs: [tensor('input_1', 'i8', 4, 'i8[1,4] affine(0.5, -3)'), tensor('serving default:0', 'f32', 3, 'f32[1,3]')],
  outputs: [
    tensor('Identity', 'i8', 4, 'i8[1,4] affine(1, 0)'),
    tensor('a "b"/*c*/', 'u8', 3, 'bool[1,3]'),
    tensor('Identity', 'i64', 1, 'i64[1,1]'),
  ],
  arenaBytes: 16,
  arenaAlign: 16,
  stateBytes: 8,
  run: [
    {
      fn: 'tiny',
      args: [
        { kind: 'rom', name: 'bias' },
        { kind: 'arena', offset: 0 },
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        { kind: 'output', index: 1 },
        { kind: 'output', index: 2 },
      ],
      doc: 'op 0',
    },
  ],
  reset: [{ fn: 'clear', args: [{ kind: 'arena', offset: 0 }], doc: 'state' }],
};
