/**
 * The test runner: every tests/**\/*.test.ts in a process of its own, as many at a time as there are cores, slowest first.
 *
 *     node --import ./tools/ts.mjs tests/run.ts [part of a path …]
 *
 * uvu exits with 0 when a file forgets `.run()` or a hook throws, so a file passes only if it ran at least one test and
 * all that it counted passed or were skipped. What is skipped for a missing tool or folder is listed by name; with
 * CI=true a missing tool is a failure. The last line is `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LOADER = './tools/ts.mjs';
const FILE_LIMIT_MS = 15 * 60_000;
/** Seconds that files took last time, to start the slow ones first. */
const TIMES = join(ROOT, '.cache', 'test-times.json');

interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the file as a whole failed, beyond its failed tests. */
  readonly fault: string | undefined;
  readonly output: string;
  readonly seconds: number;
  /** What the file skipped for a missing tool or folder. */
  readonly skips: readonly Skip[];
}

interface Skip {
  readonly test: string;
  readonly reason: string;
}

function testFiles(filters: readonly string[]): string[] {
  const all = readdirSync(join(ROOT, 'tests'), { recursive: true, encoding: 'utf8' });
  const files = all.filter((file) => file.endsWith('.test.ts')).map((file) => `tests/${file.replaceAll('\\', '/')}`);
  return files.filter((file) => filters.length === 0 || filters.some((part) => file.includes(part))).sort();
}

function count(output: string, label: string): number | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: uvu colours its numbers
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const lines = [...plain.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'gm'))];
  return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + Number(line[1]), 0);
}

/** Judges a file by what uvu counted and how the process ended. */
function judge(
  file: string,
  output: string,
  code: number | null,
  timedOut: boolean,
  seconds: number,
  skips: readonly Skip[],
): FileResult {
  const total = count(output, 'Total') ?? 0;
  const passed = count(output, 'Passed') ?? 0;
  const skipped = count(output, 'Skipped') ?? 0;
  const failed = Math.max(0, total - passed - skipped);
  const fault = timedOut
    ? `did not end within ${FILE_LIMIT_MS / 1000} s`
    : total === 0 && skips.length === 0
      ? 'ran no test: is `.run()` missing?'
      : code !== 0 && failed === 0
        ? `ended with code ${code}`
        : undefined;
  return { file, passed, failed, skipped, fault, output, seconds, skips };
}

function runFile(file: string, folder: string): Promise<FileResult> {
  return new Promise((done) => {
    const started = Date.now();
    const skipLog = join(folder, `${file.replaceAll('/', '-')}.jsonl`);
    const env = { ...process.env, MCC_SKIP_LOG: skipLog, NO_COLOR: '1' };
    const child = spawn(process.execPath, ['--import', LOADER, file], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, FILE_LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      done(judge(file, output, code, timedOut, (Date.now() - started) / 1000, readSkips(skipLog)));
    });
  });
}

function lastTimes(): Record<string, number> {
  return existsSync(TIMES) ? JSON.parse(readFileSync(TIMES, 'utf8')) : {};
}

function saveTimes(results: readonly FileResult[]): void {
  if (!existsSync(join(ROOT, '.cache'))) return;
  const times = { ...lastTimes(), ...Object.fromEntries(results.map(({ file, seconds }) => [file, seconds])) };
  writeFileSync(TIMES, JSON.stringify(times));
}

function report(result: FileResult): void {
  const { file, passed, failed, skipped, fault, output, seconds } = result;
  const bad = failed > 0 || fault !== undefined;
  console.log(
    `${bad ? 'FAIL' : 'ok  '} ${file}  ${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ''}  ${seconds.toFixed(1)} s`,
  );
  if (!bad) return;
  console.log(output.trimEnd());
  console.log(`${fault === undefined ? '' : `${file} ${fault}\n`}reproduce: node --import ./tools/ts.mjs ${file}\n`);
}

async function runAll(files: readonly string[], folder: string): Promise<FileResult[]> {
  const times = lastTimes();
  const queue = [...files].sort((a, b) => (times[b] ?? 60) - (times[a] ?? 60));
  const results: FileResult[] = [];
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, folder);
      report(result);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  return results;
}

function readSkips(skipLog: string): Skip[] {
  if (!existsSync(skipLog)) return [];
  return readFileSync(skipLog, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const files = testFiles(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'mcc-tests-'));
const results = await runAll(files, folder);
const skips = results.flatMap((result) => result.skips);
rmSync(folder, { recursive: true, force: true });
saveTimes(results);
for (const { test, reason } of skips) console.log(`skipped ${test}: ${reason}`);
const forbidden = process.env.CI === 'true' ? skips.filter(({ reason }) => reason.includes('is not installed')) : [];
if (forbidden.length > 0) console.log(`${forbidden.length} tests skipped for a missing tool; in CI that is a failure`);
if (files.length === 0) console.log(`no test file matches ${process.argv.slice(2).join(' ')}`);
const sum = (pick: (result: FileResult) => number): number =>
  results.reduce((total, result) => total + pick(result), 0);
const failed =
  sum((result) => result.failed + (result.fault !== undefined && result.failed === 0 ? 1 : 0)) + forbidden.length;
console.log(`${relative(process.cwd(), ROOT) || '.'}: ${results.length} files`);
console.log(`${sum((r) => r.passed)} passed, ${failed} failed, ${sum((r) => r.skipped) + skips.length} skipped`);
process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
