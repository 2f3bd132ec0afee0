// What every native engine is made of: compiler, flags, files of runtime/c, emulator, Debian packages.
// One record per engine; nothing else in the code asks which engine it has before it.

export const nativeEngines = [
  'c',
  'emcc',
  'aarch64',
  'cortex-m0plus',
  'cortex-m3',
  'cortex-m4',
  'cortex-m7',
  'cortex-m33',
  'cortex-m55',
  'rv32imc',
] as const;

export type NativeEngine = (typeof nativeEngines)[number];

/** How a program is started: by itself, by this node, by qemu-user, or as the kernel of a qemu machine. */
export type Runner = 'direct' | 'node' | 'qemu-user' | 'qemu-system';

/** The C library that a program is compiled and linked with. */
export interface Library {
  readonly compile: readonly string[];
  /** Come last on the linker's command line. */
  readonly link: readonly string[];
  readonly packages: readonly string[];
}

/** Paths are relative to runtime/c. In flags, `{runtime}` stands for that folder. */
export interface EngineFacts {
  readonly title: string;
  /** Commands tried in this order. */
  readonly compilers: readonly string[];
  /** Debian packages of the compiler and what it needs. */
  readonly packages: readonly string[];
  /** Instruction set and ABI: given to compiler and linker. */
  readonly machine: readonly string[];
  readonly compile: readonly string[];
  readonly link: readonly string[];
  /** For programs that use string.h and stdint.h at most. */
  readonly library: Library;
  /** For programs that use math.h too. */
  readonly mathLibrary: Library;
  /** C files of the harness, without the common ones. */
  readonly sources: readonly string[];
  /** What the sources and the linker read besides. */
  readonly support: readonly string[];
  /** CMake toolchain files, the one to name first. */
  readonly cmake: readonly string[];
  readonly program: string;
  readonly runner: Runner;
  readonly emulator?: {
    readonly command: string;
    readonly args: readonly string[];
    readonly packages: readonly string[];
  };
  readonly sanitizers: boolean;
}

/** The harness itself, the same on every engine. */
export const commonSources: readonly string[] = ['main.c', 'text.c'];
export const commonSupport: readonly string[] = ['mcc_model.h', 'mcc_io.h', 'mcc_text.h'];

/** Fused multiply-add would make float results depend on the machine. */
export const dialect: readonly string[] = ['-std=c99', '-ffp-contract=off'];

const sections: readonly string[] = ['-ffunction-sections', '-fdata-sections'];
const noLibrary: Library = { compile: [], link: [], packages: [] };
const hostedMath: Library = { compile: [], link: ['-lm'], packages: [] };

const hosted = {
  compile: [],
  library: noLibrary,
  mathLibrary: hostedMath,
  sources: ['io_stdio.c'],
  support: [],
  cmake: [],
} as const;

function cortexM(engine: string, machine: readonly string[], board: string, script: string): EngineFacts {
  return {
    title: `Arm ${engine} firmware on qemu's ${board}`,
    compilers: ['arm-none-eabi-gcc'],
    packages: ['gcc-arm-none-eabi', 'libnewlib-arm-none-eabi'],
    machine: [`-mcpu=${engine}`, '-mthumb', ...machine],
    compile: sections,
    link: ['-nostartfiles', '-L{runtime}/board/cortex-m', '-T', script, '-Wl,--gc-sections'],
    library: { compile: ['--specs=nano.specs'], link: ['--specs=nano.specs'], packages: [] },
    mathLibrary: { compile: ['--specs=nano.specs'], link: ['--specs=nano.specs', '-lm'], packages: [] },
    sources: ['io_semihosting.c', 'board/cortex-m/startup.c', 'board/cortex-m/assembly.c'],
    support: ['board/semihosting.h', 'board/cortex-m/sections.ld', `board/cortex-m/${script}`],
    cmake: [`cmake/${engine}.cmake`, 'cmake/arm-none-eabi.cmake'],
    program: 'firmware.elf',
    runner: 'qemu-system',
    emulator: { command: 'qemu-system-arm', args: ['-M', board], packages: ['qemu-system-arm'] },
    sanitizers: false,
  };
}

export const engineTable: Readonly<Record<NativeEngine, EngineFacts>> = {
  c: {
    ...hosted,
    title: "this machine's C compiler",
    compilers: ['cc', 'gcc', 'clang'],
    packages: ['gcc'],
    machine: [],
    link: [],
    program: 'program',
    runner: 'direct',
    sanitizers: true,
  },
  emcc: {
    ...hosted,
    title: 'Emscripten, run by node',
    compilers: ['emcc'],
    packages: ['emscripten'],
    machine: [],
    // The real file system; all memory up front, since static buffers count against it; compiled synchronously, since
    // the asynchronous start of Emscripten before 3.1.26 hands a file name to fetch, which node >= 18 refuses. Linked
    // with -O1, which leaves the names of imports: their minification was seen to disagree between the module and its
    // JavaScript when two links ran at once.
    link: [
      '-O1',
      '-sNODERAWFS=1',
      '-sEXIT_RUNTIME=1',
      '-sENVIRONMENT=node',
      '-sWASM_ASYNC_COMPILATION=0',
      '-sINITIAL_MEMORY=134217728',
    ],
    program: 'program.js',
    runner: 'node',
    sanitizers: false,
  },
  aarch64: {
    ...hosted,
    title: 'Arm 64-bit Linux program under qemu-user',
    compilers: ['aarch64-linux-gnu-gcc'],
    packages: ['gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross'],
    machine: [],
    link: ['-static'],
    cmake: ['cmake/aarch64.cmake'],
    program: 'program',
    runner: 'qemu-user',
    emulator: { command: 'qemu-aarch64', args: [], packages: ['qemu-user'] },
    sanitizers: false,
  },
  // Armv6-M code on a Cortex-M3, whose instruction set includes it; start-up makes unaligned accesses fault as there.
  'cortex-m0plus': cortexM('cortex-m0plus', [], 'mps2-an385', 'mps2-an385.ld'),
  'cortex-m3': cortexM('cortex-m3', [], 'mps2-an385', 'mps2-an385.ld'),
  'cortex-m4': cortexM('cortex-m4', ['-mfloat-abi=hard', '-mfpu=fpv4-sp-d16'], 'mps2-an386', 'mps2-an385.ld'),
  'cortex-m7': cortexM('cortex-m7', ['-mfloat-abi=hard', '-mfpu=fpv5-d16'], 'mps2-an500', 'mps2-an500.ld'),
  'cortex-m33': cortexM('cortex-m33', ['-mfloat-abi=hard', '-mfpu=fpv5-sp-d16'], 'mps2-an505', 'mps2-an505.ld'),
  'cortex-m55': cortexM('cortex-m55', ['-mfloat-abi=hard'], 'mps3-an547', 'mps3-an547.ld'),
  rv32imc: {
    title: "RISC-V RV32IMC firmware on qemu's virt",
    compilers: ['riscv64-unknown-elf-gcc'],
    packages: ['gcc-riscv64-unknown-elf'],
    machine: ['-march=rv32imc', '-mabi=ilp32'],
    compile: sections,
    link: ['-nostdlib', '-T', '{runtime}/board/riscv/virt.ld', '-Wl,--gc-sections'],
    library: { compile: ['-isystem', '{runtime}/board/freestanding'], link: ['-lgcc'], packages: [] },
    mathLibrary: {
      compile: ['--specs=picolibc.specs'],
      link: ['--specs=picolibc.specs', '-lm', '-lc', '-lgcc'],
      packages: ['picolibc-riscv64-unknown-elf'],
    },
    sources: ['io_semihosting.c', 'board/riscv/startup.c', 'board/riscv/assembly.c', 'board/freestanding/string.c'],
    support: [
      'board/semihosting.h',
      'board/riscv/virt.ld',
      'board/freestanding/string.h',
      'board/freestanding/stdint.h',
    ],
    cmake: ['cmake/rv32imc.cmake'],
    program: 'firmware.elf',
    runner: 'qemu-system',
    emulator: {
      command: 'qemu-system-riscv32',
      args: ['-M', 'virt', '-bios', 'none'],
      packages: ['qemu-system-misc'],
    },
    sanitizers: false,
  },
};
