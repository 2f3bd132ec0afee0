// How a random node of each op is made: operands that fit one signature, and attributes. The map is total, so an op without
// a generator does not compile. The op's record may refuse a proposal (`infer`, `check`); the graph generator tries on.
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { IMAGES } from './images.ts';
import { INDEXING } from './indexing.ts';
import { MOVEMENT } from './movement.ts';
import { PRODUCTS } from './products.ts';
import { QUANTS } from './quant.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTIONS } from './reduce.ts';
import type { Propose } from './request.ts';
import { ROWS } from './rows.ts';

export const PROPOSE: { readonly [K in OpName]: Propose } = {
  ...ELEMENTWISE,
  ...IMAGES,
  ...INDEXING,
  ...PRODUCTS,
  ...QUANTS,
  ...RECURRENT,
  ...REDUCTIONS,
  ...ROWS,
  ...MOVEMENT,
};
