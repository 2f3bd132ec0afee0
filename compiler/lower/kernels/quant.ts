export const QUANT_KERNELS = {} as const;
