import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { simplify } from '../../compiler/compile.ts';
import { type Proof, proofOf, proofsText } from '../../compiler/report/proofs.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';

const suite = makeSuite('proofs');

suite('names rewrite, place, reason and savings, and adds them up', () => {
  const graph = parseGraph(`graph g {
    input %x : i8[1,2] affine(0.5, 0)
    const %w : i8[3,2] affine(0.25, 0) dense = [1, 2, 0, 0, 3, 4]
    const %v : i8[1,3] affine(0.25, 0) dense = [1, 2, 3]
    %a : i8[1,2] affine(0.5, 0) = reshape(%x) {"shape":[1,2]}
    %h : i8[1,3] affine(0.5, 0) = fully_connected(%a, %w)
    %y : i8[1,1] affine(0.5, 0) = fully_connected(%h, %v)
    output %y
  }`);
  const proofs: Proof[] = [];
  simplify(graph, (event) => proofs.push(proofOf(event)));
  const text = proofsText(graph, proofs).join('\n');
  assert.match(text, /exact\/merge-reshapes, same-shape, at %a = reshape\n {2}reshape.* → .*\n {2}-1 nodes\n/);
  assert.match(text, /idle, at %h = fully_connected\n {2}of 3 channels: 1 of one value .*\n {2}-3 MACs, -3 bytes/);
  assert.match(text, /\ng: 2 exact rewrites: 3 -> 2 nodes, 9 -> 6 MACs, 9 -> 6 bytes of constants\n/);
  assert.match(text, /nothing to do: .*exact\/fold-constants/);
});

suite('a graph that no pass changes', () => {
  const graph = parseGraph('graph g { input %x : i8[2] %y : i8[2,1] = reshape(%x) {"shape":[2,1]} output %y }');
  simplify(graph, () => assert.unreachable());
  assert.is(proofsText(graph, [])[0], 'g: 0 exact rewrites: 1 -> 1 nodes, 0 -> 0 MACs, 0 -> 0 bytes of constants');
});

suite.run();
