/** Writing results so that a failure leaves nothing half-written, and the errors that end the command line. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A wrong command line: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A failure on valid arguments: exit code 1. */
export class Failure extends Error {
  override name = 'Failure';
}

export interface TextOrBytes {
  /** Relative to the output folder, with '/'. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Reads a file of the user's; throws Failure saying what it was to be. */
export function readUserFile(path: string, what: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`cannot read ${what} ${path}: ${reasonOf(error)}`);
  }
}

/** What the system says, without its code and path, which the caller names better. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTDIR: 'part of its path is not a folder',
    EEXIST: 'part of its path is not a folder',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on the device',
  };
  return (code !== undefined && known[code]) || message || String(error);
}

/** Writes files below a folder that the caller owns. */
export function writeFiles(folder: string, files: readonly TextOrBytes[]): void {
  for (const { path, content } of files) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }
}

/**
 * Writes files into `folder`: all are first written beside it, then moved into place one by one, so that a failure while
 * writing changes nothing there. Files of other names that the folder holds stay. Throws Failure.
 */
export function writeOutput(folder: string, files: readonly TextOrBytes[]): void {
  const target = resolve(folder);
  let staging: string | undefined;
  try {
    if (existsSync(target) && !statSync(target).isDirectory()) {
      throw new Failure(`cannot write to ${folder}: it is a file, expected a folder`);
    }
    for (const { path } of files) refuseObstacle(target, path);
    mkdirSync(dirname(target), { recursive: true });
    staging = join(dirname(target), `.mcc-${randomBytes(6).toString('hex')}`);
    mkdirSync(staging);
    writeFiles(staging, files);
    if (!existsSync(target)) renameSync(staging, target);
    else moveInto(staging, target, files);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`cannot write to ${folder}: ${reasonOf(error)}`);
  } finally {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
  }
}

/** Throws where a file is to be and a folder is, or the other way round. */
function refuseObstacle(folder: string, path: string): void {
  const parts = path.split('/');
  parts.forEach((_, i) => {
    const at = join(folder, ...parts.slice(0, i + 1));
    const isFile = i === parts.length - 1;
    const found = statSync(at, { throwIfNoEntry: false });
    if (found === undefined || found.isDirectory() !== isFile) return;
    throw new Failure(`cannot write ${at}: expected ${isFile ? 'a file, found a folder' : 'a folder, found a file'}`);
  });
}

function moveInto(staging: string, target: string, files: readonly TextOrBytes[]): void {
  for (const { path } of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    renameSync(join(staging, path), join(target, path));
  }
}
