export const COMPARE_KERNELS = {} as const;
