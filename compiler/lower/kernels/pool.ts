export const POOL_KERNELS = {} as const;
