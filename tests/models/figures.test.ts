/** The figures that mcc promises for the shared models: arena, code size, package size, compile time is bench/'s. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitFor, projectFiles, tierOf } from '../../compiler/cli/emit.ts';
import { codeSize, compileProject } from '../../compiler/cli/engines/native.ts';
import { writeFiles } from '../../compiler/cli/output.ts';
import { compile, lowerVerified, simplify } from '../../compiler/compile.ts';
import { reportModel } from '../../compiler/report/model-report.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { canRun, hasShared, importShared } from '../support/golden.ts';

/** Activations and the kernels' scratch memory together, at full speed. */
const ARENA_BARS = { kws: 10240, ic: 36864, vww: 40960, person: 40960, strww: 6656, ad: 1536 } as const;
/** As counted by the models' own README, before any pass. */
const MACS = {
  kws: 2656768,
  ic: 12501632,
  vww: 7489664,
  ad: 264192,
  strww: 826368,
  person: 7157888,
  micro_speech: 336000,
  hello: 288,
} as const;
/** With `--ram 24k`, and how many of the MACs strips may make more than once. */
const SMALL_RAM = 24 * 1024;
const MOST_EXTRA = 0.2;
const KWS_CODE_BAR = 12 * 1024;
const VWW_WEIGHTS_BAR = 30 * 1024;
const PACKAGE_BAR = 15 * 1024;
/** Of modules with SIMD alone, which stage activations as 16 bits; those of the other tiers keep to ARENA_BARS. */
const SIMD_ARENA_BARS = { kws: 11344, ic: 36864, vww: 41600, person: 41600, strww: 6656, ad: 1536 } as const;
const TIERS = [TARGETS['wasm-relaxed'], TARGETS.wasm, TARGETS['wasm-scalar']];

function bytesOf({ buffer, byteOffset, byteLength }: TensorData): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const test = suite('figures of the shared models');

if (hasShared('figures of the models')) {
  for (const [name, bar] of Object.entries(ARENA_BARS)) {
    test(`${name}: arena of at most ${bar} bytes`, () => {
      const { program } = compile(importShared(name).graph, TARGETS['cortex-m4']);
      console.log(`${name}: arena ${program.arenaBytes} bytes`);
      assert.ok(program.arenaBytes <= bar, `${name}: arena of ${program.arenaBytes} bytes, expected at most ${bar}`);
    });
  }

  for (const name of ['vww', 'person'] as const) {
    test(`${name}: an arena of 24 KiB when asked for, at little more work`, () => {
      const { program, graph, extraMacs } = compile(importShared(name).graph, TARGETS['cortex-m4'], { ram: SMALL_RAM });
      console.log(`${name}: arena ${program.arenaBytes} bytes, ${extraMacs} MACs made again`);
      assert.ok(program.arenaBytes <= SMALL_RAM, `${name}: arena of ${program.arenaBytes} bytes`);
      const macs = reportModel(graph, compile(graph, TARGETS.c), TARGETS.c).macs;
      assert.ok(extraMacs <= MOST_EXTRA * (macs - extraMacs), `${name}: ${extraMacs} of ${macs} MACs are made again`);
    });
  }

  for (const [name, macs] of Object.entries(MACS)) {
    test(`${name}: ${macs} multiply-accumulates`, () => {
      const { graph } = importShared(name);
      const report = reportModel(graph, lowerVerified(graph, TARGETS.c), TARGETS.c);
      assert.is(report.macs, macs);
    });
  }

  test(`vww: at most ${VWW_WEIGHTS_BAR} bytes of weights after the exact passes`, () => {
    const graph = simplify(importShared('vww').graph);
    const { macs } = reportModel(graph, lowerVerified(graph, TARGETS.c), TARGETS.c);
    const weights = [...graph.constants.values()].filter(({ data }) => data instanceof Int8Array);
    const bytes = weights.reduce((sum, { data }) => sum + data.byteLength, 0);
    console.log(`vww: ${bytes} bytes of weights, ${macs} multiply-accumulates after the exact passes`);
    assert.ok(bytes <= VWW_WEIGHTS_BAR, `vww: ${bytes} bytes of weights, expected at most ${VWW_WEIGHTS_BAR}`);
  });

  test('kws: at most 12 KB of flash beyond weights on Cortex-M4 at -Os', () => {
    if (!canRun('cortex-m4', 'flash of kws')) return;
    const folder = mkdtempSync(join(tmpdir(), 'mcc-figures-'));
    try {
      const { program } = compile(importShared('kws').graph, TARGETS['cortex-m4']);
      writeFiles(folder, projectFiles(program, { prefix: 'kws', target: 'cortex-m4', banner: [] }));
      const executable = compileProject(folder, 'cortex-m4', { outDir: join(folder, 'out'), optimize: '-Os' });
      const object = executable.objects.find(({ source }) => source.endsWith('kws.c'))?.object as string;
      const { text, rodata, data } = codeSize(object);
      const { graph } = importShared('kws');
      const weights = [...graph.constants.values()].reduce((sum, constant) => sum + constant.data.byteLength, 0);
      const beyond = text + rodata + data - weights;
      console.log(
        `kws: ${text} bytes of code, ${rodata} of constants, ${weights} of them weights and biases: ${beyond} beyond`,
      );
      assert.ok(beyond <= KWS_CODE_BAR, `kws: ${beyond} bytes beyond weights, expected at most ${KWS_CODE_BAR}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const name of Object.keys(SIMD_ARENA_BARS) as (keyof typeof SIMD_ARENA_BARS)[]) {
    test(`${name}: packages of at most their gzipped weights and 15 KB, whichever tier a page loads`, async () => {
      const { graph } = importShared(name);
      const tiers = TIERS.map((target) => ({ tier: tierOf(target), ...compile(graph, target) }));
      const [{ program }] = tiers.slice(-1) as [(typeof tiers)[number]];
      const files = await emitFor(program, TARGETS.wasm, { name, banner: [name], tiers });
      const gzipped = (bytes: Uint8Array | string) => gzipSync(bytes, { level: 9 }).length;
      // Of what the exact passes leave, which is what the modules hold.
      const weights = Buffer.concat([...simplify(graph).constants.values()].map(({ data }) => bytesOf(data)));
      const loader = gzipped(files.find(({ path }) => path === 'index.js')?.content ?? '');
      const modules = files.filter(({ path }) => path.endsWith('.wasm'));
      assert.ok(modules.length > 0);
      for (const { path, content } of modules) {
        const beyond = gzipped(content) + loader - gzipped(weights);
        console.log(`${name}: ${path} and its loader ${beyond} bytes beyond ${gzipped(weights)} of weights, gzipped`);
        assert.ok(beyond <= PACKAGE_BAR, `${path}: ${beyond} bytes beyond weights, expected at most ${PACKAGE_BAR}`);
      }
      for (const { tier, program: one } of tiers) {
        console.log(`${name}: arena ${one.arenaBytes} bytes (${tier})`);
        const bar = (tier === 'simd' ? SIMD_ARENA_BARS : ARENA_BARS)[name];
        assert.ok(one.arenaBytes <= bar, `${tier}: arena of ${one.arenaBytes} bytes, expected at most ${bar}`);
      }
    });
  }
}

test.run();
