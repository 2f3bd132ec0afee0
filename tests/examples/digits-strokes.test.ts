/** The page of examples/digits turns strokes into pictures like MNIST's. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SIDE, type Stroke, toInput } from '../../examples/digits/page/src/strokes.ts';
import { ONE, SEVEN, ZERO } from './digit-strokes.ts';
import type { PaperStroke } from './page-driver.ts';

function toStrokes(strokes: readonly PaperStroke[], scale: number): readonly Stroke[] {
  return strokes.map((stroke) => stroke.map(([x, y]) => ({ x: x * scale, y: y * scale })));
}

const picture = suite('digits: strokes to picture');

picture('no stroke is a picture of paper', () => {
  assert.equal(new Set(toInput([])), new Set([-128]));
});

picture('the ink fits a 20x20 box and its centre of mass is the centre of the picture', () => {
  for (const strokes of [ONE, SEVEN, ZERO]) {
    const input = toInput(toStrokes(strokes, 560));
    const inked = [...input.keys()].filter((pixel) => input[pixel]! > -128);
    const mass = inked.reduce((sum, pixel) => sum + input[pixel]! + 128, 0);
    for (const along of [(pixel: number) => pixel % SIDE, (pixel: number) => Math.floor(pixel / SIDE)]) {
      const places = inked.map(along);
      const extent = Math.max(...places) - Math.min(...places) + 1;
      // A box that does not start at a pixel's edge touches a pixel more, and the pen's fading edge another.
      assert.ok(extent <= 22, `the ink spans ${extent} pixels`);
      const centre = inked.reduce((sum, pixel) => sum + (input[pixel]! + 128) * (along(pixel) + 0.5), 0) / mass;
      assert.ok(Math.abs(centre - SIDE / 2) < 0.25, `the centre of mass is at ${centre}`);
    }
  }
});

picture('the picture does not depend on how large and where one draws', () => {
  const large = toInput(toStrokes(SEVEN, 512));
  const small = toInput(toStrokes(SEVEN, 64).map((stroke) => stroke.map(({ x, y }) => ({ x: x + 300, y: y + 5 }))));
  const difference = Math.max(...large.map((value, pixel) => Math.abs(value - small[pixel]!)));
  assert.ok(difference <= 1, `a pixel differs by ${difference}`);
});

picture.run();
