/** The page of examples/digits: its strokes become MNIST's pictures, and a drawn digit is read in a real browser. */

import { mkdirSync, readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, type PreviewServer, preview } from 'vite';
import { findCommand } from '../../compiler/cli/engines/process.ts';
import { SIDE, type Stroke, toInput } from '../../examples/digits/page/src/strokes.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';
import { buildNetwork, DIGITS_FOLDER, type Sample } from './digits-support.ts';
import { drawWithFinger, drawWithMouse, launchBrowser, type PaperStroke } from './page-driver.ts';

const ROOT = `${DIGITS_FOLDER}page`;
const SCREENSHOTS = `${DIGITS_FOLDER}build/screenshots/`;

// biome-ignore format: a line per stroke
const ONE: readonly PaperStroke[] = [[[0.52, 0.2], [0.51, 0.4], [0.5, 0.6], [0.49, 0.82]]];
// biome-ignore format: a line per stroke
const SEVEN: readonly PaperStroke[] = [[[0.25, 0.22], [0.5, 0.21], [0.74, 0.22], [0.62, 0.5], [0.48, 0.85]]];
const ZERO: readonly PaperStroke[] = [ellipse(0.5, 0.5, 0.2, 0.32)];

function ellipse(x: number, y: number, width: number, height: number): PaperStroke {
  return Array.from({ length: 33 }, (_, n) => {
    const angle = (n / 32) * 2 * Math.PI;
    return [x + width * Math.sin(angle), y - height * Math.cos(angle)];
  });
}

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

const page = suite<{ server: PreviewServer; browser: Browser; url: string }>('digits: page');

if (!skipUnlessCommand('chromium', 'digits: page')) {
  page.before(async (context) => {
    buildNetwork('wasm', 'wasm');
    await build({ root: ROOT, configFile: `${ROOT}/vite.config.js`, logLevel: 'warn' });
    context.server = await preview({
      root: ROOT,
      configFile: `${ROOT}/vite.config.js`,
      logLevel: 'warn',
      preview: { host: '127.0.0.1', port: 0 },
    });
    context.url = context.server.resolvedUrls!.local[0]!;
    context.browser = await launchBrowser(findCommand('chromium')!);
    mkdirSync(SCREENSHOTS, { recursive: true });
  });

  page.after(async (context) => {
    await context.browser?.close();
    await context.server?.close();
  });

  page('a digit drawn with the mouse is read', async ({ browser, url }) => {
    const tab = await browser.newPage({ viewport: { width: 1000, height: 900 } });
    const complaints: string[] = [];
    tab.on('pageerror', (error) => complaints.push(error.message));
    tab.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    await tab.goto(url);
    for (const [digit, strokes] of Object.entries({ 1: ONE, 7: SEVEN, 0: ZERO })) {
      await tab.getByText('Draw a digit.').waitFor();
      await drawWithMouse(tab, strokes);
      await tab.getByText('per inference').waitFor();
      // Two frames: the page reads the drawing once per frame, so the last stroke's end is read by then.
      await tab.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      await tab.screenshot({ path: `${SCREENSHOTS}drawn-${digit}.png`, animations: 'disabled' });
      assert.is(await tab.locator('#answer').textContent(), `The answer is ${digit}`);
      assert.match(await tab.locator('#bars li.best').textContent().then(String), new RegExp(`^${digit}`));
      await tab.getByRole('button', { name: 'Clear' }).click();
    }
    assert.equal(complaints, []);
    await tab.close();
  });

  page('every test picture is reachable by keyboard and read as the reference kernels read it', async (context) => {
    const tab = await context.browser.newPage();
    await tab.goto(context.url);
    const samples: readonly Sample[] = JSON.parse(readFileSync(`${DIGITS_FOLDER}samples/samples.json`, 'utf8'));
    const buttons = tab.locator('#samples button');
    await buttons.nth(samples.length - 1).waitFor();
    for (const [n, { output, label }] of samples.entries()) {
      const expected = new Int8Array(readFileSync(`${DIGITS_FOLDER}samples/${output}`));
      assert.is(await buttons.nth(n).getAttribute('aria-label'), `Test picture: ${label}`);
      await buttons.nth(n).focus();
      await tab.keyboard.press('Enter');
      const shown = await tab.locator('#bars .percent').allTextContents();
      assert.equal(
        shown,
        [...expected].map((value) => `${(((value + 128) / 256) * 100).toFixed(1)} %`),
        output,
      );
    }
    await tab.close();
  });

  page('on a phone one draws with a finger, and nothing is wider than the screen', async ({ browser, url }) => {
    const phone = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const tab = await phone.newPage();
    await tab.goto(url);
    await tab.getByText('Draw a digit.').waitFor();
    await drawWithFinger(tab, await phone.newCDPSession(tab), SEVEN);
    await tab.getByText('The answer is 7').waitFor({ timeout: 5000 });
    const [wide, scrolled] = await tab.evaluate<[number, number]>('[document.documentElement.scrollWidth, scrollY]');
    await tab.screenshot({ path: `${SCREENSHOTS}phone.png`, fullPage: true });
    assert.ok(wide <= 360, `the page is ${wide} pixels wide on a screen of 360`);
    assert.is(scrolled, 0, 'drawing scrolled the page');
    await phone.close();
  });
}

page.run();
