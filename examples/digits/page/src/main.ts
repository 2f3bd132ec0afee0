import { load } from '../../build/wasm/index.js';
import samples from '../../samples/samples.json';
import { createBars } from './bars.ts';
import { drawStrokes, showPixels } from './canvas.ts';
import { type Point, SIDE, type Stroke, toInput } from './strokes.ts';

/** Milliseconds of repeated runs behind the time shown: a single run is shorter than a browser's clock tick. */
const TIMING = 4;

const pictures = import.meta.glob<string>('../../samples/in_*.bin', { query: '?url', import: 'default', eager: true });

const paper = element<HTMLCanvasElement>('paper');
const seen = element<HTMLCanvasElement>('seen');
const answer = element('answer');
const time = element('time');
const showBars = createBars(element('bars'));

let strokes: readonly Stroke[] = [];
let pen: number | undefined;
let scheduled = false;

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html: expected an element with the id "${id}"`);
  return found as T;
}

/** Where the pointer is on the paper, in the canvas's own pixels. */
function position(event: PointerEvent): Point {
  const box = paper.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * paper.width,
    y: ((event.clientY - box.top) / box.height) * paper.height,
  };
}

function sampleButton(picture: Int8Array, label: number): HTMLButtonElement {
  const button = document.createElement('button');
  const thumbnail = document.createElement('canvas');
  thumbnail.width = SIDE;
  thumbnail.height = SIDE;
  showPixels(thumbnail, picture);
  button.type = 'button';
  button.setAttribute('aria-label', `Test picture: ${label}`);
  button.append(thumbnail);
  return button;
}

function showNothing(): void {
  drawStrokes(paper, strokes);
  showPixels(seen, new Int8Array(SIDE * SIDE).fill(-128));
  showBars(undefined);
  answer.textContent = 'Draw a digit.';
  time.textContent = '\u00a0';
}

async function start(): Promise<void> {
  const model = await load();

  function classify(image: Int8Array): void {
    const from = performance.now();
    let runs = 0;
    let digit: Int8Array;
    do {
      digit = model.run({ image }).digit;
      runs++;
    } while (performance.now() - from < TIMING);
    const each = ((performance.now() - from) / runs) * 1000;

    showPixels(seen, image);
    const best = showBars(digit);
    if (answer.dataset.digit !== String(best)) {
      answer.dataset.digit = String(best);
      answer.innerHTML = `The answer is <b>${best}</b>`;
    }
    time.textContent = `${each.toFixed(0)} µs per inference, mean of ${runs} runs`;
  }

  function clear(): void {
    strokes = [];
    delete answer.dataset.digit;
    showNothing();
  }

  function update(): void {
    scheduled = false;
    drawStrokes(paper, strokes);
    if (strokes.length > 0) classify(toInput(strokes));
  }

  function scheduleUpdate(): void {
    if (!scheduled) requestAnimationFrame(update);
    scheduled = true;
  }

  function extend(event: PointerEvent): void {
    // Coalesced events are the positions between two frames; Safari on older phones does not have them.
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length > 0 ? events : [event]).map(position);
    strokes = [...strokes.slice(0, -1), [...(strokes.at(-1) ?? []), ...points]];
    scheduleUpdate();
  }

  paper.addEventListener('pointerdown', (event) => {
    if (pen !== undefined || event.button !== 0) return;
    pen = event.pointerId;
    paper.setPointerCapture(pen);
    strokes = [...strokes, [position(event)]];
    scheduleUpdate();
  });
  paper.addEventListener('pointermove', (event) => {
    if (event.pointerId === pen) extend(event);
  });
  for (const end of ['pointerup', 'pointercancel'] as const) {
    paper.addEventListener(end, (event) => {
      if (event.pointerId === pen) pen = undefined;
    });
  }

  element('clear').addEventListener('click', clear);
  for (const { input, label } of samples) {
    const response = await fetch(pictures[`../../samples/${input}`]!);
    const picture = new Int8Array(await response.arrayBuffer());
    const button = sampleButton(picture, label);
    button.addEventListener('click', () => {
      clear();
      classify(picture);
    });
    element('samples').append(button);
  }
  clear();
}

start().catch((error: unknown) => {
  answer.textContent = `The network could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
});
