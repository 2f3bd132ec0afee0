/** A bar on the terminal while something takes long; nothing where there is no terminal. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  advance(steps: number): void;
  stop(): void;
}

export function startProgress(what: string, total: number): Progress {
  const bar = new SingleBar(
    { stream: process.stderr, clearOnComplete: true, format: `${what} {bar} {value}/{total}, {eta_formatted} left` },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { advance: (steps) => bar.increment(steps), stop: () => bar.stop() };
}
