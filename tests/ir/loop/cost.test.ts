import { equal } from 'node:assert/strict';
import { suite } from 'uvu';
import { classOf, OP_CLASSES } from '../../../ir/loop/cost.ts';
import { OPCODES } from '../../../ir/loop/instructions.ts';

const test = suite('classes of cost');

test('every instruction has the class of what it costs', () => {
  const examples = {
    alu: ['i32.and', 'i32.lt_s', 'i32.select', 'i32.ssat', 'i32.wrap_i64', 'dsp.sxtb16'],
    mul: ['i32.mul', 'i32.mul_wrap'],
    mac: ['dsp.smlad', 'dsp.smlabb', 'dsp.smlatt'],
    div: ['i32.div_s', 'i32.rem_s'],
    fixed: ['i32.sqrdmulh', 'i32.rdivpot'],
    mulhi: ['i32.mulhi_s', 'i32.mulhir_s'],
    i64: ['i64.add', 'i64.extend_i32_s', 'i64.shr_s'],
    i64mul: ['i64.mul', 'i64.mul_wrap'],
    f32: ['f32.mul', 'f32.lt', 'f32.convert_i32_s', 'f32.demote_f64'],
    f32div: ['f32.div', 'f32.sqrt'],
    f64: ['f64.mul', 'f64.promote_f32'],
    f64div: ['f64.div', 'f64.sqrt'],
    vector: ['i8x16.add', 'v128.and', 'i8x16.shuffle', 'f32x4.mul', 'i16x8.extend_low_i8x16_s'],
    vectorMac: [
      'i32x4.dot_i16x8_s',
      'i32x4.sdot_i8x16',
      'i32x4.sdot_lane_i8x16',
      'i32x4.usdot_i8x16',
      'i16x8.extmul_low_i8x16_s',
    ],
  } as const;
  for (const [name, ops] of Object.entries(examples)) for (const op of ops) equal(classOf(op), name, op);
  for (const op of OPCODES) equal(OP_CLASSES.includes(classOf(op)), true, op);
});

test.run();
