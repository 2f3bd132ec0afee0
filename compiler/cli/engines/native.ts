// Native engines: compile an emitted C project with its harness, run it (under an emulator where it is not this
// machine's code) on given inputs, and bring back the outputs. The facts of each engine are in toolchains.ts.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { type CodeSize, codeSizeOf } from './code-size.ts';
import { readOutputs } from './harness-log.ts';
import { type Command, findCommand, type Outcome, runCommand, runCommandAsync } from './process.ts';
import { harnessSources, runtimeDirectory } from './runtime-files.ts';
import { dialect, type EngineFacts, engineTable, type NativeEngine, type Runner } from './toolchains.ts';

export type { CodeSize } from './code-size.ts';
export { type RuntimeFile, renderCMakeLists, runtimeDirectory, runtimeFiles } from './runtime-files.ts';
export { type NativeEngine, nativeEngines } from './toolchains.ts';

/** A failure that a user can do something about; the message says what. */
export class NativeEngineError extends Error {
  override readonly name = 'NativeEngineError';
}

export interface NativeToolchain {
  readonly engine: NativeEngine;
  /** Absolute path. */
  readonly compiler: string;
  /** For compiling; `{runtime}` is already replaced. */
  readonly flags: readonly string[];
  readonly emulator?: { readonly command: string; readonly args: readonly string[] };
  /** The Debian packages that provide it. */
  readonly packages: readonly string[];
}

/** What could not be found, and the command that installs it on Debian. */
export interface MissingToolchain {
  readonly missing: string;
  readonly install: string;
}

export interface CompileOptions {
  /** Where objects and the program go; made when absent. */
  readonly outDir: string;
  /** The compiler's command or path, instead of the engine's own. */
  readonly cc?: string;
  /** Default: -O2. */
  readonly optimize?: '-O0' | '-O1' | '-O2' | '-O3' | '-Os';
  /** AddressSanitizer and UndefinedBehaviorSanitizer; only where the engine table says so. */
  readonly sanitize?: boolean;
  /** Further flags for every compilation, for example warnings. */
  readonly flags?: readonly string[];
  /** For each single call of the compiler. Default: five minutes. */
  readonly timeoutMs?: number;
}

export interface Executable {
  readonly engine: NativeEngine;
  /** Absolute path of what the emulator, node or this machine starts. */
  readonly program: string;
  /** One object file for each C file, in the order compiled: the project's own first, sorted by name. */
  readonly objects: readonly { readonly source: string; readonly object: string }[];
  readonly toolchain: NativeToolchain;
  /** What the compiler and linker said although they succeeded. */
  readonly warnings: string;
}

export interface RunOptions {
  /** Reset the model's state before the first run only, not before each. */
  readonly keepState?: boolean;
  /** For all runs together. Default: two minutes. */
  readonly timeoutMs?: number;
  /** Further arguments of the emulator, before the program. */
  readonly emulatorArgs?: readonly string[];
}

export interface RunResult {
  /** One list of outputs for each run, in the model's order. */
  readonly outputs: readonly (readonly Uint8Array[])[];
  /** What the program printed. */
  readonly log: string;
}

const defaultCompileTimeoutMs = 300_000;
const defaultRunTimeoutMs = 120_000;
const sanitizerFlags = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];

/** Looks for the compiler and the emulator of an engine in PATH. Never throws. */
export function findToolchain(
  engine: NativeEngine,
  options: { readonly cc?: string; readonly flags?: readonly string[] } = {},
): NativeToolchain | MissingToolchain {
  const facts = engineTable[engine];
  const names = options.cc === undefined ? facts.compilers : [options.cc];
  const compiler = names.map(findCommand).find((path) => path !== undefined);
  if (compiler === undefined) {
    return {
      missing: names.join(' or '),
      install: installCommand(options.cc === 'clang' ? ['clang'] : facts.packages),
    };
  }
  const found = {
    engine,
    compiler,
    flags: withRuntime([...dialect, ...facts.machine, ...facts.compile, ...(options.flags ?? [])]),
    packages: [...facts.packages, ...(facts.emulator?.packages ?? [])],
  };
  if (facts.emulator === undefined) {
    return found;
  }
  const command = findCommand(facts.emulator.command);
  return command === undefined
    ? { missing: facts.emulator.command, install: installCommand(facts.emulator.packages) }
    : { ...found, emulator: { command, args: facts.emulator.args } };
}

function installCommand(packages: readonly string[]): string {
  return `apt-get install ${packages.join(' ')}`;
}

function withRuntime(flags: readonly string[]): readonly string[] {
  return flags.map((flag) => flag.replaceAll('{runtime}', runtimeDirectory()));
}

/** One step of a build: a command, and what it is for, for the error message. */
interface Step {
  readonly command: Command;
  readonly what: string;
}

/** A build whose C library is not chosen yet: `probe` asks the compiler which headers the project really includes. */
interface Setup {
  readonly engine: NativeEngine;
  readonly toolchain: NativeToolchain;
  readonly outDir: string;
  readonly sources: readonly string[];
  readonly compile: readonly string[];
  readonly link: readonly string[];
  readonly probe: Step;
  readonly step: (what: string, args: readonly string[]) => Step;
}

interface Build {
  readonly executable: Executable;
  readonly steps: readonly Step[];
}

/**
 * Compiles every `*.c` at the top of `dir` (the model and its model_adapter.c) with the harness of runtime/c into a
 * program for an engine. The harness's copies inside the project are not used, so a project emitted for one target
 * can be run on every engine. Throws NativeEngineError when a tool is missing or the compiler refuses.
 */
export function compileProject(dir: string, engine: NativeEngine, options: CompileOptions): Executable {
  const setup = setUp(dir, engine, options);
  const build = planBuild(setup, checkStep(engine, setup.probe, runCommand(setup.probe.command)).stdout);
  const outcomes = build.steps.map((step) => checkStep(engine, step, runCommand(step.command)));
  return { ...build.executable, warnings: outcomes.map(({ stderr }) => stderr).join('') };
}

/** The same as compileProject without blocking; the compiler runs once at a time. */
export async function compileProjectAsync(
  dir: string,
  engine: NativeEngine,
  options: CompileOptions,
): Promise<Executable> {
  const setup = setUp(dir, engine, options);
  const build = planBuild(setup, checkStep(engine, setup.probe, await runCommandAsync(setup.probe.command)).stdout);
  let warnings = '';
  for (const step of build.steps) {
    warnings += checkStep(engine, step, await runCommandAsync(step.command)).stderr;
  }
  return { ...build.executable, warnings };
}

function setUp(dir: string, engine: NativeEngine, options: CompileOptions): Setup {
  const facts = engineTable[engine];
  const toolchain = requireToolchain(engine, options);
  if (options.sanitize === true && !facts.sanitizers) {
    throw new NativeEngineError(`engine ${engine} has no sanitizers; use engine c`);
  }
  const project = resolve(dir);
  const own = projectSources(project);
  const outDir = resolve(options.outDir);
  mkdirSync(outDir, { recursive: true });
  const shared = [options.optimize ?? '-O2', ...(options.sanitize === true ? sanitizerFlags : [])];
  const compile = [
    ...toolchain.flags,
    ...shared,
    `-ffile-prefix-map=${project}=.`,
    `-ffile-prefix-map=${runtimeDirectory()}=harness`,
    `-I${project}`,
    `-I${runtimeDirectory()}`,
  ];
  const command = toolchain.compiler;
  const timeoutMs = options.timeoutMs ?? defaultCompileTimeoutMs;
  const step = (what: string, args: readonly string[]): Step => ({
    what,
    command: { command, args, cwd: outDir, env: compilerEnvironment, timeoutMs },
  });
  // -MG: a header that is not there is listed like the others, which is how a missing math.h shows.
  const probe = step('reading the includes', [...compile, ...withRuntime(facts.library.compile), '-M', '-MG', ...own]);
  const link = withRuntime([...facts.machine, ...shared, ...facts.link]);
  return { engine, toolchain, outDir, sources: [...own, ...harnessSources(engine)], compile, link, probe, step };
}

function requireToolchain(engine: NativeEngine, options: CompileOptions): NativeToolchain {
  const toolchain = findToolchain(engine, options);
  if ('missing' in toolchain) {
    throw new NativeEngineError(
      `engine ${engine} needs ${toolchain.missing}, which is not in PATH; install it with: ${toolchain.install}`,
    );
  }
  return toolchain;
}

function projectSources(project: string): readonly string[] {
  const sources = existsSync(project) ? readdirSync(project).filter((name) => name.endsWith('.c')) : [];
  if (sources.length === 0) {
    throw new NativeEngineError(`${project}: expected a folder with C files, found none; emit the project there first`);
  }
  return sources.sort().map((name) => join(project, name));
}

function planBuild({ engine, toolchain, outDir, sources, compile, link, step }: Setup, includes: string): Build {
  const facts = engineTable[engine];
  const library = /(^|[\s/])math\.h(\s|$)/m.test(includes) ? facts.mathLibrary : facts.library;
  const objects = sources.map((source, i) => ({ source, object: join(outDir, `${i}-${basename(source, '.c')}.o`) }));
  const program = join(outDir, facts.program);
  const flags = [...compile, ...withRuntime(library.compile)];
  const files = objects.map(({ object }) => object);
  return {
    executable: { engine, program, objects, toolchain, warnings: '' },
    steps: [
      ...objects.map(({ source, object }) =>
        step(`compiling ${basename(source)}`, [...flags, '-c', source, '-o', object]),
      ),
      step('linking', [...link, ...files, ...withRuntime(library.link), '-o', program]),
    ],
  };
}

// emcc runs node for parts of its work: this one, and not whichever its package was configured with. Debian's own node
// looks for modules (acorn) in a folder of Debian's that other builds of node have to be told.
export const compilerEnvironment = {
  LC_ALL: 'C',
  EM_NODE_JS: process.execPath,
  NODE_PATH: [process.env.NODE_PATH, '/usr/share/nodejs'].filter((path) => path !== undefined).join(delimiter),
};

/** Returns the outcome of a step that succeeded. */
function checkStep(engine: NativeEngine, step: Step, outcome: Outcome): Outcome {
  if (outcome.status === 0) {
    return outcome;
  }
  const command = basename(step.command.command);
  const where = `engine ${engine}: ${step.what} with ${command}`;
  if (outcome.timedOut) {
    throw new NativeEngineError(`${where} took longer than ${step.command.timeoutMs / 1000} s and was stopped`);
  }
  throw new NativeEngineError(
    `${where} failed (${describeEnd(outcome)}):\n${firstLines(outcome.stderr)}${compileHint(engine, outcome)}`,
  );
}

function describeEnd(outcome: Outcome): string {
  return outcome.signal === null ? `exit status ${outcome.status ?? 'unknown'}` : `signal ${outcome.signal}`;
}

function firstLines(text: string): string {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => (line.length > 400 ? `${line.slice(0, 400)} …` : line));
  const more = lines.length > 20 ? [`… and ${lines.length - 20} more lines`] : [];
  return [...lines.slice(0, 20), ...more].join('\n');
}

function compileHint(engine: NativeEngine, outcome: Outcome): string {
  const facts = engineTable[engine];
  if (/will not fit in region|region `?\w+'? overflowed/.test(outcome.stderr)) {
    return '\nThe model is larger than the memories of this board: use another engine, or a smaller model.';
  }
  if (/(stdint|string|math|stdio)\.h.*(No such file|not found)|cannot (find|read spec file)/.test(outcome.stderr)) {
    const packages = [...facts.packages, ...facts.mathLibrary.packages];
    return `\nPart of the toolchain seems to be missing; install it with: ${installCommand(packages)}`;
  }
  return '';
}

/**
 * Runs the program once on all `runs`; each is the list of the model's inputs, raw little-endian bytes in the model's
 * order. Works in a private temporary folder, which is removed. Throws NativeEngineError when the program ends with
 * an error or is stopped by the time limit, and when an output's CRC or size is not what the program printed.
 */
export function runExecutable(
  executable: Executable,
  runs: readonly (readonly Uint8Array[])[],
  options: RunOptions = {},
): RunResult {
  const folder = prepareRun(runs);
  try {
    return finishRun(executable, folder, runs.length, runCommand(launch(executable, folder, runs.length, options)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same as runExecutable without blocking. */
export async function runExecutableAsync(
  executable: Executable,
  runs: readonly (readonly Uint8Array[])[],
  options: RunOptions = {},
): Promise<RunResult> {
  const folder = prepareRun(runs);
  try {
    const outcome = await runCommandAsync(launch(executable, folder, runs.length, options));
    return finishRun(executable, folder, runs.length, outcome);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function prepareRun(runs: readonly (readonly Uint8Array[])[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-run-'));
  runs.forEach((inputs, r) => {
    inputs.forEach((bytes, k) => {
      writeFileSync(join(folder, `in_${r}_${k}.bin`), bytes);
    });
  });
  return folder;
}

type Start = (executable: Executable, args: readonly string[], emulatorArgs: readonly string[]) => readonly string[];

const semihosting = (args: readonly string[]): string =>
  ['enable=on', 'target=native', 'chardev=console', ...['firmware', ...args].map((arg) => `arg=${arg}`)].join(',');

/** Command line of a program with arguments, by runner. */
const starts: Readonly<Record<Runner, Start>> = {
  direct: ({ program }, args) => [program, ...args],
  node: ({ program }, args) => [process.execPath, program, ...args],
  'qemu-user': ({ program, toolchain }, args, more) => [...emulatorOf(toolchain), ...more, program, ...args],
  'qemu-system': ({ program, toolchain }, args, more) => [
    ...emulatorOf(toolchain),
    ...more,
    ...['-display', 'none', '-monitor', 'none', '-serial', 'none'],
    ...['-chardev', 'stdio,id=console', '-semihosting-config', semihosting(args)],
    ...['-kernel', program],
  ],
};

function emulatorOf(toolchain: NativeToolchain): readonly string[] {
  return toolchain.emulator === undefined ? [] : [toolchain.emulator.command, ...toolchain.emulator.args];
}

function launch(executable: Executable, cwd: string, runs: number, options: RunOptions): Command {
  const facts: EngineFacts = engineTable[executable.engine];
  const args = [String(runs), ...(options.keepState === true ? ['--keep-state'] : [])];
  const [command, ...rest] = starts[facts.runner](executable, args, options.emulatorArgs ?? []);
  return {
    command,
    args: rest,
    cwd,
    // Nothing is allocated, so there is nothing to leak; the leak checker only fails where tracing is forbidden.
    env: { ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' },
    timeoutMs: options.timeoutMs ?? defaultRunTimeoutMs,
  };
}

function finishRun(executable: Executable, folder: string, runs: number, outcome: Outcome): RunResult {
  const log = outcome.stdout + outcome.stderr;
  const where = `engine ${executable.engine}: ${basename(executable.program)}`;
  if (outcome.timedOut) {
    throw new NativeEngineError(`${where} did not end in time and was stopped; it had printed:\n${firstLines(log)}`);
  }
  if (outcome.status !== 0) {
    throw new NativeEngineError(
      `${where} failed (${describeEnd(outcome)}):\n${firstLines(outcome.stderr + outcome.stdout)}`,
    );
  }
  try {
    return { outputs: readOutputs(folder, log, runs), log };
  } catch (error) {
    throw new NativeEngineError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Section sizes in bytes of a whole program, or, with the path of one of `executable.objects`, of one object file.
 * A program contains the harness, and for engine c the start-up code of the system; an object is the model's code alone.
 */
export function codeSize(target: Executable | string): CodeSize {
  if (typeof target === 'string') {
    return codeSizeOf(target);
  }
  return codeSizeOf(
    engineTable[target.engine].runner === 'node' ? target.program.replace(/\.js$/, '.wasm') : target.program,
  );
}
