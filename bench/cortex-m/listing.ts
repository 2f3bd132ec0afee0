/** The disassembled program: its instructions and functions, as objdump lists them. */
import { execFileSync } from 'node:child_process';

export interface Instruction {
  readonly address: number;
  /** Without width suffix: `ldr`, not `ldr.w`. */
  readonly mnemonic: string;
  readonly operands: string;
}

export interface ListedFunction {
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

const FUNCTION = /^([0-9a-f]+) <([^>]+)>:$/;
const INSTRUCTION = /^\s*([0-9a-f]+):\t[0-9a-f ]+\t(\S+)(?:\t([^;@]*))?/;

/** Throws when the tool is missing or refuses the file. */
export function listProgram(objdump: string, program: string): ListedFunction[] {
  const text = execFileSync(objdump, ['-d', program], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const functions: { name: string; instructions: Instruction[] }[] = [];
  for (const line of text.split('\n')) {
    const head = FUNCTION.exec(line);
    if (head !== null) functions.push({ name: head[2] as string, instructions: [] });
    const body = INSTRUCTION.exec(line);
    if (body === null) continue;
    functions.at(-1)?.instructions.push({
      address: Number.parseInt(body[1] as string, 16),
      mnemonic: (body[2] as string).replace(/\.[nw]$/, ''),
      operands: (body[3] ?? '').trim(),
    });
  }
  return functions;
}

/** Throws when there is no such function. */
export function addressOf(functions: readonly ListedFunction[], name: string): number {
  const found = functions.find((f) => f.name === name)?.instructions[0];
  if (found === undefined) throw new Error(`the program has no function ${name}`);
  return found.address;
}
