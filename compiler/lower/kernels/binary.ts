export const BINARY_KERNELS = {} as const;
