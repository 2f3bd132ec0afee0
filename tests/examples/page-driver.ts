/** Drives the example's page in headless Chromium, with real mouse and touch input. */

import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';

/** A point of the paper, 0 to 1 from its left and top edge. */
export type PaperPoint = readonly [x: number, y: number];

export type PaperStroke = readonly PaperPoint[];

/** @throws when Chromium cannot be started from `executablePath` */
export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Where a point of the paper is in the window, in CSS pixels. */
async function onScreen(page: Page, points: PaperStroke): Promise<readonly { x: number; y: number }[]> {
  const paper = page.locator('#paper');
  await paper.scrollIntoViewIfNeeded();
  const box = await paper.boundingBox();
  if (box === null) throw new Error('the page shows no #paper to draw on');
  return points.map(([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height }));
}

export async function drawWithMouse(page: Page, strokes: readonly PaperStroke[]): Promise<void> {
  for (const stroke of strokes) {
    const [first, ...rest] = await onScreen(page, stroke);
    await page.mouse.move(first!.x, first!.y);
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(point.x, point.y, { steps: 4 });
    await page.mouse.up();
  }
}

export async function drawWithFinger(page: Page, session: CDPSession, strokes: readonly PaperStroke[]): Promise<void> {
  for (const stroke of strokes) {
    const [first, ...rest] = await onScreen(page, stroke);
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [first!] });
    for (const point of rest) {
      await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [point] });
    }
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  }
}
