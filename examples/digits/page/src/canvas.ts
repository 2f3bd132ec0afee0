import { SIDE, type Stroke } from './strokes.ts';

/** Shows the strokes on the paper as they were drawn, in the canvas's text colour. */
export function drawStrokes(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  const context = canvas.getContext('2d')!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = canvas.width / 14;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.beginPath();
  for (const stroke of strokes) {
    stroke.forEach((point, n) => {
      if (n === 0) context.moveTo(point.x, point.y);
      // A line to the first point itself makes a dot of a mere tap.
      context.lineTo(point.x, point.y);
    });
  }
  context.stroke();
}

/** Shows the network's input, -128 black to 127 white, as MNIST is usually shown. */
export function showPixels(canvas: HTMLCanvasElement, input: Int8Array): void {
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(SIDE, SIDE);
  input.forEach((value, pixel) => {
    image.data.fill(value + 128, 4 * pixel, 4 * pixel + 3);
    image.data[4 * pixel + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}
