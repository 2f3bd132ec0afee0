export const SOFTMAX_KERNELS = {} as const;
