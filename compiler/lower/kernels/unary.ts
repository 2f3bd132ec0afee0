export const UNARY_KERNELS = {} as const;
