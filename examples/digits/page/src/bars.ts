/** One bar per digit. */

const DIGITS = 10;

/**
 * Fills `list` with ten bars, all empty.
 *
 * @returns a function that shows the network's output (ten int8 values in units of 1/256, -128 is 0) and returns the
 * most probable digit, the smallest of equals; `undefined` empties the bars and returns -1
 */
export function createBars(list: HTMLElement): (output: Int8Array | undefined) => number {
  const rows = Array.from({ length: DIGITS }, (_, digit) => {
    const row = document.createElement('li');
    row.innerHTML =
      `<span>${digit}</span>` +
      '<div class="track" aria-hidden="true"><div class="fill"></div></div><span class="percent"></span>';
    list.append(row);
    return {
      row,
      fill: row.querySelector<HTMLElement>('.fill')!,
      percent: row.querySelector<HTMLElement>('.percent')!,
    };
  });

  return (output) => {
    const best = output === undefined ? -1 : output.indexOf(Math.max(...output));
    rows.forEach(({ row, fill, percent }, digit) => {
      const probability = output === undefined ? 0 : (output[digit]! + 128) / 256;
      row.classList.toggle('best', digit === best);
      fill.style.transform = `scaleX(${probability})`;
      percent.textContent = `${(probability * 100).toFixed(1)} %`;
    });
    return best;
  };
}
