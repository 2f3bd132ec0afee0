/**
 * The applications of examples/digits answer as tflite-micro's reference kernels do, byte for byte, and the page reads
 * what is drawn on it in a real browser.
 */

import { mkdirSync, readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, type PreviewServer, preview } from 'vite';
import { findCommand } from '../../compiler/cli/engines/process.ts';
import { skipUnless, skipUnlessCommand } from '../support/toolchains.ts';
import { ONE, SEVEN, ZERO } from './digit-strokes.ts';
import { buildNetwork, command, DIGITS_FOLDER, type Sample } from './digits-support.ts';
import { drawWithFinger, drawWithMouse, launchBrowser } from './page-driver.ts';

const PAGE = {
  root: `${DIGITS_FOLDER}page`,
  configFile: `${DIGITS_FOLDER}page/vite.config.js`,
  logLevel: 'warn',
} as const;
const SCREENSHOTS = `${DIGITS_FOLDER}build/screenshots/`;

const SAMPLES: readonly Sample[] = JSON.parse(readFileSync(`${DIGITS_FOLDER}samples/samples.json`, 'utf8'));

function referenceBytes({ output }: Sample): string {
  return readFileSync(`${DIGITS_FOLDER}samples/${output}`).toString('hex');
}

/** The most probable digit of an output's ten bytes in hexadecimal. */
function answerOf(bytes: string): number {
  const output = new Int8Array(Buffer.from(bytes, 'hex'));
  return output.indexOf(Math.max(...output));
}

const node = suite('digits: Node script');

// Set-up is a test here and below: uvu passes over an error thrown by a before hook.
node('the network compiles to WebAssembly', () => buildNetwork('wasm', 'wasm'));

node('reads every sample as the reference kernels do', () => {
  const text = command('node', ['examples/digits/node/classify.mjs', '--raw']);
  const lines = text.matchAll(/^(\S+): the answer is (\d)$[\s\S]*?^ {2}raw ([0-9a-f]+)$/gm);
  const found = [...lines].map((match) => match.slice(1));
  const expected = SAMPLES.map((sample) => {
    const bytes = referenceBytes(sample);
    return [sample.input, String(answerOf(bytes)), bytes];
  });
  assert.equal(found, expected);
});

node('refuses a file of another size, and says what it expected', () => {
  const wrong = () => command('node', ['examples/digits/node/classify.mjs', 'examples/digits/samples/out_00.bin']);
  assert.throws(wrong, /out_00\.bin: expected 784 bytes .*, found 10/);
});

node.run();

const firmware = suite('digits: firmware on an emulated Cortex-M4');

if (!skipUnless('cortex-m4', 'digits: firmware on an emulated Cortex-M4')) {
  firmware('the network compiles to C', () => buildNetwork('cortex-m4', 'firmware/gen'));

  firmware('reads every sample as the reference kernels do', () => {
    const text = command('node', ['examples/digits/firmware/build.mjs', '--run']);
    const lines = text.matchAll(/^sample (\d+) label (\d) answer (\d) output ([0-9a-f]+)$/gm);
    const found = [...lines].map((match) => match.slice(1));
    const expected = SAMPLES.map((sample, n) => {
      const bytes = referenceBytes(sample);
      return [String(n), String(sample.label), String(answerOf(bytes)), bytes];
    });
    assert.equal(found, expected);
  });
}

firmware.run();

const page = suite<{ server: PreviewServer; browser: Browser; url: string }>('digits: page');

if (!skipUnlessCommand('chromium', 'digits: page')) {
  page('the page is built and served, and the browser starts', async (context) => {
    buildNetwork('wasm', 'wasm');
    await build(PAGE);
    context.server = await preview({ ...PAGE, preview: { host: '127.0.0.1', port: 0 } });
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
    const buttons = tab.locator('#samples button');
    await buttons.nth(SAMPLES.length - 1).waitFor();
    for (const [n, { output, label }] of SAMPLES.entries()) {
      const expected = new Int8Array(readFileSync(`${DIGITS_FOLDER}samples/${output}`));
      assert.is(await buttons.nth(n).getAttribute('aria-label'), `Test picture: ${label}`);
      await buttons.nth(n).focus();
      await tab.keyboard.press('Enter');
      const percent = [...expected].map((value) => `${(((value + 128) / 256) * 100).toFixed(1)} %`);
      assert.equal(await tab.locator('#bars .percent').allTextContents(), percent, output);
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
