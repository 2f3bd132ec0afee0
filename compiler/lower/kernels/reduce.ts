export const REDUCE_KERNELS = {} as const;
