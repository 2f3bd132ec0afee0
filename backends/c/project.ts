/** A whole folder around an emitted model: the harness's adapter, build files, and a README on how to call it. */
import { ELEM_BYTES, type Port, type Program } from '../../ir/loop/types.ts';
import { arenasOf, argumentsOf, declarations } from './arenas.ts';
import { type EmitOptions, type EmittedFile, emitC } from './index.ts';
import { C_ELEM } from './literals.ts';

export interface ProjectOptions extends EmitOptions {
  /** The target's name, for the README. */
  readonly target: string;
  /** Files of the target's harness and board, already read; `name` is the path inside the project. */
  readonly runtime: readonly EmittedFile[];
  /** The text of CMakeLists.txt. `sources` are the model's C files. Emitted code never needs the math library. */
  readonly cmakeLists: (project: { prefix: string; sources: readonly string[]; usesMath: boolean }) => string;
}

/** What `emitC` gives, with `model_adapter.c`, `CMakeLists.txt`, `README.md` and the runtime. Throws what `emitC` throws. */
export function emitProject(program: Program, options: ProjectOptions): { readonly files: readonly EmittedFile[] } {
  const { prefix, runtime, cmakeLists } = options;
  const model = emitC(program, options).files;
  return {
    files: [
      ...model,
      { name: 'model_adapter.c', text: lines(adapter(program, prefix)) },
      { name: 'CMakeLists.txt', text: cmakeLists({ prefix, sources: [`${prefix}.c`], usesMath: false }) },
      { name: 'README.md', text: lines(readme(program, options, model)) },
      ...runtime,
    ],
  };
}

function lines(text: readonly string[]): string {
  return `${text.join('\n')}\n`;
}

function buffer(port: Port, name: string): string {
  return `static ${C_ELEM[port.elem]} ${name}[${Math.max(1, port.length)}] ALIGNED(16);`;
}

function tensors(what: 'input' | 'output', ports: readonly Port[]): string[] {
  if (ports.length === 0) return [];
  const rows = ports.map(
    (port, k) => `  {${cString(port.name)}, ${what}_${k}, ${port.length * ELEM_BYTES[port.elem]}},`,
  );
  return [`static const mcc_tensor ${what}s[] = {`, ...rows, '};', ''];
}

/** Printable ASCII stays; everything else becomes an octal escape, which unlike a hexadecimal one has an end. */
function cString(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  const plain = (byte: number) => byte >= 32 && byte < 127 && !'"\\?'.includes(String.fromCharCode(byte));
  const escaped = bytes.map((byte) =>
    plain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`,
  );
  return `"${escaped.join('')}"`;
}

function adapter(program: Program, prefix: string): string[] {
  const { inputs, outputs, arenaBytes, arenaAlign } = program;
  // The parts of an arena lie in one array here: what runs on any board has one memory.
  const arenas = arenasOf(program, prefix).map(({ bytes, from }) => {
    if (bytes === 0) return 'NULL';
    return from === 0 ? 'arena' : `arena + ${from}`;
  });
  const ports = [...inputs.map((_, k) => `input_${k}`), ...outputs.map((_, k) => `output_${k}`)];
  const hasArena = arenaBytes > 0;
  const hasState = program.reset.length > 0;
  const record = [
    cString(program.name),
    ...(inputs.length > 0 ? ['inputs', String(inputs.length)] : ['NULL', '0']),
    ...(outputs.length > 0 ? ['outputs', String(outputs.length)] : ['NULL', '0']),
    ...(hasArena ? ['arena', 'sizeof arena'] : ['NULL', '0']),
    'run',
    hasState ? 'reset' : 'NULL',
  ];
  return [
    `/* Connects ${prefix}.h to the harness. An application calls ${prefix}_run itself and needs neither. */`,
    '#include "mcc_model.h"',
    `#include "${prefix}.h"`,
    '',
    '#if defined(__GNUC__)',
    '#define ALIGNED(bytes) __attribute__((aligned(bytes)))',
    '#else',
    '#define ALIGNED(bytes)',
    '#endif',
    '',
    ...inputs.map((port, k) => buffer(port, `input_${k}`)),
    ...outputs.map((port, k) => buffer(port, `output_${k}`)),
    ...(hasArena ? [`static uint8_t arena[${arenaBytes}] ALIGNED(${arenaAlign});`] : []),
    '',
    `static int run(void) { return ${prefix}_run(${[...ports, ...arenas].join(', ')}); }`,
    '',
    ...(hasState ? [`static void reset(void) { ${prefix}_reset(${arenas[0]}); }`, ''] : []),
    ...tensors('input', inputs),
    ...tensors('output', outputs),
    `const mcc_model mcc_the_model = {${record.join(', ')}};`,
  ];
}

function readme(program: Program, options: ProjectOptions, model: readonly EmittedFile[]): string[] {
  const { prefix, target } = options;
  const macro = prefix.toUpperCase();
  const arenas = arenasOf(program, prefix);
  const board = target === 'c' ? '' : ` -DCMAKE_TOOLCHAIN_FILE=cmake/${target}.cmake`;
  return [
    `# ${program.name}, compiled to C for ${target}`,
    '',
    ...options.banner,
    '',
    `An application needs ${model.map((file) => `\`${file.name}\``).join(', ')}; it compiles \`${prefix}.c\` and includes`,
    `\`${prefix}.h\`, which says how to call it:`,
    '',
    '```c',
    ...declarations(arenas, `__attribute__((aligned(${macro}_ARENA_ALIGN)))`),
    ...(program.reset.length > 0 ? [`${prefix}_reset(${arenas[0]?.name});  /* before the first run */`] : []),
    `int status = ${prefix}_run(${[...program.inputs.map((_, k) => `input_${k}`), ...program.outputs.map((_, k) => `output_${k}`), ...argumentsOf(arenas)].join(', ')});`,
    '```',
    '',
    'Compile as C99 or later, or as C++17 or later; with floats in the model, never with `-ffast-math`.',
    'Everything else here is a program that runs the model on files, to try it out:',
    '',
    '```sh',
    `cmake -S . -B build${board}`,
    'cmake --build build --target run',
    '```',
    '',
    'It reads `in_0_0.bin` (run 0, input 0) from where it is started, or takes seeded bytes when there is no such file,',
    'writes `out_0_0.bin`, and prints the CRC-32 of every output.',
  ];
}
