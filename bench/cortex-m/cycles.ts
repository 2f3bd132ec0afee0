/**
 * Modelled Cortex-M4 cycles of executed instructions, after the instruction timing table of the Arm Cortex-M4 Technical
 * Reference Manual (DDI 0439, section 3.3.1), with memory that never waits:
 *
 *   data processing, multiplies, SMLAD and kin, long multiplies 1; MLA and MLS 2; divisions 7 (they take 2 to 12)
 *   load or store 2, and 1 right behind another load or store; several registers (LDM, PUSH, LDRD) 1 + registers
 *   branch 1, and 2 more when taken; floats 1, fused multiply-add 3, division and square root 14
 *
 * A conditional branch counts as taken as often as it ran and its successor did not. The model compares programs; a board's
 * flash and bus add their own.
 */
import type { Instruction } from './listing.ts';

const MEMORY = /^v?(?:ldr|str|ldm|stm|push|pop)/;
const MULTIPLE = /^v?(?:ldm|stm|push|pop)/;
const FUSED = /^v(?:fn?m|n?ml)[as]$/;
const CONDITIONAL = /^(?:cbn?z|b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo))$/;
const JUMP = /^(?:b|bl|blx|bx|tbb|tbh)$/;

/** `counts[i]` says how often `code[i]` ran; instructions are in the order of their addresses. */
export function modelledCycles(code: readonly Instruction[], counts: readonly number[]): number {
  return code.reduce((sum, one, i) => {
    const count = counts[i] as number;
    if (count === 0) return sum;
    const followsMemory = i > 0 && MEMORY.test((code[i - 1] as Instruction).mnemonic);
    return sum + count * issueCycles(one, followsMemory) + 2 * timesTaken(one, count, counts[i + 1] ?? 0);
  }, 0);
}

function timesTaken({ mnemonic, operands }: Instruction, count: number, next: number): number {
  if (JUMP.test(mnemonic) || writesProgramCounter(mnemonic, operands)) return count;
  return CONDITIONAL.test(mnemonic) ? count - Math.min(count, next) : 0;
}

function writesProgramCounter(mnemonic: string, operands: string): boolean {
  return /^(?:ldr|ldm|pop)/.test(mnemonic) && /^pc|\{.*pc.*\}/.test(operands);
}

function issueCycles({ mnemonic, operands }: Instruction, followsMemory: boolean): number {
  const base = mnemonic.split('.')[0] as string;
  if (MULTIPLE.test(base)) return 1 + registersIn(operands);
  if (/^(?:ldrd|strd)/.test(base)) return 3;
  if (MEMORY.test(base)) return followsMemory ? 1 : 2;
  if (/^ml[as](?!l)/.test(base)) return 2;
  if (/^[su]div/.test(base)) return 7;
  if (FUSED.test(base)) return 3;
  if (/^v(?:div|sqrt)/.test(base)) return 14;
  return 1;
}

/** How many registers a list like `{r4, r6, lr}` or `{d8-d11}` names. */
function registersIn(operands: string): number {
  const list = /\{(.*?)\}/.exec(operands)?.[1] ?? '';
  return list.split(',').reduce((sum, part) => {
    const range = /^[rsdq](\d+)-[rsdq](\d+)$/.exec(part.trim());
    return sum + (range === null ? 1 : Number(range[2]) - Number(range[1]) + 1);
  }, 0);
}
