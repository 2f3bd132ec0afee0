// Skipping the tests of an engine whose compiler or emulator is not installed: said aloud, recorded, never silent.
import { appendFileSync } from 'node:fs';
import { findToolchain, type NativeEngine } from '../../compiler/cli/engines/native.ts';
import { findCommand } from '../../compiler/cli/engines/process.ts';

/**
 * Records that a test is skipped: prints it, and appends the JSON line {"test","reason"} to the file that the
 * environment variable MCC_SKIP_LOG names, from which the test runner counts and lists all skips at its end.
 */
export function recordSkip(test: string, reason: string): void {
  console.log(`SKIP ${test}: ${reason}`);
  const log = process.env.MCC_SKIP_LOG;
  if (log !== undefined && log !== '') {
    appendFileSync(log, `${JSON.stringify({ test, reason })}\n`);
  }
}

/**
 * Whether the tests of an engine can run here. When not, records the skip under the test's name:
 * `if (skipUnless('cortex-m4', 'kws on cortex-m4')) return;`
 */
export function skipUnless(engine: NativeEngine, test: string, cc?: string): boolean {
  const toolchain = findToolchain(engine, cc === undefined ? {} : { cc });
  if (!('missing' in toolchain)) {
    return false;
  }
  recordSkip(test, `${toolchain.missing} is not installed (tools/toolchains.sh, or: ${toolchain.install})`);
  return true;
}

/** The same for any other command that a test starts. */
export function skipUnlessCommand(command: string, test: string): boolean {
  if (findCommand(command) !== undefined) {
    return false;
  }
  recordSkip(test, `${command} is not installed (tools/toolchains.sh)`);
  return true;
}
