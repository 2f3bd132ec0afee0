/** C for the instructions of Helium: each is a function of `mcc_intrinsics.h`. */
import type { MVE } from '../../ir/loop/instructions-mve.ts';
import { call, type Spelling } from './spelling.ts';

export const SPELL_MVE: { readonly [K in keyof typeof MVE]: Spelling } = {
  'mve.address': call('mcc_address'),
  'mve.vmladav_s8': call('mcc_vmladav_s8'),
  'mve.vmladava_s8': call('mcc_vmladava_s8'),
  'mve.vaddv_s8': call('mcc_vaddv_s8'),
  'mve.vmullb_s8': call('mcc_vmullb_s8'),
  'mve.vmullt_s8': call('mcc_vmullt_s8'),
  'mve.vmovlb_s8': call('mcc_vmovlb_s8'),
  'mve.vmovlt_s8': call('mcc_vmovlt_s8'),
  'mve.vmovlb_s16': call('mcc_vmovlb_s16'),
  'mve.vmovlt_s16': call('mcc_vmovlt_s16'),
  'mve.add_mullb_s8': call('mcc_add_mullb_s8'),
  'mve.add_mullt_s8': call('mcc_add_mullt_s8'),
  'mve.add_movlb_s16': call('mcc_add_movlb_s16'),
  'mve.add_movlt_s16': call('mcc_add_movlt_s16'),
  'mve.vqmovn_s32': call('mcc_vqmovn_s32'),
  'mve.vqmovn_s16': call('mcc_vqmovn_s16'),
  'mve.vqadd_n_s16': call('mcc_vqadd_n_s16'),
  'mve.vadd_n_s32': call('mcc_vadd_n_s32'),
  'mve.vmul_n_s32': call('mcc_vmul_n_s32'),
  'mve.vmla_n_s32': call('mcc_vmla_n_s32'),
  'mve.vqrdmulh_s32': call('mcc_vqrdmulh_s32'),
  'mve.vqrdmulh_n_s32': call('mcc_vqrdmulh_n_s32'),
  'mve.vrshl_s32': call('mcc_vrshl_s32'),
  'mve.vrshl_n_s32': call('mcc_vrshl_n_s32'),
  'mve.less_if_negative_s32': call('mcc_less_if_negative_s32'),
};
