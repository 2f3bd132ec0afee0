// Child processes with one description and two ways to run it: blocking, and as a promise.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The process is killed after this long. */
  readonly timeoutMs: number;
}

export interface Outcome {
  /** null when the process was killed or could not be started. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const maxOutputBytes = 64 * 1024 * 1024;

/** The absolute path of a command, looked up in PATH unless it contains a '/'; undefined when there is none. */
export function findCommand(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '')
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => join(folder, name));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export function runCommand(command: Command): Outcome {
  const result = spawnSync(command.command, [...command.args], {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: command.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxOutputBytes,
  });
  const code = result.error === undefined ? undefined : (result.error as NodeJS.ErrnoException).code;
  const timedOut = code === 'ETIMEDOUT';
  return {
    status: result.status,
    signal: result.signal,
    stdout: result.stdout ?? '',
    stderr: result.error !== undefined && !timedOut ? `${result.stderr ?? ''}${result.error.message}` : result.stderr,
    timedOut,
  };
}

export function runCommandAsync(command: Command): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command.command, [...command.args], {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: { readonly stdout: Buffer[]; readonly stderr: Buffer[] } = { stdout: [], stderr: [] };
    let bytes = 0;
    let timedOut = false;
    let failure = '';
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, command.timeoutMs);
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxOutputBytes) {
        failure = `more than ${maxOutputBytes} bytes of output`;
        child.kill('SIGKILL');
      } else {
        into.push(chunk);
      }
    };
    child.stdout.on('data', collect(chunks.stdout));
    child.stderr.on('data', collect(chunks.stderr));
    child.on('error', (error) => {
      failure = error.message;
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({
        status: failure === '' ? status : null,
        signal,
        stdout: Buffer.concat(chunks.stdout).toString('utf8'),
        stderr: Buffer.concat(chunks.stderr).toString('utf8') + failure,
        timedOut,
      });
    });
  });
}
