/** Reports as a reader sees them. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lowerVerified } from '../../compiler/compile.ts';
import { reportModel } from '../../compiler/report/model-report.ts';
import { grouped, memoryChart, reportText, table } from '../../compiler/report/text.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';

const suite = makeSuite('report text');

suite('digits are grouped by three', () => {
  assert.equal([0, 999, 1000, 1234567].map(grouped), ['0', '999', '1,000', '1,234,567']);
});

suite('columns are as wide as their widest cell, numbers to the right', () => {
  assert.equal(
    table(
      ['op', 'bytes'],
      [
        ['add', 1000],
        ['concat', 7],
      ],
    ),
    ['op      bytes', 'add     1,000', 'concat      7'],
  );
});

const graph = parseGraph(`graph g {
  input %in : i32[4]
  state %s : i32[2] = [1, 2] next %s
  %"first;fused" : i32[4] = abs(%in)
  %both : i32[8] = concat(%"first;fused", %in) {"axis":0}
  %out : i32[8] = abs(%both)
  output %out output %s
}`);
const lowered = lowerVerified(graph, TARGETS.c);

suite('each call has a row under the first of its fused names; RAM counts what is alive', () => {
  const lines = reportText(reportModel(graph, lowered, TARGETS.c));
  assert.match(lines.find((line) => line.includes('first')) ?? '', /^0 .* first +i32\[4\] /);
  // 8 bytes of state and 32 of the concatenation, which is written over the first value's 16.
  assert.match(lines.join('\n'), /arena +40 bytes of RAM, 8 of them state/);
  const { steps } = reportModel(graph, lowered, TARGETS.c);
  assert.equal(steps.map(({ liveBytes }) => liveBytes).slice(0, 3), [24, 40, 40]);
});

suite('the chart shows each buffer where it lies, while it lives', () => {
  const [head, ...rows] = memoryChart(lowered);
  assert.match(head as string, /^arena of 40 bytes/);
  const drawn = rows.slice(0, 2).map((row) => row.slice(6, 70));
  // 64 columns for 40 bytes: 12 of state, then the first value's 16 bytes, then the concatenation's 32.
  assert.match(drawn[0] as string, /^C{12}A{26}\.{26}$/);
  assert.match(drawn[1] as string, /^C{12}B{52}$/);
  assert.ok(rows.some((row) => /first$/.test(row)));
});

suite.run();
