/** Depth-first execution: cut graphs keep every bit, need less memory, and refusals say what is needed. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseSegments } from '../../compiler/lower/depth-first/choose.ts';
import { heightOf, rowAxis } from '../../compiler/lower/depth-first/rows.ts';
import { inStrips, lastUses, neededRows, resultOf, stripsOf } from '../../compiler/lower/depth-first/strips.ts';
import { LimitError, lowerWithin } from '../../compiler/lower/fit.ts';
import { lower } from '../../compiler/lower/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../ir/loop/verify.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { Evaluator } from '../../ir/tensor/evaluate.ts';
import { type Constant, type Graph, type Node, typeOfValue } from '../../ir/tensor/graph.ts';
import { type OpName, opRecord } from '../../ir/tensor/ops/index.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { DENSE, type TensorType } from '../../ir/tensor/types.ts';
import { diagnosticText, verifyGraph } from '../../ir/tensor/verify.ts';
import { Random } from '../support/random.ts';
import { randomData, randomInputs } from '../support/random-graph.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/lower/depth-first.test.ts';
const suite = makeSuite('depth-first execution');

/** Images through windows, one after the other, some with a sum around them. */
class ChainMaker {
  readonly types = new Map<string, TensorType>();
  readonly constants = new Map<string, Constant>();
  readonly nodes: Node[] = [];
  private readonly r: Random;

  constructor(r: Random) {
    this.r = r;
  }

  private image(shape: readonly number[]): TensorType {
    return {
      dtype: 'i8',
      shape,
      quant: { kind: 'affine', scale: [Math.fround(0.1)], zeroPoint: [this.r.int(-20, 20)] },
    };
  }

  private constant(name: string, type: TensorType): string {
    this.types.set(name, type);
    this.constants.set(name, { data: randomData(this.r, type), encoding: DENSE });
    return name;
  }

  private node(op: OpName, inputs: readonly string[], attrs: object, like?: TensorType): string {
    const operands = inputs.map((name) => this.types.get(name) as TensorType);
    const [shape] = opRecord(op).infer({ inputs: operands, attrs, constant: () => undefined });
    const name = `v${this.nodes.length}`;
    this.types.set(name, { ...(like ?? this.image([])), shape: shape as readonly number[] });
    this.nodes.push({ op, inputs, outputs: [name], attrs } as unknown as Node);
    return name;
  }

  private convolution(x: string): string {
    const { r } = this;
    const channels = this.types.get(x)?.shape[3] as number;
    const depthwise = r.chance(0.4);
    const out = depthwise ? channels : r.pick([2, 4]);
    const window = [r.int(1, 3), r.int(1, 3)] as const;
    const dilation = [r.int(1, 2), r.int(1, 2)];
    const shape = depthwise ? [1, ...window, out] : [out, ...window, channels];
    const id = this.nodes.length;
    const w = this.constant(`w${id}`, {
      dtype: 'i8',
      shape,
      quant: { kind: 'affine', scale: [Math.fround(0.02)], zeroPoint: [0] },
    });
    const bias = this.constant(`b${id}`, {
      dtype: 'i32',
      shape: [out],
      quant: { kind: 'affine', scale: [Math.fround(0.002)], zeroPoint: [0] },
    });
    const edge = (axis: 0 | 1) => r.int(0, (window[axis] - 1) * (dilation[axis] as number));
    const padding = { top: edge(0), bottom: edge(0), left: edge(1), right: edge(1) };
    const attrs = { stride: [r.int(1, 2), r.int(1, 2)], dilation, padding, activation: r.pick(['none', 'relu']) };
    const rest = { rounding: 'double', accumulator: 'i32' };
    return this.node(depthwise ? 'depthwise_conv2d' : 'conv2d', [x, w, bias], { ...attrs, ...rest });
  }

  private pool(x: string): string {
    const { r } = this;
    const window = [r.int(1, 3), r.int(1, 3)] as const;
    const dilation = r.chance(0.3) ? [r.int(1, 2), r.int(1, 2)] : undefined;
    const edge = (axis: 0 | 1) => r.int(0, (window[axis] - 1) * (dilation?.[axis] ?? 1));
    const padding = { top: edge(0), bottom: edge(0), left: edge(1), right: edge(1) };
    const stride = [r.int(1, 2), r.int(1, 2)];
    const attrs = { window, stride, ...(dilation && { dilation }), padding, activation: 'none' };
    return this.node(r.pick(['max_pool2d', 'average_pool2d']), [x], attrs, this.types.get(x));
  }

  /** Without the dimensions of 1, and as it was. */
  private flat(x: string): string {
    const { shape } = this.types.get(x) as TensorType;
    const dense = this.node('reshape', [x], { shape: shape.filter((extent) => extent !== 1) }, this.types.get(x));
    const sum = this.node('abs', [dense], {}, this.types.get(x));
    return this.node('reshape', [sum], { shape: [...shape] }, this.types.get(x));
  }

  /** The name of a further value made from `x`, or of `x` where nothing fits into it. */
  next(x: string): string {
    try {
      const made = this.r.chance(0.3) ? this.pool(x) : this.convolution(x);
      const same = this.types.get(made)?.shape.join() === this.types.get(x)?.shape.join();
      if (!same || this.r.chance(0.3)) return made;
      return this.node('add', [made, x], { activation: 'none' });
    } catch {
      return x;
    }
  }

  /** Images, signals (images of height 1) or batches of images, of so many rows. */
  graph(rows: number, count: number): Graph {
    const width = this.r.int(4, 7);
    const shape = this.r.pick([
      [1, rows, width],
      [1, rows, width],
      [1, 1, rows],
      [rows, 5, width],
    ]);
    this.types.set('x', this.image([...shape, this.r.pick([1, 4])]));
    let last = 'x';
    for (let i = 0; i < count; i++) last = this.r.chance(0.15) ? this.flat(last) : this.next(last);
    last = this.node('abs', [last], {}, this.types.get(last));
    const { types, constants, nodes } = this;
    return { name: 'chain', inputs: ['x'], outputs: [last], states: [], constants, nodes, types };
  }
}

function assertValid(graph: Graph, message: string): void {
  assert.equal(verifyGraph(graph).map(diagnosticText), [], message);
}

function outputBytes(graph: Graph, seed: number): Uint8Array {
  const [data] = new Evaluator(graph).run(randomInputs(graph, seed)).outputs;
  return bytesOf(typeOfValue(graph, graph.outputs[0] as string), data as NonNullable<typeof data>);
}

function runBytes(graph: Graph, target: keyof typeof TARGETS, seed: number): Uint8Array {
  const { program } = lower(graph, TARGETS[target]);
  assert.equal(verifyProgram(program).map(printDiagnostic), [], printGraph(graph));
  const inputs = randomInputs(graph, seed).map((data, i) =>
    bytesOf(typeOfValue(graph, graph.inputs[i] as string), data),
  );
  return new Machine(program).run(inputs)[0] as Uint8Array;
}

suite('random chains in strips of any height evaluate to the same bits, and so do their programs', () => {
  let cuts = 0;
  const axes = new Map<number, number>();
  for (let seed = 1; seed <= 100; seed++) {
    const r = new Random(seed);
    const graph = new ChainMaker(r).graph(r.int(6, 14), 5);
    assertValid(graph, `seed ${seed}`);
    const uses = lastUses(graph);
    const [a, b] = [r.int(0, graph.nodes.length - 1), r.int(0, graph.nodes.length - 1)];
    const [first, last] = [Math.min(a, b), Math.max(a, b)];
    if (resultOf(graph, first, last, uses) === undefined) continue;
    const height = heightOf(typeOfValue(graph, graph.nodes[last]?.outputs[0] as string));
    const segment = { first, last, rows: r.int(1, height) };
    // Strips that lie in the padding alone are refused.
    if (stripsOf(graph, segment).some((rows) => neededRows(graph, segment, rows) === undefined)) continue;
    const cut = inStrips(graph, [segment]);
    const message = `seed ${seed}, ${JSON.stringify(segment)}; ${AGAIN}\n${printGraph(graph)}`;
    assertValid(cut, message);
    const expected = outputBytes(graph, seed);
    assert.equal(outputBytes(cut, seed), expected, message);
    for (const target of ['c', 'cortex-m4', 'wasm'] as const) {
      assert.equal(runBytes(cut, target, seed), expected, `${target}, ${message}`);
    }
    cuts++;
    const axis = rowAxis(typeOfValue(graph, graph.nodes[last]?.outputs[0] as string)) as number;
    axes.set(axis, (axes.get(axis) ?? 0) + 1);
  }
  for (const axis of [0, 1, 2]) assert.ok((axes.get(axis) ?? 0) >= 8, `cut along axes ${JSON.stringify([...axes])}`);
  assert.ok(cuts >= 60, `only ${cuts} chains were cut`);
});

suite('padding that counts in a mean counts in strips of any height', () => {
  for (const [top, bottom] of [
    [2, 2],
    [1, 2],
    [0, 1],
  ]) {
    const graph = parseGraph(`graph g {
      input %x : f32[1,9,4,2]
      %a : f32[1,9,4,2] = abs(%x)
      %b : f32[1,6,4,2] = average_pool2d(%a) {"window":[4,1],"stride":[2,1],"padding":{"top":2,"bottom":3,"left":0,"right":0},"activation":"none","counted":{"top":${top},"bottom":${bottom},"left":0,"right":0}}
      %c : f32[1,6,4,2] = abs(%b)
      output %c
    }`);
    for (const rows of [1, 2, 3, 4, 5]) {
      const cut = inStrips(graph, [{ first: 0, last: 2, rows }]);
      assertValid(cut, `${rows} rows`);
      assert.equal(outputBytes(cut, 5), outputBytes(graph, 5), `${rows} rows, ${top} and ${bottom} count`);
    }
  }
});

const WINDOW = '"stride":[1,1],"dilation":[1,1],"padding":{"top":1,"bottom":1,"left":1,"right":1}';
const TAIL = '"activation":"none","rounding":"double","accumulator":"i32"';
const list = (length: number) => Array.from({ length }, (_, i) => (i % 5) / 4).join(', ');

/** Two 3x3 convolutions; the value between them, 8192 bytes, is the largest by far. */
const HOURGLASS = parseGraph(`graph hourglass {
  input %x : f32[1,16,8,1]
  const %w : f32[16,3,3,1] dense = [${list(144)}]
  const %v : f32[1,3,3,16] dense = [${list(144)}]
  %a : f32[1,16,8,16] = conv2d(%x, %w) {${WINDOW},${TAIL}}
  %b : f32[1,16,8,1] = conv2d(%a, %v) {${WINDOW},${TAIL}}
  %c : f32[1,16,8,1] = abs(%b)
  output %c
}`);

suite('only what a limit demands is cut, in as few strips as it allows', () => {
  const whole = lowerWithin(HOURGLASS, TARGETS.c, { ram: 2 ** 20 });
  assert.equal(whole.strips, []);
  assert.is(whole.graph, HOURGLASS);
  const half = lowerWithin(HOURGLASS, TARGETS.c, { ram: 6000 });
  assert.ok(half.program.arenaBytes <= 6000);
  assert.equal(half.strips, [{ from: 'a', to: 'c', nodes: 3, strips: 2, rows: 8 }]);
  // Both strips make 9 of the 16 rows between.
  assert.is(half.extraMacs, 2 * 8 * 16 * 9);
  const small = lowerWithin(HOURGLASS, TARGETS.c, { ram: 3000 });
  assert.ok(small.program.arenaBytes <= 3000);
  assert.ok((small.strips[0]?.strips ?? 0) > 2);
  assert.ok(small.extraMacs > half.extraMacs);
  assert.equal(outputBytes(small.graph, 1), outputBytes(HOURGLASS, 1));
});

suite('strips of one height share their kernels', () => {
  const { program, strips } = lowerWithin(HOURGLASS, TARGETS.c, { ram: 2000 });
  assert.ok((strips[0]?.strips ?? 0) >= 8);
  // The first two and the last two meet the edges of the image, each in its own way.
  const convolutions = program.functions.filter(({ name }) => name.startsWith('conv2d'));
  assert.ok(convolutions.length <= 2 * 5, `${convolutions.length}`);
});

suite('a refusal names the call, its buffers and the least that was found', () => {
  try {
    lowerWithin(HOURGLASS, TARGETS.c, { ram: 600 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, LimitError);
    const { message } = error as Error;
    assert.match(message, /^hourglass: the arena needs [\d,]+ bytes of RAM, expected at most 600\n/);
    assert.match(message, /Most are in use during call \d+, conv2d \(strip \d+ of [ab]\): [\d,]+ bytes\./);
    assert.match(message, /writes [\d,]+ bytes: /);
    assert.match(message, /layer by layer it needs 8,[\d]+ bytes/);
  }
});

suite('a model that cannot be cut is refused with its layers as they are', () => {
  const graph = parseGraph(`graph g {
    input %x : f32[64]
    %a : f32[64] = softmax(%x)
    %b : f32[64] = softmax(%a)
    %c : f32[64] = softmax(%b)
    output %c
  }`);
  assert.throws(
    () => lowerWithin(graph, TARGETS.c, { ram: 100 }),
    (error: Error) =>
      /needs 256 bytes of RAM, expected at most 100/.test(error.message) && /No run of its layers/.test(error.message),
  );
});

suite('constants that exceed the flash are refused with the largest layers', () => {
  assert.throws(
    () => lowerWithin(HOURGLASS, TARGETS.c, { flash: 500 }),
    (error: Error) =>
      error instanceof LimitError &&
      /need [\d,]+ bytes of flash, expected at most 500; code is not counted/.test(error.message) &&
      /5\d\d bytes: conv2d: a/.test(error.message),
  );
  assert.is(lowerWithin(HOURGLASS, TARGETS.c, { flash: 1000 }).strips.length, 0);
});

suite('no run is chosen where every node fits, and none where no run helps', () => {
  assert.equal(chooseSegments(HOURGLASS, [10, 10, 10], 10)?.segments, []);
  assert.is(chooseSegments(HOURGLASS, [10_000, 10_000, 10], 100), undefined);
});

suite.run();
