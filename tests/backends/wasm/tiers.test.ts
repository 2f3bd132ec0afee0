/** Packages with modules of several tiers: which one an engine takes, and that it may trust what it takes. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitWasm } from '../../../backends/wasm/index.ts';
import { emitPackage, type PackageFile, type Tier } from '../../../backends/wasm/package.ts';
import { FunctionBuilder, op } from '../../../ir/loop/build.ts';
import { instruction } from '../../../ir/loop/instructions.ts';
import type { Port, Program } from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';

const test = suite('wasm: tiers');
const AGAIN = 'node --import ./tools/ts.mjs tests/backends/wasm/tiers.test.ts';
const port = (name: string): Port => ({ name, elem: 'i8', length: 16, shape: [16], type: 'i8[16]' });

/** y = usdot(a, b, c) on vectors of 16 bytes. */
function dotProgram(): Program {
  const f = new FunctionBuilder('dot', []);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => f.buffer(name, 'i8', 16, 'in'));
  const y = f.buffer('y', 'i8', 16, 'out');
  const [x, w, sum] = [a, b, c].map((buffer) => buffer?.at(0, 'v128')) as Parameters<typeof op>[1];
  f.store(y, 0, op('i32x4.usdot_i8x16', [x, w, sum] as Parameters<typeof op>[1]), 'v128');
  const places = [0, 1, 2].map((index) => ({ kind: 'input', index }) as const);
  return {
    name: 'dot',
    functions: [f.finish()],
    roms: [],
    inputs: [port('a'), port('b'), port('c')],
    outputs: [port('y')],
    arenaBytes: 0,
    arenaAlign: 16,
    stateBytes: 0,
    run: [{ fn: 'dot', args: [...places, { kind: 'output', index: 0 }], doc: 'dot' }],
    reset: [],
  };
}

const program = dotProgram();

function packageOf(tiers: readonly Tier[]): PackageFile[] {
  const modules = tiers.map((tier) => ({ tier, ...emitWasm(program, { relaxed: tier === 'relaxed' }) }));
  return emitPackage(program, { name: 'dot', banner: 'Made by a test' }, modules);
}

interface Printed {
  readonly probe: boolean;
  readonly outputs?: readonly (readonly number[])[];
  readonly error?: string;
}

/** What a program that loads the package and runs it on these inputs prints. */
function inNode(tiers: readonly Tier[], runs: readonly (readonly number[][])[], flags: readonly string[]): Printed {
  const project = mkdtempSync(join(tmpdir(), 'mcc-tiers-'));
  try {
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    for (const { path, content } of packageOf(tiers)) {
      const file = join(project, 'dot', path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const probe = new URL('../../../runtime/js/probe.js', import.meta.url).href;
    const source = `
      import { load } from './dot/index.js';
      const probe = (await import(${JSON.stringify(probe)})).hasUnsignedDot();
      try {
        const model = await load();
        const outputs = ${JSON.stringify(runs)}.map(([a, b, c]) =>
          [...model.run({ a: Int8Array.from(a), b: Int8Array.from(b), c: Int8Array.from(c) }).y]);
        console.log(JSON.stringify({ probe, outputs }));
      } catch (error) {
        console.log(JSON.stringify({ probe, error: error.message }));
      }
    `;
    writeFileSync(join(project, 'user.js'), source);
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, 'user.js'], {
      cwd: project,
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
    return JSON.parse(stdout) as Printed;
  } finally {
    rmSync(project, { recursive: true });
  }
}

const random = new Random(21);
const RUNS = Array.from({ length: 200 }, () => [0, 1, 2].map(() => Array.from(new Int8Array(random.bytes(16)))));
const EXPECTED = RUNS.map((operands) =>
  Array.from(
    new Int8Array(
      instruction('i32x4.usdot_i8x16').evaluate(
        ...operands.map((lanes) => new Uint8Array(Int8Array.from(lanes))),
      ) as Uint8Array,
    ),
  ),
);

const RELAXED_FLAG = '--experimental-wasm-relaxed-simd';
/** Engines that know no such flag say so and stop. */
const knowsFlag = spawnSync(process.execPath, [RELAXED_FLAG, '-e', '0']).status === 0;

for (const flags of knowsFlag ? [[], [RELAXED_FLAG]] : [[]]) {
  test(`whichever tier is taken gives the same ${flags.join(' ')}`, () => {
    for (const tiers of [['relaxed', 'simd'], ['simd', 'relaxed', 'scalar'], ['simd']] as const) {
      assert.equal(inNode(tiers, RUNS, flags).outputs, EXPECTED, AGAIN);
    }
  });

  test(`a package of the relaxed tier alone is exact or refuses ${flags.join(' ')}`, () => {
    const { probe, outputs, error } = inNode(['relaxed'], RUNS, flags);
    if (probe) assert.equal(outputs, EXPECTED, AGAIN);
    else assert.match(error ?? '', 'dot: this engine has no relaxed dot product of signed by unsigned bytes', AGAIN);
  });
}

test('files are named by tier, and the plain name is what most engines run', () => {
  const names = (tiers: readonly Tier[]) =>
    packageOf(tiers).flatMap(({ path }) => (path.endsWith('.wasm') ? [path] : []));
  assert.equal(names(['simd', 'relaxed']), ['dot.relaxed.wasm', 'dot.wasm']);
  assert.equal(names(['scalar', 'simd', 'relaxed']), ['dot.relaxed.wasm', 'dot.wasm', 'dot.scalar.wasm']);
  assert.equal(names(['relaxed']), ['dot.wasm']);
});

test('modules whose ports lie in different places do not go together', () => {
  const simd = { tier: 'simd', ...emitWasm(program) } as const;
  const moved = { ...simd, tier: 'scalar', layout: { ...simd.layout, inputs: [0, 16, 32] } } as const;
  assert.throws(() => emitPackage(program, { name: 'dot', banner: '' }, [simd, moved]), /ports differently/);
});

test.run();
