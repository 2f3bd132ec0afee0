#!/usr/bin/env node
/** The command line as a process. */
import { runCommandLine } from './program.ts';

// `mcc ops | head` closes the pipe early, which is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCommandLine(process.argv.slice(2));
