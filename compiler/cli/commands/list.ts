/** `mcc targets`, `mcc ops`, `mcc passes`, `mcc methods`: what exists. */
import { OP_NAMES, opRecord } from '../../../ir/tensor/ops/index.ts';
import { METHODS } from '../../compress/methods.ts';
import { SUPPORTED_OPERATORS } from '../../import/tflite/opcodes.ts';
import { IMPORT_PIPELINE, PIPELINE } from '../../pipeline.ts';
import { TARGETS } from '../../targets/index.ts';
import { ENGINES, missingFor } from '../engines/index.ts';

export function listTargets(): void {
  for (const { name, doc } of Object.values(TARGETS)) console.log(`${name.padEnd(14)} ${doc}`);
  console.log('\nengines of `mcc run` and `mcc verify`:');
  for (const engine of ENGINES) console.log(`${engine.padEnd(14)} ${missingFor(engine) ?? 'ready'}`);
}

export function listOps(): void {
  for (const name of OP_NAMES) {
    const { doc, inputs, outputs, signatures } = opRecord(name);
    console.log(`${name}(${inputs.join(', ')}) -> ${outputs.join(', ')}`);
    console.log(wrap(doc, 4));
    console.log(`    types: ${signatures.map(({ text }) => text).join(' | ')}\n`);
  }
  console.log(`operators of .tflite files that become these ops:\n${wrap(SUPPORTED_OPERATORS.join(' '), 4)}`);
}

export function listPasses(): void {
  for (const pass of [...IMPORT_PIPELINE.filter(({ kind }) => kind === 'defining'), ...PIPELINE]) {
    console.log(`${pass.name} (${typeof pass.kind === 'string' ? pass.kind : 'lossy'})`);
    console.log(`${wrap(pass.doc, 4)}\n`);
  }
}

const STAGES = {
  float: 'works on floats',
  quantize: 'makes integers of floats',
  quantized: 'works on integers',
} as const;

export function listMethods(): void {
  for (const { name, doc, stage, lossy } of Object.values(METHODS)) {
    console.log(`${name} (${STAGES[stage]}${lossy.needs === 'nothing' ? '' : `, needs ${lossy.needs}`})`);
    console.log(wrap(doc, 4));
    console.log(`${wrap(`after ${lossy.paper}`, 4)}\n`);
  }
}

/** Breaks text at 100 columns and indents it. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1] as string;
    if (line.length + word.length + 1 > 100 - indent && line !== '') lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => ' '.repeat(indent) + line).join('\n');
}
