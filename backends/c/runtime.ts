/** Reads files of `runtime/c`, which lies beside the sources in a checkout and beside `dist` in the installed package. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The text of `runtime/c/<name>`. Throws when no folder above this file holds it. */
export function readRuntime(name: string): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, 'runtime', 'c', name);
    if (existsSync(path)) return readFileSync(path, 'utf8');
    if (dirname(folder) === folder) {
      throw new Error(`runtime/c/${name} was not found in any folder above ${start}; reinstall mcc`);
    }
  }
}
