export const QUANT_OPS = {} as const;
